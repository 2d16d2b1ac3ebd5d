"""The steps of a payment as they happen (protocol, section 1)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to a conversation.

    ``number`` is the place in the protocol's picture: 1 request, 2 answer, 3 the core's work, 4 result (or queue
    timeout), 5 the partner's answer to it. ``code`` is the ResponseCode, ResultCode or answer that goes with it, or
    None. ``xml`` is the message as it went over the wire, credentials and all, and therefore not in the repr. ``what``
    is one sentence without a secret or a customer's number. ``at`` is aware.
    """

    number: int
    what: str
    conversation_id: str
    xml: bytes = field(repr=False)
    at: datetime
    code: str | None = None


StepHook: TypeAlias = Callable[[TimelineEntry], None]
"""Called after each step, on the simulator's own threads; what it raises is logged and goes no further."""


class StepLog:
    """The latest ten thousand steps, for whoever wants to look at them or wait for one."""

    def __init__(self, hook: StepHook | None) -> None:
        self._hook = hook
        self._steps: deque[TimelineEntry] = deque(maxlen=10_000)
        self._count = 0
        self._changed = threading.Condition()

    def add(self, step: TimelineEntry) -> None:
        """Keep one and tell the hook."""
        with self._changed:
            self._steps.append(step)
            self._count += 1
            self._changed.notify_all()
        if self._hook is not None:
            self._hook(step)

    @property
    def count(self) -> int:
        """How many steps and other changes there have been, those that are forgotten included."""
        with self._changed:
            return self._count

    @property
    def steps(self) -> tuple[TimelineEntry, ...]:
        """Those that are kept, oldest first."""
        with self._changed:
            return tuple(self._steps)

    def wait_for(self, wanted: Callable[[TimelineEntry], bool], timeout: float) -> TimelineEntry:
        """The first step, past or to come, of which ``wanted`` is true. Raises TimeoutError."""
        with self._changed:
            found = self._changed.wait_for(lambda: next((step for step in self._steps if wanted(step)), None), timeout)
        if found is None:
            raise TimeoutError("no such step was taken in time")
        return found

    def wait_until(self, true: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``true`` is; it is asked now and after each step. False where that did not happen in time."""
        with self._changed:
            return self._changed.wait_for(true, timeout)

    def changed(self) -> None:
        """Count a change that is no step, such as one in a journal that the page shows."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def forget(self) -> None:
        """Forget all; the count goes on."""
        with self._changed:
            self._steps.clear()
            self._count += 1
            self._changed.notify_all()
