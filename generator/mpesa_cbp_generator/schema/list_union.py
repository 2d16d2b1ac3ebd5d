"""The parts of list and union types, facets included.

A field has the facets that stand around a union or a list. Those of its parts are nowhere else in the plan, and a
contract that tightens one of them is another contract.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from lxml import etree
from lxml.etree import _Element

from mpesa_cbp_generator.contract.model import XS
from mpesa_cbp_generator.schema.declarations import Declaration, Source, local_name, resolve_qname


def composition(source: Source, declaration: Declaration, *, with_values: bool) -> str:
    """``union of (string maxLength=5, int)`` for a union or list, empty for any other simple type.

    Facets around it are the field's. Enumerated values are left out unless ``with_values``: where they became an
    enumeration class, it has them.
    """
    simple: Declaration | None = declaration if _is_simple(declaration) else source.simple_type(declaration)
    visited: set[etree._Element] = set()
    while simple is not None and simple.node not in visited:
        visited.add(simple.node)
        restriction = simple.node.find(f"{{{XS}}}restriction")
        if restriction is None:
            return _type_text(source, simple, with_values, ())
        simple = source.simple_type(Declaration(restriction, simple.schema))
    return ""


_Nodes: TypeAlias = "tuple[_Element, ...]"


def _is_simple(declaration: Declaration) -> bool:
    return bool(declaration.node.tag == f"{{{XS}}}simpleType")


def _type_text(source: Source, simple: Declaration, with_values: bool, within: _Nodes) -> str:
    if simple.node in within:
        return "itself"
    within = (*within, simple.node)
    for node in simple.node.iterchildren(f"{{{XS}}}restriction", f"{{{XS}}}list", f"{{{XS}}}union"):
        attribute = {"restriction": "base", "list": "itemType", "union": "memberTypes"}[_local(node)]
        parts = [_named_text(source, simple, name, with_values, within) for name in (node.get(attribute) or "").split()]
        parts += [
            _type_text(source, Declaration(inline, simple.schema), with_values, within)
            for inline in node.iterchildren(f"{{{XS}}}simpleType")
        ]
        if _local(node) == "restriction":
            return " ".join((*parts, *sorted(_facets(node, with_values))))
        return f"{_local(node)} of ({', '.join(parts)})"
    return ""


def _named_text(source: Source, simple: Declaration, name: str, with_values: bool, within: _Nodes) -> str:
    schema = simple.schema
    qname = resolve_qname(simple.node, name, schema.target_namespace, schema.element)
    found = source.find("simpleType", qname)
    return _type_text(source, found, with_values, within) if found is not None else local_name(qname)


def _facets(restriction: etree._Element, with_values: bool) -> Iterator[str]:
    for facet in restriction.iterchildren(f"{{{XS}}}*"):
        name = _local(facet)
        if facet.get("value") is not None and (with_values or name != "enumeration"):
            yield f"{name}={facet.get('value')}"


def _local(node: etree._Element) -> str:
    return str(etree.QName(node).localname)
