"""Limit requests a second, and pause when the broker asks."""

from __future__ import annotations

import threading
import time


class Pace:
    """Shared by threads. ``rate`` is requests a second; ``first_rest`` seconds is the first rest, each next one twice
    as long, at most ``longest_rest``.
    """

    def __init__(
        self, rate: float, stop: threading.Event, *, first_rest: float = 1.0, longest_rest: float = 60.0
    ) -> None:
        self._interval = 1.0 / rate
        self._stop = stop
        self._first_rest, self._longest_rest = first_rest, longest_rest
        self._rest = first_rest
        self._resting_until = 0.0
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> bool:
        """Wait for the next turn; False where the run is to stop."""
        while True:
            with self._lock:
                now = time.monotonic()
                if self._next <= now:
                    self._next = max(self._next + self._interval, now)
                    return not self._stop.is_set()
                left = self._next - now
            if self._stop.wait(left):
                return False

    def rest(self) -> float:
        """Let nobody go on for a while; returns the seconds. Calls within one rest do not add up."""
        with self._lock:
            now = time.monotonic()
            if now >= self._resting_until:
                self._resting_until = self._next = now + self._rest
                self._rest = min(self._rest * 2, self._longest_rest)
            return self._resting_until - now

    def went_well(self) -> None:
        """The broker takes requests again: the next rest is a short one."""
        with self._lock:
            self._rest = self._first_rest
