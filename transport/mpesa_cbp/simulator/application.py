"""The WSGI application: the SOAP endpoint of the broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mpesa_cbp.simulator.broker import Inbound
from mpesa_cbp.simulator.messages import Reply, fault
from mpesa_cbp.simulator.server import MAXIMUM_BODY, RESET
from mpesa_cbp.simulator.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)

ENDPOINT = "/mminterface/request"
"""Where partners post (protocol, section 1)."""

_SOAP_PATHS = frozenset(
    {ENDPOINT, "/queryTransactionService/services/transaction", "/managementService/services/management"}
)

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Application:
    """One callable for the server."""

    def __init__(self, world: World, *, host: str) -> None:
        self._world = world
        self._hosts = _LOOPBACK | {host} if host in _LOOPBACK else None
        self._stopping = threading.Event()
        self._count = 0
        self._lock = threading.Lock()

    def busy(self) -> bool:
        """Whether a request is being answered."""
        with self._lock:
            return self._count > 0

    def hurry(self) -> None:
        """Stop: slow answers are given at once from now on."""
        self._stopping.set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        with self._lock:
            self._count += 1
        try:
            reply = self._reply(environ)
            if reply.delay:
                self._stopping.wait(reply.delay)
        except Exception:  # noqa: BLE001 - whatever fails, the caller gets an answer
            _log.exception("the simulator failed on a request")
            reply = fault("soapenv:Server", "The simulator failed; its log tells why.")
        finally:
            with self._lock:
                self._count -= 1
        return _send(reply, environ, start_response)

    def _reply(self, environ: WSGIEnvironment) -> Reply:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if not self._meant_for_us(environ):
            return _text(421, "This name is not the simulator's.")
        body = environ["wsgi.input"].read(MAXIMUM_BODY + 1) if method == "POST" else b""
        if len(body) > MAXIMUM_BODY:
            return _text(413, "The message is too large.")
        if path in _SOAP_PATHS:
            if method != "POST":
                return _text(405, "Post a SOAP message here.")
            if "xml" not in environ.get("CONTENT_TYPE", "").lower():
                return _text(415, "Send the SOAP message as text/xml.")
            url = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}{path}"
            action = str(environ.get("HTTP_SOAPACTION", "")).strip('"')
            return self._world.broker.handle(Inbound(url, action, body))
        return _text(404, "Nothing is here.")

    def _meant_for_us(self, environ: WSGIEnvironment) -> bool:
        """Whether the Host header is ours: else a web page elsewhere could reach us by a name of its own."""
        if self._hosts is None:
            return True
        try:
            name = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname
        except ValueError:
            return False
        return name in self._hosts


def _text(status: int, text: str) -> Reply:
    return Reply(status, "text/plain; charset=utf-8", f"{text}\n".encode())


def _send(reply: Reply, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if reply.reset:
        hang_up: Any = environ.get(RESET)
        if hang_up is not None:
            hang_up()
        return []
    headers = [
        ("Content-Type", reply.content_type),
        ("Content-Length", str(len(reply.body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        *reply.headers,
    ]
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
    # Fewer bytes than announced: the server then closes the connection (the day of the cut answer).
    return [reply.body[: len(reply.body) - reply.cut]]
