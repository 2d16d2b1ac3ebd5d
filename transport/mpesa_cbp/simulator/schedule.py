"""Things to be done later, one after the other on one thread, in the order of their time and then of their making."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

_Job = Callable[[], None]


class Schedule:
    """A thread that does what is due. One thread, so that the order is the same in every run.

    Its time is the machine's, plus what it was put forward by ``advance``.
    """

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, _Job]] = []
        self._count = itertools.count()
        self._change = threading.Condition()
        self._ahead = 0.0
        self._stopping = False
        self._working = False
        self._thread = threading.Thread(target=self._run, name="simulator-schedule", daemon=True)

    def start(self) -> None:
        """Begin; what was put in before is done now if it is due."""
        self._thread.start()

    def after(self, seconds: float, job: _Job) -> None:
        """Do ``job`` that many seconds from now; nothing happens any more once stopped."""
        with self._change:
            if not self._stopping:
                heapq.heappush(self._queue, (self._now() + seconds, next(self._count), job))
                self._change.notify_all()

    def planned(self) -> int:
        """How many things are still to be done."""
        with self._change:
            return len(self._queue) + self._working

    def advance(self, seconds: float, timeout: float) -> bool:
        """Put the time forward, and do all that falls due on the way, each thing at its own time.

        Returns when it is done; False where that took longer than ``timeout`` seconds of the machine's time.
        """
        deadline = time.monotonic() + timeout
        with self._change:
            target = self._now() + seconds
            while True:
                if not self._change.wait_for(self._resting, max(0.0, deadline - time.monotonic())):
                    return False
                if self._stopping or not self._queue or self._queue[0][0] > target:
                    break
                self._ahead += max(0.0, self._queue[0][0] - self._now())
                self._change.notify_all()
            self._ahead += max(0.0, target - self._now())
            self._change.notify_all()
            return True

    def clear(self, timeout: float = 15) -> None:
        """Drop everything that is planned, and let the job at hand finish."""
        with self._change:
            self._queue.clear()
            self._change.wait_for(lambda: not self._working, timeout)
            self._queue.clear()
            self._change.notify_all()

    def stop(self, timeout: float = 15) -> None:
        """Finish the job at hand, drop the rest."""
        with self._change:
            self._stopping = True
            self._queue.clear()
            self._change.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def idle(self, timeout: float) -> bool:
        """Wait until nothing is left to do; False where that did not happen in time."""
        with self._change:
            return self._change.wait_for(lambda: not self._queue and not self._working, timeout)

    def _now(self) -> float:
        return time.monotonic() + self._ahead

    def _resting(self) -> bool:
        """Whether no job is at hand and none is due already."""
        return not self._working and not (self._queue and not self._stopping and self._queue[0][0] <= self._now())

    def _run(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            try:
                job()
            except Exception:  # noqa: BLE001 - one failing step must not stop the others
                _log.exception("a scheduled step of the simulator failed")
            finally:
                with self._change:
                    self._working = False
                    self._change.notify_all()

    def _next(self) -> _Job | None:
        with self._change:
            while not self._stopping:
                if not self._queue:
                    self._change.wait()
                    continue
                wait = self._queue[0][0] - self._now()
                if wait <= 0:
                    self._working = True
                    return heapq.heappop(self._queue)[2]
                self._change.wait(wait)
            return None
