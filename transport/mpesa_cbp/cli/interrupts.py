"""Ctrl-C in the middle of money: what is under way is finished first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def first_interrupt_sets(stop: threading.Event, told: str) -> Iterator[None]:
    """Let SIGINT and SIGTERM set ``stop`` and say what follows; a second one ends the program as usual."""
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def interrupted(*_: object) -> None:
        stop.set()
        click.echo(f"mpesa-cbp: {told}; once more ends it at once", err=True)
        restore()

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    for number in previous:
        signal.signal(number, interrupted)
    try:
        yield
    finally:
        restore()
