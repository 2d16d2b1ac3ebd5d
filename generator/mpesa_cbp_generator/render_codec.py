"""Render: the compiled codec of a class, as straight-line Python printed from the plan.

Three functions a class: ``_write_X`` gives what follows the tag's name (attributes, content), ``_read_X`` walks an
element once, ``_check_X`` collects what the contract's rules say against an object. Every string of the contract
reaches the source through ``repr``.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpesa_cbp_generator.builtins import BUILTINS
from mpesa_cbp_generator.layout import Layout, blanks
from mpesa_cbp_generator.model import ClassPlan, FieldPlan, TypeReference
from mpesa_cbp_generator.render_content import children, constant, counts, has_order
from mpesa_cbp_generator.source import clark, local_name, namespace_of

Lines = Iterator[str]


def function_name(verb: str, item: ClassPlan, *, prefixed: bool = False) -> str:
    """Name of a class's codec function: ``_read_query_transaction``."""
    return f"_{verb}_{item.name}{'_prefixed' if prefixed else ''}"


# -- writing ------------------------------------------------------------------------------------------------------


class _Text:
    """Source that builds up the variable ``xml``; neighbouring pieces become one f-string."""

    def __init__(self, *, started: bool = False) -> None:
        self.lines: list[str] = []
        self._pending: list[str] = []
        self.started = started

    def literal(self, text: str) -> None:
        """Text that stands as it is."""
        # A double quote in front makes repr choose single quotes, so that pieces can be joined.
        self._pending.append(repr('"' + text)[2:-1].replace("{", "{{").replace("}", "}}"))

    def value(self, expression: str) -> None:
        """The value of an expression."""
        if "'" in expression or "\\" in expression:
            self.flush()
            self._emit(expression)
        else:
            self._pending.append(f"{{{expression}}}")

    def block(self, head: str, inner: _Text) -> None:
        """A statement with a body that adds to ``xml``."""
        self.start()
        inner.flush()
        self.lines.append(head)
        self.lines.extend(f"    {line}" for line in inner.lines or ["pass"])

    def line(self, line: str) -> None:
        """Any other statement."""
        self.flush()
        self.lines.append(line)

    def start(self) -> None:
        """Make sure that ``xml`` exists."""
        self.flush()
        if not self.started:
            self._emit("''")

    def flush(self) -> None:
        """Write out what is pending."""
        if self._pending:
            joined = "".join(self._pending)
            self._pending.clear()
            plain = "{" not in joined.replace("{{", "")
            text = joined.replace("{{", "{").replace("}}", "}") if plain else joined
            self._emit(f"'{text}'" if plain else f"f'{text}'")

    def _emit(self, expression: str) -> None:
        self.lines.append(f"xml {'+=' if self.started else '='} {expression}")
        self.started = True


def write_function(item: ClassPlan, layout: Layout, *, prefixed: bool) -> Lines:
    """The writer of a class, with namespace prefixes or in the scope of a default namespace."""
    yield f"def {function_name('write', item, prefixed=prefixed)}(value: {item.name}) -> str:"
    yield from _indent(_write_derived(item, layout, prefixed=prefixed))
    if item.abstract:
        yield f"    raise TypeError({f'{item.name} is abstract'!r})"
        return
    fields = layout.fields(item)
    out = _Text()
    for field in fields:
        if field.kind in ("attribute", "any-attributes"):
            _write_attribute(out, field, layout)
    for field in fields:
        if is_qname(field) and field.kind in ("attribute", "text"):
            _declare_qname(out, field, layout)
    text = next((field for field in fields if field.kind == "text"), None)
    if text is not None and text.nillable:
        out.start()
        out.line(f"if value.{text.name} is None:")
        out.line("    return xml + NIL_ATTRIBUTE + '>'")
    out.literal(">")
    if has_order(item):
        yield from _indent(_write_arranged(out, item, layout, prefixed=prefixed))
        return
    handled: set[int] = set()
    for field in fields:
        if field.kind in ("attribute", "any-attributes"):
            continue
        if field.sequence is not None and field.repeated:
            if field.sequence not in handled:
                handled.add(field.sequence)
                together = [f for f in fields if f.sequence == field.sequence and f.repeated]
                _write_interleaved(out, together, layout, prefixed=prefixed)
            continue
        _write_content(out, field, layout, prefixed=prefixed)
    out.flush()
    if len(out.lines) == 1:
        yield f"    return {out.lines[0].removeprefix('xml = ')}"
        return
    yield from _indent(iter(out.lines))
    yield "    return xml"


