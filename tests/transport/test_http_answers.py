"""Answers of any kind come back as they are: the caller judges. And what a transport refuses from the outset."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from mpesa_cbp.errors import InvalidRequest, SettingsError
from mpesa_cbp.http import HttpAnswer, HttpTransport
from tests.transport.failing_broker import (
    ANSWER,
    FailingBroker,
    answers,
    echoes,
    http_answer,
)
from tests.transport.posting import BODY, NUMBER, SECRETS, XML_HEAD, assert_shows_no_secret, transport_to


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
