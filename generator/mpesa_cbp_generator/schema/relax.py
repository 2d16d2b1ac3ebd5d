"""Leave open what a contract without settings leaves open, with a warning.

Real contracts are published with types and messages that exist nowhere. Refusing them helps nobody, guessing is
worse: an element whose type cannot be known holds any content, kept as it comes. Contracts with a toml are never
loosened; for them every such fault is an error.
"""

from __future__ import annotations

from lxml import etree

from mpesa_cbp_generator.contract.model import XS, Contract, Schema, line_of
from mpesa_cbp_generator.errors import Problem
from mpesa_cbp_generator.schema.declarations import Source, namespace_of, resolve_qname

_MODELS = ("sequence", "choice", "all")


def loosen(contract: Contract, source: Source) -> tuple[Problem, ...]:
    """Give elements of unknown or misplaced content the open type; returns what was loosened, for a warning each.

    Changes the parsed schemas of the contract in place, before anything else reads them.
    """
    notes: list[Problem] = []
    for schema in contract.schemas:
        for element in schema.element.iter(f"{{{XS}}}element"):
            for child in list(element):
                if child.tag in {f"{{{XS}}}{model}" for model in _MODELS}:
                    notes.append(_note(schema, child, "stands directly in xs:element; the element is left open"))
                    element.remove(child)
            value = element.get("type")
            if value is not None and not _is_known(schema, source, element, value):
                notes.append(_note(schema, element, f"type {value!r} is not declared; the element is left open"))
                del element.attrib["type"]
    return tuple(notes)


def _note(schema: Schema, node: etree._Element, message: str) -> Problem:
    return Problem(schema.document.name, line_of(node), f"xs:{etree.QName(node).localname}", message)


def _is_known(schema: Schema, source: Source, node: etree._Element, value: str) -> bool:
    qname = resolve_qname(node, value, schema.target_namespace, schema.element)
    if namespace_of(qname) == XS:
        return True
    return any(source.find(kind, qname) is not None for kind in ("complexType", "simpleType"))
