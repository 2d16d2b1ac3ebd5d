"""The web server under the simulator: waitress, with one trick that it lacks, hanging up on a caller."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

from mpesa_cbp.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

RESET = "mpesa_cbp.reset"
"""Key in the WSGI environment of a function that ends the connection without an answer; it does not return."""

MAXIMUM_BODY = 1024 * 1024
"""Largest request that is read, in bytes; a request of the family has some three thousand."""

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 5.0


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        environment[RESET] = self._reset
        return environment

    def _reset(self) -> None:
        # Closing with a lingering time of zero sends RST in place of FIN.
        with contextlib.suppress(OSError):
            self.channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ClientDisconnected


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    task_class = _Task


class Server:
    """A WSGI application on a socket of its own, served from the moment of ``start`` by a thread of its own.

    Raises SettingsError where it cannot listen there.
    """

    def __init__(self, application: WSGIApplication, *, host: str, port: int, threads: int = 12) -> None:
        self._map: dict[int, Any] = {}
        try:
            self._server = create_server(
                application,
                map=self._map,
                host=host,
                port=port,
                threads=threads,
                ident="mpesa-cbp-simulator",
                max_request_body_size=MAXIMUM_BODY,
                max_request_header_size=32 * 1024,
                channel_timeout=60,
                connection_limit=200,
                clear_untrusted_proxy_headers=True,
            )
        except (OSError, ValueError) as error:
            raise SettingsError(f"the simulator cannot listen on {host} port {port}: {error}") from None
        if not hasattr(self._server, "channel_class"):
            self._server.close()
            raise SettingsError(f"{host} names more than one address: give one of them")
        self._server.channel_class = _Channel
        self.host: str = str(self._server.effective_host)
        self.port: int = int(self._server.effective_port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulator-server", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self, busy: Callable[[], bool]) -> None:
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
