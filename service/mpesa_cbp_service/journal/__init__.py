"""The journal: every payment and everything that happened to it, in SQLite or PostgreSQL (docs/journal.md)."""

from __future__ import annotations

from mpesa_cbp_service.journal.journal import BatchLine, Event, Handling, InboundMessage, Journal, StoreOutcome

__all__ = [
    "BatchLine",
    "Event",
    "Handling",
    "InboundMessage",
    "Journal",
    "StoreOutcome",
]
