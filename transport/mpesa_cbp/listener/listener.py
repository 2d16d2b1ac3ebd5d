"""Listener: takes what the broker posts to us, stores it, and only then acknowledges it.

A WSGI application without a framework. Whatever cannot be stored is not acknowledged, so that the broker sends it
again (protocol, section 5). Handlers run from the store afterwards, at least once each, by ``HandlerWorker``; only a
C2B validation is handled before its answer, which is the handler's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from mpesa_cbp.errors import JournalError
from mpesa_cbp.listener.access_rules import AccessRules, Caller
from mpesa_cbp.listener.answers import C2B_OTHER_ERROR, acknowledgement, is_verdict, not_stored, unreadable, verdict
from mpesa_cbp.listener.event_journal import EventJournal
from mpesa_cbp.listener.handler_worker import HandlerWorker, refuse_asynchronous
from mpesa_cbp.listener.intake import Arrival, Intake, NotAMessage, NotStored, Taken
from mpesa_cbp.listener.metrics import ListenerMetrics
from mpesa_cbp.listener.server import MAXIMUM_BODY, ListenerServer
from mpesa_cbp.log_events import MESSAGE_REFUSED, VALIDATION_FAILED
from mpesa_cbp.notices import C2BNotice, QueueTimeoutNotice, ResultNotice
from mpesa_cbp.payments import EventKind
from mpesa_cbp.redaction import MessageBytes
from mpesa_cbp.web_server.followers import aside
from mpesa_cbp.web_server.log_limit import LogLimit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Listener", "ListenerServer"]

MAXIMUM_UNREADABLE = 1000
MAXIMUM_WAITING = 32
_XML_TYPES = frozenset({"text/xml", "application/xml", "application/soap+xml"})
_TEXT = "text/plain; charset=utf-8"
_XML = "text/xml; charset=utf-8"
_BEGUN = "mpesa_cbp.begun"
_Answer = tuple[str, bytes]

_logger = logging.getLogger("mpesa_cbp.listener")


class Listener:
    """The WSGI application; ``journal`` stores what comes: ``Journal``, or any object that keeps to ``EventJournal``.

    ``access`` says who may come in; ``path_token`` alone is short for rules that have nothing else. Bodies over
    ``maximum_body`` bytes are refused unread; of messages that cannot be read, ``maximum_unreadable`` are kept.
    ``maximum_waiting`` deliveries wait for the journal at most, others are told at once to come again; that many
    threads of your server the journal may hold up, none of them longer than ``longest_wait`` seconds but the one that
    commits, and ``maximum_validating``, half as many, the handler of validations. ``handler_threads`` run the handlers.

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
        maximum_unreadable: int = MAXIMUM_UNREADABLE,
        maximum_waiting: int = MAXIMUM_WAITING,
        longest_wait: float = 5.0,
        handler_threads: int = 1,
        worker: HandlerWorker | None = None,
    ) -> None:
        self.access = access or AccessRules(path_token=path_token)
        self.maximum_body = maximum_body
        self.maximum_waiting = maximum_waiting
        self.maximum_validating = max(1, maximum_waiting // 2)
        self.metrics = ListenerMetrics()
        self._journal = journal
        self._intake = Intake(
            journal,
            self.metrics,
            maximum_unreadable=maximum_unreadable,
            maximum_waiting=maximum_waiting,
            longest_wait=longest_wait,
        )
        self._validation: Callable[[C2BNotice], str | None] | None = None
        self._validating = threading.BoundedSemaphore(self.maximum_validating)
        self._refused = LogLimit()
        self.worker = worker or HandlerWorker(journal, threads=handler_threads)
        self.worker.count = lambda kind, outcome: self.metrics.handled(kind.value, outcome).inc()

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
        """Register what is called with each payment of a customer, once for each TransID."""
        self.worker.handlers[EventKind.C2B_CONFIRMATION] = handler
        return handler

    def on_c2b_validation(self, handler: Callable[[C2BNotice], str | None]) -> Callable[[C2BNotice], str | None]:
        """Register who decides on a customer's payment: None accepts, a code such as ``C2B00012`` refuses."""
        self._validation = handler
        return handler

    def on_contradiction(
        self, handler: Callable[[ResultNotice | QueueTimeoutNotice], object]
    ) -> Callable[[ResultNotice | QueueTimeoutNotice], object]:
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
        refuse_asynchronous(*self.worker.handlers.values(), self.worker.on_contradiction, self._validation)

    def stop(self) -> None:
        """Let the worker finish what it has begun."""
        self.worker.stop()

    def ready(self) -> bool:
        """Whether the journal can be written, and no delivery has just failed to be stored."""
        if self._intake.failing:
            return False
        try:
            with aside():
                self._journal.check()
        except JournalError:
            return False
        return True

    # -- WSGI ---------------------------------------------------------------------------------------------------

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request."""
        finish = environ.pop(_BEGUN, None) or self._begin(environ)
        status, body = finish()
        headers = [("Content-Type", _XML if body.startswith(b"<") else _TEXT), ("Content-Length", str(len(body)))]
        if status.startswith("405"):
            headers.append(("Allow", "POST"))
        start_response(status, headers)
        return [body]

    def begin(self, environ: WSGIEnvironment) -> None:
        """Read a request that will be answered soon: of several that are read first, all share a commit.

        For a server that knows this method, as ours does; any other one simply calls for the answer.
        """
        environ[_BEGUN] = self._begin(environ)

    def _begin(self, environ: WSGIEnvironment) -> Callable[[], _Answer]:
        """Do what nobody has to be waited for; the function that is returned does the rest."""
        caller = self.access.caller(environ)
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        refusal = self.access.refusal(caller, path)
        if refusal is not None:
            # Who may connect may ask how we are, without the token.
            reachable = refusal[1] == "path" or caller.is_proxy
            if method == "GET" and reachable and path in ("/health", "/ready"):
                return partial(self._condition, path)
            return partial(self._refuse, *refusal, caller)
        if method == "GET" and path in ("/health", "/ready"):
            return partial(self._condition, path)
        if method != "POST":
            return partial(self._refuse, "405 Method Not Allowed", "method", caller)
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() not in _XML_TYPES:
            return partial(self._refuse, "415 Unsupported Media Type", "type", caller)
        if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
            return partial(self._refuse, "415 Unsupported Media Type", "encoding", caller)
        return self._read(environ, caller)

    def _condition(self, path: str) -> _Answer:
        if path == "/health":
            return "200 OK", b"alive\n"
        return ("200 OK", b"ready\n") if self.ready() else ("503 Service Unavailable", b"the journal is not writable\n")

    def _refuse(self, status: str, reason: str, caller: Caller) -> _Answer:
        self.metrics.refused(reason).inc()
        if self._refused.allows():
            MESSAGE_REFUSED.log(_logger, status=int(status[:3]), reason=reason, origin=caller.text)
        return status, status[4:].lower().encode() + b"\n"

    def _read(self, environ: WSGIEnvironment, caller: Caller) -> Callable[[], _Answer]:
        length = environ.get("CONTENT_LENGTH") or ""
        # Twelve digits: Python itself refuses to read a number that is very long.
        if not (length.isascii() and length.isdigit() and len(length) <= 12):
            return partial(self._refuse, "411 Length Required", "length", caller)
        if int(length) > self.maximum_body:
            return partial(self._refuse, "413 Content Too Large", "size", caller)
        body = MessageBytes(environ["wsgi.input"].read(int(length)))
        if len(body) != int(length):
            return partial(self._refuse, "400 Bad Request", "incomplete", caller)
        try:
            return partial(self._answer, self._intake.read(body, caller.text))
        except NotAMessage as error:
            return partial(self._unreadable, body, caller.text, error.reason)

    def _unreadable(self, body: bytes, origin: str | None, reason: str) -> _Answer:
        self._intake.keep_unreadable(body, origin, reason)
        return "500 Internal Server Error", unreadable()

    def _answer(self, arrival: Arrival) -> _Answer:
        try:
            taken = self._intake.store(arrival)
        except NotStored as error:
            fault = error.kind is EventKind.C2B_CONFIRMATION
            status = "500 Internal Server Error" if fault else "200 OK"
            return status, not_stored(error.kind, error.decoded, overloaded=error.overloaded)
        if taken.kind is EventKind.C2B_VALIDATION:
            return "200 OK", verdict(self._validated(taken))
        self.worker.wake()
        return "200 OK", acknowledgement(taken.kind, taken.decoded)

    def _validated(self, taken: Taken) -> str | None:
        """The handler's verdict; without a handler, or when it fails, the payment is refused: nobody has agreed."""
        if self._validation is None:
            return C2B_OTHER_ERROR
        if not self._validating.acquire(blocking=False):
            VALIDATION_FAILED.log(_logger, event_id=taken.event_id, error="too many at once")
            return C2B_OTHER_ERROR
        try:
            with aside():
                said: object = self._validation(C2BNotice(taken.event_id, taken.decoded.message))
            if is_verdict(said):
                return said
            error = f"the handler returned {type(said).__name__}, which is no code"
            VALIDATION_FAILED.log(_logger, event_id=taken.event_id, error=error)
            return C2B_OTHER_ERROR
        except Exception as error:  # noqa: BLE001 (whatever a handler raises, the customer must get an answer)
            VALIDATION_FAILED.log(_logger, event_id=taken.event_id, error=type(error).__name__)
            return C2B_OTHER_ERROR
        finally:
            self._validating.release()
