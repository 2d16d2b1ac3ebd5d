"""The core in an event loop (ASGI) and in a thread (WSGI): limits on the body, and what a failure of ours shows."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest

from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import asgi_application
from tests.service.listener.messages import TOKEN, response_code, result
from tests.service.listener.wsgi import code_of, post

Message = MutableMapping[str, Any]
BODY = result("600000_A")


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Call:
    """One request to the ASGI application; ``parts`` are what its caller sends, None that nothing comes any more."""

    def __init__(self, *parts: Message | None, **scope: Any) -> None:
        self._parts = list(parts)
        self.read = 0
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        headers = [(b"Content-Type", b"text/xml"), *scope.pop("headers", [(b"Content-Length", b"%d" % len(BODY))])]
        self._scope: Message = {
            "type": "http", "method": "POST", "path": f"/{TOKEN}/result", "client": ("192.0.2.1", 1),
            "headers": headers, **scope,
        }  # fmt: skip

    def to(self, listener: Listener) -> Call:
        asyncio.run(self.run(listener))
        return self

    async def run(self, listener: Listener) -> None:
        await asgi_application(listener)(self._scope, self._receive, self._send)

    async def _receive(self) -> Message:
        self.read += 1
        message = self._parts.pop(0)
        if message is None:
            await asyncio.Event().wait()
        return message or {}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message["body"]


@pytest.fixture
def listener(journal: Journal) -> Listener:
    return Listener(journal=journal, path_token=TOKEN, request_seconds=0.05, maximum_body=len(BODY))


CHUNKED = [(b"Transfer-Encoding", b"chunked")]


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda: Call(part(BODY[:9], more=True), part(BODY[9:])), 200),
        (lambda: Call(part(BODY), headers=CHUNKED), 200),
        (lambda: Call(part(BODY, more=True), part(b" "), headers=CHUNKED), 413),
        (lambda: Call(part(BODY[:9], more=True), {"type": "http.disconnect"}), 400),
        (lambda: Call(part(BODY[:9], more=True), None), 408),
        (lambda: Call(None, headers=CHUNKED), 408),
    ],
)
def test_body_is_read_within_its_limits(listener: Listener, call: Callable[[], Call], status: int) -> None:
    made = call().to(listener)
    assert made.status == status
    assert (made.headers.get(b"connection") == b"close") is (status != 200 or b"chunked" in str(made._scope).encode())


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"path": "/elsewhere/result"}, 404),
        ({"method": "PUT"}, 405),
        ({"headers": []}, 411),
        ({"headers": [(b"content-length", b"1"), (b"content-length", b"1")]}, 400),
        ({"headers": [*CHUNKED, *CHUNKED]}, 400),
        ({"headers": [(b"transfer-encoding", b"gzip, chunked")]}, 400),
        ({"headers": [*CHUNKED, (b"content-length", b"1")]}, 400),
        ({"headers": [(b"content-length", b"999999")]}, 413),
    ],
)
def test_what_headers_can_tell_is_judged_before_the_body_is_read(
    listener: Listener, changes: dict[str, Any], status: int
) -> None:
    call = Call(part(BODY), **changes).to(listener)
    assert (call.status, call.read, call.headers[b"connection"]) == (status, 0, b"close")


@pytest.mark.parametrize(
    ("root", "path", "status"),
    [("/mpesa", f"/mpesa/{TOKEN}/result", 200), ("", f"/{TOKEN}/result", 200), ("/mpesa", f"/mpesaX/{TOKEN}", 404)],
)
def test_path_is_that_below_where_the_listener_is_mounted(
    listener: Listener, root: str, path: str, status: int
) -> None:
    assert Call(part(BODY), root_path=root, path=path).to(listener).status == status


def test_subject_of_the_client_certificate_is_kept_where_the_server_tells_it(
    listener: Listener, journal: Journal
) -> None:
    Call(part(BODY), extensions={"tls": {"client_cert_name": "CN=broker"}}).to(listener)
    assert [event.origin for event in journal.events("600000_A")] == ["192.0.2.1 CN=broker"]


def test_requests_that_come_together_are_all_acknowledged_in_one_loop(listener: Listener, journal: Journal) -> None:
    bodies = [result(f"600000_{number:03}") for number in range(100)]
    calls = [Call(part(body), headers=CHUNKED) for body in bodies]

    async def all_at_once() -> None:
        await asyncio.gather(*(call.run(listener) for call in calls))

    listener.maximum_body = 2 * len(BODY)
    asyncio.run(all_at_once())
    assert {response_code(call.body) for call in calls} == {"00000000"}
    assert all(len(journal.events(f"600000_{number:03}")) == 1 for number in range(100))


def test_lifespan_starts_and_stops_the_handlers(journal: Journal) -> None:
    listener, sent = Listener(journal=journal, path_token=TOKEN), []
    seen = asyncio.Event()
    steps: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def live() -> None:
        loop = asyncio.get_running_loop()
        listener.on_result(lambda _: loop.call_soon_threadsafe(seen.set))

        async def receive() -> Message:
            if len(steps) == 1:
                await Call(part(BODY)).run(listener)
                await seen.wait()
            return steps.pop(0)

        async def send(message: Message) -> None:
            sent.append(message["type"])

        application: Callable[..., Awaitable[None]] = asgi_application(listener)
        await application({"type": "lifespan"}, receive, send)

    asyncio.run(asyncio.wait_for(live(), 30))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


class Trickle(io.RawIOBase):
    """A body that comes slowly, for a clock that goes fast."""

    def __init__(self, body: bytes) -> None:
        self._left = body

    def read(self, size: int | None = -1) -> bytes:
        block, self._left = self._left[: min(size or 0, 10)], self._left[min(size or 0, 10) :]
        return block


def test_wsgi_gives_up_a_body_that_drips(listener: Listener) -> None:
    listener.request_seconds = 0
    assert post(listener, BODY, **{"wsgi.input": Trickle(BODY)})[0] == "408 Request Timeout"  # type: ignore[arg-type]


def test_wsgi_reads_chunks_that_its_server_has_decoded(listener: Listener) -> None:
    changes = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    assert code_of(post(listener, BODY, **changes)[1]) == "00000000"
    assert post(listener, BODY + b" ", **changes)[0].startswith("413")


def test_a_fault_of_ours_shows_nothing_of_the_message(
    journal: Journal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(journal=journal, path_token=TOKEN)
    monkeypatch.setattr(listener.worker, "wake", lambda: (_ for _ in ()).throw(ValueError("600000_A")))
    status, answer = post(listener, BODY)
    assert (status, answer) == ("500 Internal Server Error", b"internal server error\n")
    (failed,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("request.failed")]
    assert "error=ValueError" in failed
    assert "600000_A" not in failed
