"""Runs handlers over what the journal has received: at least once each, with backoff, then a dead letter."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mpesa_cbp.errors import JournalError
from mpesa_cbp.log_events import HANDLER_FAILED, HANDLER_GAVE_UP, HANDLER_WAITING
from mpesa_cbp.payment.model import EventKind, PaymentState
from mpesa_cbp.payment.state_machine import FINAL_EVIDENCE, Evidence, same_code, step_of
from mpesa_cbp.soap import decode
from mpesa_cbp_service.journal.events import Event
from mpesa_cbp_service.listener.protocols import EventJournal
from mpesa_cbp_service.listener.traceback_location import place_of
from mpesa_cbp_service.notifications import C2BNotification, Notification, QueueTimeoutNotification, ResultNotification

__all__ = ["AsynchronousHandler", "HandlerWorker", "refuse_asynchronous"]

_BATCH = 50
# Between two lendings that were not full: each is a commit, which few events would make dear.
_GATHERING_SECONDS = 0.05
_LONGEST_PAUSE = 5.0
_GRACE_SECONDS = 30.0
_FIRST_BACKOFF = timedelta(seconds=1)
_CLOSING_SECONDS = 1.0

_logger = logging.getLogger("mpesa_cbp.handlers")


def _now() -> datetime:
    return datetime.now(UTC)


class AsynchronousHandler(TypeError):
    """A handler that would have to be awaited, so that calling it does nothing."""


@dataclass(slots=True)
class _Lent:
    """What one thread has of the journal: what it must note as done, and what it must give back before ``until``."""

    until: datetime = datetime.min.replace(tzinfo=UTC)
    unhandled: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)


class HandlerWorker:
    """Threads that lend events from the journal and call ``handlers`` with them, by event kind.

    An event whose kind has no handler counts as handled. One whose handler raises is tried again after 1, 2, 4 …
    seconds, and after ``attempts`` left as a dead letter; so is one at which twice as many workers died. A worker that
    dies leaves its events to the next one when their ``lease`` ends; one whose journal was away notes what is done, and
    gives back the rest, as soon as it can be written again. A handler must be done well before that, and may
    see an event twice: its ``event_id`` tells. ``threads`` handle that many events at a time.
    """

    def __init__(
        self, journal: EventJournal, *, threads: int = 1, lease: timedelta = timedelta(minutes=2), attempts: int = 8
    ) -> None:
        self.handlers: dict[EventKind, Callable[[Any], object]] = {}
        self.on_contradiction: Callable[[Any], object] | None = None
        self.count: Callable[[EventKind, str], None] = lambda _kind, _outcome: None
        self._journal = journal
        self._number = threads
        self._lease = lease
        self._attempts = attempts
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._process = 0

    def start(self) -> None:
        """Start the threads; a second time does nothing, except in a process that was forked since.

        Raises AsynchronousHandler, a TypeError, for a handler that is an ``async def``.
        """
        refuse_asynchronous(*self.handlers.values(), self.on_contradiction)
        if self._threads and self._process == os.getpid():
            return
        self._process = os.getpid()
        self._work, self._stopping = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"mpesa-cbp-handlers-{number}", daemon=True)
            for number in range(self._number)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the events at hand, give the others back, and end the threads.

        A handler that hangs is waited for 30 seconds; its event is given out again when its lease ends.
        """
        threads, self._threads = self._threads, []
        self._stopping.set()
        self._work.set()
        deadline = time.monotonic() + _GRACE_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def wake(self) -> None:
        """Tell that there may be something to do."""
        if not self._work.is_set():
            self._work.set()

    def _run(self) -> None:
        lent = _Lent()
        while not self._stopping.is_set():
            self._work.clear()
            try:
                pause = 0.0 if (count := self._turn(lent)) else self._pause()
                if count < _BATCH:
                    self._stopping.wait(_GATHERING_SECONDS)
            except JournalError as error:
                HANDLER_WAITING.log(_logger, error=error.message)
                pause = _LONGEST_PAUSE
            if pause > 0 and not self._stopping.is_set():
                self._work.wait(pause)
        with contextlib.suppress(JournalError):
            self._give_back(lent)

    def _pause(self) -> float:
        """Seconds until there may be something to do although nobody wakes us: a retry, or another's lease."""
        due = self._journal.next_due()
        return _LONGEST_PAUSE if due is None else min(_LONGEST_PAUSE, max(0.05, (due - _now()).total_seconds()))

    def _turn(self, lent: _Lent) -> int:
        """Handle what is due; returns how many events were lent."""
        self._give_back(lent)
        lent_at = _now()
        began = noted = time.monotonic()
        half = self._lease.total_seconds() / 2
        claimed = self._journal.claim(limit=_BATCH, lease=self._lease)
        lent.unhandled, lent.until = [event.id for event in claimed], lent_at + self._lease
        try:
            for event in claimed:
                # Past half of the lease another worker might get these events while we are at them.
                if self._stopping.is_set() or time.monotonic() - began > half:
                    break
                done = self._handle(event)
                lent.unhandled.remove(event.id)
                if done:
                    lent.done.append(event.id)
                if lent.done and time.monotonic() - noted > _CLOSING_SECONDS:
                    self._note(lent)
                    noted = time.monotonic()
        except JournalError:
            raise  # what is lent is given back when the journal can be written again
        except BaseException:
            self._note(lent)
            raise
        self._give_back(lent)
        return len(claimed)

    def _give_back(self, lent: _Lent) -> None:
        """Note what is done, and let others have the rest, unless their lease is over and they have it already."""
        self._note(lent)
        if lent.unhandled and _now() < lent.until:
            self._journal.release(*lent.unhandled)
        lent.unhandled = []

    def _note(self, lent: _Lent) -> None:
        if lent.done:
            self._journal.handled(*lent.done)
            lent.done = []

    def _handle(self, event: Event) -> bool:
        """Call the handler; whether the event is done."""
        if event.attempts > 2 * self._attempts:
            self._give_up(event, "the workers died")
            return False
        handler = self.on_contradiction if self._is_rival(event) else self.handlers.get(event.kind)
        try:
            if handler is not None:
                _finished(handler(_notice(event)))
        except Exception as error:  # noqa: BLE001 (a handler may raise anything; the event must not be lost)
            self._failed(event, type(error).__name__, _place(handler, error))
            return False
        self.count(event.kind, "done")
        return True

    def _failed(self, event: Event, name: str, place: str | None) -> None:
        # The text of a handler's exception may hold a customer's data; its kind and place are enough to find it.
        HANDLER_FAILED.log(
            _logger, event_id=event.id, kind=event.kind.value, error=name, place=place, attempt=event.attempts
        )
        name = f"{name} at {place}" if place else name
        self.count(event.kind, "failed")
        if event.attempts >= self._attempts:
            self._give_up(event, name)
        else:
            retry_at = _now() + _FIRST_BACKOFF * 2 ** (event.attempts - 1)
            self._journal.failed(event.id, error=name, retry_at=retry_at)

    def _give_up(self, event: Event, error: str) -> None:
        HANDLER_GAVE_UP.log(_logger, event_id=event.id, kind=event.kind.value, attempt=event.attempts)
        self.count(event.kind, "dead")
        self._journal.failed(event.id, error=error, retry_at=None)

    def _is_rival(self, event: Event) -> bool:
        """Whether it contradicts its payment or what settled it, and so has settled nothing."""
        if not event.contradicts:
            return False
        step = step_of(event.kind, code=event.code, detail=event.detail, more_follow=event.more_follow)
        if step is Evidence.DIFFERS:
            return True
        if event.conversation_id is None:
            return False
        payment = self._journal.payment(event.conversation_id)
        if payment is None:
            return True
        if event.kind is EventKind.QUEUE_TIMEOUT:
            return payment.state is not PaymentState.EXPIRED
        if payment.result_code is None:
            return step in FINAL_EVIDENCE
        return not (same_code(payment.result_code, event.code) and payment.receipt == event.receipt)


