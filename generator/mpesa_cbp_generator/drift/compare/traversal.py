"""Visit every type that messages reach, on both sides, with path and direction."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from mpesa_cbp_generator.drift.compare.change import Change
from mpesa_cbp_generator.drift.compare.classes import (
    ClassComparison,
    compare_classes,
    compare_enumerations,
    derived_types,
)
from mpesa_cbp_generator.drift.compare.index import Member, TypePlan, View
from mpesa_cbp_generator.drift.compare.messages import MessageComparison
from mpesa_cbp_generator.drift.compare.operations import OperationPair
from mpesa_cbp_generator.drift.compare.type_matching import TypeMatcher
from mpesa_cbp_generator.drift.findings import Direction
from mpesa_cbp_generator.plan.model import ClassPlan, EnumerationPlan
from mpesa_cbp_generator.schema.declarations import local_name


@dataclass(frozen=True, slots=True)
class Visit:
    """A type, or a pair of types, where a message leads to it first.

    ``renamed`` where the element that leads there was renamed, and the type is called after it. ``is_open`` where
    other values than the enumeration's are allowed. ``changes`` are those of the elements at the head of a message.
    """

    path: str
    operation: str
    directions: tuple[Direction, ...]
    old: TypePlan | None
    new: TypePlan | None
    renamed: bool = False
    is_open: bool = False
    changes: tuple[Change, ...] = ()


class Walker:
    """Walks both contracts side by side, breadth first; each pair of types once a message, so that it ends."""

    def __init__(self, old: View, new: View) -> None:
        self.old = old
        self.new = new
        self.types: TypeMatcher = TypeMatcher(old, new)
        self._classes: dict[tuple[str, str], ClassComparison] = {}

    def class_comparison(self, old: ClassPlan, new: ClassPlan) -> ClassComparison:
        """The comparison of two classes, made once."""
        key = (old.id, new.id)
        if key not in self._classes:
            self._classes[key] = compare_classes(old, new, self.types)
        return self._classes[key]

    def operation(self, name: str, pair: OperationPair) -> Iterator[Visit]:
        """Visits of one operation, input first; directions follow from our role in it."""
        roles = {item.role for item in pair if item is not None}
        # Renamed operations have a role in the settings under one name only; a caller is what the other one is
        # called by default, so that both directions are taken into account.
        for kind in ("input", "output"):
            sent = "caller" if kind == "input" else "callee"
            directions: tuple[Direction, ...] = tuple(
                "outbound" if role == sent else "inbound" for role in sorted(roles)
            )
            comparison = MessageComparison(name, *pair, self.old, self.new)
            for entry in comparison.entries(kind):
                head = Visit(entry.path, name, directions, entry.old, entry.new, entry.renamed, changes=entry.changes)
                yield from self.closure(head)

    def closure(self, head: Visit) -> Iterator[Visit]:
        """A visit and those of all types inside."""
        pending = deque([head])
        seen: set[tuple[str | None, str | None]] = set()
        while pending:
            visit = pending.popleft()
            key = (visit.old.id if visit.old else None, visit.new.id if visit.new else None)
            if key != (None, None) and key in seen:
                continue
            seen.add(key)
            yield visit
            pending.extend(self._inside(visit))

    def changes(self, visit: Visit) -> tuple[Change, ...]:
        """Changes of the types of a visit and of the element that leads there."""
        if isinstance(visit.old, EnumerationPlan) and isinstance(visit.new, EnumerationPlan):
            return (*visit.changes, *compare_enumerations(visit.old, visit.new))
        if isinstance(visit.old, ClassPlan) and isinstance(visit.new, ClassPlan):
            derived = derived_types(visit.old, visit.new, self.types)
            return (*visit.changes, *self.class_comparison(visit.old, visit.new).changes, *derived.changes())
        return visit.changes

    def _inside(self, visit: Visit) -> Iterator[Visit]:
        if isinstance(visit.old, ClassPlan) and isinstance(visit.new, ClassPlan):
            comparison = self.class_comparison(visit.old, visit.new)
            for before, after in comparison.pairs:
                yield from self._pair(visit, before, after)
            derived = derived_types(visit.old, visit.new, self.types)
            for first, second in derived.pairs:
                yield self._at(visit, _derived_path(visit, first), first, second)
            for first in derived.removed:
                yield self._at(visit, _derived_path(visit, first), first, None)
            for second in derived.added:
                yield self._at(visit, _derived_path(visit, second), None, second)
            for member in comparison.removed:
                yield from self._one_sided(visit, member, is_old=True)
            for member in comparison.added:
                yield from self._one_sided(visit, member, is_old=False)
        elif isinstance(visit.old, ClassPlan):
            yield from self._all_inside(visit, visit.old, self.old, is_old=True)
        elif isinstance(visit.new, ClassPlan):
            yield from self._all_inside(visit, visit.new, self.new, is_old=False)

    def _all_inside(self, visit: Visit, item: ClassPlan, view: View, *, is_old: bool) -> Iterator[Visit]:
        for member in view.members(item):
            yield from self._one_sided(visit, member, is_old=is_old)
        for derived in view.derived(item):
            old, new = (derived, None) if is_old else (None, derived)
            yield self._at(visit, _derived_path(visit, derived), old, new)

    def _pair(self, visit: Visit, before: Member, after: Member) -> Iterator[Visit]:
        path = f"{visit.path}/{before.shown}"
        pairs, only_old, only_new = self.types.pairs(before.field, after.field)
        for first, second in pairs:
            anonymous = len(first.path) > 1 or len(second.path) > 1
            renamed = anonymous and (visit.renamed or before.field.xml_name != after.field.xml_name)
            is_open = len(before.field.types) > 1
            yield self._at(visit, path, first, second, renamed=renamed, is_open=is_open)
        for first in only_old:
            yield self._at(visit, path, first, None)
        for second in only_new:
            yield self._at(visit, path, None, second)

    def _one_sided(self, visit: Visit, member: Member, *, is_old: bool) -> Iterator[Visit]:
        view = self.old if is_old else self.new
        for item in view.referenced(member.field):
            old, new = (item, None) if is_old else (None, item)
            yield self._at(visit, f"{visit.path}/{member.shown}", old, new)

    def _at(
        self,
        visit: Visit,
        path: str,
        old: TypePlan | None,
        new: TypePlan | None,
        *,
        renamed: bool = False,
        is_open: bool = False,
    ) -> Visit:
        return Visit(path, visit.operation, visit.directions, old, new, renamed, is_open)


def _direction(sent: bool) -> Direction:
    return "outbound" if sent else "inbound"


def _derived_path(visit: Visit, item: ClassPlan) -> str:
    """Path of a type that stands for another with ``xsi:type``: ``…/Payment<CardPayment>``."""
    return f"{visit.path}<{local_name(item.path[-1])}>"
