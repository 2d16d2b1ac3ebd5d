"""Search events, and delete those nobody needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, select, text

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.journal.events import Event, Handling, event_of
from mpesa_cbp_service.journal.tables import VERSION_TABLE, events

__all__ = [
    "conditions",
    "count_events",
    "damage",
    "discard_unreadable",
    "find_events",
    "newest_events",
    "write_version",
]


def conditions(
    *,
    kinds: Collection[EventKind] = (),
    handlings: Collection[Handling] = (),
    conversation_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    contradicting: bool = False,
) -> list[ColumnElement[bool]]:
    """What events must satisfy; what is empty or None asks for nothing."""
    wanted: list[ColumnElement[bool]] = []
    if kinds:
        wanted.append(events.c.kind.in_([kind.value for kind in kinds]))
    if handlings:
        wanted.append(events.c.handling.in_([handling.value for handling in handlings]))
    if conversation_id is not None and conversation_id.strip():
        wanted.append(events.c.conversation_id == conversation_id.strip())
    if since is not None:
        wanted.append(events.c.at >= since)
    if until is not None:
        wanted.append(events.c.at < until)
    if contradicting:
        wanted.append(events.c.contradicts.is_(True))
    return wanted


def find_events(
    connection: Connection,
    wanted: Sequence[ColumnElement[bool]],
    *,
    after: int,
    limit: int,
) -> list[Event]:
    """Events by number, at most ``limit``, beginning after the number ``after``."""
    query = select(events).where(events.c.id > after, *wanted).order_by(events.c.id).limit(limit)
    return [event_of(row) for row in connection.execute(query).mappings()]


def newest_events(connection: Connection, wanted: Sequence[ColumnElement[bool]], *, limit: int) -> tuple[int, int]:
    """How many events there are, and the number after which the newest ``limit`` of them stand."""
    count = connection.execute(select(func.count()).select_from(events).where(*wanted)).scalar_one()
    oldest = select(events.c.id).where(*wanted).order_by(events.c.id.desc()).offset(limit - 1).limit(1)
    first = connection.execute(oldest).scalar()
    return int(count), 0 if first is None else int(first) - 1


def count_events(connection: Connection, kind: EventKind) -> int:
    """How many events of a kind there are."""
    query = select(func.count()).select_from(events).where(events.c.kind == kind.value)
    return int(connection.execute(query).scalar_one())


def discard_unreadable(connection: Connection, until: datetime | None) -> int:
    """Delete unreadable messages, all or those stored before that time."""
    statement = delete(events).where(events.c.kind == EventKind.UNREADABLE.value)
    if until is not None:
        statement = statement.where(events.c.at < until)
    return connection.execute(statement).rowcount


def write_version(connection: Connection) -> None:
    """Write what is there already: a database that cannot be written, or has no room, refuses it."""
    connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = version_num"))  # noqa: S608 (a name of ours)


def damage(connection: Connection) -> list[str] | None:
    """What SQLite's integrity check finds, ten at most; None on PostgreSQL."""
    if connection.dialect.name != "sqlite":
        return None
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
    return [] if found == ["ok"] else found
