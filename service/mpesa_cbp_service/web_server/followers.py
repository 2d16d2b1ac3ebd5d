"""Leader and followers: one thread serves alone, and another takes its place as soon as it has to wait.

Python runs one thread at a time, and passing the turn from one to another costs more than most of what a server does.
So the thread that finds requests in the server's loop answers them too: it begins all that have come, so that they
share what is dear, and then finishes one after the other. While it waits for somebody else, a follower leads; a leader
that does not say that it waits is noticed, and replaced, soon after.

For applications with a ``begin`` that takes the WSGI environment and never waits. Others have waitress's own threads.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Followers", "aside"]

# A leader that has been at one request for so long is waiting for something.
_PATIENCE_SECONDS = 0.05

_logger = logging.getLogger("waitress")


class _Here(threading.local):
    followers: Followers | None = None


_here = _Here()


@contextmanager
def aside() -> Iterator[None]:
    """Let another thread lead while this one waits; in a thread that is no server's it changes nothing."""
    followers = _here.followers
    if followers is None:
        yield
        return
    followers.step_aside()
    try:
        yield
    finally:
        followers.step_back()


class Followers:
    """The ``threads`` of a server, which begin ``together`` requests at most before they finish the first of these.

    In waitress's place for a dispatcher. ``interrupt`` has to make a poll that another thread is in return.
    """

    def __init__(self, *, threads: int, together: int) -> None:
        self.interrupt: Callable[[], None] = lambda: None
        self._together = together
        self._turn: Callable[[], None] = lambda: None
        self._condition = threading.Condition(threading.Lock())
        self._leader: int | None = None
        # Since when each thread is at the step at hand; None while it waits for requests. Without the lock each writes
        # its own alone: who has lost the lead unawares must not hide how long the leader has been at a step.
        self._busy_since: dict[int, float | None] = {}
        self._serving = self._ended = False
        # Requests that have come, and those of them that are begun; whoever leads goes on with them.
        self._come: deque[Any] = deque()
        self._begun: deque[Any] = deque()
        self._threads = [
            threading.Thread(target=self._follow, name=f"mpesa-cbp-server-{number}", daemon=True)
            for number in range(threads)
        ]

    # -- for the server -----------------------------------------------------------------------------------------

    def add_task(self, channel: Any) -> None:
        """Have the request at hand of a connection answered."""
        self._come.append(channel)
        self.wake()

    def wake(self) -> None:
        """Have the loop look again at what there is to do, unless the calling thread leads: it will by itself."""
        if self._leader != threading.get_ident():
            self.interrupt()

    def start(self) -> None:
        """Start the threads, which wait until they may ``serve``. Raises RuntimeError where there are not as many."""
        for thread in self._threads:
            thread.start()

    def serve(self, turn: Callable[[], None], until: Callable[[float], bool]) -> None:
        """Have threads call ``turn``, one at a time, and answer what comes of it; ends when ``until`` is true.

        It is asked with the seconds that it may wait for that to become so.
        """
        with self._condition:
            self._turn, self._serving = turn, True
            self._condition.notify()
        while not until(_PATIENCE_SECONDS):
            with self._condition:
                self._replace_waiting_leader()
        with self._condition:
            self._serving = False
            self.interrupt()
            while self._leader is not None:
                self._condition.wait(_PATIENCE_SECONDS)
                self._replace_waiting_leader()

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:  # noqa: ARG002 (waitress's)
        """End the threads, as far as they end in time."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        # What is left nobody answers any more.
        self._come.clear()
        self._begun.clear()
        return not any(thread.is_alive() for thread in self._threads)

    # -- for the thread that leads ------------------------------------------------------------------------------

    def step_aside(self) -> None:
        """Let another thread lead."""
        with self._condition:
            if self._leader == threading.get_ident():
                self._pass_on()

    def step_back(self) -> None:
        """Lead again if nobody does."""
        with self._condition:
            if self._leader is None and self._serving:
                self._lead()

    def _lead(self) -> None:
        self._leader = threading.get_ident()
        self._busy_since[self._leader] = time.monotonic()

    def _pass_on(self) -> None:
        self._leader = None
        self._condition.notify()

    def _replace_waiting_leader(self) -> None:
        since = self._busy_since.get(self._leader) if self._leader is not None else None
        if since is not None and time.monotonic() - since > _PATIENCE_SECONDS:
            self._pass_on()

    def _follow(self) -> None:
        """What each thread does."""
        _here.followers = self
        while self._has_the_lead():
            self._work()
            while self._goes_on():
                self._turn_once()
                self._work()
            if self._come or self._begun:
                self.wake()

    def _has_the_lead(self) -> bool:
        """Wait for the lead; false where the thread is to end."""
        with self._condition:
            while not self._ended and (self._leader is not None or not self._serving):
                self._condition.wait()
            if not self._ended:
                self._lead()
            return not self._ended

    def _goes_on(self) -> bool:
        """Whether the thread still leads; what it does next, to wait for requests, is not counted as busy."""
        with self._condition:
            if self._leader != threading.get_ident():
                return False
            if not self._serving:
                self._leader = None
                self._condition.notify_all()
                return False
            self._busy_since[self._leader] = None
            return True

    def _turn_once(self) -> None:
        try:
            self._turn()
        except BaseException:
            _logger.exception("Exception in the server's loop")
            time.sleep(_PATIENCE_SECONDS)

    def _work(self) -> None:
        """Answer what has come, as long as this thread leads."""
        while self._leads() and (self._come or self._begun):
            while self._come and len(self._begun) < self._together:
                self._do_next(self._come, "begin")
            while self._begun and self._leads():
                self._do_next(self._begun, "service")

    def _leads(self) -> bool:
        thread = threading.get_ident()
        if self._leader != thread:
            return False
        self._busy_since[thread] = time.monotonic()
        return True

    def _do_next(self, channels: deque[Any], step: str) -> None:
        try:
            channel = channels.popleft()
        except IndexError:
            return  # another thread has it, which leads now
        try:
            getattr(channel, step)()
        except BaseException:
            _logger.exception("Exception when servicing %r", channel)
        if step == "begin":
            self._begun.append(channel)
