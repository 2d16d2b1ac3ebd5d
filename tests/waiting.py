"""Waiting for what another process or thread brings about, where nothing tells it."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(true: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Look again and again until it is true; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not become true")
        time.sleep(0.01)
