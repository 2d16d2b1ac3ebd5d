"""What ``Listener`` and its worker ask of a journal; ``journal.Journal`` is one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from mpesa_cbp.journal.events import Delivery, Event, Received
from mpesa_cbp.payments import EventKind, Payment

__all__ = ["EventJournal"]


class EventJournal(Protocol):
    """Each call has committed durably when it returns, or raises JournalError and has changed nothing.

    Called by many threads at a time, and by several processes where they share the journal.
    """

    def receive_all(self, deliveries: Sequence[Delivery]) -> list[Received]:
        """Store each once for its ``kind`` and ``identity``, all or none, and say of each in its place what became.

        A result whose ``statement`` contradicts itself, or its payment, settles nothing and contradicts.
        Those of the kinds RESULT, QUEUE_TIMEOUT and C2B_CONFIRMATION that do not contradict are due for handling.
        """

    def event(self, event_id: int) -> Event | None:
        """One event, or None."""

    def count(self, kind: EventKind) -> int:
        """How many events of a kind there are."""

    def payment(self, conversation_id: str) -> Payment | None:
        """The payment of that conversation id, or None where there is none."""

    def check(self) -> None:
        """Raise JournalError where nothing can be stored now."""

    def claim(self, *, limit: int, lease: timedelta) -> list[Event]:
        """Events that are due, oldest first, ``attempts`` one more than before, lent to nobody else for the lease."""

    def handled(self, *event_ids: int) -> None:
        """Their handlers are done; they are never due again."""

    def release(self, *event_ids: int) -> None:
        """They were lent and not begun: due at once, and the attempt does not count."""

    def failed(self, event_id: int, *, error: str, retry_at: datetime | None) -> None:
        """Its handler failed: due at that time, or never (None)."""

    def next_due(self) -> datetime | None:
        """When the next event is due, an aware time, or None."""
