"""Group commit: deliveries that arrive together are stored in one transaction, and none is told before its commit.

A commit that reaches the disk takes as long for forty deliveries as for one. Each delivery is put into a queue first;
whose thread then waits for it commits for all that are in the queue, or waits while another does. Nobody waits for
company.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from mpesa_cbp.errors import JournalError
from mpesa_cbp_service.journal.events import InboundMessage, StoreOutcome
from mpesa_cbp_service.web_server.followers import aside

__all__ = ["GroupCommit", "Overloaded", "Ticket"]

_QUICK_SECONDS = 1.0

_TOO_MANY = "Too many deliveries wait for the journal"


class Overloaded(Exception):
    """Too many deliveries wait for the journal already; this one was not stored."""


class Ticket:
    """A delivery in the queue, until it is stored or has failed."""

    __slots__ = ("asleep", "delivery", "error", "leads", "received")

    def __init__(self, delivery: InboundMessage) -> None:
        self.delivery = delivery
        self.received: StoreOutcome | None = None
        self.error: JournalError | Overloaded | None = None
        # Of a thread that sleeps until it is stored, or until it is this one's turn to commit. A bare lock, held until
        # someone releases it once, wakes a thread for a tenth of what an Event costs.
        self.asleep: threading.Lock | None = None
        self.leads = False

    def settled(self) -> bool:
        """Whether a commit has dealt with it."""
        return self.received is not None or self.error is not None


class GroupCommit:
    """Stores deliveries of many threads with ``receive_all``, at most ``largest`` in one transaction.

    Nobody waits longer than ``longest_wait`` seconds for another's commit: who has come before then is told so, and
    who comes later at once. The thread that commits waits as long as the journal does, alone.
    """

    def __init__(
        self,
        receive_all: Callable[[Sequence[InboundMessage]], list[StoreOutcome]],
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
        self._waiting: deque[Ticket] = deque()
        self._under_way = 0
        self._began = 0.0
        self._committing = False

    @property
    def stuck(self) -> bool:
        """Whether a commit is under way that takes too long: the journal should not be asked for anything now."""
        return self._under_way > 0 and time.monotonic() - self._began > self._longest_wait

    def receive(self, delivery: InboundMessage) -> StoreOutcome:
        """Store a delivery; committed when it returns. Raises JournalError or Overloaded where not."""
        return self.wait(self.put(delivery))

    def put(self, delivery: InboundMessage) -> Ticket:
        """Put a delivery into the queue, to be waited for at once. Raises Overloaded where there is no room."""
        place = Ticket(delivery)
        with self._lock:
            if self.stuck:
                raise Overloaded("The journal has been at a commit for too long")
            if len(self._waiting) + self._under_way >= self._maximum_waiting:
                if self._committing or not self._waiting:
                    raise Overloaded(_TOO_MANY)
                # Nobody waits for any of them, maybe because their callers are gone: they must not lock out others.
                self._waiting.popleft().error = Overloaded(_TOO_MANY)
            self._waiting.append(place)
        return place

    def wait(self, place: Ticket) -> StoreOutcome:
        """Return when the delivery is committed, by this thread or another. Raises JournalError or Overloaded if not.

        What Overloaded is raised for may be stored all the same; the broker sends it again, and it is one event.
        """
        # What is settled stays so, and needs no lock.
        if not place.settled():
            with self._lock:
                if place.settled():
                    pass
                elif self._committing:
                    place.asleep = threading.Lock()
                    place.asleep.acquire()
                else:
                    self._committing = place.leads = True
            if place.asleep is not None:
                self._sleep(place, place.asleep)
            if place.leads:
                self._lead(place)
        if place.received is None:
            raise place.error or _not_stored()
        return place.received

    def _sleep(self, place: Ticket, asleep: threading.Lock) -> None:
        """Wait until somebody has dealt with it, or has it lead; where that takes too long, leave the queue."""
        with aside():
            if asleep.acquire(timeout=self._longest_wait):
                return
        with self._lock:
            if place.leads or place.settled():
                return
            with contextlib.suppress(ValueError):  # it is in the commit under way
                self._waiting.remove(place)
        raise Overloaded("The journal has been at a commit for too long")

    def _lead(self, place: Ticket) -> None:
        """Commit until the delivery is stored, then have another thread go on, if one waits."""
        try:
            while not place.settled():
                self._commit()
        finally:
            with self._lock:
                # Where the journal failed unexpectedly this place may wait still, whose thread leaves.
                following = next((each for each in self._waiting if each.asleep is not None and not each.leads), None)
                self._committing = following is not None
                if following is not None:
                    following.leads = True
            if following is not None and following.asleep is not None:
                following.asleep.release()

    def _commit(self) -> None:
        """Store the first of the waiting."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
            self._under_way, self._began = len(batch), time.monotonic()
        try:
            self._store(batch)
        finally:
            for place in batch:
                if not place.settled():
                    place.error = _not_stored()
            with self._lock:
                self._under_way = 0
                sleepers = [place.asleep for place in batch if place.asleep is not None and not place.leads]
            for asleep in sleepers:
                asleep.release()

    def _store(self, batch: list[Ticket]) -> None:
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
                    place.error = JournalError(error.message)


def _not_stored() -> JournalError:
    return JournalError("The delivery was not stored")
