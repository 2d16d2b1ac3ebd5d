"""Reachability in a graph of names, in linear time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


def reachable(edges: Mapping[str, Iterable[str]], starts: Iterable[str]) -> tuple[str, ...]:
    """The starts and all that can be got to from them, each once."""
    found: dict[str, None] = {}
    pending = list(starts)
    while pending:
        current = pending.pop()
        if current not in found:
            found[current] = None
            pending.extend(edges[current])
    return tuple(found)


def gathered(edges: Mapping[str, Iterable[str]], own: Mapping[str, Iterable[T]]) -> dict[str, set[T]]:
    """For each name, what it and all that can be got to from it have of their own.

    Sets are handed on to those that refer to a name until none grows any more, which is soon where they are small.
    """
    result = {name: set(values) for name, values in own.items()}
    referring: dict[str, list[str]] = {name: [] for name in own}
    for name, others in edges.items():
        for other in others:
            referring[other].append(name)
    pending = list(own)
    while pending:
        current = pending.pop()
        for name in referring[current]:
            if not result[current] <= result[name]:
                result[name] |= result[current]
                pending.append(name)
    return result
