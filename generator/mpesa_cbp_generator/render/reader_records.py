"""Print the fast path for records such as key and value."""

from __future__ import annotations

from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan
from mpesa_cbp_generator.render.codec import Lines, indent
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.render.reader_values import is_plain_text, variable
from mpesa_cbp_generator.schema.declarations import clark

_RECORD_FIELDS = 4
"""Most fields of a class that gets a fast path for its usual form."""


def is_record(item: ClassPlan, layout: Layout) -> bool:
    """Whether a class is a small one of texts, such as key and value, that has a fast path for its usual form."""
    fields = layout.fields(item)
    return 0 < len(fields) <= _RECORD_FIELDS and all(_is_plain_leaf(field) for field in fields)


def _is_plain_leaf(field: FieldPlan) -> bool:
    once = field.kind == "element" and field.required and not field.repeated and not field.nillable
    return once and is_plain_text(field)


def read_record(item: ClassPlan, element: str, layout: Layout, *, trim: bool, then: str, test: str = "") -> Lines:
    """Fast path for a record when it comes just as the contract has it; ``then`` is done with ``record``.

    Whatever else comes, down to a blank at an end of a text, falls through to the statements that follow.
    """
    fields = layout.fields(item)
    yield f"if len({element}) == {len(fields)}{test}:"
    for number in range(len(fields)):
        yield f"    part_{number} = {element}[{number}]"
    tags = " and ".join(f"part_{n}.tag == {layout.tag(clark(f.namespace, f.xml_name))}" for n, f in enumerate(fields))
    yield f"    if {tags}:"
    for number in range(len(fields)):
        yield f"        text_{number} = part_{number}.text"
    tests = [
        f"text_{n} is not None{f' and text_{n}.strip() is text_{n}' if trim else ''} and not len(part_{n})"
        for n in range(len(fields))
    ]
    parts = " or ".join(f"part_{number}.keys()" for number in range(len(fields)))
    yield f"        if {' and '.join(tests)} and not (attributes and ({parts})):"
    yield f"            record = new({layout.qualified_type(item.id)})"
    for number, field in enumerate(fields):
        yield f"            record.{field.name} = text_{number}"
    yield from indent(indent(indent(iter(then.splitlines()))))


def read_listed_record(field: FieldPlan, tag: str, layout: Layout, *, trim: bool) -> Lines:
    """The fast path of a record within the loop over a list of them, which spares the call for each."""
    reference = field.types[0]
    if reference.kind != "class" or field.nillable:
        return
    item = layout.by_id[reference.name]
    if item.abstract or layout.derived(item) or not is_record(item, layout):
        return
    then = f"{variable(field)}.append(record)\ncontinue"
    test = f" and child.tag == {tag} and not reading.strict and not (attributes and child.keys())"
    yield from read_record(item, "child", layout, trim=trim, then=then, test=test)
