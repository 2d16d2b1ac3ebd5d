"""An ASGI application served by uvicorn in a thread of this process: for tests, demonstrations, and a second port."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from mpesa_cbp.errors import SettingsError

if TYPE_CHECKING:
    import uvicorn

    from mpesa_cbp_service.listener.asgi import AsgiApplication

__all__ = ["InProcessServer", "bind"]

_GRACE_SECONDS = 5
_BACKLOG = 1024


def bind(host: str, port: int, name: str, *, share: bool = False) -> socket.socket:
    """A socket bound to host and port; ``share`` lets other processes of ours bind to it too, where the system can.

    Raises SettingsError, which begins with ``name``, where that cannot be.
    """
    try:
        found = {each[4]: each[0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        if len(found) > 1:
            raise SettingsError(f"{host} names more than one address: give one of them")
        ((address, family),) = found.items()
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if share and hasattr(socket, "SO_REUSEPORT"):
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(address)
        except BaseException:
            bound.close()
            raise
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{name} cannot listen on {host} port {port}: {error}") from None
    return bound


class InProcessServer:
    """Listens from the moment that it is made, serves from ``start`` to ``stop``; without a limit on slow headers.

    The application's lifespan is the caller's. Raises SettingsError where it cannot listen there.
    """

    def __init__(
        self,
        application: AsgiApplication,
        *,
        host: str,
        port: int,
        name: str,
        share: bool = False,
    ) -> None:
        self._application, self._name = application, name
        self._socket = bind(host, port, name, share=share)
        self._socket.listen(_BACKLOG)
        self._host, self._port = self._socket.getsockname()[:2]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    @property
    def url(self) -> str:
        """Base of its URLs."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> None:
        """Begin to serve; a second time does nothing. Raises RuntimeError once it was stopped."""
        import uvicorn

        if self._stopped:
            raise RuntimeError(f"{self._name} was stopped; make a new one")
        if self._thread is not None:
            return
        application: Any = self._application
        settings = uvicorn.Config(
            application,
            lifespan="off",
            loop="asyncio",
            http="h11",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name=f"{self._name}-server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no more, finish the requests under way for five seconds, then stop; a second time does nothing."""
        self._stopped = True
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(3 * _GRACE_SECONDS)
        self._socket.close()
