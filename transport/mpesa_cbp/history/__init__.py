"""The broker's record of a payment, as queryTransaction tells it (docs/history.md)."""

from __future__ import annotations

from mpesa_cbp.history.history import EntryKind, History, HistoryEntry, Leg, Reached, read_history

__all__ = [
    "EntryKind",
    "History",
    "HistoryEntry",
    "Leg",
    "Reached",
    "read_history",
]
