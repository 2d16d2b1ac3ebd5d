"""Print the reader of a class, which visits the children of an element once."""

from __future__ import annotations

from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan
from mpesa_cbp_generator.render.codec import Lines, function_name, indent
from mpesa_cbp_generator.render.content import constant, has_order
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.render.reader_records import is_record, read_listed_record, read_record
from mpesa_cbp_generator.render.reader_values import declare, is_plain_text, read_occurrence, variable
from mpesa_cbp_generator.schema.declarations import clark


def read_function(item: ClassPlan, layout: Layout, *, trim: bool) -> Lines:
    """The reader of a class."""
    yield f"def {function_name('read', item)}(element: _Element, reading: Reading) -> {item.name}:"
    derived = layout.derived(item)
    if derived:
        yield "    type_name = reading.type_name(element)"
        for child in layout.descendants(item):
            yield f"    if type_name == {layout.tag(child.path[0])}:"
            yield f"        return {layout.qualified(function_name('read', child), child)}(element, reading)"
    if item.abstract:
        yield "    reading.refuse(element, 'is of an abstract type and does not say which')"
        return
    yield "    if reading.strict:"
    yield f"        reading.own_type(element, {layout.tag(item.type_name) if item.type_name else None})"
    fields = layout.fields(item)
    if any(field.kind == "element" for field in fields):
        yield "    attributes = reading.attributes"
    if is_record(item, layout):
        yield from indent(read_record(item, "element", layout, trim=trim, then="return record"))
    for field in fields:
        yield from indent(declare(field, layout, trim=trim))
    if any(field.kind in ("element", "any") for field in fields):
        yield from indent(_read_children(item, fields, layout, trim=trim))
    elif not any(field.kind in ("mixed", "text") for field in fields):
        yield "    for child in element:"
        yield "        reading.unknown_element(child)"
    yield from indent(_construct(item, fields, layout))


def _read_children(item: ClassPlan, fields: tuple[FieldPlan, ...], layout: Layout, *, trim: bool) -> Lines:
    """The one walk over the children. A child's place in the class is found by its full name, else by the tables."""
    elements = [field for field in fields if field.kind == "element"]
    wildcard = next((field for field in fields if field.kind == "any"), None)
    tables = f"_PLACES_{item.name}, _NAMES_{item.name}"
    if wildcard is None and len(elements) == 1 and elements[0].repeated and not has_order(item):
        # A list: one comparison costs less than the table.
        tag = layout.tag(clark(elements[0].namespace, elements[0].xml_name))
        # The objects of a long list are let go one by one: all at once they fall out of the processor's cache.
        yield "for child in children(element) if len(element) < 100 else element:"
        yield from indent(read_listed_record(elements[0], tag, layout, trim=trim))
        yield f"    if child.tag != {tag} and not reading.place(child, {tables}):"
        yield "        continue"
        yield from indent(_check_nil())
        yield from indent(read_occurrence(elements[0], layout, trim=trim))
        return
    if has_order(item):
        yield "order: list[str] = []"
    elif elements:
        yield "position = 0"
    yield "for child in children(element):"
    if elements and wildcard is None and is_plain_sequence(item, layout):
        # Mostly the next child of the contract is the next one of the document: comparing costs less than the table.
        yield "    tag = child.tag"
        yield f"    if tag == _TAGS_{item.name}[position]:"
        yield "        place = position + 1"
        yield "    else:"
        yield f"        place = _PLACES_{item.name}.get(tag) or reading.place(child, {tables})"
    elif elements and wildcard is None:
        yield f"    place = _PLACES_{item.name}.get(child.tag) or reading.place(child, {tables})"
    elif elements:
        yield f"    place = _PLACES_{item.name}.get(child.tag)"
    if elements:
        yield from indent(_check_nil("place and "))
    keyword = "if"
    for place, field in enumerate(elements, 1):
        yield f"    {keyword} place == {place}:"
        yield from indent(indent(_read_element(field, item, layout, trim=trim)))
        keyword = "elif"
    if wildcard is not None:
        yield from indent(_read_any(wildcard, item, keyword))


def _read_element(field: FieldPlan, item: ClassPlan, layout: Layout, *, trim: bool) -> Lines:
    if has_order(item):
        yield from _note_order(field)
    else:
        yield from _check_position(field, item, layout)
    yield from read_occurrence(field, layout, trim=trim)


def _note_order(field: FieldPlan) -> Lines:
    if not field.repeated:
        yield f"if {field.name!r} in order:"
        yield "    reading.repeated(child)"
    yield f"order.append({field.name!r})"


