"""A listener on a web server of its own (waitress), with the worker that runs its handlers."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from mpesa_cbp_service.listener.admin_server import OperationsServer
from mpesa_cbp_service.web_server.server import Limits, Server

if TYPE_CHECKING:
    from mpesa_cbp_service.listener.listener import Listener

__all__ = ["MAXIMUM_BODY", "ListenerServer", "server_limits"]

MAXIMUM_BODY = 256 * 1024
"""Largest body that a listener reads, in bytes; a message to a partner has some ten thousand at most."""

# Beside those that wait for the journal or for a validation: what answers that it is overloaded, and how it is.
_SPARE_THREADS = 4

# Results that one thread reads before it has them stored, all in one commit.
_TOGETHER = 16


def server_limits(listener: Listener, *, connections: int = 500, request_seconds: float = 20.0) -> Limits:
    """Limits of a server that fit the listener's own."""
    return Limits(
        body=listener.maximum_body,
        threads=listener.maximum_waiting + listener.maximum_validating + _SPARE_THREADS,
        together=min(_TOGETHER, max(1, listener.maximum_waiting // 2)),
        connections=connections,
        request_seconds=request_seconds,
    )


class ListenerServer:
    """``start`` and ``stop`` it, or use it in a ``with`` statement.

    Listens on loopback unless told otherwise; port 0 takes any free one. ``tls`` is a context as
    ``web_server.tls.server_context`` makes it. With ``operations_port`` (0 for a free one) counters, health and
    readiness are served on that port too, see ``operations_url``. Raises SettingsError where it cannot listen there.
    """

    def __init__(
        self,
        listener: Listener,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        operations_host: str = "127.0.0.1",
        operations_port: int | None = None,
    ) -> None:
        self._listener = listener
        self._server = Server(
            listener,
            host=host,
            port=port,
            name="mpesa-cbp-listener",
            limits=limits or server_limits(listener),
            tls=tls,
            admits=listener.access.admits_connection,
        )
        self._operations = None
        if operations_port is not None:
            self._operations = OperationsServer(listener, host=operations_host, port=operations_port)

    @property
    def url(self) -> str:
        """Base of the URLs to give to the broker, without the path token."""
        return self._server.url

    @property
    def operations_url(self) -> str | None:
        """Base of ``/metrics``, ``/health`` and ``/ready`` on the second port."""
        return self._operations.url if self._operations is not None else None

    def start(self) -> None:
        """Begin to serve and to handle. Raises SettingsError where the system has not the threads for it."""
        try:
            self._listener.start()
            if self._operations is not None:
                self._operations.start()
            self._server.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Take no more, finish the requests and handlers at hand, then stop."""
        self._server.stop()
        self._listener.stop()
        if self._operations is not None:
            self._operations.stop()

    def __enter__(self) -> ListenerServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
