"""Print how one field is read."""

from __future__ import annotations

from mpesa_cbp_generator.plan.model import FieldPlan, TypeReference
from mpesa_cbp_generator.render.codec import Lines, function_name, is_qname, known_attributes
from mpesa_cbp_generator.render.context import Layout, blanks
from mpesa_cbp_generator.schema.builtins import BUILTINS
from mpesa_cbp_generator.schema.declarations import clark


def variable(field: FieldPlan) -> str:
    """Variable that holds a field while it is read; the prefix keeps it apart from the reader's own variables."""
    return f"v_{field.name}"


def declare(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    """Statements before the walk: the variable of a field, which for an attribute or a text holds its value."""
    if field.kind == "any-attributes":
        yield f"{variable(field)} = other_attributes(element, {known_attributes(layout.siblings(field), layout)})"
    elif field.kind == "attribute":
        tag = layout.tag(clark(field.namespace, field.xml_name))
        if is_qname(field):
            yield f"{variable(field)}_text = element.get({tag})"
            given = f"reading.qualified(element, {variable(field)}_text, {field.xml_name!r})"
            yield f"{variable(field)} = None if {variable(field)}_text is None else {given}"
        else:
            yield f"{variable(field)} = reading.attribute(element, {tag}, {_reader(field, layout)})"
    elif field.kind == "mixed":
        yield f"{variable(field)} = read_mixed(element)"
    elif field.kind == "text":
        yield from _declare_text(field, layout, trim=trim)
    elif field.repeated:
        yield f"{variable(field)}: {layout.annotation(field)} = []"
    else:
        yield f"{variable(field)}: {layout.item_annotation(field)} | None = None"
        if field.required and field.nillable:
            yield f"{variable(field)}_found = False"


def _declare_text(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    plain = is_plain_text(field)
    if field.nillable:
        read = f"reading.{'trimmed' if trim else 'text'}(element)" if plain else _value_call(field, "element", layout)
        yield f"{variable(field)} = None if reading.is_nil(element, nillable=True) else {read}"
    elif plain:
        yield f"{variable(field)} = reading.{'trimmed' if trim else 'text'}(element)"
    else:
        yield f"{variable(field)} = {_value_call(field, 'element', layout)}"


def read_occurrence(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    """Statements that read one child element into the variable of its field."""
    target = f"{variable(field)}_item" if field.repeated else variable(field)
    if field.required and field.nillable and not field.repeated:
        yield f"{variable(field)}_found = True"
    yield from _read_leaf(field, target, layout, trim=trim)
    if field.repeated:
        yield f"{variable(field)}.append({target})"


def _read_leaf(field: FieldPlan, target: str, layout: Layout, *, trim: bool) -> Lines:
    reference = field.types[0]
    if field.nillable:
        test = "if attributes and child.keys() and reading.is_nil(child, nillable=True):"
        yield test
        yield (
            f"    {target}: {layout.item_annotation(field)} | None = None" if field.repeated else f"    {target} = None"
        )
        yield "else:"
    indent = "    " if field.nillable else ""
    if reference.kind == "class":
        item = layout.by_id[reference.name]
        yield f"{indent}{target} = {layout.qualified(function_name('read', item), item)}(child, reading)"
    elif layout.is_any(field):
        yield f"{indent}{target} = reading.any_text(child)"
    elif is_plain_text(field):
        text = f"{variable(field)}_text"
        padded = f" or {text}.strip() is not {text}" if trim else ""
        yield f"{indent}{text} = child.text"
        yield f"{indent}if {text} is None{padded} or len(child):"
        yield f"{indent}    {text} = reading.{'trimmed' if trim else 'text'}(child)"
        yield f"{indent}{target} = {text}"
    elif _is_plain_integer(field):
        text = f"{variable(field)}_text"
        yield f"{indent}{text} = child.text"
        digits = f"{text}.isdigit() and {text}.isascii() and len({text}) < 20"
        yield f"{indent}if {text} is not None and {digits} and not len(child):"
        yield f"{indent}    {target}{': int | None' if field.repeated and not field.nillable else ''} = int({text})"
        yield f"{indent}else:"
        yield f"{indent}    {target} = {_value_call(field, 'child', layout)}"
        if field.repeated and not field.nillable:
            yield f"if {target} is None:"
            yield "    reading.refuse(child, 'is empty')"
    else:
        yield f"{indent}{target} = {_value_call(field, 'child', layout)}"
        if field.repeated and not field.nillable:
            yield f"if {target} is None:"
            yield "    reading.refuse(child, 'is empty')"


def is_plain_text(field: FieldPlan) -> bool:
    """Whether a field is text that is read as it stands."""
    reference = field.types[0]
    return (
        len(field.types) == 1
        and not field.is_list
        and reference.kind == "builtin"
        and BUILTINS[reference.name].kind == "text"
        and not field.values
        and field.default is None
        and blanks(field, reference.name) == "preserve"
    )


def _is_plain_integer(field: FieldPlan) -> bool:
    reference = field.types[0]
    one = len(field.types) == 1 and not field.is_list and reference.kind == "builtin"
    return one and BUILTINS[reference.name].kind == "integer"


def _value_call(field: FieldPlan, element: str, layout: Layout) -> str:
    if is_qname(field):
        return f"reading.qualified({element}, reading.text({element}))"
    extra = f", values={dict(field.values)!r}" if field.values else ""
    extra += f", default={field.default!r}" if field.default is not None else ""
    return f"reading.value({element}, {_reader(field, layout)}{extra})"


def _reader(field: FieldPlan, layout: Layout) -> str:
    if field.simple is not None:
        return layout.simple_reader(field)
    return layout.constant(_type_reader(field.types[0], field, layout))


def _type_reader(reference: TypeReference, field: FieldPlan, layout: Layout) -> str:
    if reference.kind == "enumeration":
        enumeration = layout.enumerations[reference.name]
        read = f"read_{BUILTINS[enumeration.builtin].kind}"
        if read == "read_text":
            read = "read_token"
        return f"enumeration_reader({layout.qualified_type(enumeration.id)}, {read})"
    kind = BUILTINS[reference.name].kind
    if kind in ("text", "any"):
        kind = {"collapse": "token", "replace": "normalized"}.get(blanks(field, reference.name), "text")
    return f"read_{kind}"
