"""Progress of long work, on standard error."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_Item = TypeVar("_Item")


def progress(items: Iterable[_Item], *, total: int, what: str, seconds: float = 10.0) -> Iterator[_Item]:
    """Give the items through, and show how many there were; on no terminal with a line every so many seconds."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from _told(items, total=total, what=what, seconds=seconds)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield from bar.track(items, total=total, description=what)


@contextmanager
def warnings_untold() -> Iterator[None]:
    """Keep log records below error off standard error where nobody has set logging up: the command says it in words."""
    logger = logging.getLogger("mpesa_cbp")
    if logger.hasHandlers():
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _told(items: Iterable[_Item], *, total: int, what: str, seconds: float) -> Iterator[_Item]:
    last = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            click.echo(f"{what}: {count} of {total}", err=True)
