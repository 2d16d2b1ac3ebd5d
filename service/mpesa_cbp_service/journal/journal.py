"""Journal: every payment and everything that happened to it, committed before anything follows from it.

SQLAlchemy Core on SQLite (WAL, full sync) or, by URL, PostgreSQL. One row a payment, one event a step; what moves a
payment stands in ``transitions`` and nowhere else. Safe to share between threads and between processes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any

from mpesa_cbp.errors import JournalRefusal
from mpesa_cbp.log_events import PAYMENT_SETTLED
from mpesa_cbp.payment.model import EventKind, Payment, PaymentState
from mpesa_cbp_service.journal import bulk as batches
from mpesa_cbp_service.journal import outbound, search
from mpesa_cbp_service.journal import work_queue as handling
from mpesa_cbp_service.journal.bulk import BatchLine
from mpesa_cbp_service.journal.database import Database
from mpesa_cbp_service.journal.events import Event, Handling, InboundMessage, StoreOutcome
from mpesa_cbp_service.journal.inbound import receive_all
from mpesa_cbp_service.journal.outbound import NewEvent

__all__ = ["BatchLine", "Event", "Handling", "InboundMessage", "Journal", "StoreOutcome"]

_logger = logging.getLogger("mpesa_cbp.reconcile")


def _now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """The ledger of one organisation; ``url`` is an SQLAlchemy URL such as ``sqlite:///payments.db``.

    The schema is made or brought up to date on opening. ``clock`` gives aware datetimes. Blanks around a conversation
    id mean nothing, as on the wire (protocol, section 7, number 7); upper and lower case differ.

    Raises SettingsError for a URL that cannot be used, MissingExtra without PostgreSQL's driver, JournalError where
    the database cannot be opened. Every method raises JournalError where the database fails.
    """

    def __init__(self, url: str = "sqlite:///payments.db", *, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._database = Database(url)

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

    # -- outbound -----------------------------------------------------------------------------------------------

    def create(
        self, *, conversation_id: str, command_id: str, amount: Decimal | None, receiver: str | None, request: bytes
    ) -> None:
        """Store a payment in state CREATED, see ``PaymentJournal.create``; results that came before join it."""
        key = conversation_id.strip()
        created = NewEvent(conversation_id=key, kind=EventKind.CREATED, at=self._clock(), body=request)
        with self._database.writing() as connection:
            outbound.create(
                connection, created, conversation_id=key, command_id=command_id, amount=amount, receiver=receiver
            )

    def record(
        self,
        conversation_id: str,
        kind: EventKind,
        *,
        code: str | None = None,
        core_conversation_id: str | None = None,
        receipt: str | None = None,
        detail: str | None = None,
        body: bytes | None = None,
    ) -> PaymentState:
        """Append an event and move the payment, see ``PaymentJournal.record``."""
        incident = NewEvent(
            conversation_id=conversation_id.strip(),
            kind=kind,
            at=self._clock(),
            code=code,
            core_conversation_id=core_conversation_id,
            receipt=receipt,
            detail=detail,
            body=body,
        )
        with self._database.writing() as connection:
            return outbound.record(connection, incident)

    def settle(
        self,
        conversation_id: str,
        *,
        paid: bool,
        reason: str,
        by: str,
        receipt: str | None = None,
        quiet: timedelta = timedelta(minutes=10),
    ) -> PaymentState:
        """Store what a person says became of a payment whose end is not known; returns its state now.

        ``reason`` says how they know, ``by`` who says so; both are kept. A result that comes later goes before it. A
        payment said to be unpaid may be sent again, under its conversation id alone.

        Raises ValueError without a reason or a name, or for a receipt of what was not paid; JournalRefusal where the
        payment is not open, is not known, or has changed within ``quiet``: then it may be under way.
        """
        if not reason.strip() or not by.strip():
            raise ValueError("a payment is settled by hand with a reason and a name")
        if receipt and not paid:
            raise ValueError("what was not paid has no receipt")
        settled = NewEvent(
            conversation_id=conversation_id.strip(),
            kind=EventKind.SETTLED,
            at=self._clock(),
            receipt=(receipt or "").strip() or None,
            detail=f"{'paid' if paid else 'not-paid'}: {reason.strip()}",
            origin=by.strip(),
        )
        with self._database.writing() as connection:
            state = outbound.settle(connection, settled, quiet=quiet)
        PAYMENT_SETTLED.log(_logger, conversation_id=settled.conversation_id, state=state.name, by=settled.origin)
        return state

    def payment(self, conversation_id: str) -> Payment | None:
        """The payment of that conversation id, or None."""
        with self._database.reading() as connection:
            return outbound.find(connection, conversation_id.strip())

    def request(self, conversation_id: str) -> bytes | None:
        """The payload that ``create`` stored, or None."""
        with self._database.reading() as connection:
            return outbound.request_of(connection, conversation_id.strip())

    def payments(
        self,
        states: Collection[PaymentState] | None = None,
        *,
        quiet: timedelta | None = None,
        receipt: str | None = None,
        limit: int | None = None,
    ) -> list[Payment]:
        """Payments in those states, or of that receipt, that have not changed for ``quiet``, oldest first."""
        with self._database.reading() as connection:
            return outbound.search(connection, states, limit, now=self._clock(), quiet=quiet, receipt=receipt)

    def events(self, conversation_id: str) -> list[Event]:
        """Everything that happened to a payment, in order."""
        with self._database.reading() as connection:
            return outbound.events_of(connection, conversation_id.strip())

    def payments_of(self, conversation_ids: Collection[str]) -> dict[str, Payment]:
        """Those of these payments that are known, by conversation id."""
        with self._database.reading() as connection:
            return outbound.find_all(connection, conversation_ids)

    def claim_query(self, conversation_id: str, *, pause: timedelta) -> bool:
        """Take up an open payment to ask the broker about it; False where somebody did so less than ``pause`` ago.

        Of several processes that claim the same payment at once, one gets it.
        """
        with self._database.writing() as connection:
            return batches.claim_query(connection, conversation_id, now=self._clock(), pause=pause)

    # -- bulk payments --------------------------------------------------------------------------------------------

    def add_batch(self, lines: Sequence[BatchLine]) -> None:
        """Keep the lines of a bulk payment, before any of them is paid."""
        with self._database.writing() as connection:
            batches.add_lines(connection, lines)

    def other_batches(self, lines: Sequence[BatchLine]) -> dict[str, int]:
        """Batches that have the same lines under other conversation ids, with the number of such lines."""
        with self._database.reading() as connection:
            return batches.other_batches(connection, lines)

    def batch_lines(self, conversation_ids: Collection[str]) -> dict[str, BatchLine]:
        """The lines that these payments were made for, by conversation id."""
        with self._database.reading() as connection:
            return batches.references(connection, conversation_ids)

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

    def check(self) -> None:
        """Raise JournalError where the database cannot be written now."""
        with self._database.writing() as connection:
            search.write_nothing(connection)

    def next_due(self) -> datetime | None:
        """When the next event is due for handling, or None."""
        with self._database.reading() as connection:
            return handling.next_due(connection)


def _trimmed(delivery: InboundMessage) -> InboundMessage:
    key = (delivery.conversation_id or "").strip() or None
    return delivery if key == delivery.conversation_id else replace(delivery, conversation_id=key)
