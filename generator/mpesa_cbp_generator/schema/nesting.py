"""Refuse chains of declarations that are too long to follow."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from mpesa_cbp_generator.contract.model import XS
from mpesa_cbp_generator.errors import Problem
from mpesa_cbp_generator.schema.declarations import Declaration, Source, local_name, resolve_qname

_KINDS = ("element", "complexType", "simpleType", "group", "attributeGroup", "attribute")
_REFERENCES = ("type", "base", "itemType", "substitutionGroup", "memberTypes")

_Node = tuple[str, str]


def too_long_chain(source: Source) -> Problem:
    """What to say of a contract whose declarations are nested too deeply: where the longest chain begins."""
    declarations = {(kind, qname): found for kind in _KINDS for qname, found in source.all(kind).items()}
    chain = _longest(declarations)
    first = declarations[chain[0]]
    names = [local_name(qname) for _, qname in chain]
    shown = ", ".join(names if len(names) < 5 else [*names[:3], "\N{HORIZONTAL ELLIPSIS}", names[-1]])
    message = f"{len(chain)} declarations are nested in each other ({shown}), more than can be followed; nest fewer"
    return Problem(first.place.file, first.place.line, f"xs:{chain[0][0]}", message)


def _longest(declarations: dict[_Node, Declaration]) -> list[_Node]:
    """The longest chain, found without recursion; a reference back into the chain itself ends it."""
    after: dict[_Node, list[_Node]] = {}
    best: dict[_Node, _Node | None] = {}
    depth: dict[_Node, int] = {}
    for start in declarations:
        pending = [start]
        while pending:
            node = pending[-1]
            if node not in after:
                after[node] = [name for name in _referred(node, declarations) if name in declarations]
                pending.extend(name for name in after[node] if name not in after)
                continue
            pending.pop()
            if node not in depth:
                known = [name for name in after[node] if name in depth]
                best[node] = max(known, key=depth.__getitem__, default=None)
                depth[node] = 1 + max((depth[name] for name in known), default=0)
    chain: list[_Node] = []
    step: _Node | None = max(depth, key=depth.__getitem__)
    while step is not None:
        chain.append(step)
        step = best[step]
    return chain


def _referred(node: _Node, declarations: dict[_Node, Declaration]) -> Iterator[_Node]:
    declaration = declarations[node]
    schema = declaration.schema
    for inner in declaration.node.iter(f"{{{XS}}}*"):
        names: list[tuple[tuple[str, ...], str]] = [(_KINDS[:3], inner.get(name) or "") for name in _REFERENCES]
        names.append(((etree.QName(inner).localname,), inner.get("ref") or ""))
        for kinds, value in names:
            for word in value.split():
                qname = resolve_qname(inner, word, schema.target_namespace, schema.element)
                yield from ((kind, qname) for kind in kinds if (kind, qname) != node)
