"""Where each component is declared, with its documentation, facets and line.

xsdata's analysis keeps neither lines nor enumeration ids and flattens facets; they are read here, from the
strictly parsed documents, by following the same declarations.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from mpesa_cbp_generator.contract.model import WSDL, XS, Contract, Schema, line_of

_GLOBALS = ("element", "complexType", "simpleType", "group", "attributeGroup", "attribute")
_CONTAINERS = frozenset(
    f"{{{XS}}}{name}"
    for name in ("sequence", "choice", "all", "complexContent", "simpleContent", "extension", "restriction")
)


@dataclass(frozen=True, slots=True)
class Place:
    """A file of the contract and a line in it, from 1; line 0 where none can be told."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """What a simple type allows beyond its built-in base; every field None or empty where nothing is said.

    ``patterns`` must all match; each is a regular expression of XML Schema (alternatives of one derivation
    step are joined with ``|``). Bounds are the contract's lexical values. ``white_space`` is preserve, replace
    or collapse.
    """

    length: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    patterns: tuple[str, ...] = ()
    enumeration: tuple[str, ...] = ()
    min_inclusive: str | None = None
    max_inclusive: str | None = None
    min_exclusive: str | None = None
    max_exclusive: str | None = None
    total_digits: int | None = None
    fraction_digits: int | None = None
    white_space: str | None = None


@dataclass(frozen=True, slots=True)
class EnumerationValue:
    """One ``xs:enumeration``: value, the ``id`` attribute (or None), documentation, place."""

    value: str
    id: str | None
    documentation: str
    place: Place


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaring element of a schema together with the schema that gives its names their meaning."""

    node: etree._Element
    schema: Schema

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.schema.document.name, line_of(self.node))


class Source:
    """Index of all global declarations of a contract by kind and qualified name."""

    def __init__(self, contract: Contract) -> None:
        self._globals: dict[tuple[str, str], Declaration] = {}
        self._redefined: dict[tuple[str, str], Declaration] = {}
        self.duplicates: list[tuple[Declaration, Declaration]] = []
        for schema in contract.schemas:
            for node in _global_nodes(schema.element):
                kind = etree.QName(node).localname
                key = (kind, clark(schema.target_namespace, node.get("name") or ""))
                redefined = node.getparent() is not schema.element
                known = self._globals.get(key)
                if known is None:
                    self._globals[key] = Declaration(node, schema)
                elif redefined:
                    self._globals[key], self._redefined[key] = Declaration(node, schema), known
                elif known.node.getparent() is known.schema.element:
                    self.duplicates.append((known, Declaration(node, schema)))
                else:
                    self._redefined[key] = Declaration(node, schema)

    def find(self, kind: str, qname: str) -> Declaration | None:
        """The global ``xs:KIND`` of that Clark name, or None."""
        return self._globals.get((kind, qname))

    def find_from(self, declaration: Declaration, kind: str, qname: str) -> Declaration | None:
        """As ``find``, seen from a place: inside an ``xs:redefine``, a component's own name means the original."""
        node: etree._Element | None = declaration.node
        while node is not None:
            parent = node.getparent()
            if parent is not None and parent.tag == f"{{{XS}}}redefine":
                own = clark(declaration.schema.target_namespace, node.get("name") or "")
                if own == qname and node.tag == f"{{{XS}}}{kind}":
                    return self._redefined.get((kind, qname))
            node = parent
        return self.find(kind, qname)

    def all(self, kind: str) -> dict[str, Declaration]:
        """All globals of a kind by Clark name."""
        return {qname: found for (found_kind, qname), found in self._globals.items() if found_kind == kind}

    def members(self, declaration: Declaration) -> dict[tuple[str, str], Declaration]:
        """Elements and attributes that a type or element declares, by kind and Clark name, groups followed."""
        found: dict[tuple[str, str], Declaration] = {}
        self._collect_members(declaration, found, set())
        return found

    def _collect_members(
        self, declaration: Declaration, found: dict[tuple[str, str], Declaration], visited: set[etree._Element]
    ) -> None:
        if declaration.node in visited:
            return
        visited.add(declaration.node)
        schema = declaration.schema
        for child in declaration.node.iterchildren(etree.Element):
            kind = etree.QName(child).localname
            if child.tag in (f"{{{XS}}}element", f"{{{XS}}}attribute"):
                found.setdefault((kind, self.member_name(Declaration(child, schema))), Declaration(child, schema))
            elif child.tag == f"{{{XS}}}any":
                found.setdefault(("any", ""), Declaration(child, schema))
            elif child.tag == f"{{{XS}}}anyAttribute":
                found.setdefault(("any-attributes", ""), Declaration(child, schema))
            elif child.tag in (f"{{{XS}}}group", f"{{{XS}}}attributeGroup"):
                group = self.find_from(Declaration(child, schema), kind, self.resolve(child, "ref", schema) or "")
                if group is not None:
                    self._collect_members(group, found, visited)
            elif child.tag in _CONTAINERS or child.tag == f"{{{XS}}}complexType":
                self._collect_members(Declaration(child, schema), found, visited)
        base = self.resolve(declaration.node, "base", schema)
        if base is not None:
            inherited = self.find_from(declaration, "complexType", base)
            if inherited is not None:
                self._collect_members(inherited, found, visited)

    def member_name(self, declaration: Declaration) -> str:
        """Clark name under which a local or referenced element or attribute stands in a document."""
        node, schema = declaration.node, declaration.schema
        reference = self.resolve(node, "ref", schema)
        if reference is not None:
            return reference
        kind = etree.QName(node).localname
        form = node.get("form") or schema.element.get(f"{kind}FormDefault") or "unqualified"
        is_global = node.getparent() is schema.element
        return clark(schema.target_namespace if form == "qualified" or is_global else "", node.get("name") or "")

    def resolve(self, node: etree._Element, attribute: str, schema: Schema) -> str | None:
        """Clark name that a QName-valued attribute means, or None where it is absent."""
        value = node.get(attribute)
        return None if value is None else resolve_qname(node, value, schema.target_namespace, schema.element)

    def target(self, declaration: Declaration) -> Declaration:
        """What a ``ref`` points at; the declaration itself where it is no reference."""
        reference = self.resolve(declaration.node, "ref", declaration.schema)
        if reference is None:
            return declaration
        return self.find(etree.QName(declaration.node).localname, reference) or declaration

    def simple_type(self, declaration: Declaration) -> Declaration | None:
        """The named or anonymous ``xs:simpleType`` of an element, attribute or simple content, if it has one."""
        inline = declaration.node.find(f"{{{XS}}}simpleType")
        if inline is not None:
            return Declaration(inline, declaration.schema)
        for attribute in ("type", "base", "itemType"):
            name = self.resolve(declaration.node, attribute, declaration.schema)
            if name is not None:
                return self.find("simpleType", name)
        return None

    def enumeration_values(self, declaration: Declaration) -> dict[str, EnumerationValue]:
        """Enumeration values of a simple type or of an element with one, by value; unions are followed."""
        found: dict[str, EnumerationValue] = {}
        self._collect_enumeration(declaration, found, set())
        return found

    def _collect_enumeration(
        self, declaration: Declaration, found: dict[str, EnumerationValue], visited: set[etree._Element]
    ) -> None:
        if declaration.node in visited:
            return
        visited.add(declaration.node)
        for node in declaration.node.iter(f"{{{XS}}}enumeration"):
            value = node.get("value") or ""
            place = Place(declaration.schema.document.name, line_of(node))
            found.setdefault(value, EnumerationValue(value, node.get("id"), documentation(node), place))
        for node in declaration.node.iter(f"{{{XS}}}union", f"{{{XS}}}restriction"):
            names = (node.get("memberTypes") or "").split() + ([node.get("base")] if node.get("base") else [])
            for name in names:
                qname = resolve_qname(node, str(name), declaration.schema.target_namespace, declaration.schema.element)
                member = self.find("simpleType", qname)
                if member is not None:
                    self._collect_enumeration(member, found, visited)
        if declaration.node.tag in (f"{{{XS}}}element", f"{{{XS}}}attribute"):
            named = self.simple_type(declaration)
            if named is not None:
                self._collect_enumeration(named, found, visited)