def _write_arranged(out: _Text, item: ClassPlan, layout: Layout, *, prefixed: bool) -> Lines:
    """Elements are written field by field, and put together in the order of the content model."""
    out.flush()
    yield from (line.replace("xml", "head", 1) for line in out.lines)
    names = []
    for field in children(item, layout):
        inner = _Text(started=True)
        value = f"item_{field.name}" if field.repeated or not field.required else f"value.{field.name}"
        _write_one(inner, field, value, layout, prefixed=prefixed, present=not field.repeated and not field.required)
        inner.flush()
        block = ["xml = ''", *inner.lines, f"parts_{field.name}.append(xml)"]
        names.append(f"{field.name!r}: parts_{field.name}")
        yield f"parts_{field.name}: list[str] = []"
        if field.repeated:
            yield f"for {value} in value.{field.name}:"
        elif not field.required:
            yield f"{value} = value.{field.name}"
            yield f"if {value} is not None:"
        yield from _indent(iter(block)) if field.repeated or not field.required else block
    yield f"return head + {constant(item)}.joined({{{', '.join(names)}}}, value.element_order)"


def _write_derived(item: ClassPlan, layout: Layout, *, prefixed: bool) -> Lines:
    for derived in layout.derived(item):
        module = layout.import_inside(item, derived)
        yield f"if isinstance(value, {module}{derived.name}):"
        target = f"{module}{function_name('write', derived, prefixed=prefixed)}"
        type_name = local_name(derived.path[0])
        if prefixed and namespace_of(derived.path[0]):
            type_name = f"{layout.prefix(namespace_of(derived.path[0]))}:{type_name}"
        xsi = f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="{type_name}"'
        nested = f"{target}(value)"
        yield f"    xml = {nested}"
        yield f"    return xml if xml.startswith(' xmlns:xsi=') else {xsi!r} + xml"


def _write_attribute(out: _Text, field: FieldPlan, layout: Layout) -> None:
    if field.kind == "any-attributes":
        out.value(f"any_attributes_text(value.{field.name})")
        return
    name = field.xml_name
    if field.namespace:
        name = f"xml:{name}" if field.namespace == layout.XML else f"{layout.prefix(field.namespace)}:{name}"
    if layout.is_optional(field):
        value = f"item_{field.name}"
        inner = _Text(started=True)
        _write_quoted(inner, name, _text_expression(field, value, layout))
        out.start()
        out.line(f"{value} = value.{field.name}")
        out.block(f"if {value} is not None:", inner)
    else:
        _write_quoted(out, name, _text_expression(field, f"value.{field.name}", layout))


def is_qname(field: FieldPlan) -> bool:
    """Whether a field holds a name whose prefix must be declared."""
    return any(t.kind == "builtin" and BUILTINS[t.name].kind == "qname" for t in field.types)


def _declare_qname(out: _Text, field: FieldPlan, layout: Layout) -> None:
    value = f"value.{field.name}"
    inner = _Text(started=True)
    inner.value(f'qname_declaration({value}, "{_qname_prefix(field)}")')
    if layout.is_optional(field):
        out.start()
        out.block(f"if {value} is not None:", inner)
    else:
        out.value(f'qname_declaration({value}, "{_qname_prefix(field)}")')


