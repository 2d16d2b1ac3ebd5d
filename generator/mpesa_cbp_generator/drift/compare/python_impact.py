"""What a changed field does to Python code that uses the class."""

from __future__ import annotations

from mpesa_cbp_generator.drift.compare.index import View
from mpesa_cbp_generator.drift.findings import SourceEffect
from mpesa_cbp_generator.plan.model import FieldPlan, TypeReference
from mpesa_cbp_generator.schema.builtins import BUILTINS


def constructor_requires(field: FieldPlan) -> bool:
    """Whether the class cannot be built without this argument."""
    if field.repeated or field.nillable or field.absent_on_reading or not field.required:
        return False
    return field.kind in ("element", "attribute", "any") and not _has_default(field)


def tolerates_absence(field: FieldPlan) -> bool:
    """Whether a reader of the bindings takes a message without this required field."""
    return not field.required or field.absent_on_reading or _has_default(field)


def shape(field: FieldPlan, view: View) -> tuple[object, ...]:
    """What a type checker sees of a field: its types by contract path, list or not, None or not.

    Classes stand under their contract path, so that a class which is merely called otherwise in Python is told once,
    by a finding of its own, and not by every field that holds it.
    """
    types = tuple(dict.fromkeys(_python_type(reference, view) for reference in field.types))
    may_be_none = (not field.required or field.nillable or field.absent_on_reading) and not _has_default(field)
    if field.repeated:
        may_be_none = field.nillable
    return field.kind in ("any", "any-attributes", "mixed"), types, field.is_list, field.repeated, may_be_none


def effect(old: FieldPlan, old_view: View, new: FieldPlan, new_view: View) -> SourceEffect:
    """Breaking where reading or building the field must be written otherwise, none where nothing is noticed.

    A field whose types differ only by their names counts as the same here.
    """
    before, after = shape(old, old_view), shape(new, new_view)
    if before[0] != after[0] or before[2:] != after[2:]:
        return "breaking"
    if constructor_requires(new) and not constructor_requires(old):
        return "breaking"
    return "none"


def type_effect(old: FieldPlan, old_view: View, new: FieldPlan, new_view: View) -> SourceEffect:
    """Breaking where Python sees other types."""
    return "none" if shape(old, old_view) == shape(new, new_view) else "breaking"


def _python_type(reference: TypeReference, view: View) -> object:
    if reference.kind == "builtin":
        return BUILTINS[reference.name].annotation
    return view.types[reference.name].path


def _has_default(field: FieldPlan) -> bool:
    # Elements take no default for their absence (XML Schema part 1, section 3.3.4).
    return field.kind == "attribute" and field.default is not None and not field.is_list
