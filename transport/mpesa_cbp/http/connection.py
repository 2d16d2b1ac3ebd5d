"""Watched connections: which bytes have left, and how long to wait for the answer.

requests and urllib3 do the work; what stands here only looks on, and closes what is too slow or has idled too long.
"""

from __future__ import annotations

import io
import math
import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.retry import Retry

from mpesa_cbp.http.errors import Departure


@dataclass(slots=True)
class Exchange:
    """One attempt: what left, and until when its answer may come.

    ``patience`` and ``keep_alive`` are seconds: for the whole answer, and for a connection between two requests.
    """

    clock: Callable[[], float]
    patience: float
    keep_alive: float = math.inf
    departure: Departure = Departure.UNWATCHED
    deadline: float = math.inf

    def advance(self, departure: Departure) -> None:
        """Note a step; what has begun to leave stays so."""
        if self.departure is not Departure.BEGUN:
            self.departure = departure
            self.deadline = self.clock() + self.patience


# urllib3 makes its connections itself, in the thread of the caller; a context variable is the way to reach them.
current_exchange: ContextVar[Exchange | None] = ContextVar("mpesa_cbp_exchange", default=None)


class _TimedReader(io.RawIOBase):
    """Holds the whole answer to one deadline; a socket's own timeout restarts with each byte that drips in."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, exchange: Exchange) -> None:
        self._raw, self._sock, self._exchange = raw, sock, exchange
        self._pause = sock.gettimeout() or math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = min(self._exchange.deadline - self._exchange.clock(), self._pause)
        if left <= 0:
            raise TimeoutError("the deadline of the whole answer has passed")
        self._sock.settimeout(left if left < math.inf else None)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **more: Any) -> None:
        super().__init__(sock, *arguments, **more)
        exchange = current_exchange.get()
        if exchange is not None:
            self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock, exchange))


class _WatchedConnection(HTTPConnection):
    response_class = _TimedResponse
    _opening = False
    _answered_at = -math.inf

    @property
    def is_connected(self) -> bool:
        """Whether the connection may carry another request; urllib3 asks before each, and opens a new one if not.

        Bytes written to a connection that the other side is closing may have been read or not, so one that has idled
        is given up while that is certain: before anything is written.
        """
        exchange = current_exchange.get()
        idled = exchange is not None and exchange.clock() - self._answered_at >= exchange.keep_alive
        return super().is_connected and not idled

    def connect(self) -> None:
        self._note(Departure.NOT_BEGUN)
        self._opening = True
        try:
            super().connect()
        finally:
            self._opening = False

    def send(self, data: Any) -> None:
        if self.is_closed:
            self.connect()
        if not self._opening:  # what is sent while opening is a proxy's CONNECT, not the request
            self._note(Departure.BEGUN)
        super().send(data)

    def getresponse(self) -> Any:
        """The head of the answer; from here on the connection counts as idle."""
        response = super().getresponse()
        exchange = current_exchange.get()
        if exchange is not None:
            self._answered_at = exchange.clock()
        return response

    @staticmethod
    def _note(departure: Departure) -> None:
        exchange = current_exchange.get()
        if exchange is not None:
            exchange.advance(departure)


class _WatchedTlsConnection(_WatchedConnection, HTTPSConnection):
    pass


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTlsConnection


class WatchedAdapter(HTTPAdapter):
    """requests' adapter with watched connections, our TLS settings, and no retries of its own."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=Retry(0, read=False))

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        """Make the pools' connections watched ones."""
        super().init_poolmanager(*arguments, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTlsPool}

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        """The same for pools towards a proxy."""
        found = super().proxy_manager_for(proxy, **more)
        if type(found) is ProxyManager:  # a SOCKS proxy has connections of its own, which stay unwatched
            found.pool_classes_by_scheme = self.poolmanager.pool_classes_by_scheme
        return found

    def build_connection_pool_key_attributes(self, request: requests.PreparedRequest, *rest: Any, **more: Any) -> Any:
        """Host, and our own context instead of what requests makes of ``verify`` and ``cert``."""
        host, _ = super().build_connection_pool_key_attributes(request, *rest, **more)
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def close(self) -> None:
        """Close all connections: urllib3 only forgets its pools, and leaves the rest to the garbage collection."""
        for owner in (self.poolmanager, *self.proxy_manager.values()):
            for key in owner.pools.keys():  # noqa: SIM118 - not a dict, and cannot be iterated itself
                pool = owner.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()


class PlainSession(requests.Session):
    """A session that takes a redirect for an answer like any other."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: requests looks at redirects even when told not to follow, and reads their body without a limit."""
