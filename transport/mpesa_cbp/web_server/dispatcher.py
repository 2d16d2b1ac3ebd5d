"""Which of the server's threads work: a few at a time, and one more for each that only waits.

Python runs one thread at a time. Many that are busy take the turn from each other at every system call, which costs
more than the work; yet those that wait for a disk or for somebody's handler must keep nobody out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from waitress.task import ThreadedTaskDispatcher

__all__ = ["Dispatcher", "aside"]


class _Here(threading.local):
    dispatcher: Dispatcher | None = None


_here = _Here()


@contextmanager
def aside() -> Iterator[None]:
    """Let another task begin while this thread waits; in a thread that is no server's it changes nothing."""
    dispatcher = _here.dispatcher
    if dispatcher is None:
        yield
        return
    dispatcher.step_aside()
    try:
        yield
    finally:
        dispatcher.step_back()


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress has no types
    """Gives tasks to ``threads``, in the order in which they came, of which ``working`` begin one at a time."""

    def __init__(self, *, threads: int, working: int) -> None:
        super().__init__()
        self._most_working = working
        self._working = 0
        self.set_thread_count(threads)

    def add_task(self, task: Any) -> None:
        """Have a task done."""
        with self.lock:
            self.queue.append(task)
            self._call_one()

    def step_aside(self) -> None:
        """The calling thread is not at work until it steps back."""
        with self.lock:
            self._working -= 1
            self._call_one()

    def step_back(self) -> None:
        """The calling thread is at work again, even if others took its place meanwhile."""
        with self.lock:
            self._working += 1

    def handler_thread(self, thread_no: int) -> None:
        """What each thread does."""
        _here.dispatcher = self
        task = self._next(thread_no, worked=False)
        while task is not None:
            try:
                task.service()
            except BaseException:
                self.logger.exception("Exception when servicing %r", task)
            task = self._next(thread_no, worked=True)

    def _next(self, thread_no: int, *, worked: bool) -> Any:
        """A task, the thread being at work from then on; None where the thread is to end."""
        with self.lock:
            self._working -= worked
            while not self.stop_count and not self._may_begin():
                self.queue_cv.wait()
            if self.stop_count:
                self.stop_count -= 1
                self.threads.discard(thread_no)
                self.thread_exit_cv.notify()
                return None
            self._working += 1
            return self.queue.popleft()

    def _may_begin(self) -> bool:
        return bool(self.queue) and self._working < self._most_working

    def _call_one(self) -> None:
        if self._may_begin():
            self.queue_cv.notify()
