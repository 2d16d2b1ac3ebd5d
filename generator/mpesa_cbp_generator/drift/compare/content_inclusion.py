"""Whether one content model allows everything that another one allows.

A content model is a regular expression over element names (XML Schema part 1, section 3.8.4). Two of them are compared
by their derivatives: what may still follow after an element, on both sides at once, until nothing new turns up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mpesa_cbp_generator.plan.model import GroupPlan
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED

Relation = Literal["same", "tightened", "loosened", "changed"]


@dataclass(frozen=True, slots=True)
class _Name:
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class _Either:
    parts: frozenset[Expression]


@dataclass(frozen=True, slots=True)
class _Then:
    first: Expression
    rest: Expression


@dataclass(frozen=True, slots=True)
class _Star:
    inner: Expression


@dataclass(frozen=True, slots=True)
class _All:
    parts: frozenset[Expression]


Expression: TypeAlias = _Name | _Either | _Then | _Star | _All

NOTHING = _Either(frozenset())
EMPTY = _All(frozenset())

MOST_COPIES = 3
"""Numbers above stand for any number: bounds of repeated elements are told element by element."""
MOST_STATES = 4000
"""Larger comparisons are given up; the models are then told as changed, unless they are equal as written."""


def relation(old: GroupPlan, new: GroupPlan) -> Relation:
    """How what the new model allows stands to what the old one allows."""
    if old == new:
        return "same"
    before, after = _expression(old), _expression(new)
    wider, narrower = _allows(after, before), _allows(before, after)
    if wider and narrower:
        return "same"
    return "loosened" if wider else "tightened" if narrower else "changed"


def _expression(group: GroupPlan) -> Expression:
    parts = [_expression(part) for part in group.parts]
    once: Expression
    if group.kind in ("element", "any"):
        once = _Name(group.kind, group.name)
    elif group.kind == "choice":
        once = _either(parts)
    elif group.kind == "all":
        once = _all(parts)
    else:
        once = _sequence(parts)
    many = group.max_occurs == UNBOUNDED or group.max_occurs > MOST_COPIES
    least = min(group.min_occurs, MOST_COPIES)
    tail = [_Star(once)] if many else [_either([once, EMPTY])] * (group.max_occurs - least)
    return _sequence([*[once] * least, *tail])


def _allows(wide: Expression, narrow: Expression) -> bool:
    """Whether every document of ``narrow`` is one of ``wide``; False where that is too much to find out."""
    pending = [(wide, narrow)]
    seen = set(pending)
    while pending:
        first, second = pending.pop()
        if _nullable(second) and not _nullable(first):
            return False
        for name in _firsts(second):
            pair = (_after(first, name), _after(second, name))
            if pair not in seen:
                seen.add(pair)
                pending.append(pair)
        if len(seen) > MOST_STATES:
            return False
    return True


def _either(parts: Iterable[Expression]) -> Expression:
    flat = frozenset(one for part in parts for one in (part.parts if isinstance(part, _Either) else (part,)))
    return next(iter(flat)) if len(flat) == 1 else _Either(flat)


def _sequence(parts: list[Expression]) -> Expression:
    result: Expression = EMPTY
    for part in reversed(parts):
        result = _then(part, result)
    return result


def _then(first: Expression, rest: Expression) -> Expression:
    if NOTHING in (first, rest):
        return NOTHING
    if first == EMPTY:
        return rest
    if rest == EMPTY:
        return first
    if isinstance(first, _Then):
        return _Then(first.first, _then(first.rest, rest))
    return _Then(first, rest)


def _all(parts: Iterable[Expression]) -> Expression:
    kept = frozenset(part for part in parts if part != EMPTY)
    return NOTHING if NOTHING in kept else next(iter(kept)) if len(kept) == 1 else _All(kept)


def _nullable(item: Expression) -> bool:
    """Whether nothing at all is allowed too."""
    match item:
        case _Either(parts):
            return any(map(_nullable, parts))
        case _All(parts):
            return all(map(_nullable, parts))
        case _Then(first, rest):
            return _nullable(first) and _nullable(rest)
    return isinstance(item, _Star)


def _firsts(item: Expression) -> frozenset[_Name]:
    """Elements that may come first."""
    match item:
        case _Name():
            return frozenset({item})
        case _Star(inner):
            return _firsts(inner)
        case _Then(first, rest):
            return _firsts(first) | (_firsts(rest) if _nullable(first) else frozenset())
    return frozenset(name for part in item.parts for name in _firsts(part))


def _after(item: Expression, name: _Name) -> Expression:
    """What may follow once the element was there (Brzozowski's derivative)."""
    match item:
        case _Name():
            return EMPTY if item == name else NOTHING
        case _Star(inner):
            return _then(_after(inner, name), item)
        case _Either(parts):
            return _either(_after(part, name) for part in parts)
        case _Then(first, rest):
            taken = _then(_after(first, name), rest)
            return _either([taken, _after(rest, name)]) if _nullable(first) else taken
    # Elements of an xs:all are all different, so that a set of them loses none.
    return _either(_all([_after(part, name), *(item.parts - {part})]) for part in item.parts)
