"""Group commit: deliveries that arrive together are stored in one transaction, and none is told before its commit.

A commit that reaches the disk takes as long for forty deliveries as for one. Whoever comes while a commit is under way
waits; the first of the waiting then commits for all of them. Nobody waits for company.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from mpesa_cbp.errors import JournalError
from mpesa_cbp.journal.events import Delivery, Received
from mpesa_cbp.web_server.dispatcher import aside

__all__ = ["GroupCommit", "Overloaded"]

_QUICK_SECONDS = 1.0


class Overloaded(Exception):
    """Too many deliveries wait for the journal already; this one was not stored."""


class _Place:
    """A delivery in the queue; ``asleep`` until it is stored, has failed, or ``leads``: commits for those behind it."""

    __slots__ = ("asleep", "delivery", "error", "leads", "received")

    def __init__(self, delivery: Delivery, *, leads: bool) -> None:
        self.delivery = delivery
        self.leads = leads
        self.received: Received | None = None
        self.error: str | None = None
        # Held until someone releases it once: a bare lock wakes one thread for a tenth of what an Event costs.
        self.asleep = threading.Lock()
        if not leads:
            self.asleep.acquire()


class GroupCommit:
    """Stores deliveries of many threads with ``receive_all``, at most ``largest`` in one transaction.

    Nobody waits longer than ``longest_wait`` seconds for another's commit: who has come before then is told so, and
    who comes later at once. The thread that commits waits as long as the journal does, alone.
    """

    def __init__(
        self,
        receive_all: Callable[[Sequence[Delivery]], list[Received]],
        *,
        largest: int = 64,
        maximum_waiting: int = 1000,
        longest_wait: float = 5.0,
    ) -> None:
        self._receive_all = receive_all
        self._largest = largest
        self._maximum_waiting = maximum_waiting
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._waiting: deque[_Place] = deque()
        self._under_way = 0
        self._began = 0.0
        self._committing = False

    @property
    def stuck(self) -> bool:
        """Whether a commit is under way that takes too long: the journal should not be asked for anything now."""
        return self._under_way > 0 and time.monotonic() - self._began > self._longest_wait

    def receive(self, delivery: Delivery) -> Received:
        """Store a delivery; committed when it returns. Raises JournalError or Overloaded where not.

        What Overloaded is raised for may be stored all the same; the broker sends it again, and it is one event.
        """
        with self._lock:
            self._raise_if_overloaded()
            place = _Place(delivery, leads=not self._committing)
            self._waiting.append(place)
            self._committing = True
        if not place.leads:
            self._wait(place)
        if place.leads:
            self._commit()
        if place.received is None:
            raise JournalError(place.error or "The delivery was not stored")
        return place.received

    def _raise_if_overloaded(self) -> None:
        if len(self._waiting) + self._under_way >= self._maximum_waiting:
            raise Overloaded("Too many deliveries wait for the journal")
        if self.stuck:
            raise Overloaded("The journal has been at a commit for too long")

    def _wait(self, place: _Place) -> None:
        """Wait until somebody has dealt with it, or has it lead; where that takes too long, leave the queue."""
        with aside():
            if place.asleep.acquire(timeout=self._longest_wait):
                return
        with self._lock:
            if place.leads or place.received is not None or place.error is not None:
                return
            with contextlib.suppress(ValueError):  # it is in the commit under way
                self._waiting.remove(place)
        raise Overloaded("The journal has been at a commit for too long")

    def _commit(self) -> None:
        """Store the first of the waiting, then have the next one do so for the rest."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
            self._under_way, self._began = len(batch), time.monotonic()
        try:
            self._store(batch)
        finally:
            with self._lock:
                self._under_way = 0
                self._committing = bool(self._waiting)
                woken = [place for place in batch if not place.leads]
                if self._waiting:
                    self._waiting[0].leads = True
                    woken.append(self._waiting[0])
            for place in batch:
                if place.received is None and place.error is None:
                    place.error = "The delivery was not stored"
            for place in woken:
                place.asleep.release()

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
