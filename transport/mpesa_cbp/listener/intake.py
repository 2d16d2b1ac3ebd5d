"""Intake: a body as it came becomes one event of the journal, whatever it is and however often it comes."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass

from mpesa_cbp.codes import MORE_FOLLOW
from mpesa_cbp.envelope import Decoded, decode
from mpesa_cbp.errors import JournalError, MalformedMessage
from mpesa_cbp.journal.events import Delivery, Received
from mpesa_cbp.listener.event_journal import EventJournal
from mpesa_cbp.listener.group_commit import GroupCommit, Overloaded, Place
from mpesa_cbp.listener.metrics import ListenerMetrics
from mpesa_cbp.log_events import (
    MESSAGE_CONTRADICTS,
    MESSAGE_NOT_STORED,
    MESSAGE_RECEIVED,
    MESSAGE_UNREADABLE,
)
from mpesa_cbp.notices import KINDS, content_digest, identity_of
from mpesa_cbp.payments import EventKind
from mpesa_cbp.statement import statement_of
from mpesa_cbp.web_server.followers import aside
from mpesa_cbp.web_server.log_limit import LogLimit
from mpesa_cbp_models import Result

__all__ = ["Arrival", "Intake", "NotAMessage", "NotStored", "Taken"]

_FAILING_SECONDS = 15.0

_logger = logging.getLogger("mpesa_cbp.listener")


@dataclass(slots=True)
class Arrival:
    """A message that was read; it is stored when ``Intake.store`` has returned."""

    kind: EventKind
    decoded: Decoded
    delivery: Delivery
    place: Place | Overloaded
    began: float


@dataclass(slots=True)
class Taken:
    """A message that is stored."""

    kind: EventKind
    decoded: Decoded
    event_id: int


class NotAMessage(Exception):
    """The body is none of the messages that the broker sends to a partner; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotStored(Exception):
    """The message could not be stored; ``overloaded`` where too many wait for the journal."""

    def __init__(self, kind: EventKind, decoded: Decoded, *, overloaded: bool) -> None:
        super().__init__(kind)
        self.kind = kind
        self.decoded = decoded
        self.overloaded = overloaded


class Intake:
    """Stores bodies in the journal and tells of each what it was."""

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
        self._maximum_unreadable = maximum_unreadable
        self._unreadable = LogLimit()
        self._failed_at: float | None = None

    @property
    def failing(self) -> bool:
        """Whether the journal is stuck, or failed to take the last delivery, not long ago: then one may try again."""
        if self._group.stuck:
            return True
        return self._failed_at is not None and time.monotonic() - self._failed_at < _FAILING_SECONDS

    def read(self, body: bytes, origin: str | None) -> Arrival:
        """Read one body, and put it into the queue for the journal. Raises NotAMessage."""
        try:
            decoded = decode(body)
        except MalformedMessage as error:
            raise NotAMessage(error.reason) from None
        kind = KINDS.get(decoded.operation) if decoded.direction == "input" else None
        if kind is None:
            raise NotAMessage("this message is not for a partner")
        began = time.monotonic()
        delivery = _delivery(kind, decoded, body, origin)
        try:
            place: Place | Overloaded = self._group.put(delivery)
        except Overloaded as error:
            place = error
        return Arrival(kind, decoded, delivery, place, began)

    def store(self, arrival: Arrival) -> Taken:
        """See that what was read is stored; it is committed when this returns. Raises NotStored."""
        kind, decoded = arrival.kind, arrival.decoded
        try:
            received = self._received(arrival)
        except (JournalError, Overloaded) as error:
            self._failed_at = time.monotonic()
            self._metrics.not_stored(kind.value).inc()
            conversation_id = _conversation_id(decoded)
            MESSAGE_NOT_STORED.log(_logger, kind=kind.value, conversation_id=conversation_id, error=_why(error))
            raise NotStored(kind, decoded, overloaded=isinstance(error, Overloaded)) from None
        finally:
            self._metrics.seconds.observe(time.monotonic() - arrival.began)
        self._failed_at = None
        self._tell(kind, decoded, received, arrival.delivery.origin)
        return Taken(kind, decoded, received.event_id)

    def _received(self, arrival: Arrival) -> Received:
        if isinstance(arrival.place, Overloaded):
            raise arrival.place
        received = self._group.wait(arrival.place)
        if arrival.kind is EventKind.C2B_CONFIRMATION and not received.is_new:
            self._keep_rival(arrival.delivery, arrival.decoded, received)
        return received

    def _keep_rival(self, delivery: Delivery, decoded: Decoded, received: Received) -> None:
        """Keep a second confirmation of one TransID that says something else; nobody is to handle it."""
        with aside():
            known = self._journal.event(received.event_id)
        digest = content_digest(decoded)
        if known is None or known.body is None or _says(known.body, digest):
            return
        rival = Delivery(
            kind=delivery.kind,
            body=delivery.body,
            identity=digest,
            receipt=delivery.receipt,
            origin=delivery.origin,
            contradicts=True,
        )
        kept = self._group.receive(rival)
        if kept.is_new:
            self._contradicts(kept.event_id, delivery.kind, decoded)

    def _tell(self, kind: EventKind, decoded: Decoded, received: Received, origin: str | None) -> None:
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

    def keep_unreadable(self, body: bytes, origin: str | None, reason: str) -> None:
        """Keep what cannot be read, each body once and not without end: the disk is for results."""
        event_id = None
        try:
            if self._group.stuck:
                raise Overloaded("The journal has been at a commit for too long")
            with aside():
                kept = self._journal.count(EventKind.UNREADABLE)
            if kept < self._maximum_unreadable:
                delivery = Delivery(
                    kind=EventKind.UNREADABLE, body=body, identity=hashlib.sha256(body).hexdigest(), origin=origin
                )
                event_id = self._group.receive(delivery).event_id
        except (JournalError, Overloaded) as error:
            MESSAGE_NOT_STORED.log(_logger, kind=EventKind.UNREADABLE.value, error=_why(error))
        self._metrics.unreadable("yes" if event_id is not None else "no").inc()
        if self._unreadable.allows():
            MESSAGE_UNREADABLE.log(_logger, event_id=event_id, reason=reason, origin=origin)


def _says(body: bytes, digest: str) -> bool:
    """Whether a stored message has that content; one that an earlier revision took, and this one refuses, has not."""
    try:
        return content_digest(decode(body)) == digest
    except MalformedMessage:
        return False


def _delivery(kind: EventKind, decoded: Decoded, body: bytes, origin: str | None) -> Delivery:
    message = decoded.message
    result = message if isinstance(message, Result) else None
    return Delivery(
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


def _why(error: JournalError | Overloaded) -> str:
    return error.message if isinstance(error, JournalError) else str(error)


def _conversation_id(decoded: Decoded) -> str | None:
    return getattr(decoded.message, "originator_conversation_id", None) or None
