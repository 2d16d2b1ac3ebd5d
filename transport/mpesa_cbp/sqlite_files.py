"""The file in which SQLite keeps a journal, as the journal's URL names it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["sqlite_file"]


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None where the journal is in memory, on a server, or in a URI of SQLite's own."""
    scheme, _, path = url.partition(":///")
    if scheme.partition("+")[0] != "sqlite" or path in ("", ":memory:") or path.startswith("file:"):
        return None
    return Path(path.partition("?")[0])
