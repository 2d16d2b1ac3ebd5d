"""Render: the compiled codec of a class, as straight-line Python printed from the plan.

Three functions a class: ``_write_X`` gives what follows the tag's name (attributes, content), ``_read_X`` walks an
element once, ``_check_X`` collects what the contract's rules say against an object. Every string of the contract
reaches the source through ``repr``.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpesa_cbp_generator.builtins import BUILTINS
from mpesa_cbp_generator.layout import Layout
from mpesa_cbp_generator.model import ClassPlan, FieldPlan, TypeReference
from mpesa_cbp_generator.source import clark, local_name, namespace_of

Lines = Iterator[str]


def function_name(verb: str, item: ClassPlan, *, prefixed: bool = False) -> str:
    """Name of a class's codec function: ``_read_query_transaction``."""
    return f"_{verb}_{item.name}{'_prefixed' if prefixed else ''}"


# -- writing ------------------------------------------------------------------------------------------------------


def write_function(item: ClassPlan, layout: Layout, *, prefixed: bool) -> Lines:
    """The writer of a class, with namespace prefixes or in the scope of a default namespace."""
    name = function_name("write", item, prefixed=prefixed)
    yield f"def {name}(value: {item.name}) -> str:"
    for derived in layout.derived(item):
        module = layout.import_inside(item, derived)
        yield f"    if isinstance(value, {module}{derived.name}):"
        target = f"{module}{function_name('write', derived, prefixed=prefixed)}"
        type_name = local_name(derived.path[0])
        if prefixed:
            type_name = f"{layout.prefix(namespace_of(derived.path[0]))}:{type_name}"
        xsi = f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="{type_name}"'
        yield f"        return {xsi!r} + {target}(value)"
    if item.abstract:
        yield f"    raise TypeError({f'{item.name} is abstract'!r})"
        return
    fields = layout.fields(item)
    yield "    xml = ''"
    for field in fields:
        if field.kind in ("attribute", "any-attributes"):
            yield from _indent(_write_attribute(field, layout))
    text = next((field for field in fields if field.kind == "text"), None)
    if text is not None and text.nillable:
        yield f"    if value.{text.name} is None:"
        yield "        return xml + NIL_ATTRIBUTE + '>'"
    yield "    xml += '>'"
    handled: set[int] = set()
    for field in fields:
        if field.kind in ("attribute", "any-attributes"):
            continue
        if field.sequence is not None and field.repeated:
            if field.sequence not in handled:
                handled.add(field.sequence)
                together = [f for f in fields if f.sequence == field.sequence and f.repeated]
                yield from _indent(_write_interleaved(together, layout, prefixed=prefixed))
            continue
        yield from _indent(_write_content(field, layout, prefixed=prefixed))
    yield "    return xml"


def _write_attribute(field: FieldPlan, layout: Layout) -> Lines:
    if field.kind == "any-attributes":
        yield f"xml += any_attributes_text(value.{field.name})"
        return
    name = field.xml_name
    if field.namespace:
        name = f"{layout.prefix(field.namespace)}:{name}" if field.namespace != layout.XML else f"xml:{name}"
    value = f"attribute_{field.name}"
    yield f"{value} = value.{field.name}"
    required = not layout.is_optional(field)
    if not required:
        yield f"if {value} is not None:"
    written = f"xml += f' {name}=\"{{{_text_expression(field, value, layout)}}}\"'"
    yield written if required else f"    {written}"


