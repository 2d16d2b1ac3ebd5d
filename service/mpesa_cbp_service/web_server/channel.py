"""One connection of the web server: waitress's channel, made strict, bounded in time, and able to speak TLS.

waitress reads headers and body without a thread, and counts any byte as activity; a caller who sends one byte in a
while would keep a connection for ever. So each channel tells how long it has been at the request at hand, and the
server closes what takes too long. TLS is done on the same non-blocking socket: a handshake holds up nobody.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
import time
from collections.abc import MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography import x509
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import build_http_date

__all__ = ["CLIENT_CERTIFICATE", "ApplicationTask", "Channel", "TlsChannel"]

CLIENT_CERTIFICATE = "SSL_CLIENT_S_DN"
"""Key in the WSGI environment of the client certificate's subject (RFC 4514), as Apache's mod_ssl names it."""

# Header and body of a message leave in one packet; a page of the simulator, which is larger, in some.
_LARGE = 64 * 1024

_WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter  # Python 3.10 knows no type arguments there


class _Pathless(_Adapter):
    """Keeps the path out of waitress's log: it holds the listener's path token."""

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[object, MutableMapping[str, Any]]:
        return str(msg).partition(" while serving ")[0], kwargs


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Refuses what two servers in a row could read differently (request smuggling), and HTTP before 1.0."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError:
            # Python reads no number of more than 4300 digits.
            raise ParsingError("Content-Length") from None
        if self.version not in ("1.0", "1.1"):
            raise ParsingError("HTTP version")
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and "CONTENT_LENGTH" in self.headers):
            raise ParsingError("ambiguous length")


class _Whole(Task):  # type: ignore[misc]  # waitress has no types
    """Sends its answer when it is whole."""

    def finish(self) -> None:
        super().finish()
        self.channel.send_answer()


class ApplicationTask(_Whole, WSGITask):  # type: ignore[misc]  # waitress has no types
    """Has the application answer a request."""

    def get_environment(self) -> dict[str, Any]:
        """The WSGI environment, the one with which the request was begun if it was."""
        environment: dict[str, Any] = self.channel.take_begun() or super().get_environment()
        return environment

    def execute(self) -> None:
        """Call the application, and write what it answers: shortly where the request was begun and is a usual one."""
        request = self.request
        usual = self.version == "1.1" and request.command == "POST" and "CONNECTION" not in request.headers
        if not usual or not self.channel.has_begun():
            super().execute()
            return
        said: list[Any] = []
        parts = self.channel.server.application(self.get_environment(), lambda *answer: said.append(answer))
        try:
            body = b"".join(parts)
        finally:
            getattr(parts, "close", lambda: None)()
        ((status, headers),) = said
        lines = [f"{name}: {value}" for name, value in headers]
        if any("\n" in line or "\r" in line for line in (status, *lines)) or not any(
            name.lower() == "content-length" for name, _ in headers
        ):
            raise ValueError("an answer must have a length, and its headers one line each")
        date = _http_date(int(self.start_time))
        head = "\r\n".join((f"HTTP/1.1 {status}", *lines, f"Server: {self.channel.adj.ident}", f"Date: {date}", "", ""))
        self.wrote_header = True
        self.channel.write_soon(head.encode("latin-1") + body)


@lru_cache(maxsize=1)
def _http_date(second: int) -> str:
    return str(build_http_date(second))


class _ErrorTask(_Whole, ErrorTask):  # type: ignore[misc]  # waitress has no types
    """Answers a bad request without repeating any of it."""

    def execute(self) -> None:
        self.request.error.body = ""
        super().execute()


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection; ``working_since`` is when the unfinished request at hand began (monotonic seconds), or None."""

    parser_class = _Parser
    task_class = ApplicationTask
    error_task_class = _ErrorTask
    logger = _Pathless(logging.getLogger("waitress"))

    working_since: float | None = None
    _working_on: object = None
    _held = b""
    _begun: dict[str, Any] | None = None

    def received(self, data: bytes) -> bool:
        """Take what has come, and note when its request began."""
        taken: bool = super().received(data)
        if self.request is not self._working_on:
            self._working_on = self.request
            self.working_since = time.monotonic() if self.request is not None else None
        return taken

    def begin(self) -> None:
        """Let the application begin with the request at hand; asked by ``Followers`` alone, whose application can."""
        request = self.requests[0]
        if self._begun is not None or request.error or not self.connected:
            return
        environment = self.task_class(self, request).get_environment()
        try:
            self.server.application.begin(environment)
        except BaseException:
            environment["wsgi.input"].seek(0)  # for the application, which is to answer all the same
            raise
        self._begun = environment

    def has_begun(self) -> bool:
        """Whether the request at hand was begun."""
        return self._begun is not None

    def take_begun(self) -> dict[str, Any] | None:
        """The environment of the request that was begun, for its task; once."""
        begun, self._begun = self._begun, None
        return begun

    def write_soon(self, data: Any) -> int:
        """Take a part of an answer; it leaves when the answer is whole, or as soon as it is large."""
        if not isinstance(data, bytes) or len(self._held) + len(data) > _LARGE:
            self.send_answer()
            return int(super().write_soon(data))
        self._held += data
        return len(data)

    def send_answer(self) -> None:
        """Send what was taken, from the task's own thread; what the socket does not take at once, the loop sends."""
        held, self._held = self._held, b""
        super().write_soon(held)

    def writable(self) -> bool:
        """Whether the server's loop has something to send: not while a task is at work, which sends by itself.

        waitress says so then too, and the loop turns in vain until the task is done.
        """
        if self.will_close or self.close_when_flushed:
            return True
        unsent: int = self.total_outbufs_len
        return unsent > (self.adj.outbuf_high_watermark if self.requests else 0)


