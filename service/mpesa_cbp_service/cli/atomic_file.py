"""Write files of commands whole, and never over another file unasked."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import click

from mpesa_cbp_service.cli.options import CommandDecorator

if sys.platform != "win32":
    import fcntl

overwrite_option: CommandDecorator = click.option(
    "--overwrite", is_flag=True, help="Replace the file that is to be written, if it is there."
)


def refuse_to_replace(path: Path, *, overwrite: bool, read: tuple[Path | None, ...]) -> None:
    """Raise UsageError where ``path`` is one of the files ``read``, by another name too, or is there unasked."""
    if not os.path.lexists(path):
        return
    if any(each is not None and each.exists() and path.exists() and each.samefile(path) for each in read):
        raise click.UsageError(
            f"{path} is a file that this command reads; nothing was done. Give another file to write."
        )
    if not overwrite:
        raise click.UsageError(f"{path} is there already; nothing was done. Give another file, or --overwrite.")


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A file for us alone that appears at ``path`` when it is whole; that it can be made is known at once."""
    _remove_leftovers(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.touch(mode=0o600)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with beside.open("w", encoding="utf-8", newline="") as stream:
            if _lock(stream) and not beside.exists():
                raise FileNotFoundError(errno.ENOENT, "another run has removed its beginning: run it again", str(path))
            yield stream
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove what killed runs have left of the same file; what a run that goes on is writing is locked, and stays."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9]+")
    with suppress(OSError):
        for each in [each for each in path.parent.iterdir() if pattern.fullmatch(each.name) and each.is_file()]:
            with suppress(OSError), each.open("r+") as stream:
                if _lock(stream):
                    each.unlink()


def _lock(stream: TextIO) -> bool:
    """Lock a file until it is closed; False where there are no locks. Raises BlockingIOError for one that is locked."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True
