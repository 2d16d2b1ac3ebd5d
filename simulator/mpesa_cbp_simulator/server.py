"""The web server under the simulator: waitress, with one trick that it lacks, hanging up on a caller."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Any

from waitress.channel import ClientDisconnected

from mpesa_cbp_service.web_server.channel import ApplicationTask, Channel
from mpesa_cbp_service.web_server.server import MAXIMUM_BODY
from mpesa_cbp_service.web_server.server import Server as WsgiServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

RESET = "mpesa_cbp.reset"
"""Key in the WSGI environment of a function that ends the connection without an answer; it does not return."""

__all__ = ["MAXIMUM_BODY", "RESET", "Server"]


class _Task(ApplicationTask):
    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        environment[RESET] = self._reset
        return environment

    def _reset(self) -> None:
        # Closing with a lingering time of zero sends RST in place of FIN.
        with contextlib.suppress(OSError):
            self.channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ClientDisconnected


class _Channel(Channel):
    task_class = _Task


class Server(WsgiServer):
    """The simulator's server, whose application can hang up."""

    def __init__(self, application: WSGIApplication, *, host: str, port: int) -> None:
        super().__init__(application, host=host, port=port, name="mpesa-cbp-simulator", channel_class=_Channel)
