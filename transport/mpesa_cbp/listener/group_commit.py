"""Group commit: deliveries that arrive together are stored in one transaction, and none is told before its commit.

A commit that reaches the disk takes as long for forty deliveries as for one. Whoever comes while a commit is under way
waits; the first of the waiting then commits for all of them. Nobody waits for company.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from mpesa_cbp.errors import JournalError
from mpesa_cbp.journal.events import Delivery, Received

__all__ = ["GroupCommit", "Overloaded"]

_QUICK_SECONDS = 1.0


class Overloaded(Exception):
    """Too many deliveries wait for the journal already; this one was not stored."""


class _Place:
    """A delivery in the queue; ``asleep`` until it is stored, has failed, or is to commit for those behind it."""

    __slots__ = ("asleep", "delivery", "error", "received")

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.received: Received | None = None
        self.error: str | None = None
        # Held until someone releases it once: a bare lock wakes one thread for a tenth of what an Event costs.
        self.asleep = threading.Lock()
        self.asleep.acquire()


class GroupCommit:
    """Stores deliveries of many threads with ``receive_all``, at most ``largest`` in one transaction."""

    def __init__(
        self,
        receive_all: Callable[[Sequence[Delivery]], list[Received]],
        *,
        largest: int = 64,
        maximum_waiting: int = 1000,
    ) -> None:
        self._receive_all = receive_all
        self._largest = largest
        self._maximum_waiting = maximum_waiting
        self._lock = threading.Lock()
        self._waiting: deque[_Place] = deque()
        self._under_way = 0
        self._committing = False

    def receive(self, delivery: Delivery) -> Received:
        """Store a delivery; committed when it returns. Raises JournalError or Overloaded where not."""
        place = _Place(delivery)
        with self._lock:
            if len(self._waiting) + self._under_way >= self._maximum_waiting:
                raise Overloaded("Too many deliveries wait for the journal")
            self._waiting.append(place)
            commits, self._committing = not self._committing, True
        if not commits:
            place.asleep.acquire()
        if place.received is None and place.error is None:
            self._commit()
        if place.received is None:
            raise JournalError(place.error or "The delivery was not stored")
        return place.received

    def _commit(self) -> None:
        """Store the first of the waiting, then have the next one do so for the rest."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
            self._under_way = len(batch)
        try:
            self._store(batch)
        finally:
            with self._lock:
                self._under_way = 0
                self._committing = bool(self._waiting)
                following = self._waiting[0] if self._waiting else None
            for place in batch:
                if place.received is None and place.error is None:
                    place.error = "The delivery was not stored"
                place.asleep.release()
            if following is not None:
                following.asleep.release()

    def _store(self, batch: list[_Place]) -> None:
        began = time.monotonic()
        try:
            for place, received in zip(batch, self._receive_all([each.delivery for each in batch]), strict=True):
                place.received = received
        except JournalError as error:
            # One delivery that the database cannot take must not keep out the others. Where the database itself is
            # the trouble, asking again for each would only take longer.
            if len(batch) > 1 and time.monotonic() - began < _QUICK_SECONDS:
                for place in batch:
                    self._store([place])
            else:
                for place in batch:
                    place.error = error.message
