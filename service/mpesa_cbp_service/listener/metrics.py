"""What the listener counts, for Prometheus; a registry of its own, so that several listeners do not mix."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram

__all__ = ["ListenerMetrics"]

_Labelled: TypeAlias = Callable[..., Counter]


class ListenerMetrics:
    """Counters of one listener, each called with its labels; the names all begin with ``mpesa_cbp_listener_``."""

    def __init__(self) -> None:
        self.registry: CollectorRegistry = CollectorRegistry()
        self.received: _Labelled = self._counter(
            "messages_stored", "Messages stored, by kind; repeated or not.", "kind", "repeated"
        )
        self.refused: _Labelled = self._counter("requests_refused", "Requests refused before they were read.", "reason")
        self.unreadable: _Labelled = self._counter("messages_unreadable", "Messages that cannot be read.", "kept")
        self.not_stored: _Labelled = self._counter(
            "messages_not_stored", "Messages not stored, so not acknowledged.", "kind"
        )
        self.contradicting: _Labelled = self._counter(
            "messages_contradicting", "Messages that contradict what was known.", "kind"
        )
        self.handled: _Labelled = self._counter("handlers_run", "Runs of handlers.", "kind", "outcome")
        self.seconds: Histogram = Histogram(
            "mpesa_cbp_listener_store_seconds",
            "Time from a message received to it stored or refused.",
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15),
        )

    def _counter(self, name: str, meaning: str, *labels: str) -> _Labelled:
        counter = Counter(f"mpesa_cbp_listener_{name}", meaning, labels, registry=self.registry)
        # The values of all labels are few, and ours.
        return cache(counter.labels)
