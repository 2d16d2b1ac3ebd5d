"""The listener's second port, for those who operate it: counters for Prometheus, health, readiness."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mpesa_cbp_service.web_server.server import Limits, Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from mpesa_cbp_service.listener.listener import Listener

__all__ = ["OperationsServer"]

_TEXT = "text/plain; charset=utf-8"


class OperationsServer:
    """Serves ``/metrics``, ``/health`` (the process lives) and ``/ready`` (the journal can be written)."""

    def __init__(self, listener: Listener, *, host: str, port: int) -> None:
        self._listener = listener
        self._server = Server(
            self._answer,
            host=host,
            port=port,
            name="mpesa-cbp-operations",
            limits=Limits(body=1024, connections=50, threads=2),
        )
        self.url = self._server.url
        self.start = self._server.start
        self.stop = self._server.stop

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        status, kind, body = "404 Not Found", _TEXT, b"not found\n"
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            status, body = "405 Method Not Allowed", b"only GET\n"
        elif path == "/metrics":
            status, kind, body = "200 OK", CONTENT_TYPE_LATEST, generate_latest(self._listener.metrics.registry)
        elif path == "/health":
            status, body = "200 OK", b"alive\n"
        elif path == "/ready":
            ready = self._listener.ready()
            status = "200 OK" if ready else "503 Service Unavailable"
            body = b"ready\n" if ready else b"the journal is not writable\n"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]
