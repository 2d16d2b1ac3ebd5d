"""On Ctrl-C finish what is under way first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

_LOOKS_EVERY = 1.0  # seconds


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


def wait_for_signal(stopped: threading.Event) -> None:
    """Wait until a signal's handler has set the event; for the main thread, which alone runs such handlers.

    It runs them between two of its steps: one that comes just before a wait without an end would be run when that wait
    ends, so never.
    """
    while not stopped.wait(_LOOKS_EVERY):
        pass
