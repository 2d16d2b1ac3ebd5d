"""Receiver: a body as it came becomes one event of the journal, whatever it is and however often it comes."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from mpesa_cbp.errors import JournalError, MalformedMessage
from mpesa_cbp.log_events import (
    MESSAGE_CONTRADICTS,
    MESSAGE_NOT_STORED,
    MESSAGE_RECEIVED,
    MESSAGE_UNREADABLE,
)
from mpesa_cbp.payment.codes import MORE_FOLLOW
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.results.statement import statement_of
from mpesa_cbp.soap import Decoded, decode
from mpesa_cbp_models import C2BPaymentQueryRequest, Result
from mpesa_cbp_service.journal.events import InboundMessage, StoreOutcome
from mpesa_cbp_service.listener.group_commit import GroupCommit, Overloaded
from mpesa_cbp_service.listener.http_messages import Wait
from mpesa_cbp_service.listener.log_limit import LogLimit
from mpesa_cbp_service.listener.metrics import ListenerMetrics
from mpesa_cbp_service.listener.protocols import EventJournal
from mpesa_cbp_service.listener.replies import acknowledgement
from mpesa_cbp_service.notifications import KINDS, content_digest, identity_of

__all__ = ["BillQuery", "NotAMessage", "NotStored", "Receiver", "StoredMessage"]

_FAILING_SECONDS = 15.0

_logger = logging.getLogger("mpesa_cbp.listener")


@dataclass(slots=True)
class StoredMessage:
    """A message that is stored."""

    kind: EventKind
    decoded: Decoded
    event_id: int
    acknowledgement: bytes


class NotAMessage(Exception):
    """The body is none of the messages that the broker sends to a partner; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BillQuery(Exception):
    """A question what a customer has to pay: it is answered, and not stored."""

    def __init__(self, request: C2BPaymentQueryRequest) -> None:
        super().__init__(request.trans_id)
        self.request = request


class NotStored(Exception):
    """The message could not be stored; ``overloaded`` where too many wait for the journal."""

    def __init__(self, kind: EventKind, decoded: Decoded, *, overloaded: bool) -> None:
        super().__init__(kind)
        self.kind = kind
        self.decoded = decoded
        self.overloaded = overloaded


class _Message:
    """A body, which is read once: in the committing thread, or where it is refused before that."""

    def __init__(self, body: bytes, origin: str | None) -> None:
        self.body, self.origin = body, origin
        self._read: tuple[EventKind, Decoded] | None = None

    def read(self) -> tuple[EventKind, Decoded]:
        """Kind and content. Raises NotAMessage."""
        if self._read is None:
            self._read = _read(self.body)
        return self._read

    def delivery(self) -> InboundMessage:
        """What the journal stores of it. Raises NotAMessage."""
        return _delivery(*self.read(), self.body, self.origin)


