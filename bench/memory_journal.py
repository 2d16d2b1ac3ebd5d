"""The plainest journal that the listener accepts: dictionaries behind one lock, lost with the process.

What remains with it is the listener's own cost; what a database adds is the difference.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from mpesa_cbp.journal.events import Delivery, Event, Handling, Received
from mpesa_cbp.payments import EventKind, Payment

__all__ = ["MemoryJournal"]


class MemoryJournal:
    """Knows no payments; tells of each delivery whether it is new, lends events and closes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[int, Event] = {}
        self._numbers: dict[tuple[EventKind, str], int] = {}
        self._due: dict[int, datetime] = {}

    def receive_all(self, deliveries: Sequence[Delivery]) -> list[Received]:
        """Store each once."""
        with self._lock:
            now = _now()
            return [self._receive(each, now) for each in deliveries]

    def _receive(self, delivery: Delivery, now: datetime) -> Received:
        number = len(self._events) + 1
        known = self._numbers.setdefault((delivery.kind, delivery.identity), number)
        if known == number:
            self._due[number] = now
            self._events[number] = Event(
                id=number,
                conversation_id=delivery.conversation_id,
                kind=delivery.kind,
                at=now,
                code=delivery.code,
                core_conversation_id=delivery.core_conversation_id,
                receipt=delivery.receipt,
                origin=delivery.origin,
                contradicts=delivery.contradicts,
                more_follow=delivery.more_follow,
                handling=Handling.PENDING,
                attempts=0,
                due_at=now,
                detail=None,
                error=None,
                body=delivery.body,
            )
        return Received(event_id=known, is_new=known == number, contradicts=delivery.contradicts, state=None)

    def event(self, event_id: int) -> Event | None:
        """One event, or None."""
        return self._events.get(event_id)

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
                event = self._events[number]
                self._due[number] = now + lease
                self._events[number] = replace(event, handling=Handling.LEASED, attempts=event.attempts + 1)
            return [self._events[number] for number in lent]

    def handled(self, *event_ids: int) -> None:
        """Close them."""
        with self._lock:
            for number in event_ids:
                self._due.pop(number, None)
                self._events[number] = replace(self._events[number], handling=Handling.HANDLED)

    def release(self, *event_ids: int) -> None:
        """Give them back."""
        with self._lock:
            for number in event_ids:
                event = self._events[number]
                self._due[number] = _now()
                self._events[number] = replace(event, handling=Handling.PENDING, attempts=event.attempts - 1)

    def failed(self, event_id: int, *, error: str, retry_at: datetime | None) -> None:
        """Try again then, or never."""
        with self._lock:
            self._due.pop(event_id, None)
            if retry_at is not None:
                self._due[event_id] = retry_at
            become = Handling.DEAD if retry_at is None else Handling.PENDING
            self._events[event_id] = replace(self._events[event_id], handling=become, error=error)

    def next_due(self) -> datetime | None:
        """When the next is due."""
        with self._lock:
            return min(self._due.values(), default=None)


def _now() -> datetime:
    return datetime.now(timezone.utc)
