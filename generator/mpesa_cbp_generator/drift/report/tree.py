"""Both contracts as one tree, with every finding in place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mpesa_cbp_generator.drift.compare.contracts import Comparison
from mpesa_cbp_generator.drift.compare.index import Member, View
from mpesa_cbp_generator.drift.compare.traversal import Visit, Walker
from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An operation, an element or an attribute.

    ``state`` is same, added or removed; a renamed element is the same one with a finding. ``text`` says how often it
    stands and of which type it is. ``see`` is the path of the same type in the same message, where its content is
    shown.
    """

    path: str
    name: str
    state: str
    text: str
    role: str
    findings: tuple[Finding, ...]
    children: tuple[Node, ...]
    see: str = ""

    @property
    def new_name(self) -> str:
        """The new contract's name where it was renamed, else empty."""
        renamed = (finding for finding in self.findings if finding.rule in ("element-renamed", "operation-renamed"))
        return next((finding.new or "" for finding in renamed if self.path in (finding.path, *finding.also)), "")

    @property
    def told(self) -> int:
        """Number of findings here and below."""
        return len(self.findings) + sum(child.told for child in self.children)

    @property
    def touched(self) -> bool:
        """Whether anything here or below differs."""
        return bool(self.findings) or self.state != "same" or any(child.touched for child in self.children)


def build(comparison: Comparison, findings: Iterable[Finding]) -> tuple[Node, ...]:
    """One node an operation, then one for each type that no operation uses and that differs."""
    return tuple(_Builder(comparison, findings).roots())


def anchors(nodes: Iterable[Node]) -> dict[str, str]:
    """Path of the first node that shows each finding, by fingerprint."""
    found: dict[str, str] = {}
    for node in nodes:
        for finding in node.findings:
            found.setdefault(finding.fingerprint, node.path)
        for fingerprint, path in anchors(node.children).items():
            found.setdefault(fingerprint, path)
    return found


