"""Match declarations of two contracts by name, renamed ones included."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

from mpesa_cbp_generator.drift.compare.index import Member, MemberKey
from mpesa_cbp_generator.schema.declarations import local_name

_T = TypeVar("_T")

NEAR = 0.75
"""Likeness from which on two names are taken for one, where type and place agree; letters swapped keep 0.9."""


def likeness(first: str, second: str) -> float:
    """How alike two names are, from 0 to 1, capitals aside; the same in both directions."""
    # SequenceMatcher's ratio depends on the order of its arguments; drift must be symmetric.
    small, large = sorted((first.lower(), second.lower()))
    return SequenceMatcher(None, small, large, autojunk=False).ratio()


def pairs_by_key(
    old: Iterable[_T], new: Iterable[_T], key: Callable[[_T], Hashable]
) -> tuple[list[tuple[_T, _T]], list[_T], list[_T]]:
    """Items that have the same key on both sides, each taken once, and what is left over on either side."""
    remaining: dict[Hashable, list[_T]] = {}
    for item in new:
        remaining.setdefault(key(item), []).append(item)
    pairs, removed = [], []
    for item in old:
        candidates = remaining.get(key(item))
        if candidates:
            pairs.append((item, candidates.pop(0)))
        else:
            removed.append(item)
    return pairs, removed, [item for items in remaining.values() for item in items]


def near_pairs(
    old: Sequence[_T], new: Sequence[_T], score: Callable[[_T, _T], float]
) -> tuple[list[tuple[_T, _T]], list[_T], list[_T]]:
    """Pairs of leftovers with a score of at least ``NEAR``, the best first, and what is still left over."""
    ranked = sorted(
        ((score(a, b), i + j, i, j) for i, a in enumerate(old) for j, b in enumerate(new)),
        key=lambda item: (-item[0], item[1]),
    )
    taken_old: set[int] = set()
    taken_new: set[int] = set()
    pairs = []
    for found, _, i, j in ranked:
        if found >= NEAR and i not in taken_old and j not in taken_new:
            taken_old.add(i)
            taken_new.add(j)
            pairs.append((old[i], new[j]))
    return (
        pairs,
        [item for i, item in enumerate(old) if i not in taken_old],
        [item for j, item in enumerate(new) if j not in taken_new],
    )


def match_members(
    old: tuple[Member, ...], new: tuple[Member, ...], same_type: Callable[[Member, Member], bool]
) -> tuple[list[tuple[Member, Member]], list[Member], list[Member]]:
    """Members of two classes that belong together: by name, by local name, or renamed with type and place kept."""
    pairs, removed, added = pairs_by_key(old, new, lambda member: member.key)
    moved, removed, added = pairs_by_key(removed, added, lambda m: (m.field.kind, m.field.xml_name))
    pairs += moved
    neighbours_old = _neighbours(old, {before.key: after.key for before, after in pairs})
    neighbours_new = _neighbours(new, {after.key: after.key for _, after in pairs})

    def score(before: Member, after: Member) -> float:
        if before.field.kind != after.field.kind or before.field.kind not in ("element", "attribute"):
            return 0.0
        if not same_type(before, after):
            return 0.0
        in_place = before.field.kind == "attribute" or any(
            place == other for place, other in zip(neighbours_old[before.key], neighbours_new[after.key], strict=True)
        )
        return member_likeness(before, after) if in_place else 0.0

    renamed, removed, added = near_pairs(removed, added, score)
    return [*pairs, *renamed], removed, added


def member_likeness(before: Member, after: Member) -> float:
    """How alike two members' names are; an alias that names the other one makes them one."""
    if aliased(before.field.xml_name, before.field.aliases, after.field.xml_name, after.field.aliases):
        return 1.0
    return likeness(before.field.xml_name, after.field.xml_name)


def aliased(old: str, old_aliases: tuple[str, ...], new: str, new_aliases: tuple[str, ...]) -> bool:
    """Whether one of two readers takes both names for the same thing."""
    return new in old_aliases or old in new_aliases


def root_likeness(old: str, new: str) -> float:
    """How alike two global elements' local names are, by Clark name."""
    return likeness(local_name(old), local_name(new))


def _neighbours(
    members: tuple[Member, ...], known: dict[MemberKey, MemberKey]
) -> dict[MemberKey, tuple[MemberKey | None, MemberKey | None]]:
    """The nearest element before and behind each element that both contracts have; None at the ends."""
    elements = [member.key for member in members if member.field.kind == "element"]
    before: list[MemberKey | None] = []
    current: MemberKey | None = None
    for key in elements:
        before.append(current)
        current = known.get(key, current)
    behind: list[MemberKey | None] = []
    current = None
    for key in reversed(elements):
        behind.append(current)
        current = known.get(key, current)
    return dict(zip(elements, zip(before, reversed(behind), strict=True), strict=True))
