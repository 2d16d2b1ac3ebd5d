"""Files that commands write: never over what they read, and never over anything unasked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

overwrite_option = click.option(
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
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.touch(mode=0o600)
    try:
        with beside.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
