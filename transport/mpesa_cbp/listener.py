"""Listener: takes what the broker posts to us, stores it, and only then acknowledges it.

A WSGI application without a framework. Whatever cannot be stored is not acknowledged, so that the broker sends it
again (protocol, section 5). Handlers run from the store afterwards, at least once each, by ``HandlerWorker``; only a
C2B validation is handled before its answer, which is the handler's.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from mpesa_cbp.envelope import Decoded, decode, encode, encode_fault
from mpesa_cbp.errors import JournalError, MalformedMessage
from mpesa_cbp.handler_worker import HandlerWorker
from mpesa_cbp.journal import Delivery, Journal, Received
from mpesa_cbp.notices import KINDS, C2BNotice, QueueTimeoutNotice, ResultNotice, identity_of
from mpesa_cbp.payments import EventKind
from mpesa_cbp.wsgi_server import MAXIMUM_BODY, Server
from mpesa_cbp_models import (
    C2BPaymentConfirmationResult,
    C2BPaymentValidationResult,
    NotifyQueueTimeoutResponse,
    Response,
    Result,
)
from mpesa_cbp_models.operations import (
    CONFIRM_C2B_PAYMENT,
    GENERIC_API_RESULT,
    NOTIFY_QUEUE_TIMEOUT,
    VALIDATE_C2B_PAYMENT,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Listener", "ListenerServer"]

ACCEPTED = "00000000"
NOT_STORED = "200000003"
"""Our answer when a result could not be stored: the broker sends it again."""

TIMEOUT_NOT_STORED = "000000001"
C2B_OTHER_ERROR = "C2B00016"
_XML_TYPES = ("text/xml", "application/xml", "application/soap+xml")

_logger = logging.getLogger("mpesa_cbp.listener")
_Handler = TypeVar("_Handler", bound=Callable[..., object])


class Listener:
    """The WSGI application; ``journal`` stores what comes.

    ``path_token``, if given, must be the first segment of the path: an unguessable part of the ResultURL. Register
    handlers with the decorators, then ``start`` the worker that runs them; ``stop`` lets it finish.
    """

    def __init__(self, *, journal: Journal, path_token: str | None = None, maximum_body: int = MAXIMUM_BODY) -> None:
        self._journal = journal
        self._path_token = path_token
        self._maximum_body = maximum_body
        self._validation: Callable[[C2BNotice], str | None] | None = None
        self.worker = HandlerWorker(journal)

    # -- handlers -----------------------------------------------------------------------------------------------

    def on_result(self, handler: Callable[[ResultNotice], object]) -> Callable[[ResultNotice], object]:
        """Register what is called with each result."""
        self.worker.handlers[EventKind.RESULT] = handler
        return handler

    def on_queue_timeout(
        self, handler: Callable[[QueueTimeoutNotice], object]
    ) -> Callable[[QueueTimeoutNotice], object]:
        """Register what is called when a cached request has expired."""
        self.worker.handlers[EventKind.QUEUE_TIMEOUT] = handler
        return handler

    def on_c2b_confirmation(self, handler: Callable[[C2BNotice], object]) -> Callable[[C2BNotice], object]:
        """Register what is called with each payment of a customer."""
        self.worker.handlers[EventKind.C2B_CONFIRMATION] = handler
        return handler

    def on_c2b_validation(self, handler: Callable[[C2BNotice], str | None]) -> Callable[[C2BNotice], str | None]:
        """Register who decides on a customer's payment: None accepts, a code such as ``C2B00012`` refuses."""
        self._validation = handler
        return handler

    def start(self) -> None:
        """Start the worker that runs the handlers."""
        self.worker.start()

    def stop(self) -> None:
        """Let the worker finish what it has begun."""
        self.worker.stop()

    # -- WSGI ---------------------------------------------------------------------------------------------------

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request."""
        status, body = self._respond(environ)
        kind = "text/xml; charset=utf-8" if body.startswith(b"<") else "text/plain; charset=utf-8"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _respond(self, environ: WSGIEnvironment) -> tuple[str, bytes]:
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        if method == "GET" and path == "/health":
            return "200 OK", b"alive\n"
        if not self._may_enter(path):
            return "404 Not Found", b"not found\n"
        if method != "POST":
            return "405 Method Not Allowed", b"only POST\n"
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() not in _XML_TYPES:
            return "415 Unsupported Media Type", b"only text/xml\n"
        length = environ.get("CONTENT_LENGTH") or ""
        if not (length.isascii() and length.isdigit()):
            return "411 Length Required", b"length required\n"
        if int(length) > self._maximum_body:
            return "413 Content Too Large", b"too large\n"
        body = environ["wsgi.input"].read(int(length))
        if len(body) != int(length):
            return "400 Bad Request", b"the body is shorter than its length\n"
        return self._take(body, environ.get("REMOTE_ADDR"))

    def _may_enter(self, path: str) -> bool:
        if self._path_token is None:
            return True
        first = path.lstrip("/").partition("/")[0]
        return hmac.compare_digest(first.encode(), self._path_token.encode())

    def _take(self, body: bytes, origin: str | None) -> tuple[str, bytes]:
        try:
            decoded = decode(body)
        except MalformedMessage as error:
            return self._unreadable(body, origin, error)
        kind = KINDS.get(decoded.operation) if decoded.direction == "input" else None
        if kind is None:
            return "500 Internal Server Error", encode_fault("soapenv:Client", "this message is not for a partner")
        try:
            received = self._store(kind, decoded, body, origin)
        except JournalError as error:
            _logger.error("not stored, so not acknowledged: %s", error)
            return "200 OK", _answer(kind, decoded, stored=False)
        if received.contradicts:
            _logger.error("event %d contradicts what was known of its payment", received.event_id)
        self.worker.wake()
        if kind is EventKind.C2B_VALIDATION:
            return "200 OK", self._validated(decoded, received)
        return "200 OK", _answer(kind, decoded, stored=True)

    def _unreadable(self, body: bytes, origin: str | None, error: MalformedMessage) -> tuple[str, bytes]:
        identity = hashlib.sha256(body).hexdigest()
        try:
            received = self._journal.receive(
                Delivery(kind=EventKind.UNREADABLE, body=body, identity=identity, origin=origin)
            )
            _logger.warning("event %d cannot be read: %s", received.event_id, error.reason)
        except JournalError as failure:
            _logger.error("an unreadable message could not be stored: %s", failure)
        return "500 Internal Server Error", encode_fault("soapenv:Client", "the message cannot be read")

    def _store(self, kind: EventKind, decoded: Decoded, body: bytes, origin: str | None) -> Received:
        message = decoded.message
        conversation_id = getattr(message, "originator_conversation_id", None) or None
        result = message if isinstance(message, Result) else None
        delivery = Delivery(
            kind=kind,
            conversation_id=conversation_id,
            body=body,
            identity=identity_of(decoded),
            code=result.result_code if result is not None else None,
            core_conversation_id=(result.conversation_id or None) if result is not None else None,
            receipt=(result.transaction_id or None) if result is not None else getattr(message, "trans_id", None),
            origin=origin,
        )
        return self._journal.receive(delivery)

    def _validated(self, decoded: Decoded, received: Received) -> bytes:
        """The handler's verdict; without a handler, or when it fails, the payment is refused: nobody has agreed."""
        code: str | None = C2B_OTHER_ERROR
        if self._validation is not None:
            try:
                code = self._validation(C2BNotice(received.event_id, decoded.message))
            except Exception:  # noqa: BLE001 - whatever a handler raises, the customer must get an answer
                _logger.error("the handler of C2B validations failed on event %d", received.event_id)
        verdict = C2BPaymentValidationResult(
            result_code=code or "0", result_desc="Accepted" if code is None else "Refused"
        )
        return encode(verdict, operation=VALIDATE_C2B_PAYMENT, direction="output")


