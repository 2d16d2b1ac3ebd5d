"""What follows from a content model for the codecs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mpesa_cbp_generator.plan.model import GroupPlan
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED

ANY = "*"
"""Stands for the name of an element that a wildcard lets in."""


def leaf_name(group: GroupPlan) -> str:
    """Name of an element of a content model, or ``*`` for a wildcard."""
    return ANY if group.kind == "any" else group.name


def leaf_names(group: GroupPlan) -> Iterator[str]:
    """Names of the elements of a content model in its order."""
    if group.kind in ("element", "any"):
        yield leaf_name(group)
    for part in group.parts:
        yield from leaf_names(part)


def bounds(group: GroupPlan, name: str) -> tuple[int, int]:
    """How often elements of a name stand in what a content model allows: least and most, -1 for unbounded."""
    low: int
    high: float
    if group.kind in ("element", "any"):
        low, high = (1, 1) if leaf_name(group) == name else (0, 0)
    else:
        found = [bounds(part, name) for part in group.parts]
        if group.kind == "choice":
            low, high = min((low for low, _ in found), default=0), max((_open(high) for _, high in found), default=0)
        else:
            low, high = sum(low for low, _ in found), sum(_open(high) for _, high in found)
    if high == 0:
        return 0, 0
    most = high * _open(group.max_occurs)
    return low * group.min_occurs, UNBOUNDED if most == math.inf else int(most)


def _open(count: float) -> float:
    return math.inf if count == UNBOUNDED else count
