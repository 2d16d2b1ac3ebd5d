"""What answers everything that is not SOAP: the page and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpesa_cbp.simulator.messages import Reply
from mpesa_cbp.simulator.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Desk:
    """Sends each request to the page or the API."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, environ: WSGIEnvironment, body: bytes) -> Reply:
        """Answer one request."""
        del environ, body
        return Reply(404, "text/plain; charset=utf-8", b"Nothing is here yet.\n")
