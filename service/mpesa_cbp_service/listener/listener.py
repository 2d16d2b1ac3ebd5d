"""Listener: takes what the broker posts to us, stores it, and only then acknowledges it.

The core, without a server: a request goes in, a reply comes out, in steps (``http_messages``). ``asgi`` and ``wsgi``
make it an application. Whatever cannot be stored is not acknowledged, so that the broker sends it again (protocol,
section 5). Handlers run from the store afterwards, at least once each, by ``HandlerWorker``; only a C2B validation is
handled before its answer, which is the handler's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from mpesa_cbp.errors import JournalError
from mpesa_cbp.log_events import MESSAGE_REFUSED, REQUEST_FAILED, VALIDATION_FAILED
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.listener.access_rules import AccessRules, Caller
from mpesa_cbp_service.listener.bill_queries import BillHandler, BillQueries
from mpesa_cbp_service.listener.body import Body, BodyBudget, BodyTooLarge, TooManyBodies
from mpesa_cbp_service.listener.group_commit import Overloaded
from mpesa_cbp_service.listener.handler_worker import HandlerWorker, refuse_asynchronous
from mpesa_cbp_service.listener.http_messages import IncompleteBody, ReadBody, Reply, Request, Steps, Wait
from mpesa_cbp_service.listener.log_limit import LogLimit
from mpesa_cbp_service.listener.metrics import ListenerMetrics
from mpesa_cbp_service.listener.protocols import EventJournal
from mpesa_cbp_service.listener.receiver import BillQuery, NotAMessage, NotStored, Receiver, StoredMessage
from mpesa_cbp_service.listener.replies import (
    C2B_OTHER_ERROR,
    is_verdict,
    not_stored,
    unreadable,
    verdict,
)
from mpesa_cbp_service.listener.traceback_location import place_of
from mpesa_cbp_service.listener.validation_pool import Busy, ValidationPool
from mpesa_cbp_service.notifications import C2BNotification, QueueTimeoutNotification, ResultNotification

__all__ = ["Listener"]

MAXIMUM_BODY = 256 * 1024
"""Largest body that a listener reads, in bytes; a message to a partner has some ten thousand at most."""

MAXIMUM_UNREADABLE = 1000
MAXIMUM_WAITING = 256
MAXIMUM_VALIDATING = 16
_XML_TYPES = frozenset({"text/xml", "application/xml", "application/soap+xml"})
_TEXT = "text/plain; charset=utf-8"
_XML = "text/xml; charset=utf-8"

_logger = logging.getLogger("mpesa_cbp.listener")


class Listener:
    """The core; ``journal`` stores what comes: ``Journal``, or any object that keeps to ``EventJournal``.

    ``access`` says who may come in; ``path_token`` alone is short for rules that have nothing else. Bodies over
    ``maximum_body`` bytes, and those that take longer than ``request_seconds``, are refused; of messages that cannot be
    read, ``maximum_unreadable`` are kept. ``maximum_waiting`` deliveries wait for the journal at most, none longer than
    ``longest_wait`` seconds; others are told to come again. The handler of validations runs ``maximum_validating``
    times at once at most. ``handler_threads`` run the other handlers.

    Register handlers with the decorators, then ``start`` the worker that runs them; ``stop`` lets it finish. In a
    server that forks, ``start`` it in each process after the fork.
    """

    def __init__(
        self,
        *,
        journal: EventJournal,
        path_token: str | None = None,
        access: AccessRules | None = None,
        maximum_body: int = MAXIMUM_BODY,
        request_seconds: float = 20.0,
        maximum_unreadable: int = MAXIMUM_UNREADABLE,
        maximum_waiting: int = MAXIMUM_WAITING,
        maximum_validating: int = MAXIMUM_VALIDATING,
        longest_wait: float = 5.0,
        handler_threads: int = 1,
        worker: HandlerWorker | None = None,
    ) -> None:
        self.access: AccessRules = access or AccessRules(path_token=path_token)
        self.maximum_body = maximum_body
        self.request_seconds = request_seconds
        self.metrics: ListenerMetrics = ListenerMetrics()
        self._longest_wait = longest_wait
        self._receiver = Receiver(
            journal,
            self.metrics,
            maximum_unreadable=maximum_unreadable,
            maximum_waiting=maximum_waiting,
            longest_wait=longest_wait,
        )
        self._validation: Callable[[C2BNotification], str | None] | None = None
        self._validations = ValidationPool(maximum_validating)
        self._bills = BillQueries(self._validations)
        self._refused = LogLimit()
        self._bodies = BodyBudget()
        self.worker: HandlerWorker = worker or HandlerWorker(journal, threads=handler_threads)
        self.worker.count = lambda kind, outcome: self.metrics.handled(kind.value, outcome).inc()

    # -- handlers -----------------------------------------------------------------------------------------------

    def on_result(self, handler: Callable[[ResultNotification], object]) -> Callable[[ResultNotification], object]:
        """Register what is called with each result."""
        self.worker.handlers[EventKind.RESULT] = handler
        return handler

    def on_queue_timeout(
        self, handler: Callable[[QueueTimeoutNotification], object]
    ) -> Callable[[QueueTimeoutNotification], object]:
        """Register what is called when a cached request has expired."""
        self.worker.handlers[EventKind.QUEUE_TIMEOUT] = handler
        return handler

    def on_c2b_confirmation(self, handler: Callable[[C2BNotification], object]) -> Callable[[C2BNotification], object]:
        """Register what is called with each payment of a customer, once for each TransID."""
        self.worker.handlers[EventKind.C2B_CONFIRMATION] = handler
        return handler

    def on_c2b_validation(
        self, handler: Callable[[C2BNotification], str | None]
    ) -> Callable[[C2BNotification], str | None]:
        """Register who decides on a customer's payment: None accepts, a code such as ``C2B00012`` refuses."""
        self._validation = handler
        return handler

    def on_c2b_query(self, handler: BillHandler) -> BillHandler:
        """Register who says what a customer has to pay: a C2BPaymentQueryResult, or None for no bill."""
        self._bills.handler = handler
        return handler

    def on_contradiction(
        self, handler: Callable[[ResultNotification | QueueTimeoutNotification], object]
    ) -> Callable[[ResultNotification | QueueTimeoutNotification], object]:
        """Register what is called with a result or queue timeout that contradicts its payment or what settled it.

        Such a message settles nothing and is never given to the other handlers.
        """
        self.worker.on_contradiction = handler
        return handler

    def start(self) -> None:
        """Start the worker that runs the handlers. Raises AsynchronousHandler for one that is an ``async def``."""
        self.refuse_asynchronous()
        self.worker.start()

    def refuse_asynchronous(self) -> None:
        """Raise AsynchronousHandler, a TypeError, for a handler that is an ``async def``: nobody would await it."""
        refuse_asynchronous(
            *self.worker.handlers.values(), self.worker.on_contradiction, self._validation, self._bills.handler
        )

    def stop(self) -> None:
        """Let the worker finish what it has begun."""
        self.worker.stop()
        self._receiver.stop()

    def ready(self) -> bool:
        """Whether the journal can be written, and no delivery has just failed to be stored."""
        try:
            self._receiver.check().result(self._longest_wait)
        except (JournalError, Overloaded, TimeoutError):
            return False
        return True

    # -- the core -----------------------------------------------------------------------------------------------

    def hand_over(self, call: Callable[[Callable[[], None]], object]) -> None:
        """Have the futures that steps wait for settled by ``call``, which is given a function to be called soon."""
        self._receiver.hand_over(call)

    def answer(self, request: Request) -> Steps:
        """Answer one HTTP request, in steps. Whatever can be judged without the body is judged before it is read."""
        try:
            return (yield from self._answer(request))
        except Exception as error:  # noqa: BLE001 (a fault of ours must not show the caller, or the log, a message)
            REQUEST_FAILED.log(_logger, error=type(error).__name__, place=place_of(error, home=__name__))
            return _text(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _answer(self, request: Request) -> Steps:
        caller = self.access.caller(request)
        refusal = self.access.refusal(caller, request.path)
        # Who may connect may ask how we are, without the token.
        reachable = refusal is None or refusal[1] == "path" or caller.is_proxy
        if request.method == "GET" and reachable and request.path in ("/health", "/ready"):
            return (yield from self._condition(request.path))
        refusal = refusal or self._refusal(request)
        if refusal is not None:
            return self._refuse(*refusal, caller)
        try:
            with Body(self.maximum_body, self._bodies) as reading:
                body: bytes = yield ReadBody(reading, self.request_seconds)
        except BodyTooLarge:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "size", caller)
        except TooManyBodies:
            return self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "memory", caller)
        except TimeoutError:
            return self._refuse(HTTPStatus.REQUEST_TIMEOUT, "time", caller)
        except IncompleteBody:
            return self._refuse(HTTPStatus.BAD_REQUEST, "incomplete", caller)
        reply = yield from self._deliver(body, caller)
        # Two servers in a row may disagree where a request in chunks ends (RFC 9112, section 11.2): nothing follows it.
        return replace(reply, close=True) if request.values("transfer-encoding") else reply

    def _refusal(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """Status and reason where the headers are none of a delivery."""
        if request.method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, "method"
        if request.header("content-type").partition(";")[0].strip().lower() not in _XML_TYPES:
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "type"
        if (request.header("content-encoding") or "identity").lower() != "identity":
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoding"
        length, coding = request.header("content-length"), request.header("transfer-encoding").lower()
        if coding and (coding != "chunked" or length):
            return HTTPStatus.BAD_REQUEST, "length"
        if not coding and not length:
            return HTTPStatus.LENGTH_REQUIRED, "length"
        # Twelve digits: Python itself refuses to read a number that is very long.
        if length and not (length.isascii() and length.isdigit() and len(length) <= 12):
            return HTTPStatus.BAD_REQUEST, "length"
        if length and int(length) > self.maximum_body:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "size"
        return None

    def _condition(self, path: str) -> Steps:
        if path == "/ready":
            try:
                yield Wait(self._receiver.check(), self._longest_wait)
            except (JournalError, Overloaded, TimeoutError):
                return Reply(HTTPStatus.SERVICE_UNAVAILABLE, b"the journal is not writable\n", _TEXT, close=True)
        return Reply(HTTPStatus.OK, b"ready\n" if path == "/ready" else b"alive\n", _TEXT, close=True)

    def _refuse(self, status: HTTPStatus, reason: str, caller: Caller) -> Reply:
        self.metrics.refused(reason).inc()
        if self._refused.allows():
            MESSAGE_REFUSED.log(_logger, status=int(status), reason=reason, origin=caller.text)
        return _text(status)

    def _deliver(self, body: bytes, caller: Caller) -> Steps:
        try:
            stored = yield from self._receiver.store(body, caller.text)
        except BillQuery as asked:
            self.metrics.received("c2b-query", "no").inc()
            return _xml((yield from self._bills.answer(asked.request)))
        except NotAMessage as error:
            yield from self._receiver.keep_unreadable(body, caller.text, error.reason)
            return _xml(unreadable(), HTTPStatus.INTERNAL_SERVER_ERROR)
        except NotStored as error:
            fault = error.kind is EventKind.C2B_CONFIRMATION
            status = HTTPStatus.INTERNAL_SERVER_ERROR if fault else HTTPStatus.OK
            return _xml(not_stored(error.kind, error.decoded, overloaded=error.overloaded), status)
        if stored.kind is EventKind.C2B_VALIDATION:
            return _xml(verdict((yield from self._validate(stored))))
        self.worker.wake()
        return _xml(stored.acknowledgement)

    def _validate(self, stored: StoredMessage) -> Generator[Wait, Any, str | None]:
        """The handler's verdict; without a handler, or when it fails, the payment is refused: nobody has agreed."""
        if self._validation is None:
            return C2B_OTHER_ERROR
        try:
            notification = C2BNotification(stored.event_id, stored.decoded.message)
            said: object = yield Wait(self._validations.call(self._validation, notification))
            if is_verdict(said):
                return said
            problem = f"the handler returned {type(said).__name__}, which is no code"
        except Busy:
            problem = "too many at once"
        except Exception as error:  # noqa: BLE001 (whatever a handler raises, the customer must get an answer)
            problem = type(error).__name__
        VALIDATION_FAILED.log(_logger, event_id=stored.event_id, error=problem)
        return C2B_OTHER_ERROR


def _text(status: HTTPStatus) -> Reply:
    allow = (("Allow", "POST"),) if status is HTTPStatus.METHOD_NOT_ALLOWED else ()
    return Reply(status, f"{status.phrase.lower()}\n".encode(), _TEXT, allow, close=True)


def _xml(body: bytes, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    return Reply(status, body, _XML)
