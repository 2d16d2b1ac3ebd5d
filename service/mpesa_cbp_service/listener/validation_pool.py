"""The threads in which handlers of validations run: as many as there may be at a time, and no queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["Busy", "ValidationPool"]

_Argument = TypeVar("_Argument")
_Outcome = TypeVar("_Outcome")


class Busy(Exception):
    """As many handlers run already as there may be."""


class ValidationPool:
    """Runs at most ``size`` calls at a time, each in a daemon thread: one that hangs keeps no process from its end.

    That is why it is no ThreadPoolExecutor, whose threads are joined at the end of the interpreter.
    """

    def __init__(self, size: int) -> None:
        self._free = threading.BoundedSemaphore(size)

    def call(self, function: Callable[[_Argument], _Outcome], argument: _Argument) -> Future[_Outcome]:
        """Call the function in a thread. Raises Busy, RuntimeError where the system has no thread for it."""
        if not self._free.acquire(blocking=False):
            raise Busy
        future: Future[_Outcome] = Future()
        try:
            threading.Thread(
                target=self._run, args=(future, function, argument), name="mpesa-cbp-validation", daemon=True
            ).start()
        except RuntimeError:
            self._free.release()
            raise
        return future

    def _run(self, future: Future[_Outcome], function: Callable[[_Argument], _Outcome], argument: _Argument) -> None:
        try:
            if future.set_running_or_notify_cancel():
                future.set_result(function(argument))
        except Exception as error:  # noqa: BLE001 (it is the caller's to judge)
            future.set_exception(error)
        finally:
            self._free.release()