def refuse_asynchronous(*handlers: Callable[..., object] | None) -> None:
    """Raise AsynchronousHandler for a handler that is an ``async def``: its events would count as handled."""
    for handler in handlers:
        if inspect.iscoroutinefunction(handler):
            name = getattr(handler, "__qualname__", type(handler).__name__)
            raise AsynchronousHandler(f"the handler {name} is an async def, which nobody awaits")


def _finished(returned: object) -> None:
    """Raise AsynchronousHandler for what is still to be awaited: nothing of the handler has been done."""
    if inspect.isawaitable(returned):
        if inspect.iscoroutine(returned):
            returned.close()
        raise AsynchronousHandler("the handler is asynchronous, and nobody here awaits it")


def _notice(event: Event) -> Notification:
    decoded = decode(event.body or b"")
    if event.kind is EventKind.RESULT:
        return ResultNotification(event.id, decoded.message, decoded.deviations, event.contradicts)
    if event.kind is EventKind.QUEUE_TIMEOUT:
        return QueueTimeoutNotification(event.id, decoded.message, event.contradicts)
    return C2BNotification(event.id, decoded.message)


def _place(handler: Callable[[Any], object] | None, error: Exception) -> str | None:
    """Where the handler's own code was when it failed."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    home = str(getattr(inspect.unwrap(handler), "__module__", None)) if handler is not None else ""
    return place_of(error, home=home)
