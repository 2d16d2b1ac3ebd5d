"""Messages into the journal, events out of it, and the outcome of storing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from mpesa_cbp.payment.model import EventKind, PaymentState
from mpesa_cbp.results.statement import Statement

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["Event", "Handling", "InboundMessage", "StoreOutcome", "event_of"]


class Handling(Enum):
    """How far the handling of an event has come; only events that were received are ever handled."""

    NONE = "none"
    """Nobody is to handle it later: our own steps, C2B validations (answered at once), unreadable messages."""

    PENDING = "pending"
    LEASED = "leased"
    """Given to a worker; if it does not say in time how it went, another one gets the event."""

    HANDLED = "handled"
    DEAD = "dead"
    """Given up; ``Journal.replay`` starts it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the journal; ``at`` is when it was stored, aware, UTC.

    ``body`` is the message as it came or left, without credentials; it, ``detail`` and ``error`` (why its handling
    failed last) may name a customer and are no part of the repr. ``code``, ``core_conversation_id`` and ``receipt``
    are as received, ``more_follow`` is true of a result with ResultType 1, ``origin`` says who brought it.
    ``attempts`` counts how often it was given to a worker, ``due_at`` is when it may be given out next.
    ``contradicts``: it cannot be true together with what was known before; the ``detail`` of a result says where it
    differs from its payment.
    """

    id: int
    conversation_id: str | None
    kind: EventKind
    at: datetime
    code: str | None
    more_follow: bool
    core_conversation_id: str | None
    receipt: str | None
    origin: str | None
    contradicts: bool
    handling: Handling
    attempts: int
    due_at: datetime | None
    detail: str | None = field(repr=False)
    error: str | None = field(repr=False)
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A message that was delivered to us, to be stored once for each ``kind`` and ``identity``.

    ``identity`` is a digest of what the message says. ``body`` is the message as it came, ``code``,
    ``core_conversation_id`` and ``receipt`` what it states, ``more_follow`` whether it is a result with ResultType 1,
    which settles nothing, ``origin`` who brought it. ``statement`` is what a result states of its payment: where that
    is another amount, receiver or receipt, it settles nothing and contradicts. ``contradicts`` marks one that is known
    to contradict an earlier one; such a delivery is kept and handed to nobody.
    """

    kind: EventKind
    identity: str
    conversation_id: str | None = None
    code: str | None = None
    more_follow: bool = False
    core_conversation_id: str | None = None
    receipt: str | None = None
    origin: str | None = None
    contradicts: bool = False
    statement: Statement | None = None
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOutcome:
    """What became of a delivery: it is stored, now or (``is_new`` false) since an earlier delivery of the same event.

    ``state`` is that of the payment now, None where the journal has no such payment.
    """

    event_id: int
    is_new: bool
    contradicts: bool
    state: PaymentState | None


_EVENT_COLUMNS = (
    *("id", "conversation_id", "at", "code", "more_follow", "core_conversation_id", "receipt", "origin", "contradicts"),
    *("attempts", "due_at", "detail", "error", "body"),
)


def event_of(row: RowMapping) -> Event:
    """An event from its row."""
    return Event(
        kind=EventKind(row["kind"]),
        handling=Handling(row["handling"]),
        **{name: row[name] for name in _EVENT_COLUMNS},
    )
