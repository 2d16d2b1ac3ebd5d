"""The journal: every payment and event, committed before anything follows from it.

SQLAlchemy Core on SQLite (WAL, full sync) or, by URL, PostgreSQL. One row a payment, one event a step; what moves a
payment stands in ``payment.state_machine`` and nowhere else. Safe to share between threads and between processes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from mpesa_cbp.errors import JournalRefusal
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.journal import search
from mpesa_cbp_service.journal import work_queue as handling
from mpesa_cbp_service.journal.bulk import BatchLine
from mpesa_cbp_service.journal.credential_stop import CredentialStop
from mpesa_cbp_service.journal.database import Database
from mpesa_cbp_service.journal.events import Event, Handling, InboundMessage, StoreOutcome
from mpesa_cbp_service.journal.inbound import receive_all
from mpesa_cbp_service.journal.payment_ledger import PaymentLedger

__all__ = ["BatchLine", "CredentialStop", "Event", "Handling", "InboundMessage", "Journal", "StoreOutcome"]

_logger = logging.getLogger("mpesa_cbp.reconcile")


def _now() -> datetime:
    return datetime.now(UTC)


class Journal(PaymentLedger):
    """The ledger of one organisation; ``url`` is an SQLAlchemy URL such as ``sqlite:///payments.db``.

    The schema is made or brought up to date on opening. ``clock`` gives aware datetimes. Blanks around a conversation
    id mean nothing, as on the wire (protocol, section 7, number 7); upper and lower case differ.

    Raises SettingsError for a URL that cannot be used, MissingExtra without PostgreSQL's driver, JournalError where
    the database cannot be opened. Every method raises JournalError where the database fails.
    """

    def __init__(self, url: str = "sqlite:///payments.db", *, clock: Callable[[], datetime] = _now) -> None:
        super().__init__(Database(url), clock)

    def __repr__(self) -> str:
        return f"Journal({getattr(self, '_database', None)!r})"

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    # -- inbound ------------------------------------------------------------------------------------------------

    def receive(self, delivery: InboundMessage) -> StoreOutcome:
        """Store a delivery, once for each ``kind`` and ``identity``, and move the payment if it is known.

        Committed when it returns. Raises JournalError where it is not stored: then it must not be acknowledged.
        """
        return self.receive_all([delivery])[0]

    def receive_all(self, deliveries: Sequence[InboundMessage]) -> list[StoreOutcome]:
        """As ``receive``, for many in one transaction: all are stored, or none is and JournalError is raised."""
        with self._database.writing() as connection:
            return receive_all(connection, [_trimmed(each) for each in deliveries], now=self._clock())

    def claim(self, *, limit: int, lease: timedelta) -> list[Event]:
        """Events that are due for handling, oldest first, lent to the caller until the lease ends."""
        with self._database.writing() as connection:
            return handling.claim_due(connection, limit=limit, lease=lease, now=self._clock())

    def handled(self, *event_ids: int) -> None:
        """The handlers have done their work."""
        with self._database.writing() as connection:
            handling.close_events(connection, event_ids)

    def release(self, *event_ids: int) -> None:
        """Give claimed events back unhandled, due at once; the attempt does not count."""
        with self._database.writing() as connection:
            handling.release_events(connection, event_ids, now=self._clock())

    def failed(self, event_id: int, *, error: str, retry_at: datetime | None) -> None:
        """The handler failed; try again at that time, or never (None): the event, if still there, is a dead letter."""
        become = (Handling.PENDING if retry_at is not None else Handling.DEAD).value
        with self._database.writing() as connection:
            handling.set_handling(connection, event_id, handling=become, due_at=retry_at, error=error[:500])

    def replay(self, event_id: int) -> None:
        """Have a received event handled anew. Raises JournalRefusal where there is none of that number."""
        pending = {"handling": Handling.PENDING.value, "due_at": self._clock(), "attempts": 0}
        with self._database.writing() as connection:
            if not handling.set_handling(connection, event_id, **pending):
                raise JournalRefusal(f"The journal has no event {event_id} that could be handled")

    def event(self, event_id: int) -> Event | None:
        """One event, or None."""
        with self._database.reading() as connection:
            return handling.find_event(connection, event_id)

    def dead_letters(self) -> list[Event]:
        """Events whose handling was given up, oldest first."""
        with self._database.reading() as connection:
            return handling.dead_letters(connection)

    def count(self, kind: EventKind) -> int:
        """How many events of a kind there are."""
        with self._database.reading() as connection:
            return search.count_events(connection, kind)

    def search(
        self,
        *,
        kinds: Collection[EventKind] = (),
        handlings: Collection[Handling] = (),
        conversation_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        contradicting: bool = False,
        after: int = 0,
        limit: int = 1000,
    ) -> list[Event]:
        """Events that satisfy all that is given, by number; ``after`` is the last number already seen.

        ``since`` is included, ``until`` is not; of a set that is empty, everything is meant.
        """
        wanted = search.conditions(
            kinds=kinds,
            handlings=handlings,
            conversation_id=conversation_id,
            since=since,
            until=until,
            contradicting=contradicting,
        )
        with self._database.reading() as connection:
            return search.find_events(connection, wanted, after=after, limit=limit)

    def newest(self, limit: int, **filters: Any) -> tuple[int, int]:
        """How many events ``search`` finds by its filters, and the ``after`` that leaves it the newest ``limit``."""
        with self._database.reading() as connection:
            return search.newest_events(connection, search.conditions(**filters), limit=limit)

    def discard_unreadable(self, *, until: datetime | None = None) -> int:
        """Delete unreadable messages stored before that time, or all; returns how many."""
        with self._database.writing() as connection:
            return search.discard_unreadable(connection, until)

    def damage(self) -> list[str] | None:
        """Read it all: where the database contradicts itself, ten places at most; None where only a server can tell."""
        with self._database.reading() as connection:
            return search.damage(connection)

    def check(self) -> None:
        """Raise JournalError where the database cannot be written now."""
        with self._database.writing() as connection:
            search.write_version(connection)

    def next_due(self) -> datetime | None:
        """When the next event is due for handling, or None."""
        with self._database.reading() as connection:
            return handling.next_due(connection)


def _trimmed(delivery: InboundMessage) -> InboundMessage:
    key = (delivery.conversation_id or "").strip() or None
    return delivery if key == delivery.conversation_id else replace(delivery, conversation_id=key)