def _write_content(field: FieldPlan, layout: Layout, *, prefixed: bool) -> Lines:
    value = f"value.{field.name}"
    if field.kind == "text":
        yield f"xml += {_text_expression(field, value, layout)}"
    elif field.kind == "mixed":
        yield f"xml += mixed_content({value})"
    elif field.kind == "any":
        if field.repeated:
            yield f"for item in {value}:"
            yield "    xml += element_text(item)"
        elif field.required:
            yield f"xml += element_text(required({value}))"
        else:
            yield f"if {value} is not None:"
            yield f"    xml += element_text({value})"
    elif field.repeated:
        yield f"for item in {value}:"
        yield from _indent(_write_element(field, "item", layout, prefixed=prefixed))
    elif field.required and not field.nillable:
        yield from _write_element(field, f"required({value})" if layout.may_be_none(field) else value, layout, prefixed=prefixed)
    elif field.required:
        yield f"item_{field.name} = {value}"
        yield from _write_element(field, f"item_{field.name}", layout, prefixed=prefixed)
    else:
        yield f"item_{field.name} = {value}"
        yield f"if item_{field.name} is not None:"
        yield from _indent(_write_element(field, f"item_{field.name}", layout, prefixed=prefixed, present=True))


def _write_interleaved(fields: list[FieldPlan], layout: Layout, *, prefixed: bool) -> Lines:
    """Members of a repeated group go out in rounds: first of each, second of each, as the group has them."""
    longest = ", ".join(f"len(value.{field.name})" for field in fields)
    rounds = f"max({longest})" if len(fields) > 1 else longest
    yield f"for round_ in range({rounds}):"
    for field in fields:
        yield f"    if round_ < len(value.{field.name}):"
        item = f"value.{field.name}[round_]"
        if field.kind == "any":
            yield f"        xml += element_text({item})"
        else:
            yield from _indent(_indent(_write_element(field, item, layout, prefixed=prefixed)))


def _write_element(
    field: FieldPlan, value: str, layout: Layout, *, prefixed: bool, present: bool = False
) -> Lines:
    tag = field.xml_name
    if prefixed and field.namespace:
        tag = f"{layout.prefix(field.namespace)}:{tag}"
    nil = field.nillable and not present
    if nil:
        yield f"if {value} is None:"
        yield f"    xml += f'<{tag}{{NIL_ATTRIBUTE}}/>'"
        yield "else:"
    indent = "    " if nil else ""
    reference = field.types[0]
    if reference.kind == "class":
        target = layout.by_id[reference.name]
        yield f"{indent}xml += f'<{tag}{{{layout.qualified(function_name('write', target, prefixed=prefixed), target)}({value})}}</{tag}>'"
    elif layout.is_any(field):
        yield f"{indent}xml += any_content({field.xml_name!r}, {field.namespace!r}, {tag!r}, {value})"
    else:
        yield f"{indent}xml += f'<{tag}>{{{_text_expression(field, value, layout)}}}</{tag}>'"


def _text_expression(field: FieldPlan, value: str, layout: Layout) -> str:
    escape = "attribute_text" if field.kind == "attribute" else "text"
    if field.is_list:
        return f"{escape}(' '.join(union_text(token) for token in {value}))"
    if len(field.types) > 1:
        return f"{escape}(union_text({value}))"
    reference = field.types[0]
    if reference.kind == "enumeration":
        enumeration = layout.enumerations[reference.name]
        kind = BUILTINS[enumeration.builtin].kind
        if kind in ("text", "token"):
            return f"{escape}({value}.value)"
        return f"{kind}_text({value}.value)"
    kind = BUILTINS[reference.name].kind
    if kind == "any":
        return f"{escape}(union_text({value}))"
    if kind in ("text", "token"):
        return f"{escape}({value})"
    return f"{kind}_text({value})"


# -- reading ------------------------------------------------------------------------------------------------------


