"""Render: dataclasses and enumerations, with the contract's documentation and xsdata-compatible metadata."""

from __future__ import annotations

import textwrap

from mpesa_cbp_generator.plan.model import ClassPlan, EnumerationPlan, FieldPlan
from mpesa_cbp_generator.render.content import declares_order
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.render.literals import literal
from mpesa_cbp_generator.schema.builtins import BUILTINS
from mpesa_cbp_generator.schema.declarations import local_name, namespace_of

_WIDTH = 104


def docstring(text: str, indent: str = "") -> str:
    """A contract's documentation as a docstring literal, wrapped; hostile text stays text."""
    wrapped = []
    for paragraph in text.strip().split("\n\n"):
        lines = paragraph.splitlines()
        listed = any(line.lstrip()[:2] in ("- ", "* ") or line.startswith("    ") for line in lines)
        wrapped.append("\n".join(lines) if listed else textwrap.fill(" ".join(paragraph.split()), _WIDTH - len(indent)))
    body = "\n\n".join(wrapped).strip()
    safe = "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in body
    )
    if "\\" in safe or '"""' in safe or safe.endswith('"'):
        safe = body.replace("\\", "\\\\").replace('"', '\\"')
        safe = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in safe)
    indented = safe.replace("\n", f"\n{indent}")
    tail = f"\n{indent}" if "\n" in safe else ""
    return f'"""{indented}{tail}"""'


def enumeration_text(item: EnumerationPlan) -> str:
    """Source of an enumeration."""
    out = [f"class {item.name}(Enum):"]
    text = item.documentation or f"Values of {local_name(item.path[-1])}."
    out.append(f"    {docstring(text, '    ')}")
    out.append("")
    for member in item.members:
        out.append(f"    {member.name} = {literal(item.builtin, member.value) or repr(member.value)}")
        if member.documentation:
            out.append(f"    {docstring(member.documentation, '    ')}")
    return "\n".join(out)


def class_text(item: ClassPlan, layout: Layout) -> str:
    """Source of a dataclass with its Meta, fields and methods."""
    base = f"({layout.qualified_type(item.base)})" if item.base in layout.by_id else ""
    out = ["@dataclass(slots=True, kw_only=True)", f"class {item.name}{base}:"]
    out.append(f"    {docstring(item.documentation or _default_documentation(item), '    ')}")
    out.append("")
    out.extend(_meta(item))
    for field in item.fields:
        out.append("")
        out.append(f"    {field.name}: {layout.annotation(field)} = {_field_expression(field, layout)}")
        if field.documentation:
            out.append(f"    {docstring(field.documentation, '    ')}")
    if declares_order(item, layout):
        out += [
            "",
            "    element_order: list[str] = field(default_factory=list, metadata={'type': 'Ignore'})",
            '    """Names of the fields in the order of their elements, one for each; empty: the contract\'s order."""',
        ]
    out.append("")
    out.extend(_methods(item, layout))
    return "\n".join(out)


def _default_documentation(item: ClassPlan) -> str:
    if len(item.path) == 1:
        kind = "Element" if item.roots else "Type"
        return f"{kind} {local_name(item.path[0])} of the contract."
    return f"Content of {' / '.join((local_name(item.path[0]), *item.path[1:]))}."


def _meta(item: ClassPlan) -> list[str]:
    out = ["    class Meta:", '        """Names on the wire."""', ""]
    if item.roots:
        out.append(f"        name = {local_name(item.roots[0])!r}")
        out.append(f"        namespace = {namespace_of(item.roots[0])!r}")
    else:
        out.append(f"        name = {local_name(item.path[-1])!r}")
        if len(item.path) == 1:
            out.append(f"        target_namespace = {namespace_of(item.path[0])!r}")
        else:
            out.append("        global_type = False")
    if item.nillable:
        out.append("        nillable = True")
    return out


def _field_expression(field: FieldPlan, layout: Layout) -> str:
    arguments = []
    if field.repeated or field.kind == "mixed":
        arguments.append("default_factory=list")
    elif field.kind == "any-attributes":
        arguments.append("default_factory=dict")
    elif layout.has_python_default(field) and field.simple is not None:
        # The reader stands behind the class in its module.
        arguments.append(f"default_factory=lambda: {layout.default_expression(field)}")
    elif layout.has_python_default(field):
        arguments.append(f"default={layout.default_expression(field)}")
    elif layout.is_optional(field):
        arguments.append("default=None")
    elif field.kind == "text" and layout.annotation(field) == "str":
        # An element without text holds the empty text; xsdata's parser relies on this default.
        arguments.append("default=''")
    if field.sensitive:
        arguments.append("repr=False")
    arguments.append(f"metadata={_metadata(field)}")
    return f"field({', '.join(arguments)})"


