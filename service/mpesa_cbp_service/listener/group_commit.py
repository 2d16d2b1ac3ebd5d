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
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from mpesa_cbp.errors import JournalError
from mpesa_cbp_service.journal.events import InboundMessage, StoreOutcome

__all__ = ["GroupCommit", "Overloaded"]

_QUICK_SECONDS = 1.0
_GRACE_SECONDS = 5.0

_Outcome = TypeVar("_Outcome")


class Overloaded(Exception):
    """Too many deliveries wait for the journal already; this one was not stored."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A delivery to store, or a function to call with the journal to itself; ``future`` is for the outcome."""

    future: Future[Any]
    delivery: InboundMessage | None = None
    function: Callable[[], object] | None = None


class GroupCommit:
    """Stores deliveries with ``receive_all``, at most ``largest`` in one transaction, in a thread of its own.

    A future that is cancelled before its transaction begins is not stored. Where one transaction takes longer than
    ``longest_wait`` seconds, or ``maximum_waiting`` wait already, new deliveries are refused at once.
    """

    def __init__(
        self,
        receive_all: Callable[[Sequence[InboundMessage]], list[StoreOutcome]],
        *,
        largest: int = 64,
        maximum_waiting: int = 1000,
        longest_wait: float = 5.0,
    ) -> None:
        self._receive_all = receive_all
        self._largest = largest
        self._maximum_waiting = maximum_waiting
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process = 0
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maximum_waiting)
        self._began: float | None = None

    @property
    def stuck(self) -> bool:
        """Whether a transaction is under way that takes too long: the journal should not be asked for anything now."""
        began = self._began
        return began is not None and time.monotonic() - began > self._longest_wait

    def put(self, delivery: InboundMessage) -> Future[StoreOutcome]:
        """Queue a delivery, which is committed when the future has a result; its error may be a JournalError.

        Raises Overloaded where there is no room.
        """
        future: Future[StoreOutcome] = Future()
        self._put(_Job(future, delivery=delivery))
        return future

    def call(self, function: Callable[[], _Outcome]) -> Future[_Outcome]:
        """Queue a call of a function that uses the journal. Raises Overloaded where there is no room."""
        future: Future[_Outcome] = Future()
        self._put(_Job(future, function=function))
        return future

    def stop(self) -> None:
        """Finish what is queued, and end the thread; a later delivery starts it again."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None or self._process != os.getpid():
                return
        with suppress(queue.Full):
            self._jobs.put(None, timeout=_GRACE_SECONDS)
            thread.join(_GRACE_SECONDS)

    def _put(self, job: _Job) -> None:
        if self.stuck:
            raise Overloaded("The journal has been at a commit for too long")
        self._start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise Overloaded("Too many deliveries wait for the journal") from None

    def _start(self) -> None:
        if self._thread is not None and self._process == os.getpid():
            return
        with self._lock:
            if self._thread is None or self._process != os.getpid():
                if self._process != os.getpid():  # forked: the queue's locks may be held by a thread that is not here
                    self._jobs, self._began = queue.Queue(self._maximum_waiting), None
                self._process = os.getpid()
                self._thread = threading.Thread(
                    target=self._run, args=(self._jobs,), name="mpesa-cbp-commit", daemon=True
                )
                self._thread.start()

    def _run(self, jobs: queue.Queue[_Job | None]) -> None:
        while True:
            batch = [jobs.get()]
            with suppress(queue.Empty):
                while len(batch) < self._largest and batch[-1] is not None:
                    batch.append(jobs.get_nowait())
            self._began = time.monotonic()
            self._work([job for job in batch if job is not None and job.future.set_running_or_notify_cancel()])
            self._began = None
            if batch[-1] is None:
                return

    def _work(self, jobs: list[_Job]) -> None:
        deliveries = [job for job in jobs if job.delivery is not None]
        if deliveries:
            self._store(deliveries)
        for job in jobs:
            if job.function is not None:
                _settle(job.future, job.function)

    def _store(self, batch: list[_Job]) -> None:
        began = time.monotonic()
        try:
            outcomes = self._receive_all([job.delivery for job in batch if job.delivery is not None])
            for job, outcome in zip(batch, outcomes, strict=True):
                job.future.set_result(outcome)
        except Exception as error:  # noqa: BLE001 (whatever a journal raises, the callers must get an answer)
            # One delivery that the database cannot take must not keep out the others. Where the database itself is
            # the trouble, trying each alone would only take longer.
            if isinstance(error, JournalError) and len(batch) > 1 and time.monotonic() - began < _QUICK_SECONDS:
                for job in batch:
                    self._store([job])
                return
            for job in batch:
                with suppress(InvalidStateError):
                    job.future.set_exception(_not_stored(error))


def _settle(future: Future[Any], function: Callable[[], object]) -> None:
    try:
        future.set_result(function())
    except Exception as error:  # noqa: BLE001 (as above)
        future.set_exception(_not_stored(error))


def _not_stored(error: Exception) -> JournalError:
    if isinstance(error, JournalError):
        return JournalError(error.message)
    return JournalError(f"The delivery was not stored ({type(error).__name__})")
