"""A broker on loopback that fails where it is told to: raw sockets, one thread a connection, events and no sleeps."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType

from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import Response
from mpesa_cbp_models.operations import GENERIC_API_REQUEST

ANSWER = b'<?xml version="1.0" encoding="UTF-8"?><answer>received</answer>'


def http_answer(body: bytes, *, status: str = "200 OK", content_type: str = "text/xml", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


class Conversation:
    """One connection as the broker sees it; ``received`` is the part of a request that has come so far."""

    def __init__(self, connection: socket.socket, stopped: threading.Event, released: threading.Event) -> None:
        self.connection = connection
        self.stopped = stopped
        self.released = released
        self.received = b""
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.complete = 0
        self.written = 0

    @property
    def begun(self) -> int:
        """Requests of which anything was seen."""
        return self.complete + bool(self.received)

    def read_head(self, at_once: int = 4096) -> bytes:
        """The head of the request; with ``at_once`` 1 nothing of the body is read with it."""
        while b"\r\n\r\n" not in self.received:
            if not self._more(at_once):
                return b""
        head = self.received.partition(b"\r\n\r\n")[0]
        self.heads.append(head)
        return head

    def read_body(self, at_most: int | None = None) -> bytes:
        """The body of the request, or its first bytes; a whole one is counted and makes room for the next."""
        head, _, body = self.received.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        wanted = length if at_most is None else at_most
        while len(body) < wanted:
            if not self._more(wanted - len(body)):
                return body
            body = self.received.partition(b"\r\n\r\n")[2]
        if len(body) == length:
            self.complete += 1
            self.bodies.append(body)
            self.received = b""
        return body

    def read_request(self) -> tuple[bytes, bytes]:
        head = self.read_head()
        return head, self.read_body() if head else b""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)
        self.written += len(data)

    def reset(self) -> None:
        """End with RST: what was sent and not yet read is lost on the other side too."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _more(self, amount: int) -> bytes:
        data = self.connection.recv(amount)
        self.received += data
        return data


Behaviour = Callable[[Conversation], None]


class FailingBroker:
    """Listens on a free port of 127.0.0.1 and treats each connection in its way; a context manager."""

    def __init__(self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._behaviour = behaviour
        self._tls = tls
        self._stopped = threading.Event()
        self.released = threading.Event()
        self.ended = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self.conversations: list[Conversation] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]

    def __enter__(self) -> FailingBroker:
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self.released.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()  # wakes accept()
        self._acceptor.join()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def url(self, host: str = "127.0.0.1") -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host}:{self.port}/mminterface/request"

    def wait_for_ends(self, number: int = 1) -> None:
        """Until so many connections have been treated, so that the counts below are settled."""
        for _ in range(number):
            assert self.ended.acquire(timeout=30), "the broker is still busy"

    @property
    def complete_requests(self) -> int:
        return sum(conversation.complete for conversation in self.conversations)

    @property
    def begun_requests(self) -> int:
        return sum(conversation.begun for conversation in self.conversations)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self._stopped.is_set():
                connection.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._treat, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _treat(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        try:
            # The client hangs up in most of these scenes, in the middle of a handshake too.
            with suppress(OSError), connection:
                stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
                with stream:
                    conversation = Conversation(stream, self._stopped, self.released)
                    self.conversations.append(conversation)
                    self._behaviour(conversation)
        finally:
            self.ended.release()


# Behaviours, in the order in which a request meets them.


def closes_at_once(conversation: Conversation) -> None:
    conversation.reset()


def closes_unread(conversation: Conversation) -> None:
    """Once something has come, which is left unread."""
    conversation.connection.recv(1, socket.MSG_PEEK)
    conversation.reset()


def closes_after_first_byte(conversation: Conversation) -> None:
    conversation.connection.recv(1)
    conversation.reset()


def closes_after_head(conversation: Conversation) -> None:
    conversation.read_head()
    conversation.reset()


def closes_inside_body(conversation: Conversation) -> None:
    conversation.read_head()
    conversation.read_body(at_most=10_000)
    conversation.reset()


def refuses_tunnel(conversation: Conversation) -> None:
    """As a proxy that asks for a password does."""
    conversation.read_head()
    conversation.send(http_answer(b"", status="407 Proxy Authentication Required"))


def closes_without_answer(conversation: Conversation) -> None:
    conversation.read_request()


def answers(*messages: bytes) -> Behaviour:
    """Each message answers one request, all on one connection."""

    def behaviour(conversation: Conversation) -> None:
        for message in messages:
            conversation.read_request()
            conversation.send(message)

    return behaviour


def answers_late(conversation: Conversation) -> None:
    conversation.read_request()
    conversation.released.wait(10)
    conversation.send(http_answer(ANSWER))


def closes_kept_connection_on_second_request(conversation: Conversation) -> None:
    conversation.read_request()
    conversation.send(http_answer(ANSWER))
    conversation.read_request()


def drips(prefix: bytes) -> Behaviour:
    """One byte at a time, for ever, each well within the read timeout."""

    def behaviour(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.send(prefix)
        while not conversation.stopped.wait(0.05):
            conversation.send(b"x")

    return behaviour


def sends_hundred_megabytes(head: bytes) -> Behaviour:
    def behaviour(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.send(head)
        for piece in chunked(b"x" * 65_536 for _ in range(1600)):
            conversation.send(piece)

    return behaviour


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def gzip_bomb(size: int) -> bytes:
    return gzip.compress(bytes(size))


def acceptance(request: bytes, *, code: str = "00000000", description: str = "Accepted") -> bytes:
    """The envelope with which a healthy broker answers a request."""
    message = decode(request).message
    conversation_id = getattr(getattr(message, "transaction", None), "originator_conversation_id", None)
    response = Response(
        response_code=code,
        response_desc=description,
        originator_conversation_id=conversation_id,
        conversation_id="AG_20261124_00004f1c2d3e4a5b6c7d",
    )
    return encode(response, operation=GENERIC_API_REQUEST, direction="output")


def accepts(conversation: Conversation) -> None:
    """Accepts each request, as on a good day."""
    while conversation.read_head():
        conversation.send(http_answer(acceptance(conversation.read_body())))


def accepts_once_released(heard: threading.Event) -> Behaviour:
    """Accepts each request, none before the broker's ``released`` is set; ``heard`` is set when one has come."""

    def behaviour(conversation: Conversation) -> None:
        while conversation.read_head():
            body = conversation.read_body()
            heard.set()
            conversation.released.wait(30)
            conversation.send(http_answer(acceptance(body)))

    return behaviour


def echoes(conversation: Conversation) -> None:
    """Answers each request with its own body, so that an answer given to the wrong thread is noticed."""
    while conversation.read_head():
        conversation.send(http_answer(conversation.read_body()))
