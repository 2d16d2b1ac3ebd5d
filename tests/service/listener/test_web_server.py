"""The web server under listener and simulator: how requests reach the application, and how answers leave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.web_server.channel import Channel
from mpesa_cbp_service.web_server.server import Limits, Server
from tests.service.listener.raw import exchange, hang_up_after, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGE = b"0123456789abcdef" * 500_000


class Beginning:
    """An application that is begun by the thread in the server's loop, which then calls it; notes what it was given."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self.begun: list[str] = []
        self.called: list[str] = []

    def begin(self, environ: WSGIEnvironment) -> None:
        self.begun.append(environ["PATH_INFO"])
        environ["begun"] = True

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        assert environ["begun"]
        self.called.append(environ["PATH_INFO"])
        return self._application(environ, start_response)


KINDS = pytest.mark.parametrize(
    "kind", [lambda plain: plain, Beginning], ids=["called by threads", "begun in the loop"]
)


@contextmanager
def serving(application: WSGIApplication, **options: Any) -> Iterator[Server]:
    server = Server(application, host="127.0.0.1", port=0, name="test", **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def large(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", str(len(LARGE)))])
    return [LARGE]


@KINDS
def test_an_answer_larger_than_the_socket_takes_arrives_whole(
    kind: Callable[[WSGIApplication], WSGIApplication],
) -> None:
    with serving(kind(large)) as server:
        said = exchange(server.port, request())
    assert said.partition(b"\r\n\r\n")[2] == LARGE


@KINDS
def test_several_requests_in_one_packet_are_each_answered_in_their_order(
    kind: Callable[[WSGIApplication], WSGIApplication],
) -> None:
    def paths(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        return [environ["PATH_INFO"].encode()]

    kept = [f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for number in range(5)]
    with serving(kind(paths)) as server:
        said = exchange(server.port, b"".join([*kept, request(method="GET", path="/5")]))
    assert [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 200 OK")[1:]] == [
        f"/{number}".encode() for number in range(6)
    ]


def test_each_request_is_begun_once_and_answered_with_the_environment_that_it_was_begun_with() -> None:
    def answer(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    application = Beginning(answer)
    paths = [f"/{number}" for number in range(30)]
    with serving(application) as server, ThreadPoolExecutor(10) as pool:
        for said in pool.map(lambda path: exchange(server.port, request(path=path)), paths):
            assert said.endswith(b"ok")
    assert sorted(application.begun) == sorted(application.called) == sorted(paths)


def test_an_application_that_cannot_begin_answers_that_it_failed_and_the_next_request_is_answered() -> None:
    class Failing(Beginning):
        def begin(self, environ: WSGIEnvironment) -> None:
            if environ["PATH_INFO"] == "/bad":
                raise ZeroDivisionError
            super().begin(environ)

    with serving(Failing(large)) as server:
        assert exchange(server.port, request(path="/bad")).startswith(b"HTTP/1.1 500")
        assert exchange(server.port, request(path="/good")).startswith(b"HTTP/1.1 200")


def test_a_request_that_could_not_be_begun_is_read_from_its_start_when_it_is_answered() -> None:
    class FailingOnce(Beginning):
        def begin(self, environ: WSGIEnvironment) -> None:
            environ["wsgi.input"].read()
            raise MemoryError

        def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Length", "4")])
            return [environ["wsgi.input"].read()]

    with serving(FailingOnce(large)) as server:
        assert exchange(server.port, request(b"body")).endswith(b"body")


def test_a_request_whose_caller_is_gone_is_not_begun_because_nobody_would_finish_it() -> None:
    arrived, may_begin = threading.Event(), threading.Event()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/first":
            arrived.set()
            assert may_begin.wait(30)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    application = Beginning(answer)
    with serving(application, limits=Limits(threads=1)) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(exchange, server.port, request(path="/first"))
        assert arrived.wait(30)
        for number in range(5):
            hang_up_after(server.port, request(path=f"/gone/{number}"))
        may_begin.set()
        assert first.result(30).endswith(b"ok")
        assert exchange(server.port, request(path="/last")).endswith(b"ok")
    assert application.begun == application.called == ["/first", "/last"]


def kept_and_last(path: str) -> bytes:
    """Two POST requests of one connection, which is kept after the first and closed after the second."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    return f"{head}\r\nab{head}Connection: close\r\n\r\ncd".encode()


def headers_of(answer: bytes) -> dict[bytes, bytes]:
    lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return {name: value for name, _, value in (line.partition(b": ") for line in lines) if name != b"Date"}


def test_what_was_begun_is_answered_as_what_was_not() -> None:
    def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    answers = []
    for application in (echo, Beginning(echo)):
        with serving(application) as server:
            first, second = exchange(server.port, kept_and_last("/")).split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert (first[-2:], second[-2:]) == (b"ab", b"cd")
        assert b"\r\nDate: " in b"\r\n" + first
        answers.append([headers_of(b"\r\n" + answer) for answer in (first, second)])
    assert answers[0] == answers[1]
    assert answers[0][0][b"Server"] == b"test"


@pytest.mark.parametrize(
    "headers",
    [[("Content-Type", "text/plain")], [("Content-Length", "2"), ("X", "a\r\nY: b")]],
    ids=["no length", "two lines in one"],
)
def test_headers_that_would_break_the_answer_are_never_sent(headers: list[tuple[str, str]]) -> None:
    def answer(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return [b"ok"]

    with serving(Beginning(answer)) as server:
        said = exchange(server.port, kept_and_last("/"))
    assert said.startswith(b"HTTP/1.1 500")
    assert b"Y: b" not in said


def _answer_when(stopping: threading.Event, may_answer: threading.Event) -> None:
    assert stopping.wait(30)
    may_answer.set()


def test_stopping_waits_for_requests_that_were_accepted() -> None:
    entered, may_answer = threading.Event(), threading.Event()

    def slow(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        entered.set()
        assert may_answer.wait(30)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with ThreadPoolExecutor(2) as pool:
        with serving(Beginning(slow)) as server:
            said = pool.submit(exchange, server.port, request())
            assert entered.wait(30)
            pool.submit(_answer_when, server._stopping, may_answer)
        assert said.result(30).endswith(b"ok")


@KINDS
def test_a_thread_that_is_late_writes_into_no_file_that_has_a_descriptor_of_the_stopped_server(
    kind: Callable[[WSGIApplication], WSGIApplication], tmp_path: Path
) -> None:
    with serving(kind(large)) as server:
        late = server._server.pull_trigger
    with ExitStack() as stack:
        files = [stack.enter_context((tmp_path / str(number)).open("wb")) for number in range(50)]
        late()
    assert [Path(file.name).read_bytes() for file in files] == [b""] * 50


@KINDS
def test_a_server_that_is_started_twice_goes_on_and_one_that_was_stopped_does_not_begin_again(
    kind: Callable[[WSGIApplication], WSGIApplication],
) -> None:
    with serving(kind(large)) as server:
        server.start()
        assert exchange(server.port, request()).startswith(b"HTTP/1.1 200")
    with pytest.raises(RuntimeError, match="was stopped"):
        server.start()


@KINDS
def test_a_server_that_was_never_started_leaves_no_thread_behind(
    kind: Callable[[WSGIApplication], WSGIApplication],
) -> None:
    before = set(threading.enumerate())
    Server(kind(large), host="127.0.0.1", port=0, name="test").stop()
    assert set(threading.enumerate()) <= before


def test_an_answer_that_wants_to_be_closed_is_closed_when_it_was_begun() -> None:
    class Answer(list[bytes]):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    given = Answer([b"o", b"k"])

    def answer(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        return given

    with serving(Beginning(answer)) as server:
        assert exchange(server.port, kept_and_last("/")).endswith(b"\r\n\r\nok")
    assert given.closed == 2


def test_a_server_that_gets_too_few_threads_says_so_and_leaves_none_behind() -> None:
    server = Server(Beginning(large), host="127.0.0.1", port=0, name="test")
    before = set(threading.enumerate())
    usual = threading.stack_size(1 << 46)  # more than a process can have
    try:
        with pytest.raises(SettingsError, match="test-server cannot start its 13 threads"):
            server.start()
    finally:
        threading.stack_size(usual)
        server.stop()
    assert set(threading.enumerate()) <= before


def test_while_an_answer_is_being_sent_the_servers_loop_does_not_try_to_send_it_too() -> None:
    begun, may_end, tries = threading.Event(), threading.Event(), []

    class Watched(Channel):
        def send(self, data: bytes, do_close: bool = True) -> int:
            if not begun.is_set():
                begun.set()
                assert may_end.wait(30)
            return int(super().send(data, do_close))

        def handle_write(self) -> None:
            tries.append(bool(self.requests))
            super().handle_write()

    def answer(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "8")])
        return [b"answered"]

    with (
        serving(answer, channel_class=Watched, limits=Limits(threads=2)) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(exchange, server.port, request())
        assert begun.wait(30)
        for _ in range(20):  # each makes the loop turn
            assert exchange(server.port, request()).endswith(b"answered")
        tried = any(tries)
        may_end.set()
        assert slow.result(30).endswith(b"answered")
    assert not tried