class _Builder:
    def __init__(self, comparison: Comparison, findings: Iterable[Finding]) -> None:
        self.walker: Walker = comparison.walker
        self.findings: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            for path in (finding.path, *finding.also):
                self.findings[path].append(finding)
        self.visits: dict[str, dict[str, Visit]] = defaultdict(dict)
        self.seen: dict[tuple[str, str | None, str | None], str] = {}
        for visit in comparison.visits:
            self.visits[visit.operation].setdefault(visit.path, visit)
            self.seen.setdefault(self._key(visit), visit.path)
        self.shown: set[str] = set()

    def roots(self) -> Iterator[Node]:
        """All trees; what no operation leads to comes last."""
        names = {visit.operation for visit in self.walker_operations()}
        names |= {path for path in self.findings if "/" not in path and self.findings[path][0].operation == path}
        for name in sorted(names):
            yield self._operation(name)
        unused = [visit.path for visit in self.visits[""].values() if "/" not in visit.path]
        single = [path for path in self.findings if path not in self.shown and path not in unused]
        for path in dict.fromkeys([*unused, *single]):
            if path in self.shown:
                continue
            node = self._unused(path)
            if node.touched:
                yield node

    def walker_operations(self) -> list[Visit]:
        """Visits that belong to an operation."""
        return [visit for name, visits in self.visits.items() if name for visit in visits.values()]

    def _operation(self, name: str) -> Node:
        heads = [v for v in self.visits[name].values() if v.path.count("/") == 1 and v.path.startswith(f"{name}/")]
        findings = self._take(name)
        own = [finding.rule for finding in findings]
        state = "added" if "operation-added" in own else "removed" if "operation-removed" in own else "same"
        return Node(
            path=name,
            name=name,
            state=state,
            text="operation",
            role="",
            findings=findings,
            children=tuple(self._head(name, visit, state) for visit in heads),
        )

    def _head(self, operation: str, visit: Visit, state: str) -> Node:
        inner = [
            other
            for other in self.visits[operation].values()
            if other.path.startswith(f"{visit.path}/") and other.path.count("/") == 2 and self._is_payload(visit, other)
        ]
        children = (*(self._head(operation, other, state) for other in inner), *self._children(visit, state))
        return Node(
            path=visit.path,
            name=visit.path.rpartition("/")[2],
            state=state,
            text="payload document" if visit.path.count("/") > 1 else "message element",
            role=" and ".join(visit.directions),
            findings=self._take(visit.path),
            children=children,
        )

    def _is_payload(self, visit: Visit, other: Visit) -> bool:
        """Whether a visit is the document inside a string, rather than an element of the message."""
        name = other.path.rpartition("/")[2]
        members = [m for item, view in self._sides(visit) for m in view.members(item)]
        return all(member.shown != name for member in members)

    def _children(self, visit: Visit, state: str) -> tuple[Node, ...]:
        if isinstance(visit.old, ClassPlan) and isinstance(visit.new, ClassPlan):
            comparison = self.walker.class_comparison(visit.old, visit.new)
            nodes = [(before.rank, self._member(visit, before, after, state)) for before, after in comparison.pairs]
            nodes += [(member.rank, self._member(visit, member, None, "removed")) for member in comparison.removed]
            nodes += [(member.rank, self._member(visit, None, member, "added")) for member in comparison.added]
            return tuple(node for _, node in sorted(nodes, key=lambda item: item[0]))
        sides = self._sides(visit)
        if not sides:
            return ()
        item, view = sides[0]
        only = "removed" if visit.old is not None and visit.new is None else "added"
        is_old = view is self.walker.old
        return tuple(
            self._member(visit, member if is_old else None, None if is_old else member, only)
            for member in view.members(item)
        )

    def _sides(self, visit: Visit) -> list[tuple[ClassPlan, View]]:
        both = ((visit.old, self.walker.old), (visit.new, self.walker.new))
        return [(item, view) for item, view in both if isinstance(item, ClassPlan)]

    def _member(self, parent: Visit, old: Member | None, new: Member | None, state: str) -> Node:
        member = old or new
        if member is None:
            raise ValueError("a member of neither side")
        view = self.walker.old if old is not None else self.walker.new
        path = f"{parent.path}/{member.shown}"
        visit = self.visits[parent.operation].get(path)
        first = visit is not None and path not in self.shown
        see = "" if visit is not None else self._see(parent, view, member.field)
        findings = self._take(path)
        return Node(
            path=path,
            name=member.shown,
            state=state,
            text=f"{_occurs(member.field)} {view.type_text(member.field)}",
            role="",
            findings=findings,
            children=self._children(visit, state) if first and visit is not None else (),
            see=see,
        )

    def _see(self, parent: Visit, view: View, field: FieldPlan) -> str:
        """Where the content of a type is shown that the walk met before."""
        for item in view.referenced(field):
            for (operation, old, new), path in self.seen.items():
                side = old if view is self.walker.old else new
                if operation == parent.operation and side == item.id:
                    return path
        return ""

    def _unused(self, path: str) -> Node:
        visit = self.visits[""].get(path)
        return Node(
            path=path,
            name=path,
            state="same",
            text="not used by an operation",
            role="unused",
            findings=self._take(path),
            children=self._children(visit, "same") if visit is not None else (),
        )

    def _take(self, path: str) -> tuple[Finding, ...]:
        """Findings at a path; values of an enumeration stand with the element that holds it."""
        self.shown.add(path)
        inner = [key for key in self.findings if key.startswith((f"{path}/=", f"{path}<"))]
        self.shown.update(inner)
        return tuple(dict.fromkeys(f for key in (path, *inner) for f in self.findings.get(key, ())))

    @staticmethod
    def _key(visit: Visit) -> tuple[str, str | None, str | None]:
        return (visit.operation, visit.old.id if visit.old else None, visit.new.id if visit.new else None)


def _occurs(field: FieldPlan) -> str:
    if field.kind == "attribute":
        return "required" if field.required else "optional"
    most = "∞" if field.max_occurs == UNBOUNDED else str(field.max_occurs)
    return f"{field.min_occurs}..{most}"
