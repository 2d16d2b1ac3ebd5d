"""The WSGI application: the SOAP endpoint of the broker, the API, and the page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from mpesa_cbp.redaction import MessageBytes
from mpesa_cbp_simulator.broker import Inbound
from mpesa_cbp_simulator.checks import REGISTRATION
from mpesa_cbp_simulator.context import Context
from mpesa_cbp_simulator.messages import Reply, fault
from mpesa_cbp_simulator.server import MAXIMUM_BODY, hang_up
from mpesa_cbp_simulator.web import api
from mpesa_cbp_simulator.web.csrf import is_loopback, known_host, same_origin
from mpesa_cbp_simulator.web.demo_partner import DemoPartner
from mpesa_cbp_simulator.web.site import Site

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)

ENDPOINT = "/mminterface/request"
"""Where partners post (protocol, section 1)."""

SOAP_PATHS = frozenset(
    {
        ENDPOINT,
        REGISTRATION,
        "/queryTransactionService/services/transaction",
        "/managementService/services/management",
    }
)
"""The paths that take SOAP messages: each takes all operations, and RegisterURL goes to its own alone."""


class Application:
    """One callable for the server."""

    def __init__(self, world: Context, *, host: str, partner: DemoPartner, allow_hosts: Collection[str] = ()) -> None:
        self._world = world
        self._site = Site(world, partner)
        self._loopback = is_loopback(host)
        self._names = frozenset({host, *allow_hosts})
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
        soap = path in SOAP_PATHS
        # Away from loopback partners may reach the endpoint under any name; page and API are for people.
        if not (soap and not self._loopback) and not known_host(environ, self._names):
            return _text(421, "This name is not the simulator's: use its address, localhost, or --allow-host NAME.")
        try:
            body = MessageBytes(_body(environ) if method == "POST" else b"")
        except RequestEntityTooLarge:
            return _text(413, "The message is too large.")
        if soap:
            return self._soap(environ, path, method, body)
        if path.startswith(api.PREFIX):
            return self._api(environ, path, method, body)
        return self._page(environ, path, method, body)

    def _soap(self, environ: WSGIEnvironment, path: str, method: str, body: bytes) -> Reply:
        if method != "POST":
            return _text(405, "Post a SOAP message here.")
        if "xml" not in environ.get("CONTENT_TYPE", "").lower():
            return _text(415, "Send the SOAP message as text/xml.")
        url = f"{_origin(environ)}{path}"
        action = str(environ.get("HTTP_SOAPACTION", "")).strip('"')
        return self._world.broker.handle(Inbound(url, action, body))

    def _page(self, environ: WSGIEnvironment, path: str, method: str, body: bytes) -> Reply:
        endpoint = f"{_origin(environ)}{ENDPOINT}"
        if method in {"GET", "HEAD"}:
            found = self._site.get(path, _query(environ), endpoint=endpoint)
        elif method == "POST":
            if not same_origin(environ, from_page=True):
                return _text(403, "This form can only be sent from the simulator's own page.")
            found = self._site.post(path, body, endpoint=endpoint)
        else:
            return _text(405, "Use GET or POST here.")
        return found or _text(404, f"Nothing is here. The page is at /, and SOAP messages go to {ENDPOINT}.")

    def _api(self, environ: WSGIEnvironment, path: str, method: str, body: bytes) -> Reply:
        if method == "POST" and not same_origin(environ, from_page=False):
            return _text(403, "Another web page may not use the simulator.")
        return api.respond(
            self._world,
            method=method,
            path=path,
            query=_query(environ),
            content_type=environ.get("CONTENT_TYPE", ""),
            body=body,
        )


def _body(environ: WSGIEnvironment) -> bytes:
    """The body; what has no length is empty. Raises RequestEntityTooLarge."""
    return get_input_stream(environ, max_content_length=MAXIMUM_BODY).read()


def _origin(environ: WSGIEnvironment) -> str:
    return f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"


def _query(environ: WSGIEnvironment) -> dict[str, str]:
    try:
        return dict(parse_qsl(environ.get("QUERY_STRING", ""), max_num_fields=20))
    except ValueError:
        return {}


def _text(status: int, text: str) -> Reply:
    return Reply(status, "text/plain; charset=utf-8", f"{text}\n".encode())


def _send(reply: Reply, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if reply.reset:
        hang_up(environ)
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
