"""The plainest journal that the listener accepts: dictionaries behind one lock, lost with the process.

What remains with it is the listener's own cost; what a database adds is the difference.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mpesa_cbp.payment.model import EventKind, Payment
from mpesa_cbp_service.journal.events import Event, Handling, InboundMessage, StoreOutcome

__all__ = ["MemoryJournal"]


@dataclass(slots=True)
class _Kept:
    """A delivery and how far its handling has come."""

    number: int
    delivery: InboundMessage
    at: datetime
    handling: Handling = Handling.PENDING
    attempts: int = 0
    error: str | None = None


class MemoryJournal:
    """Knows no payments; tells of each delivery whether it is new, lends events and closes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[_Kept] = []
        self._numbers: dict[tuple[EventKind, str], int] = {}
        self._due: dict[int, datetime] = {}

    def receive_all(self, deliveries: Sequence[InboundMessage]) -> list[StoreOutcome]:
        """Store each once."""
        with self._lock:
            now = _now()
            return [self._receive(each, now) for each in deliveries]

    def _receive(self, delivery: InboundMessage, now: datetime) -> StoreOutcome:
        number = len(self._kept) + 1
        known = self._numbers.setdefault((delivery.kind, delivery.identity), number)
        if known == number:
            self._due[number] = now
            self._kept.append(_Kept(number, delivery, now))
        return StoreOutcome(event_id=known, is_new=known == number, contradicts=delivery.contradicts, state=None)

    def event(self, event_id: int) -> Event | None:
        """One event, or None."""
        with self._lock:
            return self._event(self._kept[event_id - 1]) if 0 < event_id <= len(self._kept) else None

    def _event(self, kept: _Kept) -> Event:
        delivery = kept.delivery
        return Event(
            id=kept.number,
            conversation_id=delivery.conversation_id,
            kind=delivery.kind,
            at=kept.at,
            code=delivery.code,
            core_conversation_id=delivery.core_conversation_id,
            receipt=delivery.receipt,
            origin=delivery.origin,
            contradicts=delivery.contradicts,
            more_follow=delivery.more_follow,
            handling=kept.handling,
            attempts=kept.attempts,
            due_at=self._due.get(kept.number),
            detail=None,
            error=kept.error,
            body=delivery.body,
        )

    def count(self, kind: EventKind) -> int:
        """How many events of a kind there are."""
        with self._lock:
            return sum(known is kind for known, _ in self._numbers)

    def payment(self, conversation_id: str) -> Payment | None:  # noqa: ARG002 (the protocol's)
        """None: there are no payments."""
        return None

    def check(self) -> None:
        """It can always be written."""

    def claim(self, *, limit: int, lease: timedelta) -> list[Event]:
        """Lend what is due."""
        with self._lock:
            now = _now()
            lent: list[int] = []
            for number, due in self._due.items():
                if len(lent) == limit:
                    break
                if due <= now:
                    lent.append(number)
            for number in lent:
                self._due[number] = now + lease
                self._kept[number - 1].attempts += 1
                self._kept[number - 1].handling = Handling.LEASED
            return [self._event(self._kept[number - 1]) for number in lent]

    def handled(self, *event_ids: int) -> None:
        """Close them."""
        with self._lock:
            for number in event_ids:
                self._due.pop(number, None)
                self._kept[number - 1].handling = Handling.HANDLED

    def release(self, *event_ids: int) -> None:
        """Give them back."""
        with self._lock:
            for number in event_ids:
                self._due[number] = _now()
                self._kept[number - 1].attempts -= 1
                self._kept[number - 1].handling = Handling.PENDING

    def failed(self, event_id: int, *, error: str, retry_at: datetime | None) -> None:
        """Try again then, or never."""
        with self._lock:
            self._due.pop(event_id, None)
            if retry_at is not None:
                self._due[event_id] = retry_at
            kept = self._kept[event_id - 1]
            kept.handling, kept.error = Handling.DEAD if retry_at is None else Handling.PENDING, error

    def next_due(self) -> datetime | None:
        """When the next is due."""
        with self._lock:
            return min(self._due.values(), default=None)


def _now() -> datetime:
    return datetime.now(UTC)