def _check_position(field: FieldPlan, item: ClassPlan, layout: Layout) -> Lines:
    """``position`` is never set back: a second occurrence so finds it behind its own place, whatever stood between."""
    rank = layout.rank(field)
    shared = layout.shares_rank(field)
    names = "{}" if any(other.kind == "any" for other in layout.fields(item)) else f"_NAMES_{item.name}"
    if not field.repeated:
        yield f"if position > {rank}:"
        yield f"    reading.{'once' if shared else 'misplaced'}(child, _PLACES_{item.name}, {names})"
    if field.repeated or shared:
        yield f"if position > {rank + 1}:"
        yield "    reading.deviates('element-order', child)"
    yield "else:"
    yield f"    position = {rank + 1}"


def _check_nil(test: str = "") -> Lines:
    yield f"if attributes and {test}child.keys():"
    yield "    reading.empty_if_nil(child)"


def _read_any(wildcard: FieldPlan, item: ClassPlan, keyword: str) -> Lines:
    yield "else:" if keyword == "elif" else "if True:"
    if has_order(item):
        yield f"    order.append({wildcard.name!r})"
    if wildcard.repeated:
        yield f"    {variable(wildcard)}.append(child)"
    else:
        yield f"    if {variable(wildcard)} is not None:"
        yield "        reading.repeated(child)"
        yield f"    {variable(wildcard)} = child"


def _construct(item: ClassPlan, fields: tuple[FieldPlan, ...], layout: Layout) -> Lines:
    for field in fields:
        if field.kind not in ("element", "any", "attribute", "text") or field.repeated or not field.required:
            continue
        if field.kind == "text" and (is_plain_text(field) or field.nillable):
            continue
        if field.nillable:
            yield f"if not {variable(field)}_found:"
        else:
            yield f"if {variable(field)} is None:"
        if field.absent_on_reading:
            yield "    reading.absent(element)"
        else:
            shown = f"@{field.xml_name}" if field.kind == "attribute" else field.xml_name or "*"
            yield f"    raise reading.missing(element, {shown!r})"
    for field in fields:
        least = field.min_occurs
        if field.repeated and least > 0 and field.kind == "element" and not has_order(item):
            yield f"if not {variable(field)}:"
            yield f"    raise reading.missing(element, {field.xml_name!r})"
    # Filling the slots directly takes a third of the time of the dataclass's own __init__.
    yield f"result_ = new({item.name})"
    for field in fields:
        value = variable(field)
        if field.kind == "attribute" and layout.has_python_default(field):
            value = f"{variable(field)} if {variable(field)} is not None else {layout.default_expression(field)}"
        yield f"result_.{field.name} = {value}"
    if has_order(item):
        yield f"result_.element_order = reading.content(element, {constant(item)}, order)"
    elif layout.keeps_order(item):
        yield "result_.element_order = []"
    yield "return result_"


def is_plain_sequence(item: ClassPlan, layout: Layout) -> bool:
    """Whether the children of a class stand one after the other, each field at a place of its own."""
    elements = [field for field in layout.fields(item) if field.kind == "element"]
    in_turn = all(layout.rank(field) == place for place, field in enumerate(elements))
    return len(elements) > 1 and in_turn and not has_order(item)


def tables(item: ClassPlan, layout: Layout) -> Lines:
    """Places of a class's children by their full names, and full names by local names and aliases.

    A local name or alias that two children share is left out of the second.
    """
    fields = [field for field in layout.fields(item) if field.kind == "element"]
    if not fields or item.abstract:
        return
    places = [f"{layout.tag(clark(field.namespace, field.xml_name))}: {place}" for place, field in enumerate(fields, 1)]
    names: dict[str, set[str]] = {}
    for field in fields:
        for name in (field.xml_name, *field.aliases):
            names.setdefault(name, set()).add(clark(field.namespace, field.xml_name))
    clear = [f"{name!r}: {layout.tag(next(iter(tags)))}" for name, tags in names.items() if len(tags) == 1]
    yield f"_PLACES_{item.name} = {{{', '.join(places)}}}"
    yield f"_NAMES_{item.name}: dict[str, str] = {{{', '.join(clear)}}}"
    if is_plain_sequence(item, layout) and not any(field.kind == "any" for field in layout.fields(item)):
        # The empty name, which no element has, stands behind the last.
        yield f"_TAGS_{item.name} = (*_PLACES_{item.name}, '')"
