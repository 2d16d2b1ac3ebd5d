"""What the way to the broker promises: the right error, and never more than one request."""

from __future__ import annotations

import gc
import gzip
import os
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import pytest
import requests.exceptions
import urllib3.exceptions

from mpesa_cbp.errors import CbpError, InvalidRequest, NotSent, OutcomeUnknown, Sent, SettingsError
from mpesa_cbp.http import HttpAnswer, HttpTransport
from mpesa_cbp.http.failures import Departure, map_exception
from tests.transport.authorities import Certificates
from tests.transport.failing_broker import (
    ANSWER,
    Behaviour,
    FailingBroker,
    answers,
    answers_late,
    closes_after_first_byte,
    closes_after_head,
    closes_at_once,
    closes_inside_body,
    closes_kept_connection_on_second_request,
    closes_unread,
    closes_without_answer,
    drips,
    echoes,
    gzip_bomb,
    http_answer,
    refuses_tunnel,
    sends_hundred_megabytes,
)

CREDENTIAL = "c2VjcmV0LWNyZWRlbnRpYWw="
NUMBER = "254700000001"
BODY = f"<e><c>{CREDENTIAL}</c><n>{NUMBER}</n>".encode() + b" " * 300_000 + b"</e>"
SECRETS = (CREDENTIAL, NUMBER, "planted-user", "planted-word", "planted-query")


def transport_to(
    endpoint: str,
    *,
    ca: Path | None = None,
    client_certificate: tuple[Path, Path] | None = None,
    timeout: tuple[float, float] = (5, 5),
    answer_deadline: float | None = None,
    connect_retries: int = 2,
    sleep: Callable[[float], None] = lambda _: None,
    max_answer_bytes: int = 1_000_000,
    trust_env: bool = False,
) -> HttpTransport:
    """To the endpoint, with a user, a password and a query in its URL that must never be shown."""
    secretive = endpoint.replace("://", "://planted-user:planted-word@") + "?token=planted-query"
    return HttpTransport(
        secretive,
        ca=ca,
        client_certificate=client_certificate,
        timeout=timeout,
        answer_deadline=answer_deadline,
        connect_retries=connect_retries,
        sleep=sleep,
        max_answer_bytes=max_answer_bytes,
        trust_env=trust_env,
    )


def failure_of(transport: HttpTransport) -> CbpError:
    with transport, pytest.raises(CbpError) as caught:
        transport.post(BODY, conversation_id="600000_Acme_1")
    assert caught.value.conversation_id == "600000_Acme_1"
    assert_shows_no_secret(caught.value)
    return caught.value


def assert_shows_no_secret(error: CbpError) -> None:
    shown = [str(error), repr(error)]
    assert error.__cause__ is None
    assert error.__context__ is None, "a chained error of urllib3 shows the URL"
    trace = error.__traceback__
    while trace is not None:
        if "mpesa_cbp" in Path(trace.tb_frame.f_code.co_filename).parts:
            shown += [f"{name}={value!r}" for name, value in trace.tb_frame.f_locals.items()]
        trace = trace.tb_next
    assert len(shown) > 2
    for secret in SECRETS:
        assert secret not in "\n".join(shown)


# Failures before anything left.


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port on which nobody listens, and which nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_refused_connection_is_not_sent(silent_port: int) -> None:
    error = failure_of(transport_to(f"http://127.0.0.1:{silent_port}/mminterface/request"))
    assert isinstance(error, NotSent)
    assert (error.sent, error.final) == (Sent.NO, True)
    assert "refused the connection" in str(error)
    assert f"http://127.0.0.1:{silent_port}/mminterface/request" in str(error)


def test_an_unknown_host_name_is_not_sent() -> None:
    error = failure_of(transport_to("http://broker.invalid/mminterface/request"))
    assert isinstance(error, NotSent)
    assert "host name was not found" in str(error)


def test_what_was_not_sent_is_tried_again_with_growing_pauses(silent_port: int) -> None:
    pauses: list[float] = []
    failure_of(transport_to(f"http://127.0.0.1:{silent_port}/", connect_retries=3, sleep=pauses.append))
    assert pauses == [0.2, 0.4, 0.8]


