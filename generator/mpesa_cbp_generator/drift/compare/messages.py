"""Pair the bodies, headers, faults and payload documents of two operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mpesa_cbp_generator.drift.compare.change import Change, change
from mpesa_cbp_generator.drift.compare.index import View
from mpesa_cbp_generator.drift.compare.name_matching import NEAR, near_pairs, pairs_by_key, root_likeness
from mpesa_cbp_generator.plan.model import ClassPlan, MessagePlan, OperationPlan
from mpesa_cbp_generator.schema.declarations import local_name, namespace_of

Root = str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A global element at the head of a message, or of the document inside one, on both sides.

    A side is None where it has no such element. ``renamed`` tells that the two sides' names differ.
    """

    path: str
    old: ClassPlan | None
    new: ClassPlan | None
    renamed: bool
    changes: tuple[Change, ...]


class MessageComparison:
    """The entries of one direction of an operation, and the changes of their elements."""

    def __init__(
        self, path: str, old: OperationPlan | None, new: OperationPlan | None, old_view: View, new_view: View
    ) -> None:
        self.path = path
        self.old_operation: OperationPlan | None = old
        self.new_operation: OperationPlan | None = new
        self.old_view: View = old_view
        self.new_view: View = new_view

    def entries(self, kind: str) -> Iterator[Entry]:
        """Entries of ``input`` or ``output``; faults go with the output."""
        old: MessagePlan | None = getattr(self.old_operation, kind, None)
        new: MessagePlan | None = getattr(self.new_operation, kind, None)
        one_sided = self.old_operation is None or self.new_operation is None
        if not one_sided and (old is None) != (new is None):
            yield self._told("message-changed", *("present" if item else None for item in (old, new)), part=kind)
        yield from self._body(old, new, one_sided=one_sided or old is None or new is None)
        headers = [item.headers if item is not None else () for item in (old, new)]
        yield from self._listed("header-changed", *headers, one_sided=one_sided or old is None or new is None)
        if kind == "output":
            faults = [
                tuple(element for _, element in item.faults) if item is not None else ()
                for item in (self.old_operation, self.new_operation)
            ]
            yield from self._listed("fault-changed", *faults, one_sided=one_sided)

    def _body(self, old: MessagePlan | None, new: MessagePlan | None, *, one_sided: bool) -> Iterator[Entry]:
        before, after = (item.body if item is not None else None for item in (old, new))
        related = one_sided or (before is not None and after is not None and root_likeness(before, after) >= NEAR)
        if not related and before != after:
            yield self._told("message-changed", before, after)
            yield from self._apart(self.path, before, after)
            return
        if before is None and after is None:
            return
        body = self._pair(self.path, before, after)
        yield body
        if old is not None or new is not None:
            payloads = [item.payload_root if item is not None else None for item in (old, new)]
            yield from self._payload(body.path, *payloads, one_sided=one_sided)

    def _payload(self, path: str, old: Root, new: Root, *, one_sided: bool) -> Iterator[Entry]:
        if old is None and new is None:
            return
        related = old is not None and new is not None and root_likeness(old, new) >= NEAR
        if related or one_sided:
            yield self._pair(path, old, new)
            return
        yield self._told("payload-changed", old, new, path=path)
        yield from self._apart(path, old, new)

    def _listed(self, rule_id: str, old: tuple[str, ...], new: tuple[str, ...], *, one_sided: bool) -> Iterator[Entry]:
        """Headers or faults: paired by name, local name, or near name; the rest told as one change."""
        same, gone, came = pairs_by_key(old, new, lambda element: element)
        moved, gone, came = pairs_by_key(gone, came, local_name)
        renamed, gone, came = near_pairs(gone, came, root_likeness)
        for before, after in [*same, *moved, *renamed]:
            yield self._pair(self.path, before, after)
        if (gone or came) and not one_sided:
            source = "none" if rule_id == "fault-changed" else "breaking" if gone else "additive"
            yield self._told(rule_id, " ".join(gone) or None, " ".join(came) or None, source=source)
        for element in gone:
            yield from self._apart(self.path, element, None)
        for element in came:
            yield from self._apart(self.path, None, element)

    def _pair(self, path: str, old: Root, new: Root) -> Entry:
        shown = local_name(old or new or "")
        before, after = self.old_view.roots.get(old or ""), self.new_view.roots.get(new or "")
        changes = tuple(self._root_changes(old, new, before, after)) if old is not None and new is not None else ()
        renamed = old is not None and new is not None and local_name(old) != local_name(new)
        return Entry(f"{path}/{shown}", before, after, renamed, changes)

    def _apart(self, path: str, old: Root, new: Root) -> Iterator[Entry]:
        """Two elements that have nothing to do with one another, so that what they hold is known as reached."""
        if old is not None:
            yield Entry(f"{path}/{local_name(old)}", self.old_view.roots.get(old), None, False, ())
        if new is not None:
            yield Entry(f"{path}/{local_name(new)}", None, self.new_view.roots.get(new), False, ())

    def _root_changes(self, old: str, new: str, before: ClassPlan | None, after: ClassPlan | None) -> Iterator[Change]:
        old_place, new_place = before.place if before else None, after.place if after else None
        if local_name(old) != local_name(new):
            old_aliases = before.root_aliases if before else ()
            new_aliases = after.root_aliases if after else ()
            reads_both = local_name(new) in old_aliases or local_name(old) in new_aliases
            same_name = before is not None and after is not None and before.id == after.id
            yield change(
                "element-renamed",
                key=("element", old, new),
                old=local_name(old),
                new=local_name(new),
                inbound="warning" if reads_both else "error",
                source="none" if same_name else "breaking",
                old_place=old_place,
                new_place=new_place,
            )
        if namespace_of(old) != namespace_of(new):
            both = namespace_of(old) and namespace_of(new)
            yield change(
                "namespace-changed" if both else "form-changed",
                key=("element", old, new),
                old=namespace_of(old),
                new=namespace_of(new),
                old_place=old_place,
                new_place=new_place,
            )

    def _told(
        self,
        rule_id: str,
        old: str | None,
        new: str | None,
        *,
        source: str | None = None,
        part: str = "",
        path: str | None = None,
    ) -> Entry:
        """An entry that carries nothing but a change of the operation."""
        found = change(
            rule_id,
            key=(path or self.path, part),
            suffix=f"/{part}" if part else "",
            old=old,
            new=new,
            old_place=self.old_operation.place if self.old_operation else None,
            new_place=self.new_operation.place if self.new_operation else None,
            source=source,  # type: ignore[arg-type]
        )
        return Entry(path or self.path, None, None, False, (found,))