_METADATA_TYPES = {
    "element": "Element",
    "attribute": "Attribute",
    "any": "Wildcard",
    "mixed": "Wildcard",
    "any-attributes": "Attributes",
}


def _metadata(field: FieldPlan) -> str:
    data: dict[str, object] = {}
    if field.kind in _METADATA_TYPES:
        data["type"] = _METADATA_TYPES[field.kind]
        if field.kind in ("element", "attribute"):
            data["name"] = field.xml_name
        data["namespace"] = field.namespace or ("##any" if field.kind not in ("element", "attribute") else "")
        if field.kind == "attribute" and not field.namespace:
            del data["namespace"]
    if field.kind == "mixed":
        data["mixed"] = True
    if field.repeated:
        if field.min_occurs:
            data["min_occurs"] = field.min_occurs
        if field.max_occurs > 0:
            data["max_occurs"] = field.max_occurs
        if field.sequence is not None:
            data["sequence"] = field.sequence
    elif field.required and not field.nillable and not field.is_list:
        data["required"] = True
    if field.nillable:
        data["nillable"] = True
    if field.is_list:
        data["tokens"] = True
    facets = field.facets
    for name in ("length", "min_length", "max_length", "total_digits", "fraction_digits"):
        value = getattr(facets, name)
        if value is not None:
            data[name] = value
    if facets.patterns:
        data["pattern"] = facets.patterns[0]
    builtin = field.types[0] if field.types else None
    if builtin is not None and builtin.kind == "builtin" and BUILTINS[builtin.name].metadata_format:
        data["format"] = BUILTINS[builtin.name].metadata_format
    return repr(data)


def _methods(item: ClassPlan, layout: Layout) -> list[str]:
    out = []
    shown = local_name(item.roots[0]) if item.roots else item.name
    out.append("    def validate(self) -> None:")
    out.append('        """Check against the contract; raises InvalidValue with all problems at once."""')
    out.append(f"        validated(_check_{item.name}, self, {shown!r})")
    if not item.roots or item.abstract:
        return out
    root = item.roots[0]
    suffix = "_prefixed" if layout.needs_prefixes(item) else ""
    start, end = _tags(item, layout)
    out += [
        "",
        "    def to_text(self) -> str:",
        '        """The element as text, without XML declaration; raises InvalidValue where it cannot be written."""',
        "        try:",
        f"            return {start!r} + _write_{item.name}{suffix}(self) + {end!r}",
        "        except (TypeError, AttributeError, ValueError, RecursionError) as error:",
        f"            raise not_writable(_check_{item.name}, self, {shown!r}, error) from None",
        "",
        "    def to_xml(self) -> bytes:",
        '        """The element as a document in UTF-8, XML declaration included; raises InvalidValue."""',
        "        return (DECLARATION + self.to_text()).encode()",
        "",
        "    @classmethod",
        f"    def from_xml(cls, data: bytes, *, strict: bool = False) -> {item.name}:",
        '        """Read a document; ``strict`` refuses what the contract does not have. Raises InvalidMessage."""',
        "        reading = Reading(strict=strict)",
        "        return cls.from_element(parse(data, reading), reading)",
        "",
        "    @classmethod",
        f"    def from_element(cls, element: _Element, reading: Reading) -> {item.name}:",
        '        """Read a parsed element; ``reading`` keeps what was met. Raises InvalidMessage."""',
        f"        if element.tag != {root!r}:",
        f"            reading.root(element, {root!r}, {item.root_aliases!r})",
        "        if element.keys():",
        "            reading.empty_if_nil(element)",
        f"        result = _read_{item.name}(element, reading)",
        "        if reading.strict:",
        f"            conforms(_check_{item.name}, result, element, cls.to_text)",
        "        return result",
    ]
    return out


def _tags(item: ClassPlan, layout: Layout) -> tuple[str, str]:
    """Start tag of a root, up to its attributes, and end tag."""
    root = item.roots[0]
    namespace, name = namespace_of(root), local_name(root)
    if not layout.needs_prefixes(item):
        declared = f' xmlns="{_attribute(namespace)}"' if namespace else ""
        return f"<{name}{declared}", f"</{name}>"
    declared = "".join(f' xmlns:{layout.prefix(ns)}="{_attribute(ns)}"' for ns in layout.namespaces(item) if ns)
    if namespace:
        name = f"{layout.prefix(namespace)}:{name}"
    return f"<{name}{declared}", f"</{name}>"


def _attribute(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
