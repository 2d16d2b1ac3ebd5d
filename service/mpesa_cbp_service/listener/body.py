"""A request's body while it is read: within its own limit, and within what all bodies may take together."""

from __future__ import annotations

import threading

from mpesa_cbp.redaction import MessageBytes

__all__ = ["Body", "BodyBudget", "BodyTooLarge", "TooManyBodies"]

_SMALL = 16 * 1024
_MAXIMUM_LARGE = 4 * 1024 * 1024


class BodyTooLarge(Exception):
    """The body has more bytes than may be read."""


class TooManyBodies(Exception):
    """Large bodies that are being read take all the memory that there is for them."""


class BodyBudget:
    """Memory for the bodies that are being read: 4 MiB together, the first 16 KiB of each not counted.

    No message of a broker is larger than those 16 KiB, so that whoever sends large bodies keeps out nobody else.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = 0

    def take(self, size: int) -> None:
        """Take that many bytes. Raises TooManyBodies where there are not as many."""
        with self._lock:
            if self._held + size > _MAXIMUM_LARGE:
                raise TooManyBodies
            self._held += size

    def give_back(self, size: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._held -= size


class Body:
    """One body, block by block, in a ``with`` statement."""

    def __init__(self, limit: int, budget: BodyBudget) -> None:
        self._limit, self._budget = limit, budget
        self._content, self._counted = bytearray(), 0

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.give_back(self._counted)

    def __len__(self) -> int:
        return len(self._content)

    def add(self, block: bytes) -> None:
        """Add what has come. Raises BodyTooLarge or TooManyBodies."""
        size = len(self._content) + len(block)
        if size > self._limit:
            raise BodyTooLarge
        if size > _SMALL:
            self._budget.take(size - _SMALL - self._counted)
            self._counted = size - _SMALL
        self._content += block

    def whole(self) -> bytes:
        """The bytes of it, which no traceback shows."""
        return MessageBytes(self._content)
