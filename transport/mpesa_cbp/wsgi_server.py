"""The production web server (waitress) under listener and simulator, started and stopped from code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.server import create_server

from mpesa_cbp.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAXIMUM_BODY = 1024 * 1024
"""Largest request that is read, in bytes; a message of the family has some three thousand."""

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 5.0


class Server:
    """A WSGI application on a socket of its own, served from the moment of ``start`` by a thread of its own.

    ``name`` is what it calls itself; ``channel_class`` replaces waitress's own. Headers and bodies that come too
    slowly are cut off after ``channel_timeout`` seconds. Raises SettingsError where it cannot listen there.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        host: str,
        port: int,
        name: str,
        threads: int = 12,
        channel_timeout: int = 60,
        connection_limit: int = 200,
        channel_class: type[Any] = HTTPChannel,
    ) -> None:
        self._map: dict[int, Any] = {}
        try:
            self._server = create_server(
                application,
                map=self._map,
                host=host,
                port=port,
                threads=threads,
                ident=name,
                max_request_body_size=MAXIMUM_BODY,
                max_request_header_size=32 * 1024,
                channel_timeout=channel_timeout,
                connection_limit=connection_limit,
                clear_untrusted_proxy_headers=True,
            )
        except (OSError, ValueError) as error:
            raise SettingsError(f"{name} cannot listen on {host} port {port}: {error}") from None
        if not hasattr(self._server, "channel_class"):
            self._server.close()
            raise SettingsError(f"{host} names more than one address: give one of them")
        self._server.channel_class = channel_class
        self.host: str = str(self._server.effective_host)
        self.port: int = int(self._server.effective_port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-server", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self, busy: Callable[[], bool] = lambda: False) -> None:
        """Stop listening, finish what was accepted (``busy`` tells whether some is left), and close everything."""
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._thread.is_alive() and busy() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._stopping.set()
        self._server.pull_trigger()
        if self._thread.is_alive():
            self._thread.join(_GRACE_SECONDS)
        else:
            self._close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._turn()
        self._server.task_dispatcher.shutdown(timeout=_GRACE_SECONDS)
        deadline = time.monotonic() + 1
        while self._unsent() and time.monotonic() < deadline:
            self._turn()
        self._close()

    def _turn(self) -> None:
        self._server.asyncore.loop(timeout=_POLL_SECONDS, map=self._map, count=1)

    def _unsent(self) -> bool:
        return any(getattr(channel, "total_outbufs_len", 0) for channel in tuple(self._map.values()))

    def _close(self) -> None:
        self._server.asyncore.close_all(self._map)
