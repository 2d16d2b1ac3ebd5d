"""Constraints that no field and no codec holds, such as keys.

Uniqueness and references inside a document (``xs:unique``, ``xs:key``, ``xs:keyref``) and types that must not stand for
others (``block``) are kept as words, so that a contract that changes them is another contract.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from mpesa_cbp_generator.contract.model import XS, Contract, Schema, line_of
from mpesa_cbp_generator.errors import Problem
from mpesa_cbp_generator.plan.model import Plan
from mpesa_cbp_generator.schema.declarations import Place, clark

# A prefix in a path of XML Schema part 1, section 3.11.6; an axis has two colons.
_PREFIX = re.compile(r"([\w.-]+):(?!:)")


_IDENTITIES = tuple(f"{{{XS}}}{kind}" for kind in ("unique", "key", "keyref"))


def constraints(schemas: Iterable[Schema]) -> tuple[str, ...]:
    """All of them in words, each with the declaration that it stands in, in no order that files have."""
    return tuple(sorted(text for schema in schemas for text in (*_identities(schema), *_blocks(schema))))


def unchecked(contract: Contract, plan: Plan) -> tuple[Problem, ...]:
    """What a contract demands and neither ``validate()`` nor strict reading checks, each with its place."""
    found = (*_unchecked_in_schemas(contract.schemas), *_unchecked_references(plan))
    return tuple(
        Problem(place.file, place.line, construct, f"{what} is not checked by validate()")
        for place, construct, what in dict.fromkeys(found)
    )


def _unchecked_in_schemas(schemas: Iterable[Schema]) -> Iterator[tuple[Place, str, str]]:
    for schema in schemas:
        for node in schema.element.iter(*_IDENTITIES, f"{{{XS}}}schema", f"{{{XS}}}element", f"{{{XS}}}complexType"):
            place, construct = Place(schema.document.name, line_of(node)), f"xs:{_local(node)}"
            if node.tag in _IDENTITIES:
                yield place, construct, repr(node.get("name"))
            elif node.get("block") or node.get("blockDefault"):
                yield place, construct, "what it blocks"


def _unchecked_references(plan: Plan) -> Iterator[tuple[Place, str, str]]:
    for item in plan.classes:
        for field in item.fields:
            if any(reference.name == "IDREF" for reference in field.types):
                yield field.place, f"xs:{field.kind}", "what an xs:IDREF refers to"


def _identities(schema: Schema) -> Iterator[str]:
    for node in schema.element.iter(*_IDENTITIES):
        paths = [f"{_local(part)} {_path(part)}" for part in node.iterchildren(f"{{{XS}}}selector", f"{{{XS}}}field")]
        refer = f"refer {(node.get('refer') or '').rpartition(':')[2]} " if node.get("refer") else ""
        yield f"{_where(node.getparent())}: {_local(node)} {node.get('name')}: {refer}{', '.join(paths)}"


def _blocks(schema: Schema) -> Iterator[str]:
    if schema.element.get("blockDefault"):
        yield f"schema: blockDefault {_words(schema.element, 'blockDefault')}"
    for node in schema.element.iter(f"{{{XS}}}element", f"{{{XS}}}complexType"):
        if node.get("block"):
            yield f"{_where(node)}: {_local(node)} block {_words(node, 'block')}"


def _words(node: etree._Element, attribute: str) -> str:
    return " ".join(sorted((node.get(attribute) or "").split()))


def _path(node: etree._Element) -> str:
    return _PREFIX.sub(lambda found: clark(node.nsmap.get(found.group(1)) or "", ""), node.get("xpath") or "")


def _where(node: etree._Element | None) -> str:
    around = (node, *node.iterancestors(f"{{{XS}}}*")) if node is not None else ()
    names = [declaration.get("name") or "" for declaration in around]
    return "/".join(name for name in reversed(names) if name)


def _local(node: etree._Element) -> str:
    return str(etree.QName(node).localname)