def test_a_request_goes_out_once_the_broker_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with ExitStack() as stack:
        brokers: list[FailingBroker] = []

        def start_broker(_: float) -> None:
            brokers.append(stack.enter_context(FailingBroker(echoes, port=port)))

        with transport_to(f"http://127.0.0.1:{port}/", sleep=start_broker) as transport:
            assert transport.post(BODY).body == BODY
        brokers[0].wait_for_ends()
        assert brokers[0].complete_requests == brokers[0].begun_requests == 1


# Failures after bytes may have left: behaviour of the broker, then requests begun and complete as it counts them.

XML_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"


@pytest.mark.parametrize(
    ("behaviour", "begun", "complete", "words"),
    [
        pytest.param(closes_unread, 0, 0, "connection ended", id="closes without reading"),
        pytest.param(closes_after_head, 1, 0, "connection ended", id="closes after the headers"),
        pytest.param(closes_inside_body, 1, 0, "connection ended", id="closes inside the body"),
        pytest.param(closes_without_answer, 1, 1, "connection ended", id="closes without an answer"),
        pytest.param(answers(http_answer(ANSWER)[:-20]), 1, 1, "not whole", id="answers half"),
        pytest.param(answers(b"\x16\x03\x01garbage\r\n\r\n"), 1, 1, "can be read", id="garbage"),
        pytest.param(
            answers(XML_HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\n<answer>"),
            1,
            1,
            "not whole",
            id="a cut chunk",
        ),
        pytest.param(
            answers(XML_HEAD + b"Transfer-Encoding: chunked\r\n\r\n8\r\n<answer>\r\n"),
            1,
            1,
            "can be read",
            id="the last chunk missing",
        ),
        pytest.param(
            answers(XML_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<answer>\r\n"),
            1,
            1,
            "not whole",
            id="a chunk of no length",
        ),
        pytest.param(
            answers(http_answer(gzip_bomb(20_000_000), headers="Content-Encoding: gzip\r\n")),
            1,
            1,
            "larger than 1000000 bytes",
            id="a small answer that unpacks to 20 MB",
        ),
        pytest.param(
            answers(http_answer(gzip.compress(ANSWER)[:-9], headers="Content-Encoding: gzip\r\n")),
            1,
            1,
            "not whole",
            id="half a gzip answer",
        ),
        pytest.param(
            answers(http_answer(ANSWER, headers="Content-Encoding: gzip\r\n")),
            1,
            1,
            "can be read",
            id="a gzip answer that is none",
        ),
        pytest.param(
            answers(http_answer(ANSWER, headers="Content-Encoding: br\r\n")),
            1,
            1,
            "packed in a way",
            id="an answer packed unasked",
        ),
        pytest.param(
            sends_hundred_megabytes(XML_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
            1,
            1,
            "larger than 1000000 bytes",
            id="100 MB",
        ),
    ],
)
def test_once_the_request_began_to_leave_the_outcome_is_unknown(
    behaviour: Behaviour, begun: int, complete: int, words: str
) -> None:
    with FailingBroker(behaviour) as broker:
        error = failure_of(transport_to(broker.url()))
        broker.wait_for_ends()
        assert isinstance(error, OutcomeUnknown)
        assert (error.sent, error.final) == (Sent.UNKNOWN, False)
        assert words in str(error)
        assert "Do not send it again" in str(error)
        assert (broker.connections, broker.begun_requests, broker.complete_requests) == (1, begun, complete)


def test_a_connection_closed_right_after_accepting_is_tried_once_or_provably_never_used() -> None:
    """The reset may overtake the end of the client's own connect, which is then a connection that never was."""
    with FailingBroker(closes_at_once) as broker:
        error = failure_of(transport_to(broker.url(), connect_retries=0))
        broker.wait_for_ends()
        assert isinstance(error, (NotSent, OutcomeUnknown))
        assert (broker.connections, broker.begun_requests) == (1, 0)


def test_an_answer_after_the_timeout_leaves_the_outcome_unknown() -> None:
    with FailingBroker(answers_late) as broker:
        error = failure_of(transport_to(broker.url(), timeout=(5, 0.2)))
        broker.released.set()
        broker.wait_for_ends()
        assert isinstance(error, OutcomeUnknown)
        assert "in time" in str(error)
        assert (broker.connections, broker.complete_requests) == (1, 1)


@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param(b"HTTP/1.1 200 ", id="in the status line"),
        pytest.param(XML_HEAD + b"X-Drip: ", id="in the headers"),
        pytest.param(XML_HEAD + b"Content-Length: 9999\r\n\r\n", id="in the body"),
        pytest.param(XML_HEAD + b"\r\n", id="in a body without a length"),
    ],
)
def test_a_slow_drip_ends_at_the_deadline(prefix: bytes) -> None:
    with FailingBroker(drips(prefix)) as broker:
        error = failure_of(transport_to(broker.url(), timeout=(5, 0.4), answer_deadline=0.5))
        assert isinstance(error, OutcomeUnknown)
        assert "in time" in str(error)
        assert (broker.connections, broker.complete_requests) == (1, 1)


def test_a_hundred_megabytes_are_not_taken_in() -> None:
    with FailingBroker(sends_hundred_megabytes(XML_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")) as broker:
        failure_of(transport_to(broker.url()))
        broker.wait_for_ends()
        assert broker.conversations[0].written < 50_000_000


def test_a_kept_connection_that_ends_under_a_request_leaves_the_outcome_unknown() -> None:
    with FailingBroker(closes_kept_connection_on_second_request) as broker:
        transport = transport_to(broker.url())
        assert transport.post(BODY).status == 200
        error = failure_of(transport)
        assert isinstance(error, OutcomeUnknown)
        assert (broker.connections, broker.complete_requests) == (1, 2)


def test_a_kept_connection_that_ended_before_is_replaced() -> None:
    with FailingBroker(answers(http_answer(ANSWER))) as broker, transport_to(broker.url()) as transport:
        assert transport.post(BODY).status == 200
        broker.wait_for_ends()
        assert transport.post(BODY).status == 200
        assert (broker.connections, broker.complete_requests) == (2, 2)


def test_a_kept_connection_that_idled_is_given_up_before_anything_is_written() -> None:
    """What is written while the server closes may have been read or not; so it must not come to that."""
    now = 0.0
    with FailingBroker(echoes) as broker, HttpTransport(broker.url(), keep_alive=4, clock=lambda: now) as transport:
        for now, connections in ((0.0, 1), (3.9, 1), (7.8, 1), (11.9, 2), (12.0, 2)):  # noqa: B007
            assert transport.post(BODY).body == BODY
            assert broker.connections == connections


# Answers, of any kind: the caller judges.


@pytest.mark.parametrize(
    ("message", "status", "content_type", "body"),
    [
        pytest.param(http_answer(ANSWER), 200, "text/xml", ANSWER, id="an answer"),
        pytest.param(
            http_answer(b"<html/>", status="503 Busy", content_type="text/html"),
            503,
            "text/html",
            b"<html/>",
            id="an error page",
        ),
        pytest.param(http_answer(ANSWER, status="500 Oops"), 500, "text/xml", ANSWER, id="a 500 with XML"),
        pytest.param(
            http_answer(ANSWER, status="307 There", headers="Location: http://127.0.0.1:1/\r\n"),
            307,
            "text/xml",
            ANSWER,
            id="a redirect, which is not followed",
        ),
        pytest.param(
            http_answer(ANSWER, status="302 There", headers="Location: http://[broken\r\n"),
            302,
            "text/xml",
            ANSWER,
            id="a redirect to no URL",
        ),
        pytest.param(
            http_answer(gzip.compress(ANSWER), headers="Content-Encoding: gzip\r\n"),
            200,
            "text/xml",
            ANSWER,
            id="gzip, unasked",
        ),
        pytest.param(
            XML_HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n<a/\r\n1\r\n>\r\n0\r\n\r\n",
            200,
            "text/xml",
            b"<a/>",
            id="chunks",
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n<a/>", 200, "", b"<a/>", id="no type and no length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Le", 200, "", b"", id="half a head, of which HTTP makes an empty body"
        ),
        pytest.param(http_answer(b""), 200, "text/xml", b"", id="an empty body"),
    ],
)
def test_every_answer_comes_back_with_its_status(message: bytes, status: int, content_type: str, body: bytes) -> None:
    with FailingBroker(answers(message)) as broker, transport_to(broker.url()) as transport:
        answer = transport.post(BODY)
        assert (answer.status, answer.content_type, answer.body) == (status, content_type, body)
        assert answer.elapsed >= 0
        assert (broker.connections, broker.begun_requests) == (1, 1)


def test_the_request_carries_the_headers_of_soap_and_the_body_unchanged() -> None:
    with FailingBroker(echoes) as broker, HttpTransport(broker.url()) as transport:
        for action in ("", "ValidateC2BPayment"):
            assert transport.post(BODY, soap_action=action).body == BODY
        assert broker.connections == 1
        heads = [head.split(b"\r\n") for head in broker.conversations[0].heads[:2]]
    for lines, action_line in zip(heads, (b'SOAPAction: ""', b'SOAPAction: "ValidateC2BPayment"'), strict=True):
        assert lines[0] == b"POST /mminterface/request HTTP/1.1"
        assert action_line in lines
        for line in (
            b"Content-Type: text/xml; charset=utf-8",
            b"Accept: text/xml",
            b"Accept-Encoding: identity",
            b"User-Agent: mpesa-cbp",
            b"Content-Length: %d" % len(BODY),
        ):
            assert lines.count(line) == 1


def test_a_message_can_go_to_another_address_than_the_endpoint(silent_port: int) -> None:
    with FailingBroker(echoes) as broker, HttpTransport(f"http://127.0.0.1:{silent_port}/") as transport:
        assert transport.post(BODY, url=broker.url()).body == BODY


def test_an_answer_keeps_its_body_out_of_its_repr() -> None:
    assert NUMBER not in repr(HttpAnswer(200, "text/xml", BODY, 0.1))


# TLS.


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


# Proxies.


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


# Threads and processes.


@contextmanager
def disabled_garbage_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_threads_share_a_transport_and_each_gets_its_own_answers() -> None:
    def ten_posts(number: int) -> set[bytes]:
        return {transport.post(b"<e>%d</e>" % number).body for _ in range(10)}

    with FailingBroker(echoes) as broker, HttpTransport(broker.url()) as transport, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ten_posts, range(32))) == [{b"<e>%d</e>" % number} for number in range(32)]
        assert broker.connections <= 8


def test_a_closed_transport_ends_the_connections_of_all_threads_and_sends_nothing_more() -> None:
    with (
        FailingBroker(echoes) as broker,
        HttpTransport(broker.url()) as transport,
        ThreadPoolExecutor(1) as other,
        disabled_garbage_collection(),
    ):
        transport.post(BODY)
        other.submit(transport.post, BODY).result()
        assert broker.connections == 2
        transport.close()
        broker.wait_for_ends(2)
        with pytest.raises(NotSent, match="was closed"):
            transport.post(BODY)
        assert broker.connections == 2


FORKING = """
import os, sys
from mpesa_cbp.http import HttpTransport
with HttpTransport(sys.argv[1]) as transport:
    assert transport.post(b"<parent/>").body == b"<parent/>"
    child = os.fork()
    if not child:
        assert transport.post(b"<child/>").body == b"<child/>"
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert transport.post(b"<again/>").body == b"<again/>"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_does_not_write_into_its_parents_connection() -> None:
    with FailingBroker(echoes) as broker:
        subprocess.run([sys.executable, "-c", FORKING, broker.url()], check=True, timeout=60)
        broker.wait_for_ends(2)
        assert sorted(tuple(each.bodies) for each in broker.conversations) == [
            (b"<child/>",),
            (b"<parent/>", b"<again/>"),
        ]


# Settings.


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "broker/request",
        "ftp://broker/request",
        "https://",
        "http://planted-user:planted-word@/x",
        "http://broker:99999/",
        "http://[broken/",
        "http://*.broker/?planted-query",
    ],
)
def test_an_endpoint_that_is_no_http_url_is_refused_at_once(endpoint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        HttpTransport(endpoint)
    assert not any(secret in f"{caught.value}{caught.value!r}" for secret in SECRETS)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: HttpTransport("http://b/", timeout=(0, 1)), id="no time to connect"),
        pytest.param(lambda: HttpTransport("http://b/", timeout=(1, float("inf"))), id="all the time to read"),
        pytest.param(lambda: HttpTransport("http://b/", answer_deadline=float("nan")), id="a deadline that is none"),
        pytest.param(lambda: HttpTransport("http://b/", connect_retries=-1), id="negative retries"),
        pytest.param(lambda: HttpTransport("http://b/", max_answer_bytes=0), id="no room for an answer"),
        pytest.param(lambda: HttpTransport("http://b/", ca="missing.pem"), id="a CA file that is missing"),
        pytest.param(lambda: HttpTransport("http://b/", ca=__file__), id="a CA file that is none"),
        pytest.param(lambda: HttpTransport("http://b/", client_certificate=__file__), id="a client file that is none"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(make: Callable[[], HttpTransport]) -> None:
    with pytest.raises(SettingsError):
        make()


@pytest.mark.parametrize("soap_action", ['a"b', "a\r\nX: y", "\u00e9", "a\\b"])
def test_a_soap_action_that_would_break_the_header_is_refused(soap_action: str) -> None:
    with HttpTransport("http://b/") as transport, pytest.raises(InvalidRequest) as caught:
        transport.post(BODY, soap_action=soap_action)
    assert_shows_no_secret(caught.value)


def test_a_transport_shows_its_address_without_user_and_query() -> None:
    assert repr(transport_to("https://broker/mminterface/request")) == (
        "HttpTransport('https://broker/mminterface/request')"
    )


# The map of foreign exceptions.


def exceptions_of(module: ModuleType) -> list[type[Exception]]:
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(found) > 20
    return found


FOREIGN = sorted(
    {*exceptions_of(requests.exceptions), *exceptions_of(urllib3.exceptions)},
    key=lambda kind: (kind.__module__, kind.__name__),
)
# All that may be taken for "nothing left" by the class alone.
NEVER_AFTER_CONNECTING = {
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
}


def bare(kind: type[Exception]) -> Exception:
    return kind.__new__(kind)


def wrapped(kind: type[Exception]) -> Exception:
    """As requests hands on what urllib3 has given up on."""
    wrapper = urllib3.exceptions.MaxRetryError(None, "/x?planted-query")  # type: ignore[arg-type]
    wrapper.reason = bare(kind)
    return requests.exceptions.ConnectionError(wrapper)


@pytest.mark.parametrize("make", [bare, wrapped])
@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_foreign_exception_is_mapped_and_doubt_counts_as_unknown(
    kind: type[Exception], make: Callable[[type[Exception]], Exception]
) -> None:
    error = make(kind)
    unwatched = map_exception(error, conversation_id="600000_Acme_1")
    assert type(unwatched) is (NotSent if kind in NEVER_AFTER_CONNECTING else OutcomeUnknown)
    assert type(map_exception(error, departure=Departure.BEGUN)) is OutcomeUnknown
    assert type(map_exception(error, departure=Departure.NOT_BEGUN)) is NotSent
    assert unwatched.conversation_id == "600000_Acme_1"
    assert "planted" not in str(unwatched)


@pytest.mark.parametrize("kind", [OSError, ValueError, AttributeError, MemoryError, UnicodeError, ssl.SSLError])
def test_any_other_exception_leaves_the_outcome_unknown(kind: type[Exception]) -> None:
    assert type(map_exception(kind("planted-query"))) is OutcomeUnknown
    assert "planted" not in str(map_exception(kind("planted-query")))


def test_exceptions_that_hold_each_other_are_mapped_too() -> None:
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert type(map_exception(first)) is OutcomeUnknown
