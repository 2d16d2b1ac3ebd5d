"""The journal: every payment and everything that happened to it, in SQLite or PostgreSQL (docs/journal.md)."""

from __future__ import annotations

from mpesa_cbp.journal.journal import BatchLine, Delivery, Event, Handling, Journal, Received

__all__ = [
    "BatchLine",
    "Delivery",
    "Event",
    "Handling",
    "Journal",
    "Received",
]