def _answer(kind: EventKind, decoded: Decoded, *, stored: bool) -> bytes:
    """What the contract has us say, stored or not."""
    if kind is EventKind.QUEUE_TIMEOUT:
        verdict = Result(
            result_code=ACCEPTED if stored else TIMEOUT_NOT_STORED, result_desc="Stored" if stored else "Failed"
        )
        return encode(NotifyQueueTimeoutResponse(result=verdict), operation=NOTIFY_QUEUE_TIMEOUT, direction="output")
    if kind is EventKind.C2B_VALIDATION:
        refusal = C2BPaymentValidationResult(result_code=C2B_OTHER_ERROR, result_desc="Refused")
        return encode(refusal, operation=VALIDATE_C2B_PAYMENT, direction="output")
    if kind is EventKind.C2B_CONFIRMATION:
        if not stored:
            return encode_fault("soapenv:Server", "not stored, please send it again")
        thanks = C2BPaymentConfirmationResult(value="C2B payment confirmation received")
        return encode(thanks, operation=CONFIRM_C2B_PAYMENT, direction="output")
    response = Response(
        response_code=ACCEPTED if stored else NOT_STORED,
        response_desc="Stored" if stored else "Internal server error",
        conversation_id=decoded.message.conversation_id,
        originator_conversation_id=decoded.message.originator_conversation_id,
    )
    return encode(response, operation=GENERIC_API_RESULT, direction="output")


class ListenerServer:
    """A listener on waitress, with its worker; ``start`` and ``stop`` it, or use it in a ``with`` statement.

    Listens on loopback unless told otherwise; port 0 takes any free one.
    """

    def __init__(self, listener: Listener, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = listener
        self._server = Server(listener, host=host, port=port, name="mpesa-cbp-listener", channel_timeout=30)

    @property
    def url(self) -> str:
        """Base of the URLs to give to the broker, without the path token."""
        host = f"[{self._server.host}]" if ":" in self._server.host else self._server.host
        return f"http://{host}:{self._server.port}"

    def start(self) -> None:
        """Begin to serve and to handle."""
        self._listener.start()
        self._server.start()

    def stop(self) -> None:
        """Finish the requests and handlers at hand, then stop."""
        self._server.stop()
        self._listener.stop()

    def __enter__(self) -> ListenerServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
