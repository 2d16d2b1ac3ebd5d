"""Lookups over a plan that every module needs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from mpesa_cbp_generator.plan.model import ClassPlan, EnumerationPlan, FieldPlan, Plan
from mpesa_cbp_generator.render.graph import gathered, reachable
from mpesa_cbp_generator.schema.builtins import BUILTINS
from mpesa_cbp_generator.schema.declarations import namespace_of


class Structure:
    """Fields, derivation and nesting of the classes of a plan."""

    XML = "http://www.w3.org/XML/1998/namespace"

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.by_id: dict[str, ClassPlan] = {item.id: item for item in plan.classes}
        self.enumerations: dict[str, EnumerationPlan] = {item.id: item for item in plan.enumerations}
        self.module_of_namespace: dict[str, str] = {ns: item.name for item in plan.modules for ns in item.namespaces}
        self._children: dict[str | None, list[ClassPlan]] = {}
        for item in plan.classes:
            if len(item.path) == 1:
                self._children.setdefault(item.base, []).append(item)
        self._owner: dict[int, ClassPlan] = {}
        self._fields: dict[str, tuple[FieldPlan, ...]] = {}
        self._ranks: dict[int, int] = {}

    def fields(self, item: ClassPlan) -> tuple[FieldPlan, ...]:
        """Own and inherited fields in the order of the content model; an overriding field stands for its base's."""
        if item.id in self._fields:
            return self._fields[item.id]
        inherited = self.fields(self.by_id[item.base]) if item.base in self.by_id else ()
        own = {field.name for field in item.fields}
        result = (*(field for field in inherited if field.name not in own), *item.fields)
        offset = max((self._ranks[id(field)] for field in inherited), default=-1) + 1
        for field in item.fields:
            self._ranks[id(field)] = field.rank + offset
        for field in result:
            self._owner.setdefault(id(field), item)
        self._fields[item.id] = result
        return result

    def siblings(self, field: FieldPlan) -> tuple[FieldPlan, ...]:
        """All fields of the class that a field belongs to."""
        return self.fields(self._owner[id(field)])

    def rank(self, field: FieldPlan) -> int:
        """Place of a field in the content model of its class."""
        return self._ranks[id(field)]

    def shares_rank(self, field: FieldPlan) -> bool:
        """Whether other members may stand before or behind the field in any order."""
        same = [f for f in self._owner[id(field)].fields if f.rank == field.rank and f.kind == "element"]
        return len(same) > 1

    def derived(self, item: ClassPlan) -> tuple[ClassPlan, ...]:
        """Named types that extend or restrict a class directly, and so may stand where it is expected."""
        return tuple(child for child in self._children.get(item.id, ()) if item.path != child.path)

    def keeps_order(self, item: ClassPlan) -> bool:
        """Whether a class or one that it extends has a content model, and so the field ``element_order``."""
        own = item.group is not None and not item.mixed
        return own or (item.base in self.by_id and self.keeps_order(self.by_id[item.base]))

    def descendants(self, item: ClassPlan) -> tuple[ClassPlan, ...]:
        """Named types that are derived from a class, directly or not."""
        return tuple(one for child in self.derived(item) for one in (child, *self.descendants(child)))

    @cached_property
    def writers(self) -> dict[str, tuple[bool, bool]]:
        """For each class id, whether a writer in default-namespace style and one with prefixes are needed."""
        roots = [item for item in self.plan.classes if item.roots]
        default, prefixed = (
            set(reachable(self._edges, [item.id for item in roots if self.needs_prefixes(item) is style]))
            for style in (False, True)
        )
        return {item.id: (item.id in default, item.id in prefixed) for item in self.plan.classes}

    def closure(self, item: ClassPlan) -> tuple[ClassPlan, ...]:
        """A class and all that can stand inside it, derived types included."""
        return tuple(self.by_id[name] for name in reachable(self._edges, [item.id]))

    def namespaces(self, item: ClassPlan) -> tuple[str, ...]:
        """Namespaces of the elements, attributes and named derived types that can stand inside a class."""
        inside = {namespace for kind, namespace in self._inside[item.id] if kind != "open"}
        return tuple(sorted(inside | {namespace_of(root) for root in item.roots[:1]}))

    def needs_prefixes(self, item: ClassPlan) -> bool:
        """Whether one default namespace cannot serve everything inside a root."""
        root = namespace_of(item.roots[0])
        return any(
            namespace != "" if kind == "attribute" else kind == "open" or namespace != root
            for kind, namespace in self._inside[item.id]
        )

    @cached_property
    def _edges(self) -> dict[str, list[str]]:
        """For each class id, those of the classes that can stand directly inside it, or in its place."""
        return {
            item.id: [
                *(child.id for child in self.derived(item)),
                *(t.name for field in self.fields(item) for t in field.types if t.kind == "class"),
            ]
            for item in self.plan.classes
        }

    @cached_property
    def _inside(self) -> dict[str, set[tuple[str, str]]]:
        """For each class id, kinds and namespaces of what can stand inside it."""
        return gathered(self._edges, {item.id: set(self._own_names(item)) for item in self.plan.classes})

    def _own_names(self, item: ClassPlan) -> Iterator[tuple[str, str]]:
        for child in self.derived(item):
            yield "derived", namespace_of(child.path[0])
        for field in self.fields(item):
            if field.kind == "element" or (field.kind == "attribute" and field.namespace != self.XML):
                yield field.kind, field.namespace
            # A qualified name without a prefix would mean the default namespace.
            names = any(t.name == "QName" and t.kind == "builtin" for t in field.types)
            if field.kind in ("any", "mixed") or self.is_any(field) or names:
                yield "open", ""

    def prefix(self, namespace: str) -> str:
        """Prefix of a namespace in written documents: the name of its module."""
        name = self.module_of_namespace.get(namespace)
        if name is None:
            known = sorted({f.namespace for item in self.plan.classes for f in item.fields if f.namespace})
            return f"n{known.index(namespace)}"
        same = [ns for ns, module in self.module_of_namespace.items() if module == name]
        return name if len(same) == 1 else f"{name}{sorted(same).index(namespace) + 1}"

    def is_any(self, field: FieldPlan) -> bool:
        """Whether an element has no declared type."""
        return any(t.kind == "builtin" and BUILTINS[t.name].kind == "any" for t in field.types)
