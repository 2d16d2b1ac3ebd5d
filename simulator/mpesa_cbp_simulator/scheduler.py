"""Run tasks later, those of one partner in their order."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

__all__ = ["Schedule", "lane_of"]

_log = logging.getLogger(__name__)

_Job = Callable[[], None]
_MOST_LANES = 16


def lane_of(url: str | None) -> str:
    """Lane of what is posted to a URL: the partner's host and port."""
    return urlsplit(url).netloc.lower() if url else ""


class Schedule:
    """A thread that finds what is due, and up to sixteen that do it, each in one lane at a time.

    What is in one lane is done in the order of its time and then of its making, the same in every run. Its time is
    the machine's, plus what it was put forward by ``advance``.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, list[tuple[float, int, _Job]]] = {}
        self._busy: set[str] = set()
        self._ready: deque[str] = deque()
        self._workers = 0
        self._arriving = 0
        self._count = itertools.count()
        self._change = threading.Condition()
        self._ahead = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="simulator-schedule", daemon=True)

    def start(self) -> None:
        """Begin; what was put in before is done now if it is due."""
        self._thread.start()

    def after(self, seconds: float, job: _Job, *, lane: str) -> None:
        """Do ``job`` that many seconds from now; nothing happens any more once stopped."""
        with self._change:
            if not self._stopping:
                heapq.heappush(self._lanes.setdefault(lane, []), (self._now() + seconds, next(self._count), job))
                self._change.notify_all()

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """While something is taken that will be planned: nobody who waits for the end comes too early."""
        with self._change:
            self._arriving += 1
        try:
            yield
        finally:
            with self._change:
                self._arriving -= 1
                self._change.notify_all()

    def planned(self) -> int:
        """How many things are still to be done."""
        with self._change:
            return sum(map(len, self._lanes.values())) + len(self._busy)

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
                following = self._following()
                if self._stopping or following is None or following[0] > target:
                    break
                self._ahead += max(0.0, following[0] - self._now())
                self._change.notify_all()
            self._ahead += max(0.0, target - self._now())
            self._change.notify_all()
            return True

    def clear(self, timeout: float = 15) -> None:
        """Drop everything that is planned, and let the jobs at hand finish."""
        with self._change:
            self._lanes.clear()
            self._change.wait_for(lambda: not self._busy, timeout)
            self._lanes.clear()
            self._change.notify_all()

    def stop(self, timeout: float = 15) -> None:
        """Finish the jobs at hand, drop the rest."""
        with self._change:
            self._stopping = True
            self._lanes.clear()
            self._change.notify_all()
            self._change.wait_for(lambda: not self._busy, timeout)
        if self._thread.is_alive():
            self._thread.join(timeout)

    def idle(self, timeout: float) -> bool:
        """Wait until nothing is left to do; False where that did not happen in time."""
        with self._change:
            return self._change.wait_for(lambda: not (self._lanes or self._busy or self._arriving), timeout)

    def _now(self) -> float:
        return time.monotonic() + self._ahead

    def _following(self) -> tuple[float, str] | None:
        """When the next thing is to be done, and its lane, of those lanes where nobody is at work."""
        heads = (((lane[0][0], lane[0][1]), name) for name, lane in self._lanes.items() if name not in self._busy)
        first = min(heads, default=None)
        return (first[0][0], first[1]) if first is not None else None

    def _resting(self) -> bool:
        """Whether no job is at hand, none is due already, and none is about to be planned."""
        following = self._following()
        due = following is not None and not self._stopping and following[0] <= self._now()
        return not (self._busy or self._arriving or due)

    def _run(self) -> None:
        """Hand over each lane that has something due, to a thread that is free, or to a new one."""
        with self._change:
            while not self._stopping:
                following = self._following()
                if following is None or len(self._busy) == _MOST_LANES:
                    self._change.wait()
                elif (wait := following[0] - self._now()) > 0:
                    self._change.wait(wait)
                else:
                    self._busy.add(following[1])
                    self._ready.append(following[1])
                    if len(self._busy) > self._workers:
                        self._workers += 1
                        name = f"simulator-worker-{self._workers}"
                        threading.Thread(target=self._work, name=name, daemon=True).start()
                    self._change.notify_all()

    def _work(self) -> None:
        """Do what is due in one lane, then in the next."""
        while (lane := self._lane()) is not None:
            while (job := self._take(lane)) is not None:
                try:
                    job()
                except Exception:  # noqa: BLE001 - one failing step must not stop the others
                    _log.exception("a scheduled step of the simulator failed")

    def _lane(self) -> str | None:
        with self._change:
            self._change.wait_for(lambda: self._ready or self._stopping)
            return self._ready.popleft() if self._ready else None

    def _take(self, lane: str) -> _Job | None:
        with self._change:
            jobs = self._lanes.get(lane)
            if jobs and jobs[0][0] <= self._now():
                job = heapq.heappop(jobs)[2]
                if not jobs:
                    del self._lanes[lane]
                return job
            self._busy.discard(lane)
            self._change.notify_all()
            return None
