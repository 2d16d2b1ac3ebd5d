"""The production web server (waitress) under listener and simulator, started and stopped from code."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ThreadedTaskDispatcher

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.log_events import CONNECTION_REFUSED
from mpesa_cbp_service.web_server.channel import Channel, TlsChannel
from mpesa_cbp_service.web_server.followers import Followers
from mpesa_cbp_service.web_server.log_limit import LogLimit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAXIMUM_BODY = 1024 * 1024
"""Largest request that the simulator reads, in bytes; a message of the family has some three thousand."""

_POLL_SECONDS = 0.25
_GRACE_SECONDS = 5.0

_logger = logging.getLogger("mpesa_cbp.listener")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one caller, or all together, may take: ``body`` and ``header`` in bytes, times in seconds.

    ``request_seconds`` is for a whole request, headers and body, or a TLS handshake; ``idle_seconds`` for a
    connection without one. Beyond ``connections`` those make room that have been at an unfinished request longest.
    Of an application with a ``begin``, ``together`` requests at most are begun before the first of them is finished
    (followers.py).
    """

    body: int = MAXIMUM_BODY
    header: int = 32 * 1024
    connections: int = 500
    request_seconds: float = 20.0
    idle_seconds: float = 60.0
    threads: int = 12
    together: int = 16


class Server:
    """A WSGI application on a socket of its own, served from the moment of ``start`` by a thread of its own.

    ``name`` is what it calls itself. With ``tls`` it speaks nothing else. ``admits`` tells of an address whether it
    may connect at all; others are cut off before a byte is read. Raises SettingsError where it cannot listen there.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        host: str,
        port: int,
        name: str,
        limits: Limits = Limits(),
        tls: ssl.SSLContext | None = None,
        admits: Callable[[str], bool] = lambda _: True,
        channel_class: type[Any] | None = None,
    ) -> None:
        self._map: dict[int, Any] = {}
        self._limits = limits
        self._admits = admits
        self._channel_class = channel_class or (TlsChannel if tls is not None else Channel)
        self._server = _create(application, host=host, port=port, name=name, limits=limits, tls=tls, map=self._map)
        self._server.tls_context = tls
        self._server.handshake_failed = self._refused
        self._server.channel_class = self._connected
        self._pull_trigger = self._server.pull_trigger
        self._server.pull_trigger = self._interrupt
        if isinstance(self._server.task_dispatcher, Followers):
            self._server.task_dispatcher.interrupt = self._interrupt
            self._server.pull_trigger = self._server.task_dispatcher.wake
        self._closing = threading.Lock()
        self._closed = False
        self.scheme = "http" if tls is None else "https"
        self.host: str = str(self._server.effective_host)
        self.port: int = int(self._server.effective_port)
        self._next_look = 0.0
        self._refusals = LogLimit()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-server", daemon=True)

    @property
    def url(self) -> str:
        """Base of its URLs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def start(self) -> None:
        """Begin to serve; a second time does nothing. Raises SettingsError where the system has not as many threads as
        it needs, RuntimeError once it was stopped."""
        if self._stopping.is_set():
            raise RuntimeError(f"{self._thread.name} was stopped; make a new one")
        if self._thread.ident is not None:
            return
        dispatcher = self._server.task_dispatcher
        try:
            if isinstance(dispatcher, Followers):
                dispatcher.start()
            self._thread.start()
        except RuntimeError as error:
            # With fewer, or without the one that watches them, it would seem to serve, and at some time stop.
            dispatcher.shutdown(timeout=0)
            needed = self._limits.threads + 1
            raise SettingsError(f"{self._thread.name} cannot start its {needed} threads: {error}") from None

    def stop(self, busy: Callable[[], bool] = lambda: False) -> None:
        """Stop listening, finish what was accepted (``busy`` tells whether some is left), and close everything."""
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._thread.is_alive() and busy() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._stopping.set()
        if self._thread.is_alive():
            self._interrupt()
            self._thread.join(3 * _GRACE_SECONDS)
        else:
            self._server.task_dispatcher.shutdown(timeout=_GRACE_SECONDS)
            self._close()

    def _connected(self, server: Any, sock: Any, addr: Any, adj: Any, map: Any) -> HTTPChannel | None:  # noqa: A002
        """Make a channel of a new connection; whatever goes wrong with it must not end the server."""
        if not self._admits(addr[0]):
            self._refused(addr[0], "not in the allowed networks")
            sock.close()
            return None
        try:
            return self._channel_class(server, sock, addr, adj, map=map)
        except (OSError, ValueError):
            sock.close()
            return None

    def _refused(self, origin: str, reason: str) -> None:
        if self._refusals.allows():
            CONNECTION_REFUSED.log(_logger, origin=origin, reason=reason)

    def _run(self) -> None:
        self._serve(self._stopping.wait)
        self._server.accepting = False
        self._server.socket.close()
        self._server.del_channel()
        deadline = time.monotonic() + _GRACE_SECONDS
        self._serve(lambda seconds: not self._unfinished(seconds) or time.monotonic() >= deadline)
        self._server.task_dispatcher.shutdown(timeout=_GRACE_SECONDS)
        deadline = time.monotonic() + 1
        while self._unsent() and time.monotonic() < deadline:
            self._turn()
        self._close()

    def _serve(self, until: Callable[[float], bool]) -> None:
        if isinstance(self._server.task_dispatcher, Followers):
            self._server.task_dispatcher.serve(self._turn, until)
        else:
            while not until(0):
                self._turn()

    def _turn(self) -> None:
        self._server.asyncore.loop(timeout=_POLL_SECONDS, map=self._map, count=1, use_poll=True)
        now = time.monotonic()
        if now >= self._next_look or len(self._server.active_channels) > self._limits.connections:
            self._next_look = now + _POLL_SECONDS
            self._cut_off(now)

    def _cut_off(self, now: float) -> None:
        """Close connections that take too long, and where there are too many, those that are slowest."""
        waiting = []
        for channel in tuple(self._server.active_channels.values()):
            if channel.requests:
                continue
            since = getattr(channel, "working_since", None)
            idle = time.time() - channel.last_activity
            if (since is not None and now - since > self._limits.request_seconds) or idle > self._limits.idle_seconds:
                channel.handle_close()
            else:
                waiting.append((since is None, now - idle if since is None else since, id(channel), channel))
        excess = len(self._server.active_channels) - self._limits.connections * 9 // 10
        if excess > 0 and len(self._server.active_channels) > self._limits.connections:
            for *_, channel in sorted(waiting)[:excess]:
                channel.handle_close()

    def _unfinished(self, seconds: float) -> bool:
        """Whether requests are under way, at the end of the time that they are given."""
        deadline = time.monotonic() + seconds
        while any(channel.requests for channel in tuple(self._server.active_channels.values())):
            if time.monotonic() >= deadline:
                return True
            time.sleep(0.001)
        return False

    def _unsent(self) -> bool:
        return any(getattr(channel, "total_outbufs_len", 0) for channel in tuple(self._map.values()))

    def _interrupt(self) -> None:
        """Have a poll of the loop return. After the end it does nothing: the descriptor of waitress's trigger may then
        be that of a journal, into which a thread that is late would write."""
        with self._closing:
            if not self._closed:
                self._pull_trigger()

    def _close(self) -> None:
        with self._closing:
            self._closed = True
            self._server.asyncore.close_all(self._map)


