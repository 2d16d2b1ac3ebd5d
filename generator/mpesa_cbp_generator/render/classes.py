"""Prepare dataclasses and enumerations for the template of a module.

Their metadata is xsdata's, and holds each facet that the contract states.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from mpesa_cbp_generator.plan.model import ClassPlan, EnumerationPlan, FieldPlan, MemberPlan
from mpesa_cbp_generator.render.codec import is_element
from mpesa_cbp_generator.render.content import declares_order
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.render.facets import stated_facets
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


@dataclass(frozen=True, slots=True)
class FieldText:
    """A field as the template prints it: expressions, and the documentation."""

    name: str
    annotation: str
    arguments: tuple[str, ...]
    documentation: str


@dataclass(frozen=True, slots=True)
class ClassText:
    """A class as the template prints it. ``meta`` are the attributes of its ``Meta`` with their expressions."""

    name: str
    bases: tuple[str, ...]
    documentation: str
    meta: tuple[tuple[str, str], ...]
    fields: tuple[FieldText, ...]
    declares_order: bool


@dataclass(frozen=True, slots=True)
class EnumerationText:
    """An enumeration as the template prints it: each member with the expression of its value."""

    name: str
    documentation: str
    members: tuple[tuple[MemberPlan, str], ...]


def enumeration_text(item: EnumerationPlan) -> EnumerationText:
    """What is printed of an enumeration."""
    return EnumerationText(
        name=item.name,
        documentation=item.documentation or f"Values of {local_name(item.path[-1])}.",
        members=tuple((member, literal(item.builtin, member.value) or repr(member.value)) for member in item.members),
    )


def class_text(item: ClassPlan, layout: Layout) -> ClassText:
    """What is printed of a class."""
    return ClassText(
        name=item.name,
        bases=tuple(_bases(item, layout)),
        documentation=item.documentation or _default_documentation(item),
        meta=tuple(_meta(item, layout)),
        fields=tuple(
            FieldText(
                field.name,
                layout.annotation(field),
                tuple(f"{name}={value}" for name, value in _arguments(item, field, layout)),
                field.documentation,
            )
            for field in item.fields
        ),
        declares_order=declares_order(item, layout),
    )


def _bases(item: ClassPlan, layout: Layout) -> Iterator[str]:
    inherited = item.base if item.base in layout.by_id else None
    if inherited is not None:
        yield layout.qualified_type(inherited)
    if is_element(item):
        yield "GlobalElement"
    elif inherited is None:
        yield "ComplexType"


def _default_documentation(item: ClassPlan) -> str:
    if len(item.path) == 1:
        kind = "Element" if item.roots else "Type"
        return f"{kind} {local_name(item.path[0])} of the contract."
    return f"Content of {' / '.join((local_name(item.path[0]), *item.path[1:]))}."


def _meta(item: ClassPlan, layout: Layout) -> Iterator[tuple[str, str]]:
    if item.roots:
        yield "name", repr(local_name(item.roots[0]))
        yield "namespace", layout.namespace(namespace_of(item.roots[0]))
    else:
        yield "name", repr(local_name(item.path[-1]))
        if len(item.path) == 1:
            yield "target_namespace", layout.namespace(namespace_of(item.path[0]))
        else:
            yield "global_type", "False"
    if item.nillable:
        yield "nillable", "True"


def _arguments(item: ClassPlan, field: FieldPlan, layout: Layout) -> Iterator[tuple[str, str]]:
    if field.repeated or field.kind == "mixed":
        yield "default_factory", "list"
    elif field.kind == "any-attributes":
        yield "default_factory", "dict"
    elif layout.has_python_default(field) and field.simple is not None:
        yield "default_factory", f"lambda: default_of({item.name}, {field.name!r})"
    elif layout.has_python_default(field):
        yield "default", layout.default_expression(field)
    elif layout.is_optional(field):
        yield "default", "None"
    elif field.kind == "text" and layout.annotation(field) == "str":
        # An element without text holds the empty text; xsdata's parser relies on this default.
        yield "default", "''"
    if field.sensitive:
        yield "repr", "False"
    yield "metadata", _metadata(field, layout)


_METADATA_TYPES = {
    "element": "Element",
    "attribute": "Attribute",
    "any": "Wildcard",
    "mixed": "Wildcard",
    "any-attributes": "Attributes",
}


def _metadata(field: FieldPlan, layout: Layout) -> str:
    entries = [*_wire_names(field, layout), *_occurrence(field)]
    if field.nillable:
        entries.append(("nillable", "True"))
    if field.is_list:
        entries.append(("tokens", "True"))
    entries += stated_facets(field.facets, layout.facet_builtin(field))
    builtin = field.types[0] if field.types else None
    if builtin is not None and builtin.kind == "builtin" and BUILTINS[builtin.name].metadata_format:
        entries.append(("format", repr(BUILTINS[builtin.name].metadata_format)))
    return f"{{{', '.join(f'{name!r}: {value}' for name, value in entries)}}}"


def _wire_names(field: FieldPlan, layout: Layout) -> Iterator[tuple[str, str]]:
    if field.kind in _METADATA_TYPES:
        yield "type", repr(_METADATA_TYPES[field.kind])
    if field.kind in ("element", "attribute"):
        yield "name", repr(field.xml_name)
    if field.kind == "element" or (field.kind == "attribute" and field.namespace):
        yield "namespace", layout.namespace(field.namespace)
    elif field.kind in ("any", "any-attributes", "mixed"):
        yield "namespace", repr(field.namespace or "##any")
    if field.kind == "mixed":
        yield "mixed", "True"


def _occurrence(field: FieldPlan) -> Iterator[tuple[str, str]]:
    if field.repeated:
        if field.min_occurs:
            yield "min_occurs", repr(field.min_occurs)
        if field.max_occurs > 0:
            yield "max_occurs", repr(field.max_occurs)
        if field.sequence is not None:
            yield "sequence", repr(field.sequence)
    elif field.required and not field.nillable and not field.is_list:
        yield "required", "True"
