"""Print the checker of a class, which collects every violation of the contract."""

from __future__ import annotations

from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan, TypeReference
from mpesa_cbp_generator.render.codec import Lines, function_name, indent, known_attributes
from mpesa_cbp_generator.render.content import constant, counts, has_order
from mpesa_cbp_generator.render.context import Layout


def check_function(item: ClassPlan, layout: Layout) -> Lines:
    """The checker of a class."""
    yield f"def {function_name('check', item)}(value: object, path: str, checking: Checking) -> None:"
    for derived in layout.derived(item):
        yield f"    if isinstance(value, {layout.qualified_type(derived.id)}):"
        yield f"        {layout.qualified(function_name('check', derived), derived)}(value, path, checking)"
        yield "        return"
    yield f"    if not isinstance(value, {item.name}):"
    yield f"        checking.add(path, {f'must be {item.name}, not '!r} + type(value).__name__)"
    yield "        return"
    if item.abstract:
        yield f"    checking.add(path, {f'{item.name} is abstract'!r})"
        return
    fields = layout.fields(item)
    for field in fields:
        if field.name in item.prohibited:
            yield f"    checking.prohibited(path + {f'/@{field.xml_name}'!r}, value.{field.name})"
        else:
            yield from indent(_check_field(item, field, layout))
    if has_order(item):
        yield f"    checking.content(path, {constant(item)}, {counts(item, layout)}, value.element_order)"
        return
    for choice in dict.fromkeys(f.choice for f in fields if f.choice is not None):
        together = [f for f in fields if f.choice == choice]
        if len(together) > 1 and not any(f.repeated for f in together):
            shown = tuple(f.xml_name for f in together)
            values = ", ".join(f"value.{f.name}" for f in together)
            yield f"    checking.choice(path, {shown!r}, {values})"


def _check_field(item: ClassPlan, field: FieldPlan, layout: Layout) -> Lines:
    value = f"value.{field.name}"
    if field.kind == "any-attributes":
        known = known_attributes(layout.fields(item), layout)
        yield f"checking.attributes(path, {value}, {field.namespaces!r}, {known})"
        return
    if field.kind == "mixed":
        yield f"checking.mixed(path, {constant(item) if item.group is not None else None}, {value})"
        return
    shown = f"/@{field.xml_name}" if field.kind == "attribute" else f"/{field.xml_name}" if field.xml_name else ""
    if field.repeated:
        # How often they may stand is the content model's to say, where there is one.
        least, most = (0, -1) if has_order(item) else (field.min_occurs, field.max_occurs)
        yield f"if checking.occurrences(path + {shown!r}, {value}, {least}, {most}):"
        yield f"    for number, item_{field.name} in enumerate({value}, 1):"
        inner = list(_check_item(item, field, f"item_{field.name}", f"f'{{path}}{shown}[{{number}}]'", layout))
        yield from indent(indent(iter(inner or ["pass"])))
    else:
        yield from _check_item(item, field, value, f"path + {shown!r}" if shown else "path", layout)


def _check_item(item: ClassPlan, field: FieldPlan, value: str, path: str, layout: Layout) -> Lines:
    reference = field.types[0]
    masked = ", sensitive=True" if field.sensitive else ""
    required = _is_wanted(field)
    extra = f"{', required=True' if required else ''}{masked}"
    if reference.kind == "class":
        yield from _check_class(field, value, path, layout)
    elif field.kind == "any" or layout.is_any(field):
        if required:
            yield f"checking.present({path}, {value})"
        if field.kind == "any":
            yield f"checking.wildcard({path}, {value}, {field.namespaces!r})"
    elif field.simple is not None:
        yield f"checking.simple({path}, {value}, {layout.simple(field)}.problems{extra})"
        if field.fixed:
            yield f"checking.constant({path}, {value}, {layout.default_expression(field)}{masked})"
    else:
        kinds = layout.python_types(field)
        facets = layout.facets(item, field)
        shown = f", {facets}" if facets else ""
        yield f"checking.value({path}, {value}, ({', '.join(kinds)},){shown}{extra})"
        if reference == TypeReference(kind="builtin", name="ID"):
            yield f"checking.identifier({path}, {value})"
    if _stands_for_empty(field, layout):
        yield f"checking.not_empty({path}, {value})"


def _check_class(field: FieldPlan, value: str, path: str, layout: Layout) -> Lines:
    target = layout.by_id[field.types[0].name]
    check = f"{layout.qualified(function_name('check', target), target)}({value}, {path}, checking)"
    if field.repeated and not field.nillable:
        yield check
        return
    yield f"if checking.present({path}, {value}):" if _is_wanted(field) else f"if {value} is not None:"
    yield f"    {check}"


def _is_wanted(field: FieldPlan) -> bool:
    """Whether None is a fault where the field stands, as it is in a list.

    None of a nillable element is written as nil, which one with a fixed value may not say (XML Schema part 1, 3.3.4).
    """
    return (field.required or field.repeated) and (not field.nillable or field.fixed)


def _stands_for_empty(field: FieldPlan, layout: Layout) -> bool:
    """Whether a field has a default that an empty element means, and that is not empty itself."""
    has_default = field.kind in ("element", "text") and field.default is not None and not field.fixed
    return has_default and bool(layout.default_text(field))
