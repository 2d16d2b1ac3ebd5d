"""docs/journal.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from mpesa_cbp.payment.model import PaymentState
from mpesa_cbp.payment.state_machine import TABLE
from mpesa_cbp_service.journal.tables import VERSION_TABLE, metadata

DOCUMENT = (Path(__file__).parents[3] / "docs" / "journal.md").read_text()


def test_documented_transitions_are_those_of_the_code() -> None:
    assert TABLE.strip("\n") in DOCUMENT


def test_every_state_and_table_is_documented() -> None:
    for state in PaymentState:
        assert f"| `{state.name}` |" in DOCUMENT
    for table in (*metadata.tables, VERSION_TABLE):
        assert f"`{table}`" in DOCUMENT