class _TlsTask(ApplicationTask):
    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        if self.channel.subject is not None:
            environment[CLIENT_CERTIFICATE] = self.channel.subject
        return environment


class TlsChannel(Channel):
    """A connection with TLS; ``subject`` is the client certificate's once the handshake is done."""

    task_class = _TlsTask
    subject: str | None = None

    def __init__(self, server: Any, sock: Any, addr: Any, adj: Any, map: Any = None) -> None:  # noqa: A002 (waitress's)
        # An SSL object must not be read and written at the same time, and waitress sends from other threads.
        self._tls = threading.RLock()
        self._shaken = False
        self._wants_to_write = False
        sock.setblocking(False)
        wrapped = server.tls_context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        super().__init__(server, wrapped, addr, adj, map=map)
        self.working_since = time.monotonic()

    def readable(self) -> bool:
        """Whether there is something to wait for from the other side."""
        return bool(super().readable()) if self._shaken else not self._wants_to_write

    def writable(self) -> bool:
        """Whether there is something to send."""
        return bool(super().writable()) if self._shaken else self._wants_to_write or self.will_close

    def handle_write(self) -> None:
        """Send, or go on with the handshake."""
        if self._shaken or self.will_close or self._shake():
            super().handle_write()

    def handle_read(self) -> None:
        """Read all that is there: what the SSL object has taken from the socket would wake nobody."""
        if not self._shaken and not self._shake():
            return
        while True:
            try:
                with self._tls:
                    data = self.socket.recv(self.adj.recv_bytes)
            except _WANTS:
                return
            except OSError:
                data = b""
            if not data:
                self.handle_close()
                return
            self.last_activity = time.time()
            self.received(data)
            if not self.connected or self.socket is None or not self.socket.pending():
                return

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what can be sent without waiting."""
        try:
            with self._tls:
                return int(self.socket.send(data))
        except _WANTS:
            return 0
        except OSError:
            if do_close:
                self.handle_close()
            return 0

    def close(self) -> None:
        """Say good-bye if that goes without waiting, and close."""
        if self._shaken and self.socket is not None:
            with self._tls, contextlib.suppress(OSError, ValueError):
                self.socket.unwrap()
        super().close()

    def _shake(self) -> bool:
        try:
            with self._tls:
                self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._wants_to_write = False
            return False
        except ssl.SSLWantWriteError:
            self._wants_to_write = True
            return False
        except OSError as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            self.server.handshake_failed(self.addr[0], f"TLS handshake failed: {reason}")
            self.handle_close()
            return False
        self._shaken, self._wants_to_write, self.working_since = True, False, None
        certificate = self.socket.getpeercert(binary_form=True)
        if certificate:
            self.subject = x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
        return True