def read_function(item: ClassPlan, layout: Layout, *, trim: bool) -> Lines:
    """The reader of a class."""
    yield f"def {function_name('read', item)}(element: _Element, reading: Reading) -> {item.name}:"
    derived = layout.derived(item)
    if derived:
        yield "    type_name = reading.type_name(element)"
        for child in derived:
            module = layout.import_inside(item, child)
            yield f"    if type_name == {child.path[0]!r}:"
            yield f"        return {module}{function_name('read', child)}(element, reading)"
    if item.abstract:
        yield "    reading.refuse(element, 'is of an abstract type and does not say which')"
        return
    fields = layout.fields(item)
    for field in fields:
        yield from _indent(_declare(field, layout, trim=trim))
    elements = [f for f in fields if f.kind == "element"]
    wildcard = next((f for f in fields if f.kind == "any"), None)
    mixed = any(f.kind == "mixed" for f in fields)
    if elements or wildcard:
        if elements:
            yield "    position = 0"
        yield "    for child in element:"
        yield "        tag = child.tag"
        keyword = "if"
        for field in elements:
            yield f"        {keyword} tag == {clark(field.namespace, field.xml_name)!r}:"
            yield from _indent(_indent(_indent(_read_element(field, layout, trim=trim))))
            keyword = "elif"
        yield from _indent(_indent(_read_other(item, wildcard, keyword)))
    elif not mixed and not any(f.kind == "text" for f in fields):
        yield "    for child in list(element):"
        yield "        reading.unknown_element(child)"
    yield from _indent(_construct(item, fields, layout))


