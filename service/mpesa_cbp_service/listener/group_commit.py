"""Group commit: deliveries that arrive together are stored in one transaction, each acknowledged after the commit.

A commit that reaches the disk takes as long for forty deliveries as for one. Deliveries go into a queue; one thread
takes all that are in it and commits them. Nothing waits for company.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from mpesa_cbp.errors import JournalError
from mpesa_cbp_service.journal.events import InboundMessage, StoreOutcome

__all__ = ["GroupCommit", "Overloaded"]

_QUICK_SECONDS = 1.0
_GRACE_SECONDS = 5.0

_Outcome = TypeVar("_Outcome")
_Settled: TypeAlias = tuple[Future[Any], object]


class Overloaded(Exception):
    """Too many deliveries wait for the journal already; this one was not stored."""


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


@dataclass(frozen=True, slots=True)
class _Job:
    """Something to store: ``prepare`` makes the delivery, ``finish`` the future's result of what became of it."""

    future: Future[Any]
    prepare: Callable[[], InboundMessage | None]
    finish: Callable[[StoreOutcome | None], object]


class GroupCommit:
    """Stores deliveries with ``receive_all``, at most ``largest`` in one transaction, in a thread of its own.

    A future that is cancelled before its transaction begins is not stored. Where one transaction takes longer than
    ``longest_wait`` seconds, or ``maximum_waiting`` wait already, new deliveries are refused at once.

    ``hand_over`` is called after each transaction with a function that settles its futures, and has to call it: an
    event loop has it called in its own thread. One such call costs less than one for each future, since Python runs one
    thread at a time.
    """

    def __init__(
        self,
        receive_all: Callable[[Sequence[InboundMessage]], list[StoreOutcome]],
        *,
        largest: int = 64,
        maximum_waiting: int = 1000,
        longest_wait: float = 5.0,
    ) -> None:
        self.hand_over: Callable[[Callable[[], None]], object] = lambda settle: settle()
        self._receive_all = receive_all
        self._largest = largest
        self._maximum_waiting = maximum_waiting
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._began: float | None = None

    @property
    def stuck(self) -> bool:
        """Whether a transaction is under way that takes too long: the journal should not be asked for anything now."""
        began = self._began
        return began is not None and time.monotonic() - began > self._longest_wait

    def put(
        self, prepare: Callable[[], InboundMessage], finish: Callable[[StoreOutcome], _Outcome]
    ) -> Future[_Outcome]:
        """Queue the delivery that ``prepare`` makes; once it is committed the future has what ``finish`` makes of it.

        Both are called in the committing thread: one thread at work costs less than two that take turns, and so
        everything that takes time is done there. The future's error may be what ``prepare`` raises, or a JournalError.
        Raises Overloaded where there is no room.
        """
        return self._put(prepare, finish)

    def call(self, function: Callable[[], _Outcome]) -> Future[_Outcome]:
        """Queue a call of a function that uses the journal. Raises Overloaded where there is no room."""
        return self._put(lambda: None, lambda _: function())

    def stop(self) -> None:
        """Finish what is queued, and end the thread; a later delivery starts it again."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None or self._process != os.getpid():
                return
        self._jobs.put(None)
        thread.join(_GRACE_SECONDS)

    def _put(self, prepare: Callable[[], Any], finish: Callable[[Any], _Outcome]) -> Future[_Outcome]:
        if self.stuck:
            raise Overloaded("The journal has been at a commit for too long")
        self._start()
        if self._jobs.qsize() >= self._maximum_waiting:
            raise Overloaded("Too many deliveries wait for the journal")
        future: Future[_Outcome] = Future()
        self._jobs.put(_Job(future, prepare, finish))
        return future

    def _start(self) -> None:
        if self._thread is not None and self._process == os.getpid():
            return
        with self._lock:
            if self._thread is None or self._process != os.getpid():
                if self._process != os.getpid():  # forked: the queue's locks may be held by a thread that is not here
                    self._jobs, self._began = queue.SimpleQueue(), None
                self._process = os.getpid()
                self._thread = threading.Thread(
                    target=self._run, args=(self._jobs,), name="mpesa-cbp-commit", daemon=True
                )
                self._thread.start()

    def _run(self, jobs: queue.SimpleQueue[_Job | None]) -> None:
        while True:
            batch = [jobs.get()]
            with suppress(queue.Empty):
                while len(batch) < self._largest and batch[-1] is not None:
                    batch.append(jobs.get_nowait())
            self._began = time.monotonic()
            jobs_now = [job for job in batch if job is not None and job.future.set_running_or_notify_cancel()]
            outcomes = self._work(jobs_now)
            self._began = None
            self._hand_over(partial(_settle, outcomes))
            if batch[-1] is None:
                return

    def _hand_over(self, settle: Callable[[], None]) -> None:
        try:
            self.hand_over(settle)
        except RuntimeError:  # an event loop that is closed
            settle()

    def _work(self, jobs: list[_Job]) -> list[_Settled]:
        """What each future is to be settled with."""
        prepared = [_outcome(job.prepare) for job in jobs]
        stored = iter(self._store([made for made in prepared if isinstance(made, InboundMessage)]))
        outcomes = [next(stored) if isinstance(made, InboundMessage) else made for made in prepared]
        return [
            (job.future, outcome if isinstance(outcome, _Failed) else _outcome(partial(job.finish, outcome)))
            for job, outcome in zip(jobs, outcomes, strict=True)
        ]

    def _store(self, batch: list[InboundMessage]) -> list[Any]:
        """A StoreOutcome or _Failed for each."""
        began = time.monotonic()
        try:
            outcomes = list(self._receive_all(batch)) if batch else []
            if len(outcomes) != len(batch):
                raise ValueError("the journal gave an outcome for something else")
            return outcomes
        except Exception as error:  # noqa: BLE001 (whatever a journal raises, the callers must get an answer)
            # One delivery that the database cannot take must not keep out the others. Where the database itself is
            # the trouble, trying each alone would only take longer.
            if isinstance(error, JournalError) and len(batch) > 1 and time.monotonic() - began < _QUICK_SECONDS:
                return [outcome for delivery in batch for outcome in self._store([delivery])]
            return [_Failed(_not_stored(error)) for _ in batch]


def _outcome(function: Callable[[], object]) -> Any:
    try:
        return function()
    except Exception as error:  # noqa: BLE001 (it is the future's)
        return _Failed(error)


def _settle(outcomes: list[_Settled]) -> None:
    for future, outcome in outcomes:
        if isinstance(outcome, _Failed):
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome)


def _not_stored(error: Exception) -> JournalError:
    if isinstance(error, JournalError):
        return JournalError(error.message)
    return JournalError(f"The delivery was not stored ({type(error).__name__})")
