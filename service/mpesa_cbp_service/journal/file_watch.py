"""Whether the files of an SQLite journal in use are still the ones that it was opened with.

SQLite goes on writing into a file that was moved, deleted or written over, and what is stored there is lost. So the
files are looked at before and after each transaction: that they are the same ones (device and inode), and that their
generation, the highest event id that was ever given, has not gone back, as it has in an older copy.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from pathlib import Path

from sqlalchemy import Connection

from mpesa_cbp.errors import JournalError
from mpesa_cbp_service.journal.sqlite_files import files_beside, identity
from mpesa_cbp_service.journal.tables import events

__all__ = ["FileWatch"]

_GENERATION = f"SELECT seq FROM sqlite_sequence WHERE name = '{events.name}'"  # noqa: S608 (a name of ours)


class FileWatch:
    """Remembers the files of one journal as long as one of this process's connections to it is open.

    Without an open connection SQLite itself may delete and make the `-wal` and `-shm`.
    """

    def __init__(self, file: Path, place: str) -> None:
        self._file, self._place = file, place
        self._lock = threading.Lock()
        self._open = 0
        self._main = identity(file)
        self._beside: list[tuple[int, int] | None] | None = None
        self._generation = self._checkpointed = 0
        self._looked_at: tuple[int, int, int] | None = None

    def opened(self, *_: object) -> None:
        """A connection was opened; called by the pool."""
        with self._lock:
            self._open += 1

    def closed(self, *_: object) -> None:
        """A connection was closed; called by the pool."""
        with self._lock:
            self._open -= 1
            if not self._open:
                self._beside = None

    def forget_connections(self) -> None:
        """This process was forked: it has none."""
        self._lock, self._open, self._beside = threading.Lock(), 0, None

    def check(self, connection: Connection) -> None:
        """Raise JournalError where what is stored would be, or was, lost. The connection is in a transaction."""
        with self._lock:
            beside = [identity(path) for path in files_beside(self._file)[1:]]
            if self._beside is None:
                self._beside = beside
            if identity(self._file) != self._main or beside != self._beside or None in beside:
                raise self._error("was moved, replaced or deleted (it, or its -wal or -shm) while it was in use")
            generation = connection.exec_driver_sql(_GENERATION).scalar() or 0
            if generation < self._generation or not self._is_checkpointed():
                raise self._error("was replaced by an older copy while it was in use")
            self._generation = generation

    def _is_checkpointed(self) -> bool:
        """Whether the file without its `-wal` holds no less than it did: only checkpoints write it, and they add."""
        stat = os.stat(self._file)  # noqa: PTH116 (looked at for each transaction)
        looked_at = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
        if looked_at == self._looked_at:
            return True
        generation = self._in_file_alone()
        if generation is None or generation < self._checkpointed:
            return False
        self._looked_at, self._checkpointed = looked_at, generation
        return True

    def _in_file_alone(self) -> int | None:
        """The generation in the file, as it is without its `-wal`; 0 before the first event, None in no database."""
        if not self._file.stat().st_size:
            return 0
        try:
            with contextlib.closing(sqlite3.connect(f"{self._file.as_uri()}?immutable=1", uri=True)) as alone:
                if not alone.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
                    return 0
                row = alone.execute(_GENERATION).fetchone()
                return int(row[0]) if row else 0
        except (sqlite3.Error, OSError):
            return None

    def _error(self, what: str) -> JournalError:
        return JournalError(
            f"The journal {self._place} {what}",
            advice=f"End this process, and put the files back. {JournalError.advice}",
        )
