"""Checks of a loaded contract that must hold before it is analysed, each reported with file and line.

xsdata assumes a legal schema: on an illegal one it warns, guesses or recurses without end. These checks come
first, so that it never sees one.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from mpesa_cbp_generator.errors import ContractError, Problem
from mpesa_cbp_generator.load import XS, Contract, Schema, line_of
from mpesa_cbp_generator.source import Declaration, Source, local_name, namespace_of, resolve_qname

_REFERENCES = {
    "type": ("complexType", "simpleType"),
    "base": ("complexType", "simpleType"),
    "itemType": ("simpleType",),
    "substitutionGroup": ("element",),
}
_UNSUPPORTED = {
    f"{{{XS}}}override": "XML Schema 1.1 override",
    f"{{{XS}}}assert": "XML Schema 1.1 assertion",
    f"{{{XS}}}alternative": "XML Schema 1.1 type alternative",
    f"{{{XS}}}openContent": "XML Schema 1.1 open content",
}
_EXTERNAL_NAMESPACES = frozenset({XS, "http://www.w3.org/XML/1998/namespace"})


def validate(contract: Contract, source: Source) -> None:
    """Raise ContractError with every illegal, dangling, circular or unsupported construct of the schemas."""
    problems = [*_duplicates(source), *_circular_types(source)]
    for schema in contract.schemas:
        problems.extend(_unsupported(schema))
        problems.extend(_misplaced(schema))
        problems.extend(_dangling(schema, source))
    if problems:
        raise ContractError(problems)


def _problem(schema: Schema, node: etree._Element, message: str) -> Problem:
    return Problem(schema.document.name, line_of(node), f"xs:{etree.QName(node).localname}", message)


def _duplicates(source: Source) -> Iterator[Problem]:
    for first, second in source.duplicates:
        name = second.node.get("name")
        yield _problem(
            second.schema, second.node, f"{name!r} is declared twice, first in {first.place.file}:{first.place.line}"
        )


def _circular_types(source: Source) -> Iterator[Problem]:
    for kind in ("complexType", "simpleType"):
        bases = {qname: _base(source, declaration) for qname, declaration in source.all(kind).items()}
        for qname, declaration in source.all(kind).items():
            seen = {qname}
            current = bases.get(qname)
            redefinition = etree.QName(declaration.node.getparent()).localname == "redefine"
            while current is not None and not redefinition:
                if current in seen:
                    yield _problem(
                        declaration.schema, declaration.node, f"{local_name(qname)!r} is derived from itself"
                    )
                    break
                seen.add(current)
                current = bases.get(current)


def _base(source: Source, declaration: Declaration) -> str | None:
    for child in declaration.node.iter(f"{{{XS}}}extension", f"{{{XS}}}restriction"):
        return source.resolve(child, "base", declaration.schema)
    return None


def _unsupported(schema: Schema) -> Iterator[Problem]:
    for node in schema.element.iter(*_UNSUPPORTED):
        yield _problem(schema, node, f"{_UNSUPPORTED[node.tag]} is not supported")


def _misplaced(schema: Schema) -> Iterator[Problem]:
    for node in schema.element.iter(f"{{{XS}}}element"):
        for child in node.iterchildren(f"{{{XS}}}sequence", f"{{{XS}}}choice", f"{{{XS}}}all"):
            yield _problem(schema, child, "stands directly in xs:element; an xs:complexType must lie between them")


def _dangling(schema: Schema, source: Source) -> Iterator[Problem]:
    for node in schema.element.iter(etree.Element):
        if not node.tag.startswith(f"{{{XS}}}"):
            continue
        kind = etree.QName(node).localname
        for attribute, kinds in {**_REFERENCES, "ref": (kind,)}.items():
            if node.get(attribute) is not None:
                yield from _missing(schema, source, node, node.get(attribute) or "", kinds)
        for name in (node.get("memberTypes") or "").split():
            yield from _missing(schema, source, node, name, ("simpleType",))


def _missing(
    schema: Schema, source: Source, node: etree._Element, value: str, kinds: tuple[str, ...]
) -> Iterator[Problem]:
    prefix = value.strip().rpartition(":")[0]
    if prefix and prefix not in node.nsmap and prefix != "xml":
        yield _problem(schema, node, f"prefix of {value!r} is not declared")
        return
    qname = resolve_qname(node, value, schema.target_namespace, schema.element)
    if prefix == "xml" or namespace_of(qname) in _EXTERNAL_NAMESPACES:
        return
    if not any(source.find(kind, qname) for kind in kinds):
        yield _problem(schema, node, f"{qname} is not declared in the contract")
