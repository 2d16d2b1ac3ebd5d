"""A listener in this process, on uvicorn in a thread: for tests, demonstrations and small programs on loopback.

``mpesa-cbp listen`` serves brokers, on granian (``worker``); it has TLS, and limits on slow callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpesa_cbp_service.listener.asgi import asgi_application
from mpesa_cbp_service.listener.in_process import InProcessServer

if TYPE_CHECKING:
    from mpesa_cbp_service.listener.listener import Listener

__all__ = ["ListenerServer"]


class ListenerServer:
    """``start`` and ``stop`` it, or use it in a ``with`` statement.

    Listens on loopback unless told otherwise; port 0 takes any free one. With ``operations_port`` (0 for a free one)
    counters, health and readiness are served on that port too, see ``operations_url``. Raises SettingsError where it
    cannot listen there.
    """

    def __init__(
        self,
        listener: Listener,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        operations_host: str = "127.0.0.1",
        operations_port: int | None = None,
    ) -> None:
        self._listener = listener
        application = asgi_application(listener)
        self._server = InProcessServer(application, host=host, port=port, name="mpesa-cbp-listener")
        self._operations = None
        if operations_port is not None:
            from mpesa_cbp_service.listener.admin_server import admin_server

            self._operations = admin_server(listener, host=operations_host, port=operations_port)

    @property
    def url(self) -> str:
        """Base of the URLs to give to the broker, without the path token."""
        return self._server.url

    @property
    def operations_url(self) -> str | None:
        """Base of ``/metrics``, ``/health`` and ``/ready`` on the second port."""
        return self._operations.url if self._operations is not None else None

    def start(self) -> None:
        """Begin to serve and to handle."""
        self._listener.start()
        if self._operations is not None:
            self._operations.start()
        self._server.start()

    def stop(self) -> None:
        """Take no more, finish the requests and handlers under way, then stop."""
        self._server.stop()
        self._listener.stop()
        if self._operations is not None:
            self._operations.stop()

    def __enter__(self) -> ListenerServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