def _qname_prefix(field: FieldPlan) -> str:
    """Prefix of a qualified name; no module has one that ends like it."""
    return (
        f"{field.name if field.kind == 'attribute' else 'name'}_".encode("ascii", "replace").decode().replace("?", "x")
    )


def _write_quoted(out: _Text, name: str, expression: str) -> None:
    out.literal(f' {name}="')
    out.value(expression)
    out.literal('"')


def _write_content(out: _Text, field: FieldPlan, layout: Layout, *, prefixed: bool) -> None:
    value = f"value.{field.name}"
    if field.kind == "text":
        out.value(_text_expression(field, value, layout))
    elif field.kind == "mixed":
        out.value(f"mixed_content({value})")
    elif field.repeated:
        inner = _Text(started=True)
        item = f"item_{field.name}"
        _write_one(inner, field, item, layout, prefixed=prefixed)
        out.block(f"for {item} in {value}:", inner)
    elif field.required and not field.nillable:
        _write_one(out, field, f"required({value})" if layout.is_optional(field) else value, layout, prefixed=prefixed)
    elif field.required:
        out.line(f"item_{field.name} = {value}")
        _write_one(out, field, f"item_{field.name}", layout, prefixed=prefixed)
    else:
        item = f"item_{field.name}"
        inner = _Text(started=True)
        _write_one(inner, field, item, layout, prefixed=prefixed, present=True)
        out.start()
        out.line(f"{item} = {value}")
        out.block(f"if {item} is not None:", inner)


def _write_interleaved(out: _Text, fields: list[FieldPlan], layout: Layout, *, prefixed: bool) -> None:
    """Members of a repeated group go out in rounds: first of each, second of each, as the group has them."""
    longest = ", ".join(f"len(value.{field.name})" for field in fields)
    rounds = _Text(started=True)
    for field in fields:
        inner = _Text(started=True)
        _write_one(inner, field, f"value.{field.name}[round_]", layout, prefixed=prefixed)
        rounds.block(f"if round_ < len(value.{field.name}):", inner)
    out.block(f"for round_ in range({f'max({longest})' if len(fields) > 1 else longest}):", rounds)


def _write_one(
    out: _Text, field: FieldPlan, value: str, layout: Layout, *, prefixed: bool, present: bool = False
) -> None:
    """One element, wildcard element or nil."""
    if field.kind == "any":
        out.value(f"element_text({value})")
        return
    if not field.nillable or present:
        _write_element(out, field, value, layout, prefixed=prefixed)
        return
    empty, full = _Text(started=True), _Text(started=True)
    tag = _tag(field, layout, prefixed=prefixed)
    empty.literal(f"<{tag}")
    empty.value("NIL_ATTRIBUTE")
    empty.literal("/>")
    _write_element(full, field, value, layout, prefixed=prefixed)
    out.block(f"if {value} is None:", empty)
    out.block("else:", full)


def _tag(field: FieldPlan, layout: Layout, *, prefixed: bool) -> str:
    return f"{layout.prefix(field.namespace)}:{field.xml_name}" if prefixed and field.namespace else field.xml_name


def _write_element(out: _Text, field: FieldPlan, value: str, layout: Layout, *, prefixed: bool) -> None:
    tag = _tag(field, layout, prefixed=prefixed)
    reference = field.types[0]
    if layout.is_any(field):
        out.value(f"any_content({field.xml_name!r}, {field.namespace!r}, {tag!r}, {value})")
        return
    if reference.kind == "class":
        target = layout.by_id[reference.name]
        out.literal(f"<{tag}")
        out.value(f"{layout.qualified(function_name('write', target, prefixed=prefixed), target)}({value})")
    else:
        out.literal(f"<{tag}")
        if is_qname(field):
            out.value(f'qname_declaration({value}, "{_qname_prefix(field)}")')
        out.literal(">")
        out.value(_text_expression(field, value, layout))
    out.literal(f"</{tag}>")


