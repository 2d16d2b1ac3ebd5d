"""Compare two plans and return the findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mpesa_cbp_generator.drift.compare import change as changes
from mpesa_cbp_generator.drift.compare.change import Change
from mpesa_cbp_generator.drift.compare.classes import python_name, type_gone, type_new
from mpesa_cbp_generator.drift.compare.index import TypePlan, View
from mpesa_cbp_generator.drift.compare.members import plain
from mpesa_cbp_generator.drift.compare.operations import (
    compare_operations,
    match_operations,
    one_sided,
    operation_names,
)
from mpesa_cbp_generator.drift.compare.traversal import Visit, Walker
from mpesa_cbp_generator.drift.findings import Direction, Finding, Role, sort_key, worst
from mpesa_cbp_generator.drift.rules.all_rules import rule
from mpesa_cbp_generator.plan.model import ModulePlan, OperationPlan, Plan
from mpesa_cbp_generator.schema.declarations import local_name, namespace_of


@dataclass(slots=True)
class _Occurrence:
    """A change with every place where messages meet it; the first one gives the finding its path."""

    change: Change
    operation: str
    path: str
    also: dict[str, None] = field(default_factory=dict)
    directions: dict[tuple[Direction, bool], None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The findings, and the walk that they were found on, for those who show the contract around them."""

    findings: tuple[Finding, ...]
    visits: tuple[Visit, ...]
    walker: Walker


def compare(old: Plan, new: Plan) -> tuple[Finding, ...]:
    """All differences between two plans, the worst first; none for plans of the same contract."""
    return compare_with_walk(old, new).findings


def compare_with_walk(old: Plan, new: Plan) -> Comparison:
    """The same, together with the types that were visited."""
    collector = _Collector(View(old), View(new))
    collector.operations()
    collector.unused()
    collector.schemas()
    findings = {item.fingerprint: item for item in collector.findings()}
    return Comparison(tuple(sorted(findings.values(), key=sort_key)), tuple(collector.visits), collector.walker)


