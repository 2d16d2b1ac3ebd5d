"""The web server under the simulator: werkzeug's, in threads of this process, for tools on loopback."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from werkzeug.serving import make_server

from mpesa_cbp_service.listener.in_process import bind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["MAXIMUM_BODY", "Server", "hang_up"]

MAXIMUM_BODY = 1024 * 1024
"""Largest request that the simulator reads, in bytes; a message of the family has some three thousand."""

_GRACE_SECONDS = 5.0
_BACKLOG = 1024


class Server:
    """A WSGI application on a socket of its own, from ``start`` to ``stop``.

    Raises SettingsError where it cannot listen there.
    """

    def __init__(self, application: WSGIApplication, *, host: str, port: int) -> None:
        # It logs each request, and each answer that breaks off, which on one bad day is the point.
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        with bind(host, port, "mpesa-cbp-simulator") as bound:
            bound.listen(_BACKLOG)
            self._server = make_server(host, port, application, threaded=True, fd=bound.fileno())
            self._host, self._port = bound.getsockname()[:2]
        self._thread = threading.Thread(target=self._server.serve_forever, name="mpesa-cbp-simulator", daemon=True)

    @property
    def url(self) -> str:
        """Base of its URLs."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self, busy: Callable[[], bool] = lambda: False) -> None:
        """Stop listening, and finish what was accepted: ``busy`` says whether some is left."""
        deadline = time.monotonic() + _GRACE_SECONDS
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(_GRACE_SECONDS)
        self._server.socket.close()
        while busy() and time.monotonic() < deadline:
            time.sleep(0.01)


def hang_up(environ: WSGIEnvironment) -> NoReturn:
    """End the connection of a request without an answer, as a broker does that dies: with a reset."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        # Closing with a lingering time of zero sends RST in place of FIN.
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionAbortedError("the simulator hangs up")
