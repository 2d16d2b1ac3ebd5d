"""docs/journal.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from mpesa_cbp.journal.tables import VERSION_TABLE, metadata
from mpesa_cbp.payments import PaymentState
from mpesa_cbp.transitions import TABLE

DOCUMENT = (Path(__file__).parents[2] / "docs" / "journal.md").read_text()


def test_documented_transitions_are_those_of_the_code() -> None:
    assert TABLE.strip("\n") in DOCUMENT


def test_every_state_and_table_is_documented() -> None:
    for state in PaymentState:
        assert f"| `{state.name}` |" in DOCUMENT
    for table in (*metadata.tables, VERSION_TABLE):
        assert f"`{table}`" in DOCUMENT
