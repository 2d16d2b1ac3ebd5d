"""Wait in an event loop for a future that another thread, or the loop's own, settles."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from mpesa_cbp_service.listener.http_messages import Wait

__all__ = ["wait_for"]


async def wait_for(step: Wait) -> object:
    """The result of the step's future. Raises its error, or TimeoutError once the step's seconds are over."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    thread = threading.get_ident()

    def done(_: Future[Any]) -> None:
        if threading.get_ident() == thread:
            _wake(waiter)
        else:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(_wake, waiter)

    step.future.add_done_callback(done)
    late = loop.call_later(step.seconds, _wake, waiter) if step.seconds is not None else None
    await waiter
    if late is not None:
        late.cancel()
    if not step.future.done():
        step.future.cancel()  # what has not begun is never done
        raise TimeoutError
    return step.future.result()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
