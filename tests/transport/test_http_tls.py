"""TLS to the broker: who is not who he should be gets nothing."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

import pytest

from mpesa_cbp.errors import NotSent, OutcomeUnknown
from tests.transport.authorities import Certificates
from tests.transport.failing_broker import (
    Behaviour,
    FailingBroker,
    answers,
    answers_late,
    closes_after_first_byte,
    echoes,
)
from tests.transport.posting import BODY, failure_of, transport_to


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_a_broker_with_a_trusted_certificate_is_spoken_to(certificates: Certificates) -> None:
    authority = certificates.certificate("authority")
    with (
        FailingBroker(echoes, tls=certificates.for_broker()) as broker,
        transport_to(broker.url(), ca=authority) as way,
    ):
        assert way.post(BODY).body == BODY


def test_the_authority_may_be_a_der_file(certificates: Certificates, tmp_path: Path) -> None:
    der = tmp_path / "authority.cer"
    der.write_bytes(ssl.PEM_cert_to_DER_cert(certificates.certificate("authority").read_text()))
    with FailingBroker(echoes, tls=certificates.for_broker()) as broker, transport_to(broker.url(), ca=der) as way:
        assert way.post(BODY).body == BODY


@pytest.mark.parametrize(
    ("shown", "trusted", "words"),
    [
        pytest.param("broker", "stranger", "unable to get local issuer certificate", id="of an unknown authority"),
        pytest.param("broker", None, "unable to get local issuer certificate", id="of no public authority"),
        pytest.param("elsewhere", "authority", "IP address mismatch", id="of another host"),
        pytest.param("expired", "authority", "certificate has expired", id="expired"),
    ],
)
def test_a_wrong_certificate_is_not_sent_to(
    certificates: Certificates, shown: str, trusted: str | None, words: str
) -> None:
    with FailingBroker(echoes, tls=certificates.for_broker(shown)) as broker:
        ca = certificates.certificate(trusted) if trusted else None
        error = failure_of(transport_to(broker.url(), ca=ca, connect_retries=0))
        assert isinstance(error, NotSent)
        assert f"its certificate was not accepted ({words}" in str(error)
        broker.wait_for_ends()
        assert broker.begun_requests == 0


def test_a_broker_that_offers_only_tls_1_1_is_not_sent_to(certificates: Certificates) -> None:
    context = certificates.for_broker()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with FailingBroker(echoes, tls=context) as broker:
        error = failure_of(transport_to(broker.url(), ca=certificates.certificate("authority")))
        assert isinstance(error, NotSent)
        assert "no TLS connection came about" in str(error)
        assert broker.begun_requests == 0


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(closes_after_first_byte, id="hangs up"),
        pytest.param(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"), id="speaks plain HTTP"),
        pytest.param(answers_late, id="says nothing"),
    ],
)
def test_a_tls_handshake_that_fails_in_any_way_is_not_sent(behaviour: Behaviour) -> None:
    with FailingBroker(behaviour) as broker:
        address = broker.url().replace("http:", "https:")
        error = failure_of(transport_to(address, timeout=(0.2, 5), connect_retries=0))
        assert isinstance(error, NotSent)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_client_certificate_is_shown(certificates: Certificates, version: ssl.TLSVersion) -> None:
    with FailingBroker(echoes, tls=certificates.demanding(version)) as broker:
        authority, partner = certificates.certificate("authority"), certificates.pair("partner")
        with transport_to(broker.url(), ca=authority, client_certificate=partner) as transport:
            assert transport.post(BODY).body == BODY


def test_a_missing_client_certificate_is_not_sent_under_tls_1_2(certificates: Certificates) -> None:
    with FailingBroker(echoes, tls=certificates.demanding(ssl.TLSVersion.TLSv1_2)) as broker:
        error = failure_of(transport_to(broker.url(), ca=certificates.certificate("authority")))
        assert isinstance(error, NotSent)
        assert broker.begun_requests == 0


def test_a_missing_client_certificate_leaves_the_outcome_unknown_under_tls_1_3(certificates: Certificates) -> None:
    """There the client has finished its handshake, and written, before it can learn of the refusal."""
    with FailingBroker(echoes, tls=certificates.demanding(ssl.TLSVersion.TLSv1_3)) as broker:
        error = failure_of(transport_to(broker.url(), ca=certificates.certificate("authority")))
        assert isinstance(error, OutcomeUnknown)
        broker.wait_for_ends()
        assert (broker.connections, broker.begun_requests) == (1, 0)