def _text_expression(field: FieldPlan, value: str, layout: Layout) -> str:
    escape = "attribute_text" if field.kind == "attribute" else "text"
    if field.simple is not None:
        return f"{escape}({layout.simple(field)}.text({value}))"
    reference = field.types[0]
    if reference.kind == "enumeration":
        builtin, value = layout.enumerations[reference.name].builtin, f"{value}.value"
    else:
        builtin = reference.name
    kind = BUILTINS[builtin].kind
    if kind == "qname":
        return f'qname_text({value}, "{_qname_prefix(field)}")'
    return f"{escape}({value})" if kind in ("text", "token") else f"{kind}_text({value})"


# -- reading ------------------------------------------------------------------------------------------------------


def _local(field: FieldPlan) -> str:
    """Variable that holds a field while it is read; the prefix keeps it apart from the reader's own variables."""
    return f"v_{field.name}"


def read_function(item: ClassPlan, layout: Layout, *, trim: bool) -> Lines:
    """The reader of a class."""
    yield f"def {function_name('read', item)}(element: _Element, reading: Reading) -> {item.name}:"
    derived = layout.derived(item)
    if derived:
        yield "    type_name = reading.type_name(element)"
        for child in layout.descendants(item):
            module = layout.import_inside(item, child)
            yield f"    if type_name == {child.path[0]!r}:"
            yield f"        return {module}{function_name('read', child)}(element, reading)"
    if item.abstract:
        yield "    reading.refuse(element, 'is of an abstract type and does not say which')"
        return
    yield "    if reading.strict:"
    yield f"        reading.own_type(element, {_own_type(item)!r})"
    fields = layout.fields(item)
    if _is_record(item, layout):
        yield from _indent(_read_record(item, "element", layout, trim=trim, then="return record"))
    for field in fields:
        yield from _indent(_declare(field, layout, trim=trim))
    if any(field.kind in ("element", "any") for field in fields):
        yield from _indent(_read_children(item, fields, layout, trim=trim))
    elif not any(field.kind in ("mixed", "text") for field in fields):
        yield "    for child in element:"
        yield "        reading.unknown_element(child)"
    yield from _indent(_construct(item, fields, layout))


def _own_type(item: ClassPlan) -> str | None:
    """Clark name of the type that a class stands for, None where it has no name."""
    return item.type_name


_RECORD_FIELDS = 4
"""Most fields of a class that gets a fast path for its usual form."""


def _is_plain_leaf(field: FieldPlan) -> bool:
    once = field.kind == "element" and field.required and not field.repeated and not field.nillable
    return once and _is_plain_text(field)


def _is_record(item: ClassPlan, layout: Layout) -> bool:
    """Whether a class is a small one of texts, such as key and value, that has a fast path for its usual form."""
    fields = layout.fields(item)
    return 0 < len(fields) <= _RECORD_FIELDS and all(_is_plain_leaf(field) for field in fields)


def _read_record(item: ClassPlan, element: str, layout: Layout, *, trim: bool, then: str, test: str = "") -> Lines:
    """Fast path for a record when it comes just as the contract has it; ``then`` is done with ``record``.

    Whatever else comes, down to a blank at an end of a text, falls through to the statements that follow.
    """
    fields = layout.fields(item)
    yield f"if len({element}) == {len(fields)}{test}:"
    for number in range(len(fields)):
        yield f"    part_{number} = {element}[{number}]"
    tags = " and ".join(f"part_{n}.tag == {clark(f.namespace, f.xml_name)!r}" for n, f in enumerate(fields))
    yield f"    if {tags}:"
    for number in range(len(fields)):
        yield f"        text_{number} = part_{number}.text"
    tests = [
        f"text_{n} is not None{f' and text_{n}.strip() is text_{n}' if trim else ''} and not len(part_{n})"
        for n in range(len(fields))
    ]
    yield f"        if {' and '.join(tests)}:"
    yield f"            record = new({layout.qualified(item.name, item)})"
    for number, field in enumerate(fields):
        yield f"            record.{field.name} = text_{number}"
    yield from _indent(_indent(_indent(iter(then.splitlines()))))