class Receiver:
    """Stores bodies in the journal, in steps, and tells of each what it was."""

    def __init__(
        self,
        journal: EventJournal,
        metrics: ListenerMetrics,
        *,
        maximum_unreadable: int,
        maximum_waiting: int,
        longest_wait: float,
    ) -> None:
        self._journal = journal
        self._metrics = metrics
        self._group = GroupCommit(journal.receive_all, maximum_waiting=maximum_waiting, longest_wait=longest_wait)
        self._longest_wait = longest_wait
        self._maximum_unreadable = maximum_unreadable
        self._unreadable = LogLimit()
        self._not_stored = LogLimit()
        self._failed_at: float | None = None
        self._check: Future[None] | None = None
        self._checking = threading.Lock()
        self.stop: Callable[[], None] = self._group.stop

    def hand_over(self, call: Callable[[Callable[[], None]], object]) -> None:
        """Have futures settled by ``call``, see GroupCommit."""
        self._group.hand_over = call

    def check(self) -> Future[None]:
        """A future of whether the journal can be written, JournalError if not; at most one write is under way for all.

        Raises JournalError or Overloaded where the journal is stuck, or has failed not long ago.
        """
        if self._group.stuck:
            raise JournalError("The journal has been at a commit for too long")
        if self._failed_at is not None and time.monotonic() - self._failed_at < _FAILING_SECONDS:
            raise JournalError("The last delivery was not stored")
        with self._checking:
            if self._check is None or self._check.done():
                self._check = self._group.call(self._journal.check)
            shared = self._check
        own: Future[None] = Future()
        shared.add_done_callback(lambda done: _copy_outcome(done, own))
        return own

    def store(self, body: bytes, origin: str | None) -> Generator[Wait, Any, StoredMessage]:
        """Read one body and store it; committed when this returns. Raises BillQuery, NotAMessage or NotStored."""
        message = _Message(body, origin)
        began = time.monotonic()
        try:
            stored: StoredMessage = yield Wait(
                self._group.put(message.delivery, partial(self._stored, message)), self._longest_wait
            )
        except (JournalError, Overloaded, TimeoutError) as error:
            kind, decoded = message.read()
            self._metrics.seconds.observe(time.monotonic() - began)
            self._failed(kind, decoded, error)
            raise NotStored(kind, decoded, overloaded=not isinstance(error, JournalError)) from None
        self._metrics.seconds.observe(time.monotonic() - began)
        self._failed_at = None
        return stored

    def _stored(self, message: _Message, received: StoreOutcome) -> StoredMessage:
        kind, decoded = message.read()
        if kind is EventKind.C2B_CONFIRMATION and not received.is_new:
            self._keep_rival(message.delivery(), decoded, received)
        self._tell(kind, decoded, received, message.origin)
        reply = acknowledgement(kind, decoded) if kind is not EventKind.C2B_VALIDATION else b""
        return StoredMessage(kind, decoded, received.event_id, reply)

    def _failed(self, kind: EventKind, decoded: Decoded | None, error: Exception) -> None:
        self._failed_at = time.monotonic()
        self._metrics.not_stored(kind.value).inc()
        if self._not_stored.allows():
            conversation_id = _conversation_id(decoded) if decoded is not None else None
            MESSAGE_NOT_STORED.log(_logger, kind=kind.value, conversation_id=conversation_id, error=_why(error))

    def _keep_rival(self, delivery: InboundMessage, decoded: Decoded, received: StoreOutcome) -> None:
        """Keep a second confirmation of one TransID that says something else; nobody is to handle it."""
        known = self._journal.event(received.event_id)
        digest = content_digest(decoded)
        if known is None or known.body is None or _says(known.body, digest):
            return
        rival = InboundMessage(
            kind=delivery.kind,
            body=delivery.body,
            identity=digest,
            receipt=delivery.receipt,
            origin=delivery.origin,
            contradicts=True,
        )
        (kept,) = self._journal.receive_all([rival])
        if kept.is_new:
            self._contradicts(kept.event_id, delivery.kind, decoded)

    def _tell(self, kind: EventKind, decoded: Decoded, received: StoreOutcome, origin: str | None) -> None:
        self._metrics.received(kind.value, "no" if received.is_new else "yes").inc()
        MESSAGE_RECEIVED.log(
            _logger,
            event_id=received.event_id,
            kind=kind.value,
            conversation_id=_conversation_id(decoded),
            code=getattr(decoded.message, "result_code", None),
            repeated=None if received.is_new else "yes",
            deviations=",".join(decoded.deviations) or None,
            origin=origin,
        )
        if received.contradicts and received.is_new:
            self._contradicts(received.event_id, kind, decoded)

    def _contradicts(self, event_id: int, kind: EventKind, decoded: Decoded) -> None:
        self._metrics.contradicting(kind.value).inc()
        code = getattr(decoded.message, "result_code", None)
        MESSAGE_CONTRADICTS.log(
            _logger, event_id=event_id, kind=kind.value, conversation_id=_conversation_id(decoded), code=code
        )

    def keep_unreadable(self, body: bytes, origin: str | None, reason: str) -> Generator[Wait, Any, None]:
        """Keep what cannot be read, each body once and not without end: the disk is for results."""
        event_id = None
        try:
            event_id = yield Wait(self._group.call(partial(self._store_unreadable, body, origin)), self._longest_wait)
        except (JournalError, Overloaded, TimeoutError) as error:
            self._failed(EventKind.UNREADABLE, None, error)
        self._metrics.unreadable("yes" if event_id is not None else "no").inc()
        if self._unreadable.allows():
            MESSAGE_UNREADABLE.log(_logger, event_id=event_id, reason=reason, origin=origin)

    def _store_unreadable(self, body: bytes, origin: str | None) -> int | None:
        if self._journal.count(EventKind.UNREADABLE) >= self._maximum_unreadable:
            return None
        identity = hashlib.sha256(body).hexdigest()
        delivery = InboundMessage(kind=EventKind.UNREADABLE, body=body, identity=identity, origin=origin)
        return self._journal.receive_all([delivery])[0].event_id


def _read(body: bytes) -> tuple[EventKind, Decoded]:
    try:
        decoded = decode(body)
    except MalformedMessage as error:
        raise NotAMessage(error.reason) from None
    if isinstance(decoded.message, C2BPaymentQueryRequest):
        raise BillQuery(decoded.message)
    kind = KINDS.get(decoded.operation) if decoded.direction == "input" else None
    if kind is None:
        raise NotAMessage("this message is not for a partner")
    return kind, decoded


def _copy_outcome(done: Future[None], own: Future[None]) -> None:
    if own.set_running_or_notify_cancel():
        error = done.exception()
        own.set_result(None) if error is None else own.set_exception(error)


def _says(body: bytes, digest: str) -> bool:
    """Whether a stored message has that content; one that an earlier revision took, and this one refuses, has not."""
    try:
        return content_digest(decode(body)) == digest
    except MalformedMessage:
        return False


def _delivery(kind: EventKind, decoded: Decoded, body: bytes, origin: str | None) -> InboundMessage:
    message = decoded.message
    result = message if isinstance(message, Result) else None
    return InboundMessage(
        kind=kind,
        conversation_id=_conversation_id(decoded),
        body=body,
        identity=identity_of(decoded),
        code=result.result_code if result is not None else None,
        more_follow=result is not None and result.result_type == MORE_FOLLOW,
        core_conversation_id=(result.conversation_id or None) if result is not None else None,
        receipt=(result.transaction_id or None) if result is not None else getattr(message, "trans_id", None),
        origin=origin,
        statement=statement_of(result) if result is not None else None,
    )


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "The journal took too long"
    return error.message if isinstance(error, JournalError) else str(error)


def _conversation_id(decoded: Decoded) -> str | None:
    return getattr(decoded.message, "originator_conversation_id", None) or None
