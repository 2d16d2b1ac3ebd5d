"""The files of a SQLite journal and their permissions."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["create_for_us_alone", "files_beside", "identity", "sqlite_file"]


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None where the journal is in memory, on a server, or in a URI of SQLite's own."""
    scheme, _, path = url.partition(":///")
    if scheme.partition("+")[0] != "sqlite" or path in ("", ":memory:") or path.startswith("file:"):
        return None
    return Path(path.partition("?")[0])


def create_for_us_alone(file: Path) -> None:
    """Make an empty file that no other user can read, where there is none; SQLite gives its `-wal` and `-shm` the same
    permissions. What keeps it from being made is left to SQLite to tell.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def identity(file: Path) -> tuple[int, int] | None:
    """What tells a file from another one that is put in its place; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def files_beside(file: Path) -> tuple[Path, ...]:
    """The database and the two files that SQLite keeps beside it."""
    return tuple(file.with_name(file.name + ending) for ending in ("", "-wal", "-shm"))
