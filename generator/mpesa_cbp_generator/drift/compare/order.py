"""Compare the order of elements in two types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from mpesa_cbp_generator.drift.compare.change import Change, change
from mpesa_cbp_generator.drift.compare.index import Member
from mpesa_cbp_generator.plan.model import ClassPlan

MemberPairs = tuple[tuple[Member, Member], ...]


def compare_order(old: ClassPlan, new: ClassPlan, pairs: MemberPairs) -> Iterator[Change]:
    """One change where elements that both have stand in another order, or where their order became free or bound."""
    elements = [pair for pair in pairs if pair[0].field.kind == "element" and pair[1].field.kind == "element"]
    moved: dict[int, None] = {}
    freed = True
    for first, second in combinations(range(len(elements)), 2):
        before = _relation(elements[first][0], elements[second][0])
        after = _relation(elements[first][1], elements[second][1])
        if before != after and "apart" not in (before, after):
            moved.update({first: None, second: None})
            freed = freed and after == "free"
    if not moved:
        return
    involved = [elements[index] for index in sorted(moved)]
    yield change(
        "element-order-changed",
        key=(*old.path, "", *new.path),
        old=_in_order([(before.rank, before.shown) for before, _ in involved]),
        new=_in_order([(after.rank, before.shown) for before, after in involved]),
        old_place=old.place,
        new_place=new.place,
        outbound="info" if freed else "error",
    )


def _relation(first: Member, second: Member) -> str:
    """How two elements stand: before, behind, in rounds of a repeated group, free, or never together."""
    repeated = first.field.repeated and second.field.repeated
    if not repeated and first.field.choice is not None and first.field.choice == second.field.choice:
        return "apart"
    if repeated and first.field.sequence is not None and first.field.sequence == second.field.sequence:
        return "rounds"
    if first.rank == second.rank:
        return "free"
    return "before" if first.rank < second.rank else "behind"


def _in_order(members: Sequence[tuple[int, str]]) -> str:
    """The members' names by rank, those of one rank joined with ``&``."""
    ranks: dict[int, list[str]] = {}
    for rank, shown in members:
        ranks.setdefault(rank, []).append(shown)
    return ", ".join(" & ".join(sorted(ranks[rank])) for rank in sorted(ranks))
