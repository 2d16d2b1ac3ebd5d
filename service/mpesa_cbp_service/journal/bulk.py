"""Lines of bulk payments, and claims of queries, inside a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mpesa_cbp.payment.model import OPEN_STATES
from mpesa_cbp.payment.state_machine import LedgerState
from mpesa_cbp_service.journal.tables import apart, batch_lines, payments

# SQLite takes 32,766 parameters in a statement, older ones 999.
_PIECE = 200

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """One line of a bulk payment; ``digest`` is of what it pays to whom, and of its reference."""

    conversation_id: str
    batch: str
    reference: str
    digest: str


def claim_query(connection: Connection, conversation_id: str, *, now: datetime, pause: timedelta) -> bool:
    """Take up an open payment to ask the broker about it, unless somebody did so less than ``pause`` ago."""
    is_open = payments.c.standing.in_([each.value for each in LedgerState if each.state in OPEN_STATES])
    free = or_(payments.c.queried_at.is_(None), apart(payments.c.queried_at, now=now, span=pause))
    chosen = update(payments).where(payments.c.conversation_id == conversation_id, is_open, free)
    return connection.execute(chosen.values(queried_at=now)).rowcount == 1


def add_lines(connection: Connection, lines: Sequence[BatchLine]) -> None:
    """Keep the lines of a bulk payment; those that are kept already stay as they are."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(batch_lines).on_conflict_do_nothing(index_elements=["conversation_id"])
    for piece in pieces(sorted(lines, key=lambda line: line.conversation_id)):
        rows = [
            {"conversation_id": each.conversation_id, "batch": each.batch}
            | {"reference": each.reference, "digest": each.digest}
            for each in piece
        ]
        connection.execute(statement, rows)


def other_batches(connection: Connection, lines: Sequence[BatchLine]) -> dict[str, int]:
    """Batches that pay the same to the same under the same reference by another conversation id; lines of each."""
    found: dict[str, int] = {}
    own = {each.conversation_id for each in lines}
    for piece in pieces(sorted({each.digest for each in lines})):
        query = select(batch_lines.c.batch, batch_lines.c.conversation_id).where(batch_lines.c.digest.in_(piece))
        for name, conversation_id in connection.execute(query):
            if conversation_id not in own:
                found[name] = found.get(name, 0) + 1
    return found


def references(connection: Connection, conversation_ids: Collection[str]) -> dict[str, BatchLine]:
    """The lines that these payments were made for, by conversation id."""
    found = {}
    for piece in pieces(sorted(conversation_ids)):
        query = select(batch_lines).where(batch_lines.c.conversation_id.in_(piece))
        for row in connection.execute(query).mappings():
            found[row["conversation_id"]] = BatchLine(**row)
    return found


def pieces(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """The items in portions that fit one statement."""
    return (items[start : start + _PIECE] for start in range(0, len(items), _PIECE))
