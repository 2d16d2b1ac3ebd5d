"""A real listener under attack: what is refused or harmless, and that a good caller is served all the while."""

from __future__ import annotations

import contextlib
import gzip
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.journal import Journal
from tests.service.listener.messages import result
from tests.service.listener.processes import Caller, ListenerProcess, running
from tests.service.listener.raw import PATH, exchange, hang_up_after, request, status

MEMORY_BOUND = 150 * 1024 * 1024
"""What a worker with the default limits may take at most; docs/listener.md says so."""

REQUEST_SECONDS = 2
CONNECTIONS = 600
GIGABYTE = 1024**3


class GoodCaller(threading.Thread):
    """Delivers results without a pause; ``served`` counts those that were acknowledged at the first try."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.served = 0
        self.failures: list[str] = []
        self.over = threading.Event()
        self._port = port
        self._more = threading.Condition()

    def run(self) -> None:
        caller = Caller(self._port)
        while not self.over.is_set():
            attempts = caller.deliver(result(f"600000_Good_{self.served}"), self.over)
            if attempts > 1:
                self.failures.append(f"result {self.served} needed {attempts} attempts")
            with self._more:
                self.served += 1
                self._more.notify_all()
        caller.close()

    def await_more(self, count: int) -> None:
        """Wait until that many more results were acknowledged."""
        goal = self.served + count
        with self._more:
            assert self._more.wait_for(lambda: self.served >= goal, timeout=60), "the good caller is not served"


@pytest.fixture(scope="module")
def journal_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('journal')}/journal.db"


@pytest.fixture(scope="module")
def listener(journal_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListenerProcess]:
    folder = tmp_path_factory.mktemp("listener")
    with running(
        folder, journal_url, networks="127.0.0.1", request_seconds=REQUEST_SECONDS, connections=CONNECTIONS
    ) as process:
        yield process


@pytest.fixture(scope="module")
def good_caller(listener: ListenerProcess) -> Iterator[GoodCaller]:
    caller = GoodCaller(listener.port)
    caller.start()
    yield caller
    caller.over.set()
    caller.join(60)


@pytest.fixture(autouse=True)
def unharmed(listener: ListenerProcess, good_caller: GoodCaller) -> Iterator[None]:
    """Whatever a test does: the listener lives, has little memory, and the good caller was and is served at once."""
    good_caller.await_more(1)
    yield
    good_caller.await_more(2)
    assert good_caller.failures == []
    assert peak_memory(listener.pid) < MEMORY_BOUND


def peak_memory(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def dtd(declarations: str, text: str) -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE x [{declarations}]><x>{text}</x>'.encode()


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
INNER = dtd('<!ENTITY l0 "lol">' + LAUGHS, "&l9;").decode().partition("?>")[2]

BAD_BODIES = {
    "billion laughs": dtd('<!ENTITY l0 "lol">' + LAUGHS, "&l9;"),
    "billion laughs inside the payload": re.sub(
        rb"<!\[CDATA\[.*\]\]>", f"<![CDATA[{INNER}]]>".encode(), result("600000_Bad_1"), flags=re.DOTALL
    ),
    "external entity": dtd('<!ENTITY e SYSTEM "file:///etc/passwd">', "&e;"),
    "external DTD": b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>',
    "quadratic blow-up": dtd(f'<!ENTITY q "{"q" * 50_000}">', "&q;" * 50_000),
    "deep nesting": b"<a>" * 60_000,
    "deep nesting, closed": b"<a>" * 30_000 + b"</a>" * 30_000,
    "many attributes": b"<a " + b" ".join(b'a%d="1"' % n for n in range(20_000)) + b"/>",
    "NUL bytes": result("600000_Bad_2").replace(b"600000_Bad_2", b"600000\x00Bad"),
    "NUL bytes only": b"\0" * 100_000,
    "compressed without saying so": gzip.compress(b"<" * 50_000_000),
    "UTF-16 with a DOCTYPE": dtd("", "x").decode().replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16"),
    "not XML": b"' OR 1=1; --",
    "empty": b"",
    "half a result": result("600000_Bad_3")[:-20],
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_body_that_is_no_message_is_answered_with_a_fault_that_repeats_nothing(
    listener: ListenerProcess, name: str
) -> None:
    said = exchange(listener.port, request(BAD_BODIES[name]))
    assert status(said) == 500
    answer = said.partition(b"\r\n\r\n")[2]
    assert b"faultcode" in answer
    assert b"root:" not in answer
    assert len(answer) < 500


BAD_REQUESTS: dict[str, tuple[bytes, set[int | None]]] = {
    "a gigabyte, declared": (request(length=GIGABYTE), {413}),
    "more digits than Python reads": (request(length="9" * 5000), {400}),
    "no length": (request(length=""), {411}),
    "negative length": (request(length=-1), {400}),
    "folded length": (request(b"12345", length="", extra="Content-Length:\r\n 5\r\n"), {400}),
    "signed length": (request(b"12345", length="+5"), {400}),
    "two lengths": (request(b"<x/>", extra="Content-Length: 5\r\n"), {400}),
    "chunks in HTTP/1.0 (smuggling)": (
        request(b"0\r\n\r\n", version="HTTP/1.0", length="", extra="Transfer-Encoding: chunked\r\n"),
        {400},
    ),
    "unknown transfer coding (smuggling)": (request(b"", length="", extra="Transfer-Encoding: xchunked\r\n"), {400}),
    "chunks twice (smuggling)": (request(b"0\r\n\r\n", length="", extra="Transfer-Encoding: chunked\r\n" * 2), {400}),
    "chunks twice in one header (smuggling)": (
        request(b"0\r\n\r\n", length="", extra="Transfer-Encoding: chunked, chunked\r\n"),
        {400},
    ),
    "blank before the colon (smuggling)": (request(length="", extra="Content-Length : 5\r\n"), {400}),
    "chunk of a wrong size": (request(b"zz\r\n", length="", extra="Transfer-Encoding: chunked\r\n"), {400}),
    "gzip": (request(gzip.compress(result("600000_Bad_4")), extra="Content-Encoding: gzip\r\n"), {415}),
    "JSON": (request(b"{}", content_type="application/json"), {415}),
    "a form": (request(b"a=b", content_type="application/x-www-form-urlencoded"), {415}),
    "GET": (request(method="GET"), {405}),
    "PUT": (request(b"<x/>", method="PUT"), {405}),
    "DELETE": (request(method="DELETE"), {405}),
    "TRACE": (request(method="TRACE"), {405}),
    "OPTIONS": (request(method="OPTIONS"), {405}),
    "CONNECT": (request(method="CONNECT", path="127.0.0.1:22"), {404}),
    "lower-case method": (request(method="post"), {405}),
    "line break in a header": (request(extra="X: a\rSet-Cookie: b\r\n"), {400}),
    "header without a colon": (request(extra="Secret-Thing\r\n"), {400}),
    "huge header": (request(extra=f"X: {'x' * 1_000_000}\r\n"), {431}),
    "many headers": (request(extra="".join(f"X{n}: y\r\n" for n in range(20_000))), {431}),
    "header injection through the path": (request(path="/x%0d%0aSet-Cookie:%20b"), {404}),
    "traversal": (request(path="/../../etc/passwd"), {404}),
    "path of another": (request(path="/an-unguessable-wore/result"), {404}),
    "HTTP/0.9": (b"GET /\r\n\r\n", {400}),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {None, 400}),
    "TLS to a port without TLS": (bytes.fromhex("16030100c8010000c40303") + b"\r\n\r\n", {400}),
    "NUL bytes": (b"\0" * 1000 + b"\r\n\r\n", {400}),
    "garbage": (random.Random(1).randbytes(5000) + b"\r\n\r\n", {400}),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_request_that_is_no_delivery_is_refused_and_nothing_of_it_repeated(
    listener: ListenerProcess, name: str
) -> None:
    data, expected = BAD_REQUESTS[name]
    said = exchange(listener.port, data)
    assert status(said) in expected
    assert b"Set-Cookie" not in said
    assert b"Secret-Thing" not in said
    assert b"xxxx" not in said


def test_endless_body_in_chunks_is_cut_off_soon(listener: ListenerProcess) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        yield request(length="", extra="Transfer-Encoding: chunked\r\n")
        while sent < GIGABYTE:
            sent += 65536
            yield b"10000\r\n" + b"x" * 65536 + b"\r\n"

    exchange(listener.port, chunks())
    assert sent < GIGABYTE / 20


def test_nothing_behind_a_request_with_both_length_and_chunks_is_a_request(
    listener: ListenerProcess, journal_url: str
) -> None:
    hidden = request(result("600000_Smuggled"))
    keep = request(b"0\r\n\r\n" + hidden, length=5, extra="Transfer-Encoding: chunked\r\n")
    said = exchange(listener.port, keep.replace(b"Connection: close\r\n", b"", 1))
    assert said.count(b"HTTP/1.1") == 1
    with Journal(journal_url) as journal:
        assert journal.events("600000_Smuggled") == []


def test_chunks_alone_are_a_delivery_after_which_the_connection_is_closed(listener: ListenerProcess) -> None:
    body = result("600000_Chunks")
    chunked = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    whole = request(chunked, length="", extra="Transfer-Encoding: chunked\r\n").replace(
        b"Connection: close\r\n", b"", 1
    )
    said = exchange(listener.port, whole + request(result("600000_Behind")))
    assert b"00000000" in said
    assert said.count(b"HTTP/1.1") == 1


def test_body_longer_than_declared_is_no_second_delivery(listener: ListenerProcess, journal_url: str) -> None:
    hidden = request(result("600000_Smuggled"))
    exchange(listener.port, request(b"<x/>" + hidden, length=4))
    with Journal(journal_url) as journal:
        assert journal.events("600000_Smuggled") == []


def test_five_hundred_connections_that_drip_keep_nobody_out_and_are_cut_off(
    listener: ListenerProcess, good_caller: GoodCaller
) -> None:
    connections = [socket.create_connection(("127.0.0.1", listener.port), timeout=30) for _ in range(500)]
    before, deadline = good_caller.served, time.monotonic() + 60
    beginning = request(length=1000)
    left, position = set(connections), 0
    while left:
        assert time.monotonic() < deadline, f"{len(left)} connections are still open"
        for connection in tuple(left):
            try:
                connection.sendall(beginning[position % len(beginning) :][:1])
            except OSError:
                left.discard(connection)
                connection.close()
        position += 1
        good_caller.await_more(1)
    assert good_caller.served > before + 2


def test_large_bodies_that_stop_halfway_take_little_memory_and_keep_nobody_out(
    listener: ListenerProcess, good_caller: GoodCaller
) -> None:
    half = request(b"x" * 200_000, length=250_000)
    with contextlib.ExitStack() as stack:
        for _ in range(450):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=30))
            with contextlib.suppress(OSError):  # refused, as soon as there are many
                connection.sendall(half)
        good_caller.await_more(3)
        assert status(exchange(listener.port, request(result("600000_Small")))) == 200


def test_more_connections_than_there_may_be_wait_until_slow_ones_are_cut_off(
    listener: ListenerProcess, good_caller: GoodCaller
) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS + 300):
            stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=30)).sendall(b"POST")
        good_caller.await_more(3)
        assert status(exchange(listener.port, request(result("600000_Patient")))) == 200
        assert len(list(Path(f"/proc/{listener.pid}/fd").iterdir())) < CONNECTIONS + 200


def test_callers_who_pipeline_without_a_token_keep_nobody_waiting(
    listener: ListenerProcess, good_caller: GoodCaller
) -> None:
    over = threading.Event()

    def pipeline() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                exchange(listener.port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 500)

    attackers = [threading.Thread(target=pipeline, daemon=True) for _ in range(64)]
    for each in attackers:
        each.start()
    good_caller.await_more(50)
    for number in range(5):
        assert status(exchange(listener.port, request(result(f"600000_Meanwhile_{number}")))) == 200
    over.set()
    for each in attackers:
        each.join(60)


def test_callers_who_send_a_result_and_reset_the_connection_lock_out_nobody(
    listener: ListenerProcess, good_caller: GoodCaller
) -> None:
    for number in range(200):
        hang_up_after(listener.port, request(result(f"600000_Gone_{number}")))
    good_caller.await_more(20)


def test_stranger_is_refused_whatever_he_says_of_himself(listener: ListenerProcess, journal_url: str) -> None:
    forged = request(result("600000_Forged"), extra="X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n")
    assert status(exchange(listener.port, forged, source="127.0.0.9")) == 403
    with Journal(journal_url) as journal:
        assert journal.events("600000_Forged") == []


@pytest.mark.parametrize(("path", "source", "refused"), [("/elsewhere", "127.0.0.1", 404), (PATH, "127.0.0.9", 403)])
def test_stranger_is_refused_before_a_byte_of_the_body_is_read(
    listener: ListenerProcess, path: str, source: str, refused: int
) -> None:
    assert status(exchange(listener.port, request(length=1000, path=path), source=source)) == refused


def test_forged_forwarding_header_changes_nothing_of_what_is_noted(listener: ListenerProcess, journal_url: str) -> None:
    said = exchange(listener.port, request(result("600000_Noted"), extra="X-Forwarded-For: 196.201.214.200\r\n"))
    assert status(said) == 200
    with Journal(journal_url) as journal:
        assert [event.origin for event in journal.events("600000_Noted")] == ["127.0.0.1"]


def test_guessing_the_path_finds_nothing(listener: ListenerProcess) -> None:
    chance = random.Random(2)
    guesses = [f"/{chance.randbytes(12).hex()}/result" for _ in range(200)]
    assert {status(exchange(listener.port, request(result("x"), path=guess))) for guess in guesses} == {404}


def test_replayed_result_is_one_event_and_an_invented_one_moves_no_money(
    listener: ListenerProcess, journal_url: str
) -> None:
    for _ in range(50):
        assert status(exchange(listener.port, request(result("600000_Replayed")))) == 200
    with Journal(journal_url) as journal:
        assert len(journal.events("600000_Replayed")) == 1
        assert journal.payment("600000_Replayed") is None


def test_line_breaks_in_a_message_make_no_second_line_in_the_log(listener: ListenerProcess, journal_url: str) -> None:
    forged = "600000_A&#10;2026-11-24 ERROR forged"
    first = result("600000_B").replace(b"600000_B", forged.encode())
    other = result("600000_B", "17").replace(b"600000_B", forged.encode())
    assert [status(exchange(listener.port, request(body))) for body in (first, other)] == [200, 200]
    # Read before it is judged: the second, contradicting result is logged before it is answered.
    with Journal(journal_url) as journal:
        assert journal.search(kinds=[EventKind.RESULT], contradicting=True)
    assert not any(line.startswith("2026-11-24 ERROR forged") for line in listener.stderr)