def _create(
    application: WSGIApplication,
    *,
    host: str,
    port: int,
    name: str,
    limits: Limits,
    tls: ssl.SSLContext | None,
    map: dict[int, Any],  # noqa: A002 (waitress's)
) -> Any:
    listening = _listening_socket(host, port, name)
    return create_server(
        application,
        map=map,
        sockets=[listening],
        _dispatcher=_dispatcher(application, limits),
        ident=name,
        # waitress refuses what reaches its limit; ours is what may be.
        max_request_body_size=limits.body + 1,
        max_request_header_size=limits.header,
        # A body stays in memory: a temporary file could not be written where the disk is full.
        inbuf_overflow=limits.body + 2,
        recv_bytes=16 * 1024,
        channel_timeout=int(limits.idle_seconds),
        # Room for some more than the limit, which `_cut_off` brings down to it.
        connection_limit=limits.connections + 100,
        backlog=1024,
        log_socket_errors=False,
        url_scheme="http" if tls is None else "https",
        # The application itself judges who may have set such a header.
        clear_untrusted_proxy_headers=False,
    )


def _dispatcher(application: WSGIApplication, limits: Limits) -> Followers | ThreadedTaskDispatcher:
    if hasattr(application, "begin"):
        return Followers(threads=limits.threads, together=limits.together)
    dispatcher = _Threads()
    dispatcher.set_thread_count(limits.threads)
    return dispatcher


class _Threads(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress has no types
    """Waitress's, which would warn of each request that has to wait for a thread."""

    def add_task(self, task: Any) -> None:
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()


def _listening_socket(host: str, port: int, name: str) -> socket.socket:
    """Bound before there is a server: one that cannot bind would leave its threads behind."""
    try:
        found = {each[4]: each[0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        if len(found) > 1:
            raise SettingsError(f"{host} names more than one address: give one of them")
        ((address, family),) = found.items()
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
        except BaseException:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{name} cannot listen on {host} port {port}: {error}") from None
    return listening