def _read_children(item: ClassPlan, fields: tuple[FieldPlan, ...], layout: Layout, *, trim: bool) -> Lines:
    """The one walk over the children. A child's place in the class is found by its full name, else by the tables."""
    elements = [field for field in fields if field.kind == "element"]
    wildcard = next((field for field in fields if field.kind == "any"), None)
    tables = f"_PLACES_{item.name}, _NAMES_{item.name}"
    if wildcard is None and len(elements) == 1 and elements[0].repeated and not has_order(item):
        # A list: one comparison costs less than the table.
        tag = clark(elements[0].namespace, elements[0].xml_name)
        yield "for child in children(element):"
        yield from _indent(_read_listed_record(elements[0], tag, layout, trim=trim))
        yield f"    if child.tag != {tag!r} and not reading.place(child, {tables}):"
        yield "        continue"
        yield from _indent(_read_occurrence(elements[0], layout, trim=trim))
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
    keyword = "if"
    for place, field in enumerate(elements, 1):
        yield f"    {keyword} place == {place}:"
        yield from _indent(_indent(_read_element(field, item, layout, trim=trim)))
        keyword = "elif"
    if wildcard is not None:
        yield from _indent(_read_any(wildcard, item, keyword))


def is_plain_sequence(item: ClassPlan, layout: Layout) -> bool:
    """Whether the children of a class stand one after the other, each field at a place of its own."""
    elements = [field for field in layout.fields(item) if field.kind == "element"]
    in_turn = all(layout.rank(field) == place for place, field in enumerate(elements))
    return len(elements) > 1 and in_turn and not has_order(item)


def _read_listed_record(field: FieldPlan, tag: str, layout: Layout, *, trim: bool) -> Lines:
    """The fast path of a record within the loop over a list of them, which spares the call for each."""
    reference = field.types[0]
    if reference.kind != "class" or field.nillable:
        return
    item = layout.by_id[reference.name]
    if item.abstract or layout.derived(item) or not _is_record(item, layout):
        return
    then = f"{_local(field)}.append(record)\ncontinue"
    test = f" and child.tag == {tag!r} and not reading.strict"
    yield from _read_record(item, "child", layout, trim=trim, then=then, test=test)


