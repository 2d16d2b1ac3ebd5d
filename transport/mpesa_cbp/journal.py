"""Journal: every payment and everything that happened to it, committed before anything follows from it.

SQLAlchemy Core on SQLite (WAL, full sync) or, by URL, PostgreSQL. One row a payment, one event a step; what moves a
payment stands in ``journal_transitions`` and nowhere else. Safe to share between threads and between processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from mpesa_cbp.errors import DuplicateConversation, JournalError, Sent
from mpesa_cbp.journal_database import begin, open_engine
from mpesa_cbp.journal_events import Delivery, Event, Handling, Received, event_of
from mpesa_cbp.journal_handling import claim_due, close_events, release_events
from mpesa_cbp.journal_moves import move
from mpesa_cbp.journal_receiving import HANDLED_LATER, lock_conversations, receive_all
from mpesa_cbp.journal_tables import IS_DEAD, events, payments
from mpesa_cbp.journal_transitions import Standing, step_of
from mpesa_cbp.payments import EventKind, Payment, PaymentState

__all__ = ["Delivery", "Event", "Handling", "Journal", "Received"]


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Journal:
    """The ledger of one organisation; ``url`` is an SQLAlchemy URL such as ``sqlite:///payments.db``.

    The schema is made or brought up to date on opening. ``clock`` gives aware datetimes.

    Raises SettingsError for a URL that cannot be used, JournalError where the database cannot be opened.
    """

    def __init__(self, url: str = "sqlite:///payments.db", *, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._engine = open_engine(url)
        # A database in memory has one connection, which threads must not use at the same time.
        self._alone = threading.RLock() if self._engine.url.database in (None, "", ":memory:") else None

    def __repr__(self) -> str:
        return f"Journal({self._engine.url.render_as_string(hide_password=True)!r})"

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One committed transaction; foreign errors become JournalError without parameters or bodies."""
        if self._alone is not None:
            self._alone.acquire()
        try:
            with self._engine.connect() as connection, begin(connection):
                yield connection
        except SQLAlchemyError as error:
            raise JournalError(f"The journal could not be read or written ({type(error).__name__})") from None
        finally:
            if self._alone is not None:
                self._alone.release()

    # -- outbound -----------------------------------------------------------------------------------------------

    def create(
        self, *, conversation_id: str, command_id: str, amount: Decimal | None, receiver: str | None, request: bytes
    ) -> None:
        """Store a payment in state CREATED, see ``PaymentJournal.create``; results that came before join it."""
        now = self._clock()
        row = {
            "conversation_id": conversation_id,
            "command_id": command_id,
            "standing": Standing.CREATED.value,
            "amount": amount,
            "receiver": receiver,
            "created_at": now,
            "updated_at": now,
        }
        with self._transaction() as connection:
            lock_conversations(connection, [conversation_id])
            earlier = connection.execute(
                select(events.c.id, events.c.kind, events.c.code, events.c.detail, events.c.receipt)
                .where(events.c.conversation_id == conversation_id)
                .order_by(events.c.id)
            ).all()
            try:
                with connection.begin_nested():
                    connection.execute(insert(payments).values(**row))
            except IntegrityError:
                raise DuplicateConversation(
                    "A payment with this conversation id is in the journal already",
                    conversation_id=conversation_id,
                    sent=Sent.NO,
                ) from None
            self._append(connection, conversation_id, EventKind.CREATED, body=request)
            for event in earlier:
                kind = EventKind(event.kind)
                _, contradicts = self._move(
                    connection, conversation_id, kind, event.code, event.detail, receipt=event.receipt
                )
                if contradicts:
                    connection.execute(update(events).where(events.c.id == event.id).values(contradicts=True))

    def record(
        self,
        conversation_id: str,
        kind: EventKind,
        *,
        code: str | None = None,
        core_conversation_id: str | None = None,
        detail: str | None = None,
        body: bytes | None = None,
    ) -> PaymentState:
        """Append an event and move the payment, see ``PaymentJournal.record``."""
        with self._transaction() as connection:
            standing, contradicts = self._move(
                connection, conversation_id, kind, code, detail, core_conversation_id=core_conversation_id
            )
            if standing is None:
                raise JournalError("The journal knows no such payment", conversation_id=conversation_id)
            self._append(
                connection,
                conversation_id,
                kind,
                code=code,
                core_conversation_id=core_conversation_id,
                detail=detail,
                body=body,
                contradicts=contradicts,
            )
        return standing.state

    def payment(self, conversation_id: str) -> Payment | None:
        """The payment of that conversation id, or None."""
        with self._transaction() as connection:
            row = connection.execute(select(payments).where(payments.c.conversation_id == conversation_id)).mappings()
            found = row.first()
        return _payment(found) if found is not None else None

    def payments(
        self,
        states: Collection[PaymentState] | None = None,
        *,
        older_than: datetime | None = None,
        limit: int | None = None,
    ) -> list[Payment]:
        """Payments in those states whose last change is older, oldest first."""
        query = select(payments).order_by(payments.c.updated_at, payments.c.conversation_id).limit(limit)
        if states is not None:
            query = query.where(payments.c.standing.in_([s.value for s in Standing if s.state in states]))
        if older_than is not None:
            query = query.where(payments.c.updated_at < older_than)
        with self._transaction() as connection:
            return [_payment(row) for row in connection.execute(query).mappings()]

    def events(self, conversation_id: str) -> list[Event]:
        """Everything that happened to a payment, in order."""
        query = select(events).where(events.c.conversation_id == conversation_id).order_by(events.c.id)
        with self._transaction() as connection:
            return [event_of(row) for row in connection.execute(query).mappings()]

    # -- inbound ------------------------------------------------------------------------------------------------

    def receive(self, delivery: Delivery) -> Received:
        """Store a delivery, once for each ``kind`` and ``identity``, and move the payment if it is known.

        Committed when it returns. Raises JournalError where it is not stored: then it must not be acknowledged.
        """
        return self.receive_all([delivery])[0]

    def receive_all(self, deliveries: Sequence[Delivery]) -> list[Received]:
        """As ``receive``, for many in one transaction: all are stored, or none is and JournalError is raised."""
        with self._transaction() as connection:
            return receive_all(connection, deliveries, now=self._clock())

    def claim(self, *, limit: int, lease: timedelta) -> list[Event]:
        """Events that are due for handling, oldest first, lent to the caller until the lease ends."""
        with self._transaction() as connection:
            return claim_due(connection, limit=limit, lease=lease, now=self._clock())

    def handled(self, *event_ids: int) -> None:
        """The handlers have done their work."""
        with self._transaction() as connection:
            close_events(connection, event_ids)

    def release(self, *event_ids: int) -> None:
        """Give claimed events back unhandled, due at once; the attempt does not count."""
        with self._transaction() as connection:
            release_events(connection, event_ids, now=self._clock())

    def failed(self, event_id: int, *, error: str, retry_at: datetime | None) -> None:
        """The handler failed; try again at that time, or never (None): the event is then a dead letter."""
        handling = Handling.PENDING if retry_at is not None else Handling.DEAD
        self._set(event_id, handling=handling.value, due_at=retry_at, error=error[:500])

    def replay(self, event_id: int) -> None:
        """Have a received event handled anew."""
        self._set(event_id, handling=Handling.PENDING.value, due_at=self._clock(), attempts=0)

    def event(self, event_id: int) -> Event | None:
        """One event, or None."""
        with self._transaction() as connection:
            row = connection.execute(select(events).where(events.c.id == event_id)).mappings().first()
        return event_of(row) if row is not None else None

    def dead_letters(self) -> list[Event]:
        """Events whose handling was given up, oldest first."""
        with self._transaction() as connection:
            rows = connection.execute(select(events).where(IS_DEAD).order_by(events.c.id)).mappings()
            return [event_of(row) for row in rows]

    def next_due(self) -> datetime | None:
        """When the next event is due for handling, or None."""
        query = select(events.c.due_at).where(events.c.due_at.is_not(None)).order_by(events.c.due_at).limit(1)
        with self._transaction() as connection:
            found: datetime | None = connection.execute(query).scalar()
            return found

    # -- the parts ----------------------------------------------------------------------------------------------

    def _append(self, connection: Connection, conversation_id: str | None, kind: EventKind, **values: Any) -> int:
        step = step_of(kind, code=values.get("code"), detail=values.get("detail"))
        row = {
            "conversation_id": conversation_id,
            "kind": kind.value,
            "step": step.value,
            "at": self._clock(),
            "contradicts": False,
            "handling": Handling.NONE.value,
            "attempts": 0,
            **values,
        }
        result = connection.execute(insert(events).values(**row).returning(events.c.id))
        return int(result.scalar_one())

    def _move(
        self,
        connection: Connection,
        conversation_id: str,
        kind: EventKind,
        code: str | None,
        detail: str | None,
        *,
        core_conversation_id: str | None = None,
        receipt: str | None = None,
    ) -> tuple[Standing | None, bool]:
        """Move a payment by the table; returns where it stands now and whether the event contradicts."""
        query = select(payments).where(payments.c.conversation_id == conversation_id).with_for_update()
        row = connection.execute(query).mappings().first()
        if row is None:
            return None, False
        moved = move(
            row,
            kind=kind,
            now=self._clock(),
            code=code,
            detail=detail,
            core_conversation_id=core_conversation_id,
            receipt=receipt,
        )
        if moved.changes:
            which = payments.c.conversation_id == conversation_id
            connection.execute(update(payments).where(which).values(**moved.changes))
        return moved.standing, moved.contradicts

    def _set(self, event_id: int, **values: Any) -> None:
        received = events.c.kind.in_([kind.value for kind in HANDLED_LATER])
        with self._transaction() as connection:
            done = connection.execute(update(events).where(events.c.id == event_id, received).values(**values))
        if done.rowcount != 1:
            raise JournalError(f"The journal has no event {event_id} that could be handled")


def _payment(row: RowMapping) -> Payment:
    names = ("conversation_id", "command_id", "amount", "receiver", "core_conversation_id", "response_code")
    more = ("result_code", "receipt", "created_at", "updated_at")
    return Payment(state=Standing(row["standing"]).state, **{name: row[name] for name in (*names, *more)})