def _declare(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    if field.kind == "any-attributes":
        known = [clark(f.namespace, f.xml_name) for f in layout.siblings(field) if f.kind == "attribute"]
        skip = f"and name not in {tuple(known)!r} " if known else ""
        yield f"{field.name} = {{str(name): str(text_) for name, text_ in element.attrib.items() if not str(name).startswith({'{http://www.w3.org/2001/XMLSchema-instance}'!r}) {skip}}}"
    elif field.kind == "attribute":
        yield f"{field.name} = reading.attribute(element, {clark(field.namespace, field.xml_name)!r}, {_reader(field, layout)})"
    elif field.kind == "mixed":
        yield f"{field.name} = read_mixed(element)"
    elif field.kind == "text":
        yield from _declare_text(field, layout, trim=trim)
    elif field.repeated:
        yield f"{field.name}: {layout.annotation(field)} = []"
    else:
        yield f"{field.name}: {layout.item_annotation(field)} | None = None"
        if field.required and field.nillable:
            yield f"{field.name}_found = False"


def _declare_text(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    plain = _is_plain_text(field)
    if field.nillable:
        read = f"reading.{'trimmed' if trim else 'text'}(element)" if plain else _value_call(field, "element", layout)
        yield f"{field.name} = None if reading.is_nil(element, nillable=True) else {read}"
    elif plain:
        yield f"{field.name} = reading.{'trimmed' if trim else 'text'}(element)"
    else:
        yield f"{field.name} = {_value_call(field, 'element', layout)}"


def _is_plain_text(field: FieldPlan) -> bool:
    reference = field.types[0]
    return (
        len(field.types) == 1
        and not field.is_list
        and reference.kind == "builtin"
        and BUILTINS[reference.name].kind == "text"
        and not field.values
        and field.default is None
        and field.facets.white_space in (None, "preserve")
    )


def _value_call(field: FieldPlan, element: str, layout: Layout) -> str:
    extra = f", values={dict(field.values)!r}" if field.values else ""
    extra += f", default={field.default!r}" if field.default is not None else ""
    return f"reading.value({element}, {_reader(field, layout)}{extra})"


def _reader(field: FieldPlan, layout: Layout) -> str:
    readers = [_type_reader(reference, field, layout) for reference in field.types]
    read = readers[0] if len(readers) == 1 else f"union_reader({', '.join(readers)})"
    return layout.constant(f"list_reader({read})" if field.is_list else read, field)


def _type_reader(reference: TypeReference, field: FieldPlan, layout: Layout) -> str:
    if reference.kind == "enumeration":
        enumeration = layout.enumerations[reference.name]
        read = f"read_{BUILTINS[enumeration.builtin].kind}"
        if read == "read_text":
            read = "read_token"
        return f"enumeration_reader({layout.qualified_type(enumeration.id)}, {read})"
    kind = BUILTINS[reference.name].kind
    if kind == "any" or (kind == "text" and field.facets.white_space == "collapse"):
        kind = "token" if kind == "text" else "text"
    return f"read_{kind}"


def _read_element(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    rank = layout.rank(field)
    shared = layout.shares_rank(field)
    if field.repeated or shared:
        yield f"if position > {rank + 1}:"
        yield "    reading.misplaced(child, single=False)"
        if not field.repeated:
            test = f"{field.name}_found" if field.required and field.nillable else f"{field.name} is not None"
            yield f"if {test}:"
            yield "    reading.repeated(child)"
    else:
        yield f"if position > {rank}:"
        yield "    reading.misplaced(child, single=True)"
    yield f"position = {rank + 1}"
    target = f"{field.name}_item" if field.repeated else field.name
    if field.required and field.nillable and not field.repeated:
        yield f"{field.name}_found = True"
    yield from _read_leaf(field, target, layout, trim=trim)
    if field.repeated:
        yield f"{field.name}.append({target})"


def _read_leaf(field: FieldPlan, target: str, layout: Layout, *, trim: bool) -> Lines:
    reference = field.types[0]
    if field.nillable:
        test = "if child.attrib and reading.is_nil(child, nillable=True):"
        yield test
        yield f"    {target}: {layout.item_annotation(field)} | None = None" if field.repeated else f"    {target} = None"
        yield "else:"
    indent = "    " if field.nillable else ""
    if reference.kind == "class":
        item = layout.by_id[reference.name]
        yield f"{indent}{target} = {layout.qualified(function_name('read', item), item)}(child, reading)"
    elif layout.is_any(field):
        yield f"{indent}{target} = reading.any_text(child)"
    elif _is_plain_text(field):
        text = f"{field.name}_text"
        padded = f" or {text} != {text}.strip()" if trim else ""
        yield f"{indent}{text} = child.text"
        yield f"{indent}if {text} is None{padded} or len(child):"
        yield f"{indent}    {text} = reading.{'trimmed' if trim else 'text'}(child)"
        yield f"{indent}{target} = {text}"
    else:
        yield f"{indent}{target} = {_value_call(field, 'child', layout)}"
        if field.repeated and not field.nillable:
            yield f"if {target} is None:"
            yield "    reading.refuse(child, 'is empty')"


def _read_other(item: ClassPlan, wildcard: FieldPlan | None, keyword: str) -> Lines:
    start = "else:" if keyword == "elif" else "if True:"
    if wildcard is not None:
        yield start
        if wildcard.repeated:
            yield f"    {wildcard.name}.append(child)"
        else:
            yield f"    if {wildcard.name} is not None:"
            yield "        reading.repeated(child)"
            yield f"    {wildcard.name} = child"
        return
    yield start
    yield f"    reading.normalise(element, _NAMES_{item.name})"
    yield f"    return {function_name('read', item)}(element, reading)"


def _construct(item: ClassPlan, fields: tuple[FieldPlan, ...], layout: Layout) -> Lines:
    for field in fields:
        if field.kind not in ("element", "any", "attribute", "text") or field.repeated or not field.required:
            continue
        if field.kind == "text" and (_is_plain_text(field) or field.nillable):
            continue
        if field.nillable:
            yield f"if not {field.name}_found:"
        else:
            yield f"if {field.name} is None:"
        if field.absent_on_reading:
            yield "    reading.absent(element)"
        else:
            shown = f"@{field.xml_name}" if field.kind == "attribute" else field.xml_name or "*"
            yield f"    raise reading.missing(element, {shown!r})"
    for field in fields:
        least = field.min_occurs
        if field.repeated and least > 0 and field.kind == "element":
            yield f"if not {field.name}:"
            yield f"    raise reading.missing(element, {field.xml_name!r})"
    arguments = []
    for field in fields:
        value = field.name
        if field.kind == "attribute" and layout.has_python_default(field):
            value = f"{field.name} if {field.name} is not None else {layout.default_expression(field)}"
        arguments.append(f"{field.name}={value}")
    yield f"return {item.name}({', '.join(arguments)})"


def names_table(item: ClassPlan, layout: Layout) -> Lines:
    """Local names and aliases under which the children of a class are recognised; ambiguous ones left out."""
    fields = [field for field in layout.fields(item) if field.kind == "element"]
    if not fields or any(field.kind == "any" for field in layout.fields(item)) or item.abstract:
        return
    table: dict[str, set[str]] = {}
    for field in fields:
        for name in (field.xml_name, *field.aliases):
            table.setdefault(name, set()).add(clark(field.namespace, field.xml_name))
    clear = {
        name: next(iter(tags)) for name, tags in table.items() if len(tags) == 1
    }
    # Every tag must be among the values, or a child of a doubtful name would be taken for an unknown one.
    for field in fields:
        tag = clark(field.namespace, field.xml_name)
        if tag not in clear.values():
            clear[tag] = tag
    yield f"_NAMES_{item.name} = {clear!r}"


# -- checking -----------------------------------------------------------------------------------------------------


def check_function(item: ClassPlan, layout: Layout) -> Lines:
    """The checker of a class."""
    yield f"def {function_name('check', item)}(value: {item.name}, path: str, checking: Checking) -> None:"
    for derived in layout.derived(item):
        module = layout.import_inside(item, derived)
        yield f"    if isinstance(value, {module}{derived.name}):"
        yield f"        {module}{function_name('check', derived)}(value, path, checking)"
        yield "        return"
    yield f"    if not isinstance(value, {item.name}):"
    yield f"        checking.add(path, {f'must be {item.name}, not '!r} + type(value).__name__)"
    yield "        return"
    if item.abstract:
        yield f"    checking.add(path, {f'{item.name} is abstract'!r})"
        return
    fields = layout.fields(item)
    for field in fields:
        yield from _indent(_check_field(field, layout))
    for choice in dict.fromkeys(f.choice for f in fields if f.choice is not None):
        together = [f for f in fields if f.choice == choice]
        if len(together) > 1 and not any(f.repeated for f in together):
            shown = tuple(f.xml_name for f in together)
            values = ", ".join(f"value.{f.name}" for f in together)
            yield f"    checking.choice(path, {shown!r}, {values})"


def _check_field(field: FieldPlan, layout: Layout) -> Lines:
    if field.kind in ("any-attributes", "mixed"):
        return
    value = f"value.{field.name}"
    shown = f"/@{field.xml_name}" if field.kind == "attribute" else f"/{field.xml_name}" if field.xml_name else ""
    if field.repeated:
        yield f"if checking.occurrences(path + {shown!r}, {value}, {field.min_occurs}, {field.max_occurs}):"
        yield f"    for number, item in enumerate({value}, 1):"
        inner = list(_check_item(field, "item", f"f'{{path}}{shown}[{{number}}]'", layout))
        yield from _indent(_indent(iter(inner or ["pass"])))
    else:
        yield from _check_item(field, value, f"path + {shown!r}" if shown else "path", layout)


def _check_item(field: FieldPlan, value: str, path: str, layout: Layout) -> Lines:
    reference = field.types[0]
    required = field.required and not field.nillable
    extra = ", required=True" if required and not field.repeated else ""
    extra += ", sensitive=True" if field.sensitive else ""
    if field.kind == "any":
        if required and not field.repeated:
            yield f"if {value} is None:"
            yield f"    checking.add({path}, 'is required and missing')"
    elif reference.kind == "class":
        target = layout.by_id[reference.name]
        if field.repeated and not field.nillable:
            yield f"{layout.qualified(function_name('check', target), target)}({value}, {path}, checking)"
            return
        yield f"if {value} is not None:"
        yield f"    {layout.qualified(function_name('check', target), target)}({value}, {path}, checking)"
        if required:
            yield "else:"
            yield f"    checking.add({path}, 'is required and missing')"
    elif layout.is_any(field):
        if required and not field.repeated:
            yield f"if {value} is None:"
            yield f"    checking.add({path}, 'is required and missing')"
    elif field.is_list:
        yield f"checking.value({path}, {value}, (list,){extra})"
    else:
        kinds = layout.python_types(field)
        facets = layout.facets(field)
        shown = f", {facets}" if facets else ""
        yield f"checking.value({path}, {value}, ({', '.join(kinds)},){shown}{extra})"


def _indent(lines: Iterator[str]) -> Lines:
    for line in lines:
        yield f"    {line}"