def _declare(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    if field.kind == "any-attributes":
        known = [clark(f.namespace, f.xml_name) for f in layout.siblings(field) if f.kind == "attribute"]
        yield f"{_local(field)} = other_attributes(element, {tuple(known)!r})"
    elif field.kind == "attribute":
        tag = clark(field.namespace, field.xml_name)
        if is_qname(field):
            yield f"{_local(field)}_text = element.get({tag!r})"
            given = f"reading.qualified(element, {_local(field)}_text, {field.xml_name!r})"
            yield f"{_local(field)} = None if {_local(field)}_text is None else {given}"
        else:
            yield f"{_local(field)} = reading.attribute(element, {tag!r}, {_reader(field, layout)})"
    elif field.kind == "mixed":
        yield f"{_local(field)} = read_mixed(element)"
    elif field.kind == "text":
        yield from _declare_text(field, layout, trim=trim)
    elif field.repeated:
        yield f"{_local(field)}: {layout.annotation(field)} = []"
    else:
        yield f"{_local(field)}: {layout.item_annotation(field)} | None = None"
        if field.required and field.nillable:
            yield f"{_local(field)}_found = False"


def _declare_text(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    plain = _is_plain_text(field)
    if field.nillable:
        read = f"reading.{'trimmed' if trim else 'text'}(element)" if plain else _value_call(field, "element", layout)
        yield f"{_local(field)} = None if reading.is_nil(element, nillable=True) else {read}"
    elif plain:
        yield f"{_local(field)} = reading.{'trimmed' if trim else 'text'}(element)"
    else:
        yield f"{_local(field)} = {_value_call(field, 'element', layout)}"


def _is_plain_text(field: FieldPlan) -> bool:
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
    return layout.constant(_type_reader(field.types[0], field, layout), field)


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


def _read_element(field: FieldPlan, item: ClassPlan, layout: Layout, *, trim: bool) -> Lines:
    if has_order(item):
        yield from _note_order(field)
    else:
        yield from _check_position(field, item, layout)
    yield from _read_occurrence(field, layout, trim=trim)


def _note_order(field: FieldPlan) -> Lines:
    if not field.repeated:
        yield f"if {field.name!r} in order:"
        yield "    reading.repeated(child)"
    yield f"order.append({field.name!r})"


def _check_position(field: FieldPlan, item: ClassPlan, layout: Layout) -> Lines:
    rank = layout.rank(field)
    if field.repeated or layout.shares_rank(field):
        yield f"if position > {rank + 1}:"
        yield "    reading.deviates('element-order', child)"
        if not field.repeated:
            test = f"{_local(field)}_found" if field.required and field.nillable else f"{_local(field)} is not None"
            yield f"if {test}:"
            yield "    reading.repeated(child)"
    else:
        yield f"if position > {rank}:"
        yield f"    reading.misplaced(child, _PLACES_{item.name}, _NAMES_{item.name})"
    yield f"position = {rank + 1}"


def _read_occurrence(field: FieldPlan, layout: Layout, *, trim: bool) -> Lines:
    target = f"{_local(field)}_item" if field.repeated else _local(field)
    if field.required and field.nillable and not field.repeated:
        yield f"{_local(field)}_found = True"
    yield from _read_leaf(field, target, layout, trim=trim)
    if field.repeated:
        yield f"{_local(field)}.append({target})"


def _read_leaf(field: FieldPlan, target: str, layout: Layout, *, trim: bool) -> Lines:
    reference = field.types[0]
    if field.nillable:
        test = "if child.keys() and reading.is_nil(child, nillable=True):"
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
    elif _is_plain_text(field):
        text = f"{_local(field)}_text"
        padded = f" or {text}.strip() is not {text}" if trim else ""
        yield f"{indent}{text} = child.text"
        yield f"{indent}if {text} is None{padded} or len(child):"
        yield f"{indent}    {text} = reading.{'trimmed' if trim else 'text'}(child)"
        yield f"{indent}{target} = {text}"
    elif _is_plain_integer(field):
        text = f"{_local(field)}_text"
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


def _read_any(wildcard: FieldPlan, item: ClassPlan, keyword: str) -> Lines:
    yield "else:" if keyword == "elif" else "if True:"
    if has_order(item):
        yield f"    order.append({wildcard.name!r})"
    if wildcard.repeated:
        yield f"    {_local(wildcard)}.append(child)"
    else:
        yield f"    if {_local(wildcard)} is not None:"
        yield "        reading.repeated(child)"
        yield f"    {_local(wildcard)} = child"


def _construct(item: ClassPlan, fields: tuple[FieldPlan, ...], layout: Layout) -> Lines:
    for field in fields:
        if field.kind not in ("element", "any", "attribute", "text") or field.repeated or not field.required:
            continue
        if field.kind == "text" and (_is_plain_text(field) or field.nillable):
            continue
        if field.nillable:
            yield f"if not {_local(field)}_found:"
        else:
            yield f"if {_local(field)} is None:"
        if field.absent_on_reading:
            yield "    reading.absent(element)"
        else:
            shown = f"@{field.xml_name}" if field.kind == "attribute" else field.xml_name or "*"
            yield f"    raise reading.missing(element, {shown!r})"
    for field in fields:
        least = field.min_occurs
        if field.repeated and least > 0 and field.kind == "element" and not has_order(item):
            yield f"if not {_local(field)}:"
            yield f"    raise reading.missing(element, {field.xml_name!r})"
    # Filling the slots directly takes a third of the time of the dataclass's own __init__.
    yield f"result_ = new({item.name})"
    for field in fields:
        value = _local(field)
        if field.kind == "attribute" and layout.has_python_default(field):
            value = f"{_local(field)} if {_local(field)} is not None else {layout.default_expression(field)}"
        yield f"result_.{field.name} = {value}"
    if has_order(item):
        yield f"result_.element_order = reading.content(element, {constant(item)}, order)"
    elif layout.keeps_order(item):
        yield "result_.element_order = []"
    yield "return result_"


def tables(item: ClassPlan, layout: Layout) -> Lines:
    """Places of a class's children by their full names, and full names by local names and aliases.

    A local name or alias that two children share is left out of the second.
    """
    fields = [field for field in layout.fields(item) if field.kind == "element"]
    if not fields or item.abstract:
        return
    places = {clark(field.namespace, field.xml_name): place for place, field in enumerate(fields, 1)}
    names: dict[str, set[str]] = {}
    for field in fields:
        for name in (field.xml_name, *field.aliases):
            names.setdefault(name, set()).add(clark(field.namespace, field.xml_name))
    clear = {name: next(iter(tags)) for name, tags in names.items() if len(tags) == 1}
    yield f"_PLACES_{item.name} = {places!r}"
    yield f"_NAMES_{item.name}: dict[str, str] = {clear!r}"
    if is_plain_sequence(item, layout) and not any(field.kind == "any" for field in layout.fields(item)):
        # The empty name, which no element has, stands behind the last.
        yield f"_TAGS_{item.name} = (*_PLACES_{item.name}, '')"


# -- checking -----------------------------------------------------------------------------------------------------


def check_function(item: ClassPlan, layout: Layout) -> Lines:
    """The checker of a class."""
    yield f"def {function_name('check', item)}(value: object, path: str, checking: Checking) -> None:"
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
        if field.name in item.prohibited:
            yield f"    checking.prohibited(path + {f'/@{field.xml_name}'!r}, value.{field.name})"
        else:
            yield from _indent(_check_field(item, field, layout))
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
        known = tuple(clark(f.namespace, f.xml_name) for f in layout.fields(item) if f.kind == "attribute")
        yield f"checking.attributes(path, {value}, {field.namespaces!r}, {known!r})"
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
        inner = list(_check_item(field, f"item_{field.name}", f"f'{{path}}{shown}[{{number}}]'", layout))
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
            yield f"checking.present({path}, {value})"
        yield f"checking.wildcard({path}, {value}, {field.namespaces!r})"
    elif reference.kind == "class":
        target = layout.by_id[reference.name]
        if field.repeated and not field.nillable:
            yield f"{layout.qualified(function_name('check', target), target)}({value}, {path}, checking)"
            return
        present = f"checking.present({path}, {value})" if required else f"{value} is not None"
        yield f"if {present}:"
        yield f"    {layout.qualified(function_name('check', target), target)}({value}, {path}, checking)"
    elif layout.is_any(field):
        if required and not field.repeated:
            yield f"checking.present({path}, {value})"
    elif field.simple is not None:
        yield f"checking.simple({path}, {value}, {layout.simple(field)}{extra})"
    else:
        kinds = layout.python_types(field)
        facets = layout.facets(field)
        shown = f", {facets}" if facets else ""
        yield f"checking.value({path}, {value}, ({', '.join(kinds)},){shown}{extra})"
        if reference == TypeReference(kind="builtin", name="ID"):
            yield f"checking.identifier({path}, {value})"


def _indent(lines: Iterator[str]) -> Lines:
    for line in lines:
        yield f"    {line}"
