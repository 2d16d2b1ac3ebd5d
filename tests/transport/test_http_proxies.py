"""Proxies between us and the broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mpesa_cbp.errors import NotSent, OutcomeUnknown
from tests.transport.failing_broker import (
    FailingBroker,
    closes_after_head,
    closes_at_once,
    closes_without_answer,
    echoes,
    refuses_tunnel,
)
from tests.transport.posting import BODY, failure_of, transport_to


@pytest.fixture
def proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[FailingBroker], None]:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def install(broker: FailingBroker) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{broker.port}")

    return install


UseProxy = Callable[[FailingBroker], None]


def test_proxies_of_the_environment_are_left_alone_unless_allowed(proxy_of_the_environment: UseProxy) -> None:
    with FailingBroker(closes_at_once) as proxy, FailingBroker(echoes) as broker:
        proxy_of_the_environment(proxy)
        with transport_to(broker.url()) as transport:
            assert transport.post(BODY).body == BODY
        assert proxy.connections == 0


def test_a_proxy_that_refuses_the_tunnel_is_not_sent(proxy_of_the_environment: UseProxy) -> None:
    with FailingBroker(refuses_tunnel) as proxy:
        proxy_of_the_environment(proxy)
        error = failure_of(transport_to("https://broker.invalid/", trust_env=True, connect_retries=0))
        proxy.wait_for_ends()
        assert isinstance(error, NotSent)
        assert "proxy" in str(error)
        assert proxy.conversations[0].heads[0].startswith(b"CONNECT broker.invalid:443 ")
        assert proxy.complete_requests == 0


def test_a_proxy_that_hangs_up_instead_of_making_the_tunnel_is_not_sent(proxy_of_the_environment: UseProxy) -> None:
    with FailingBroker(closes_after_head) as proxy:
        proxy_of_the_environment(proxy)
        error = failure_of(transport_to("https://broker.invalid/", trust_env=True, connect_retries=0))
        assert isinstance(error, NotSent)


def test_a_proxy_that_took_the_request_and_hung_up_leaves_the_outcome_unknown(
    proxy_of_the_environment: UseProxy,
) -> None:
    """urllib3 calls this a ProxyError too, as if nothing had been sent."""
    with FailingBroker(closes_without_answer) as proxy:
        proxy_of_the_environment(proxy)
        error = failure_of(transport_to("http://broker.invalid/", trust_env=True))
        assert isinstance(error, OutcomeUnknown)
        assert (proxy.connections, proxy.complete_requests) == (1, 1)
