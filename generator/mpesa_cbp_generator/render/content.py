"""Print the parts of a codec that follow a content model."""

from __future__ import annotations

from mpesa_cbp_generator.plan.content import ANY, leaf_name
from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan, GroupPlan
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.schema.declarations import clark


def has_order(item: ClassPlan) -> bool:
    """Whether objects of a class keep the order of their elements."""
    return item.group is not None and not item.mixed


def declares_order(item: ClassPlan, layout: Layout) -> bool:
    """Whether a class is the first of its line that keeps the order of its elements."""
    base = layout.by_id.get(item.base or "")
    return has_order(item) and (base is None or not layout.keeps_order(base))


def constant(item: ClassPlan) -> str:
    """Name of the module constant that holds a class's content model."""
    return f"_CONTENT_{item.name}"


def content_constant(item: ClassPlan, layout: Layout) -> str:
    """Source of that constant, empty where the class has none."""
    if item.group is None or item.abstract:
        return ""
    names = None if item.mixed else field_names(item, layout)
    return f"{constant(item)} = Content({_tuple(item.group, names)!r})"


def field_names(item: ClassPlan, layout: Layout) -> dict[str, str]:
    """Field of each element of a content model, by the name that it has there."""
    return {ANY if f.kind == "any" else clark(f.namespace, f.xml_name): f.name for f in children(item, layout)}


def children(item: ClassPlan, layout: Layout) -> tuple[FieldPlan, ...]:
    """Fields that are written as elements."""
    return tuple(field for field in layout.fields(item) if field.kind in ("element", "any"))


def counts(item: ClassPlan, layout: Layout) -> str:
    """Expression that tells how many elements each field of ``value`` stands for."""
    shown = []
    for field in children(item, layout):
        nillable = ", nillable=True" if field.nillable and field.required and not field.repeated else ""
        shown.append(f"{field.name!r}: counted(value.{field.name}{nillable})")
    return f"{{{', '.join(shown)}}}"


def _tuple(group: GroupPlan, names: dict[str, str] | None) -> tuple[object, ...]:
    if group.kind in ("element", "any"):
        name = leaf_name(group)
        # In mixed content the plan has a digest of each element's declaration behind its name.
        inner: object = names.get(name, name) if names is not None else name.rpartition(" ")[0] or name
        return "element", group.min_occurs, group.max_occurs, inner
    return group.kind, group.min_occurs, group.max_occurs, tuple(_tuple(part, names) for part in group.parts)
