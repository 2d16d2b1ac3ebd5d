"""The web server under listener and simulator: how answers leave."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mpesa_cbp.web_server.channel import Channel
from mpesa_cbp.web_server.dispatcher import aside
from mpesa_cbp.web_server.server import Limits, Server
from tests.listener.raw import exchange, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGE = b"0123456789abcdef" * 500_000


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


def test_an_answer_larger_than_the_socket_takes_arrives_whole() -> None:
    with serving(large) as server:
        said = exchange(server.port, request())
    assert said.partition(b"\r\n\r\n")[2] == LARGE


def test_several_requests_in_one_packet_are_each_answered_in_their_order() -> None:
    def paths(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        return [environ["PATH_INFO"].encode()]

    kept = [f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for number in range(5)]
    with serving(paths) as server:
        said = exchange(server.port, b"".join([*kept, request(method="GET", path="/5")]))
    assert [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 200 OK")[1:]] == [
        f"/{number}".encode() for number in range(6)
    ]


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


def test_few_threads_work_at_a_time_and_one_more_for_each_that_waits_aside() -> None:
    entered, may_leave, at_work = threading.Semaphore(0), threading.Semaphore(0), set[int]()

    def working(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        at_work.add(threading.get_ident())
        entered.release()
        if environ["PATH_INFO"] == "/waits":
            with aside():
                assert may_leave.acquire(timeout=30)
        else:
            assert may_leave.acquire(timeout=30)
        at_work.discard(threading.get_ident())
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    with (
        serving(working, limits=Limits(threads=5, working=2)) as server,
        ThreadPoolExecutor(6) as pool,
    ):
        calls = [pool.submit(exchange, server.port, request(path="/waits")) for _ in range(2)]
        for _ in range(2):
            assert entered.acquire(timeout=30)
        calls += [pool.submit(exchange, server.port, request(path="/works")) for _ in range(4)]
        for _ in range(2):
            assert entered.acquire(timeout=30)
        # Two wait aside, two work; the fifth thread is not needed before one of them is done.
        assert not entered.acquire(timeout=0.2)
        assert len(at_work) == 4
        for _ in range(6):
            may_leave.release()
        assert all(call.result(30).endswith(b"done") for call in calls)
