"""What receiving reads of the journal does not grow with what the journal holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.journal import InboundMessage, Journal

# The last is a table of one row: the highest event id.
_NARROW = ("(conversation_id=?)", "(rowid=?)", "(kind=? AND identity=?)", "SCAN sqlite_sequence")


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """The statements that are executed in the block, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def results(*numbers: int) -> list[InboundMessage]:
    return [
        InboundMessage(
            kind=EventKind.RESULT, identity=f"i{each}", conversation_id=f"c{each}", code="0", body=b"<result/>"
        )
        for each in numbers
    ]


def search_terms(path: Path, seen: list[tuple[str, Any]]) -> list[str]:
    """How SQLite finds the rows of each table that the statements name."""
    with closing(sqlite3.connect(path)) as database:
        return [
            step
            for statement, parameters in seen
            if statement.startswith(("SELECT", "UPDATE", "INSERT"))
            for *_, step in database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            if step.startswith(("SEARCH", "SCAN"))
        ]


@pytest.mark.parametrize("many", [1, 7, 64])
def test_rows_are_found_by_conversation_identity_or_number(tmp_path: Path, many: int) -> None:
    path = tmp_path / "journal.db"
    with Journal(f"sqlite:///{path}") as journal:
        journal.receive_all(results(0))
        with statements() as seen:
            # New ones, one that is known, and both once more.
            for _ in range(2):
                journal.receive_all(results(*range(many + 1)))

    found = [step for step in search_terms(path, seen) if not step.endswith("CONSTANT ROWS")]

    assert any(step.endswith("(conversation_id=?)") for step in found)
    assert [step for step in found if not step.endswith(_NARROW)] == []