def _global_nodes(schema: etree._Element) -> Iterator[etree._Element]:
    for child in schema.iterchildren(etree.Element):
        if child.tag in (f"{{{XS}}}redefine", f"{{{XS}}}override"):
            yield from _global_nodes(child)
        elif child.tag in {f"{{{XS}}}{name}" for name in _GLOBALS} and child.get("name"):
            yield child


def clark(namespace: str, name: str) -> str:
    """``{namespace}name``, or the bare name where there is no namespace."""
    return f"{{{namespace}}}{name}" if namespace else name


def local_name(qname: str) -> str:
    """The part of a Clark name behind the namespace."""
    return qname.rpartition("}")[2]


def namespace_of(qname: str) -> str:
    """The namespace of a Clark name, empty where it has none."""
    return qname[1:].partition("}")[0] if qname.startswith("{") else ""


def resolve_qname(node: etree._Element, value: str, target_namespace: str, schema: etree._Element | None) -> str:
    """Clark name of a prefixed name at that place.

    In a chameleon schema an unprefixed name belongs to the namespace that the schema takes on (XML Schema part 1,
    section 4.2.1).
    """
    prefix, _, name = value.strip().rpartition(":")
    namespace = node.nsmap.get(prefix or None) or ""
    if not prefix and not namespace and schema is not None and not schema.get("targetNamespace"):
        namespace = target_namespace
    return clark(namespace, name)


def documentation(node: etree._Element | None) -> str:
    """Documentation of a schema component or WSDL element, blank lines and relative indentation kept."""
    if node is None:
        return ""
    texts: list[str] = []
    for child in node.iterchildren(f"{{{XS}}}annotation", f"{{{WSDL}}}documentation"):
        sources = [child] if child.tag == f"{{{WSDL}}}documentation" else child.iterchildren(f"{{{XS}}}documentation")
        texts.extend("".join(map(str, source.itertext())) for source in sources)
    cleaned = (inspect.cleandoc("\n" + text.replace("\t", "    ").replace("\r", "\n")) for text in texts)
    return "\n\n".join(text.strip() for text in cleaned if text.strip())
