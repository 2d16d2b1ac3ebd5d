"""Refuse illegal schemas before xsdata sees them, with file and line.

xsdata assumes a legal schema: on an illegal one it warns, guesses or recurses without end. These checks come
first, so that it never sees one.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from mpesa_cbp_generator.contract.model import XS, Contract, Schema, line_of
from mpesa_cbp_generator.errors import ContractError, Problem
from mpesa_cbp_generator.schema.builtins import BUILTINS
from mpesa_cbp_generator.schema.declarations import Declaration, Source, local_name, namespace_of, resolve_qname

_REFERENCES = {
    "type": ("complexType", "simpleType"),
    "base": ("complexType", "simpleType"),
    "itemType": ("simpleType",),
    "substitutionGroup": ("element",),
}
_ELEMENTS = frozenset(
    {"schema", "import", "include", "redefine", "annotation", "documentation", "appinfo", "notation"}
    | {"element", "attribute", "complexType", "simpleType", "group", "attributeGroup", "any", "anyAttribute"}
    | {"sequence", "choice", "all", "complexContent", "simpleContent", "extension", "restriction", "list", "union"}
    | {"key", "keyref", "unique", "selector", "field", "enumeration", "pattern", "whiteSpace"}
    | {"length", "minLength", "maxLength", "totalDigits", "fractionDigits"}
    | {"minInclusive", "maxInclusive", "minExclusive", "maxExclusive"}
)
"""All of XML Schema 1.0."""

_NEWER_ATTRIBUTES = frozenset(
    {"notNamespace", "notQName", "inheritable", "defaultAttributes", "defaultAttributesApply", "xpathDefaultNamespace"}
)
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
    """What XML Schema 1.1 added: bindings that passed over it would be wrong without a word."""
    for node in schema.element.iter(f"{{{XS}}}*"):
        kind = etree.QName(node).localname
        if kind not in _ELEMENTS:
            yield _problem(schema, node, "is not of XML Schema 1.0; XML Schema 1.1 is not supported")
        for name in sorted(_NEWER_ATTRIBUTES.intersection(map(str, node.attrib))):
            yield _problem(schema, node, f"{name} is of XML Schema 1.1, which is not supported")
        if kind == "element" and node.get("targetNamespace") is not None:
            yield _problem(schema, node, "targetNamespace is of XML Schema 1.1, which is not supported")
        if kind == "element" and len((node.get("substitutionGroup") or "").split()) > 1:
            yield _problem(schema, node, "several heads of a substitution group are of XML Schema 1.1, not supported")
        if kind == "all":
            yield from _unsupported_in_all(schema, node)


def _unsupported_in_all(schema: Schema, node: etree._Element) -> Iterator[Problem]:
    for child in node.iterchildren(f"{{{XS}}}*"):
        is_element = child.tag == f"{{{XS}}}element"
        if not is_element and child.tag != f"{{{XS}}}annotation":
            yield _problem(schema, child, "inside xs:all is of XML Schema 1.1, which is not supported")
        if is_element and child.get("maxOccurs", "1") not in ("0", "1"):
            yield _problem(schema, child, "more than once inside xs:all is of XML Schema 1.1, which is not supported")


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
    if namespace_of(qname) == XS and "simpleType" in kinds and local_name(qname) not in BUILTINS:
        yield _problem(schema, node, f"xs:{local_name(qname)} is no type of XML Schema 1.0")
        return
    if prefix == "xml" or namespace_of(qname) in _EXTERNAL_NAMESPACES:
        return
    if not namespace_of(qname) and schema.target_namespace:
        # xsdata looks for it in the namespace of the schema that refers to it.
        yield _problem(schema, node, f"{qname} is of no namespace; a reference to it from here is not supported")
        return
    if not any(source.find(kind, qname) for kind in kinds):
        yield _problem(schema, node, f"{qname} is not declared in the contract")
