"""Handling: received events are lent to workers, one worker at a time, and closed when their handlers are done."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from mpesa_cbp.journal_events import Event, Handling, event_of
from mpesa_cbp.journal_tables import events

__all__ = ["claim_due", "close_events", "release_events"]


def claim_due(connection: Connection, *, limit: int, lease: timedelta, now: datetime) -> list[Event]:
    """Lend the oldest events that are due; rows that another process is just claiming are passed over."""
    due = (
        select(events.c.id)
        .where(events.c.due_at.is_not(None), events.c.due_at <= now)
        .order_by(events.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(due).scalars())
    if not ids:
        return []
    connection.execute(
        update(events)
        .where(events.c.id.in_(ids))
        .values(handling=Handling.LEASED.value, due_at=now + lease, attempts=events.c.attempts + 1)
    )
    found = connection.execute(select(events).where(events.c.id.in_(ids)).order_by(events.c.id)).mappings()
    return [event_of(row) for row in found]


def close_events(connection: Connection, event_ids: Collection[int]) -> None:
    """Mark events as handled."""
    connection.execute(
        update(events)
        .where(events.c.id.in_(event_ids))
        .values(handling=Handling.HANDLED.value, due_at=None, error=None)
    )


def release_events(connection: Connection, event_ids: Collection[int], *, now: datetime) -> None:
    """Give leased events back as if they had never been lent."""
    connection.execute(
        update(events)
        .where(events.c.id.in_(event_ids), events.c.handling == Handling.LEASED.value)
        .values(handling=Handling.PENDING.value, due_at=now, attempts=events.c.attempts - 1)
    )
