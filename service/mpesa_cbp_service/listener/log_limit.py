"""Keeps a flood of requests from becoming a flood of log records."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["LogLimit"]


class LogLimit:
    """Allows ``records`` a minute; what is more is counted by metrics, not logged. Safe between threads."""

    def __init__(self, records: int = 60, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._records = records
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = clock()
        self._used = 0

    def allows(self) -> bool:
        """Whether one more record may be written now."""
        with self._lock:
            now = self._clock()
            if now - self._minute >= 60:
                self._minute, self._used = now, 0
            self._used += 1
            return self._used <= self._records
