"""Lookups over the plan of one side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from mpesa_cbp_generator.plan.model import ClassPlan, EnumerationPlan, FieldPlan, Plan, TypeReference
from mpesa_cbp_generator.schema.declarations import clark

TypePlan: TypeAlias = ClassPlan | EnumerationPlan
MemberKey: TypeAlias = tuple[str, str]
"""Kind of a member and its Clark name."""


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a class's whole content, with the class that declares it and its place in the content model."""

    owner: ClassPlan
    field: FieldPlan
    rank: int

    @property
    def key(self) -> MemberKey:
        """What the member is recognised by."""
        return self.field.kind, clark(self.field.namespace, self.field.xml_name)

    @property
    def shown(self) -> str:
        """Segment of a path that leads to the member."""
        return shown_name(self.field)


def shown_name(field: FieldPlan) -> str:
    """Segment of a path for a field; wildcards and text have signs of their own."""
    signs = {"any": "*", "any-attributes": "@*", "text": "#text", "mixed": "#mixed"}
    if field.kind == "attribute":
        return f"@{field.xml_name}"
    return signs.get(field.kind) or field.xml_name


class View:
    """Types of a plan by id, contract path and element, with inherited members."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.types: dict[str, TypePlan] = {item.id: item for item in plan.classes}
        self.types.update({item.id: item for item in plan.enumerations})
        self.paths: dict[tuple[str, ...], list[TypePlan]] = defaultdict(list)
        self.roots: dict[str, ClassPlan] = {root: item for item in plan.classes for root in item.roots}
        self._derived: dict[str, list[ClassPlan]] = defaultdict(list)
        self._members: dict[str, tuple[Member, ...]] = {}
        for item in self.types.values():
            self.paths[item.path].append(item)
        for item in plan.classes:
            if item.base is not None and len(item.path) == 1 and item.path != self.types[item.base].path:
                self._derived[item.base].append(item)

    def members(self, item: ClassPlan) -> tuple[Member, ...]:
        """Own and inherited members in the order of the content model; an overriding one stands for its base's."""
        if item.id not in self._members:
            base = self.types.get(item.base) if item.base is not None else None
            inherited = self.members(base) if isinstance(base, ClassPlan) else ()
            offset = max((member.rank for member in inherited), default=-1) + 1
            own = tuple(Member(item, field, field.rank + offset) for field in item.fields)
            overridden = {member.key for member in own}
            # A restriction that leaves an element out has it with no occurrence.
            whole = (*(m for m in inherited if m.key not in overridden), *own)
            self._members[item.id] = tuple(member for member in whole if member.field.max_occurs != 0)
        return self._members[item.id]

    def derived(self, item: ClassPlan) -> tuple[ClassPlan, ...]:
        """Named types that can stand for a class with ``xsi:type``, directly derived ones only."""
        return tuple(self._derived.get(item.id, ()))

    def referenced(self, field: FieldPlan) -> Iterator[TypePlan]:
        """Classes and enumerations that a field holds."""
        for reference in field.types:
            if reference.kind != "builtin":
                yield self.types[reference.name]

    def type_named(self, path: tuple[str, ...], like: TypePlan) -> TypePlan | None:
        """The type of that contract path and of the same kind as another one."""
        return next((item for item in self.paths.get(path, ()) if type(item) is type(like)), None)

    def simple_content(self, field: FieldPlan) -> tuple[object, ...] | None:
        """What text a field holds, alike for a simple type and for a class that is nothing but one; else None."""
        held = list(self.referenced(field))
        if len(held) == 1 and isinstance(held[0], ClassPlan) and not held[0].abstract:
            members = self.members(held[0])
            if len(members) != 1 or members[0].field.kind != "text" or self.derived(held[0]):
                return None
            return self.simple_content(members[0].field)
        types = tuple(reference.name for reference in field.types)
        return (
            None
            if any(isinstance(item, ClassPlan) for item in held)
            else (types, field.is_list, field.facets, field.composition, field.default, field.fixed)
        )

    def type_text(self, field: FieldPlan) -> str:
        """The field's type in the contract's words: ``xs:string``, ``Request`` or ``Identity (anonymous)``."""
        texts = [self._reference_text(reference) for reference in field.types]
        joined = " | ".join(texts) or "any"
        return f"list of {joined}" if field.is_list else joined

    def _reference_text(self, reference: TypeReference) -> str:
        if reference.kind == "builtin":
            return f"xs:{reference.name}"
        item = self.types[reference.name]
        name = item.path[-1].rpartition("}")[2]
        return name if len(item.path) == 1 else f"{name} (anonymous)"
