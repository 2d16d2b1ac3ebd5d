"""Print the writer of a class, which builds the text of an element."""

from __future__ import annotations

from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan
from mpesa_cbp_generator.render.codec import Lines, function_name, indent, is_qname
from mpesa_cbp_generator.render.content import children, constant, has_order
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.schema.builtins import BUILTINS
from mpesa_cbp_generator.schema.declarations import local_name, namespace_of


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
    yield from indent(_write_derived(item, layout, prefixed=prefixed))
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
        yield from indent(_write_arranged(out, item, layout, prefixed=prefixed))
        return
    _write_in_turn(out, fields, layout, prefixed=prefixed)
    out.flush()
    if len(out.lines) == 1:
        yield f"    return {out.lines[0].removeprefix('xml = ')}"
        return
    yield from indent(iter(out.lines))
    yield "    return xml"


def _write_in_turn(out: _Text, fields: tuple[FieldPlan, ...], layout: Layout, *, prefixed: bool) -> None:
    """The content of a class, field by field; those of a repeated group go out together."""
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
        yield from indent(iter(block)) if field.repeated or not field.required else block
    yield f"return head + {constant(item)}.joined({{{', '.join(names)}}}, value.element_order)"


def _write_derived(item: ClassPlan, layout: Layout, *, prefixed: bool) -> Lines:
    for derived in layout.derived(item):
        yield f"if isinstance(value, {layout.qualified_type(derived.id)}):"
        target = layout.qualified(function_name("write", derived, prefixed=prefixed), derived)
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
        out.value(f"any_content({field.xml_name!r}, {layout.namespace(field.namespace)}, {tag!r}, {value})")
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
