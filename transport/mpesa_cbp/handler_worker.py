"""Runs handlers over what the journal has received: at least once each, with backoff, then a dead letter."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from mpesa_cbp.envelope import decode
from mpesa_cbp.errors import JournalError
from mpesa_cbp.journal import Event, Journal
from mpesa_cbp.notices import C2BNotice, QueueTimeoutNotice, ResultNotice
from mpesa_cbp.payments import EventKind

_BATCH = 20
_LEASE = timedelta(minutes=2)
_ATTEMPTS = 8
_LONGEST_PAUSE = 5.0
_FIRST_BACKOFF = timedelta(seconds=1)

_logger = logging.getLogger("mpesa_cbp.handlers")


class HandlerWorker:
    """One thread that lends events from the journal and calls ``handlers`` with them, by event kind.

    An event whose kind has no handler counts as handled. One whose handler raises is tried again after 1, 2, 4 …
    seconds, and after eight attempts left as a dead letter. A worker that dies leaves its events to the next one when
    their lease ends, so a handler may see an event twice: its ``event_id`` tells.
    """

    def __init__(self, journal: Journal) -> None:
        self.handlers: dict[EventKind, Callable[[Any], object]] = {}
        self._journal = journal
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; a second time does nothing."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="mpesa-cbp-handlers", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the event at hand and end the thread."""
        thread, self._thread = self._thread, None
        self._stopping.set()
        self._work.set()
        if thread is not None:
            thread.join()

    def wake(self) -> None:
        """Tell that there may be something to do."""
        self._work.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._work.clear()
            try:
                busy = self._turn()
            except JournalError as error:
                _logger.error("handlers wait for the journal: %s", error)
                busy = False
            if not busy and not self._stopping.is_set():
                self._work.wait(_LONGEST_PAUSE)

    def _turn(self) -> bool:
        claimed = self._journal.claim(limit=_BATCH, lease=_LEASE)
        for event in claimed:
            if self._stopping.is_set():
                self._journal.release(event.id)
                continue
            self._handle(event)
        return bool(claimed)

    def _handle(self, event: Event) -> None:
        handler = self.handlers.get(event.kind)
        try:
            if handler is not None:
                handler(_notice(event))
        except Exception as error:  # noqa: BLE001 - a handler may raise anything; the event must not be lost
            name = type(error).__name__
            last = event.attempts >= _ATTEMPTS
            retry_at = None if last else datetime.now(timezone.utc) + _FIRST_BACKOFF * 2 ** (event.attempts - 1)
            # The text of a handler's exception may hold a customer's data; its kind is enough to find it.
            _logger.error("handler failed on event %d (%s), attempt %d", event.id, name, event.attempts)
            self._journal.failed(event.id, error=name, retry_at=retry_at)
        else:
            self._journal.handled(event.id)


def _notice(event: Event) -> ResultNotice | QueueTimeoutNotice | C2BNotice:
    decoded = decode(event.body or b"")
    if event.kind is EventKind.RESULT:
        return ResultNotice(event.id, decoded.message, decoded.deviations)
    if event.kind is EventKind.QUEUE_TIMEOUT:
        return QueueTimeoutNotice(event.id, decoded.message)
    return C2BNotice(event.id, decoded.message)