class _Collector:
    def __init__(self, old: View, new: View) -> None:
        self.old = old
        self.new = new
        self.walker = Walker(old, new)
        self.visits: list[Visit] = []
        self._told: dict[tuple[str, ...], _Occurrence] = {}
        self._reached_old: set[str] = set()
        self._reached_new: set[str] = set()
        self._python_names: dict[tuple[str, str], Visit] = {}
        self._renamed: set[tuple[str, str]] = set()

    def operations(self) -> None:
        """Compare what operations are and what they lead to."""
        pairs = match_operations(self.old.plan.operations, self.new.plan.operations)
        for name, (before, after) in zip(operation_names(pairs), pairs, strict=True):
            directions = _directions(before, after)
            if before is not None and after is not None:
                found = list(compare_operations(name, before, after))
            else:
                found = [one_sided(name, before, after)]
            for item in found:
                self._add(item, name, name, directions)
            for visit in self.walker.operation(name, (before, after)):
                self._visit(visit)

    def unused(self) -> None:
        """Compare the named types that no operation leads to, and what is inside them."""
        for item in self.old.types.values():
            if len(item.path) == 1 and item.id not in self._reached_old:
                other = self.new.type_named(item.path, item)
                if other is not None:
                    self._unused_pair(item, other)
                else:
                    self._add(type_gone(item), "", local_name(item.path[0]), ("unused",))
        for item in self.new.types.values():
            if len(item.path) != 1 or item.id in self._reached_new:
                continue
            other = self.old.type_named(item.path, item)
            if other is None:
                self._add(type_new(item), "", local_name(item.path[0]), ("unused",))
            elif other.id in self._reached_old:
                self._unused_pair(other, item)

    def schemas(self) -> None:
        """Compare the texts of the schemas, and what they demand that no type holds."""
        before, after = ({item.namespaces: item for item in view.plan.modules} for view in (self.old, self.new))
        for namespaces in before.keys() & after.keys():
            self._schema(before[namespaces], after[namespaces])

    def _schema(self, old: ModulePlan, new: ModulePlan) -> None:
        path, key = f"schema {' '.join(old.namespaces)}", ("schema", *old.namespaces)
        texts = plain(old.documentation), plain(new.documentation)
        if texts[0] != texts[1]:
            found = changes.change("documentation-changed", key=key, old=texts[0], new=texts[1])
            self._add(found, "", path, ("unused",))
        gone, came = (
            "; ".join(text for text in one.constraints if text not in other.constraints)
            for one, other in ((old, new), (new, old))
        )
        if gone or came:
            found = changes.change("constraint-changed", key=key, old=gone or None, new=came or None)
            # Which messages it concerns is not known, so that it counts in both directions.
            self._add(found, "", path, ("outbound", "inbound"))

    def findings(self) -> Iterator[Finding]:
        """Everything that was collected, as findings."""
        for pair, visit in self._python_names.items():
            if pair not in self._renamed and visit.old is not None and visit.new is not None:
                for item in python_name(visit.old, visit.new):
                    self._add(item, visit.operation, visit.path, visit.directions)
        for told in self._told.values():
            yield _finding(told)

    def _unused_pair(self, old: TypePlan, new: TypePlan) -> None:
        if (old.id in self._reached_old) and (new.id in self._reached_new):
            return
        head = Visit(local_name(old.path[0]), "", ("unused",), old, new)
        for visit in self.walker.closure(head):
            self._visit(visit)

    def _visit(self, visit: Visit) -> None:
        self.visits.append(visit)
        if visit.old is not None:
            self._reached_old.add(visit.old.id)
        if visit.new is not None:
            self._reached_new.add(visit.new.id)
        if visit.old is not None and visit.new is not None:
            pair = (visit.old.id, visit.new.id)
            self._python_names.setdefault(pair, visit)
            if visit.renamed:
                self._renamed.add(pair)
        for item in self.walker.changes(visit):
            self._add(item, visit.operation, f"{visit.path}{item.suffix}", visit.directions, is_open=visit.is_open)

    def _add(
        self,
        item: Change,
        operation: str,
        path: str,
        directions: tuple[Direction, ...],
        *,
        is_open: bool = False,
    ) -> None:
        key = (item.rule, *item.key, "\0", item.suffix, item.old or "\0", item.new or "\0")
        told = self._told.setdefault(key, _Occurrence(item, operation, path))
        if path != told.path:
            told.also[path] = None
        told.directions.update(dict.fromkeys((direction, is_open) for direction in directions))


def _directions(old: OperationPlan | None, new: OperationPlan | None) -> tuple[Direction, ...]:
    """The direction of an operation as a whole: that of its input."""
    roles = sorted({item.role for item in (old, new) if item is not None})
    return tuple("outbound" if role == "caller" else "inbound" for role in roles)


def _finding(told: _Occurrence) -> Finding:
    used = {key: None for key in told.directions if key[0] != "unused"}
    directions = {direction for direction, _ in used}
    role: Role = "both" if len(directions) > 1 else next(iter(directions), "unused")
    item = told.change
    return Finding(
        rule=item.rule,
        wire=worst(item.severity(direction, is_open=is_open) for direction, is_open in used or told.directions),
        source=item.source,
        role=role,
        operation=told.operation,
        path=told.path,
        also=tuple(told.also),
        old=item.old,
        new=item.new,
        old_place=item.old_place,
        new_place=item.new_place,
        message=_message(item),
    )


def _message(item: Change) -> str:
    """One sentence without a full stop: the rule's title and the two values."""
    title = rule(item.rule).title
    if item.old is not None and item.new is not None:
        return f"{title}: {_shown(item.old)} → {_shown(item.new)}"
    value = item.new if item.new is not None else item.old
    return title if value is None else f"{title}: {_shown(value)}"


def _shown(value: str) -> str:
    if value == "":
        return "(empty)"
    text = local_name(value) if value.startswith("{") and namespace_of(value) and " " not in value else value
    return text if len(text) <= 100 else f"{text[:99]}…"
