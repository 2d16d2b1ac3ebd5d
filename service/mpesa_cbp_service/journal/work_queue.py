"""Lend received events to workers, one at a time, until their handlers are done."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, or_, select, update

from mpesa_cbp_service.journal.events import Event, Handling, event_of
from mpesa_cbp_service.journal.inbound import HANDLED_LATER
from mpesa_cbp_service.journal.tables import IS_DEAD, events

__all__ = ["claim_due", "close_events", "dead_letters", "find_event", "next_due", "release_events", "set_handling"]


# Nothing of ours waits longer for its next attempt: what is due later was stored while the clock was wrong.
_LONGEST_WAIT = timedelta(days=1)

_IDS = events.c.id.in_(bindparam("ids", expanding=True))

# Made once: to build a statement anew takes longer than to run it.
_DUE = (
    select(events.c.id)
    .where(
        events.c.due_at.is_not(None),
        or_(
            events.c.due_at <= bindparam("now", type_=events.c.due_at.type),
            events.c.due_at > bindparam("far", type_=events.c.due_at.type),
        ),
    )
    .order_by(events.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_LEND = (
    update(events)
    .where(_IDS)
    .values(handling=Handling.LEASED.value, due_at=bindparam("until"), attempts=events.c.attempts + 1)
    .returning(events)
)
_CLOSE = update(events).where(_IDS).values(handling=Handling.HANDLED.value, due_at=None, error=None)
_RELEASE = (
    update(events)
    .where(_IDS, events.c.handling == Handling.LEASED.value)
    .values(handling=Handling.PENDING.value, due_at=bindparam("now"), attempts=events.c.attempts - 1)
)
_NEXT_DUE = select(events.c.due_at).where(events.c.due_at.is_not(None)).order_by(events.c.due_at).limit(1)


def claim_due(connection: Connection, *, limit: int, lease: timedelta, now: datetime) -> list[Event]:
    """Lend the oldest events that are due; rows that another process is just claiming are passed over."""
    far = now + lease + _LONGEST_WAIT
    ids = list(connection.execute(_DUE, {"now": now, "far": far, "most": limit}).scalars())
    if not ids:
        return []
    lent = connection.execute(_LEND, {"ids": ids, "until": now + lease}).mappings()
    return sorted((event_of(row) for row in lent), key=lambda event: event.id)


def close_events(connection: Connection, event_ids: Collection[int]) -> None:
    """Mark events as handled."""
    connection.execute(_CLOSE, {"ids": list(event_ids)})


def release_events(connection: Connection, event_ids: Collection[int], *, now: datetime) -> None:
    """Give leased events back as if they had never been lent."""
    connection.execute(_RELEASE, {"ids": list(event_ids), "now": now})


def set_handling(connection: Connection, event_id: int, **values: Any) -> bool:
    """Note how the handling of an event goes; False where there is no such event to handle."""
    received = events.c.kind.in_([kind.value for kind in HANDLED_LATER])
    done = connection.execute(update(events).where(events.c.id == event_id, received).values(**values))
    return done.rowcount == 1


def find_event(connection: Connection, event_id: int) -> Event | None:
    """One event, or None."""
    row = connection.execute(select(events).where(events.c.id == event_id)).mappings().first()
    return event_of(row) if row is not None else None


def dead_letters(connection: Connection) -> list[Event]:
    """Events whose handling was given up, oldest first."""
    rows = connection.execute(select(events).where(IS_DEAD).order_by(events.c.id)).mappings()
    return [event_of(row) for row in rows]


def next_due(connection: Connection) -> datetime | None:
    """When the next event is due for handling, or None."""
    found: datetime | None = connection.execute(_NEXT_DUE).scalar()
    return found
