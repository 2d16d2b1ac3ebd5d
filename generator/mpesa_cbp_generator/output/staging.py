"""The hidden folder in which the next version of a package is built."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

NEW, OLD = "new", "old"
"""What a staging folder holds: the tree that is built, and on its way out the one that it replaces."""


@contextmanager
def staging(output: Path) -> Iterator[Path]:
    """A new folder beside ``output``, gone afterwards. It is locked, so that other runs know it to be in use."""
    folder, handle = _locked_folder(output)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def remove_leftovers(output: Path) -> None:
    """Remove the staging folders of runs that were killed; those of runs that go on are locked, and stay.

    Where there are no locks (Windows, some network file systems) all of them stay.
    """
    pattern = re.compile(rf"\.{re.escape(output.name)}-[a-z0-9_]{{8}}")
    for path in list(output.parent.iterdir()):
        if pattern.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            with suppress(OSError):
                _remove_leftover(path)


def _remove_leftover(path: Path) -> None:
    handle = _lock(path)
    if handle is None:
        return
    try:
        if all(inner.name in (NEW, OLD) for inner in path.iterdir()):
            shutil.rmtree(path)
    finally:
        os.close(handle)


def _locked_folder(output: Path) -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
        # Before it is locked, another run may take it for a leftover.
        with suppress(BlockingIOError, FileNotFoundError):
            return folder, _lock(folder)


def _lock(folder: Path) -> int | None:
    """Handle that holds the lock of a folder until it is closed; None where there are no locks.

    Raises BlockingIOError for a folder that is locked, FileNotFoundError for one that is gone.
    """
    if sys.platform == "win32":
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(handle), folder.stat()):
            raise FileNotFoundError(folder)
    except (BlockingIOError, FileNotFoundError):
        os.close(handle)
        raise
    except OSError:
        os.close(handle)
        return None
    return handle
