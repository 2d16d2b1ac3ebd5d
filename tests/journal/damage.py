"""What can happen to a journal's file from outside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def lose_table(file: Path, table: str) -> None:
    """Somebody drops a table of the journal."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"DROP TABLE {table}")
        connection.commit()
