"""Resolve imports, includes and redefinitions between the documents of a contract.

Only names of files inside the contract are followed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from lxml import etree

from mpesa_cbp_generator.contract.files import is_local
from mpesa_cbp_generator.contract.model import WSDL, XS, Document, Schema, line_of
from mpesa_cbp_generator.errors import Problem

_SCHEMA_LINKS = tuple(f"{{{XS}}}{kind}" for kind in ("import", "include", "redefine", "override"))

WELL_KNOWN_NAMESPACES = frozenset(
    {
        XS,
        "http://www.w3.org/XML/1998/namespace",
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://schemas.xmlsoap.org/soap/encoding/",
    }
)


def links(document: Document) -> Iterator[tuple[etree._Element, str]]:
    """Every import, include and redefine that names a location."""
    for element in document.root.iter(*_SCHEMA_LINKS):
        location = element.get("schemaLocation")
        if location is not None:
            yield element, location
    for element in document.root.iter(f"{{{WSDL}}}import"):
        location = element.get("location")
        if location is not None:
            yield element, location


def resolve(document: Document, location: str, files: Iterable[str]) -> str | Problem | None:
    """Name of the file that a location means; None where it is absent, a Problem where it must not be followed."""
    if not is_local(location):
        message = "only a bare file name inside the contract is followed: no URL, absolute path or '..'"
        return Problem(document.name, 0, "location", message)
    names = sorted(files)
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(document.name), location))
    if beside in names:
        return beside
    candidates = [name for name in names if posixpath.basename(name) == posixpath.basename(location)]
    if len(candidates) > 1:
        return Problem(document.name, 0, "location", f"{location!r} is ambiguous: {', '.join(candidates)}")
    return candidates[0] if candidates else None


def link_problem(document: Document, link: etree._Element, message: str) -> Problem:
    """A problem of an import, include or redefine, with its place."""
    prefix = "wsdl" if link.tag.startswith(f"{{{WSDL}}}") else "xs"
    return Problem(document.name, line_of(link), f"{prefix}:{etree.QName(link).localname}", message)


class SchemaSet:
    """All schemas of a contract with their effective namespaces; ``problems`` holds what is wrong with their links."""

    def __init__(self, documents: tuple[Document, ...]) -> None:
        self.problems: list[Problem] = []
        self._names = [document.name for document in documents]
        self._stated = [
            Schema(document, element, element.get("targetNamespace") or "")
            for document in documents
            for element in document.root.iter(f"{{{XS}}}schema")
        ]
        self._namespaces = {schema.target_namespace for schema in self._stated}
        self._standalone = {schema.document.name: schema for schema in self._stated if not schema.document.is_wsdl}
        self.schemas: tuple[Schema, ...] = self._effective()

    def _effective(self) -> tuple[Schema, ...]:
        found: dict[tuple[str, int, str], Schema] = {}
        included: set[str] = set()
        pending = list(self._stated)
        while pending:
            schema = pending.pop(0)
            key = (schema.document.name, line_of(schema.element), schema.target_namespace)
            if key in found:
                continue
            found[key] = schema
            for link in schema.element.iterchildren(*_SCHEMA_LINKS):
                target = self._linked(schema, link)
                if isinstance(target, str):
                    self.problems.append(link_problem(schema.document, link, target))
                elif target is None or etree.QName(link).localname == "import":
                    continue
                elif target.target_namespace == "" and schema.target_namespace:
                    included.add(target.document.name)
                    pending.append(Schema(target.document, target.element, schema.target_namespace))
        # A chameleon is read only as what it becomes; on its own, its names would stand in no namespace.
        return tuple(
            schema
            for key, schema in sorted(found.items())
            if schema.target_namespace or schema.document.name not in included
        )

    def _linked(self, schema: Schema, link: etree._Element) -> Schema | str | None:
        """The schema that a link leads to, what is wrong with the link, or None where it names no file."""
        is_import = etree.QName(link).localname == "import"
        location = link.get("schemaLocation")
        namespace = link.get("namespace") or ""
        if location is None:
            if not is_import:
                return "no schemaLocation"
            known = namespace in self._namespaces or namespace in WELL_KNOWN_NAMESPACES
            return None if known else f"no schema of the contract has namespace {namespace!r}"
        name = resolve(schema.document, location, self._names)
        if isinstance(name, Problem):
            return name.message
        if name is None or name not in self._standalone:
            return f"file {posixpath.basename(location)!r} is not in the contract"
        target = self._standalone[name]
        actual, own = target.target_namespace, schema.target_namespace
        if is_import and actual != namespace:
            return f"namespace mismatch: says {namespace!r}, {name} has {actual!r}"
        if not is_import and actual not in ("", own):
            return f"namespace mismatch: {own!r} here, {name} has {actual!r}"
        return target


def wsdl_import_problems(documents: tuple[Document, ...]) -> Iterator[Problem]:
    """What is wrong with the imports of the WSDL documents."""
    names = [document.name for document in documents]
    for document in documents:
        for link in document.root.iter(f"{{{WSDL}}}import"):
            location = link.get("location")
            target = resolve(document, location, names) if location is not None else None
            if location is None:
                yield link_problem(document, link, "no location")
            elif isinstance(target, Problem):
                yield link_problem(document, link, target.message)
            elif target is None:
                yield link_problem(document, link, f"file {posixpath.basename(location)!r} is not in the contract")
