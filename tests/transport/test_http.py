"""What the way to the broker promises: the right error, and never more than one request."""

from __future__ import annotations

import gzip
import socket
from contextlib import ExitStack

import pytest

from mpesa_cbp.errors import NotSent, OutcomeUnknown, Sent
from mpesa_cbp.http import HttpTransport
from tests.transport.failing_broker import (
    ANSWER,
    Behaviour,
    FailingBroker,
    answers,
    answers_late,
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
    sends_hundred_megabytes,
)
from tests.transport.posting import BODY, XML_HEAD, failure_of, transport_to


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


# After bytes may have left: behaviour of the broker, then requests begun and complete as it counts them.


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
            "compressed in a way",
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
