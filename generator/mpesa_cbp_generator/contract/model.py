"""A contract that was read: its documents and the schemas in them."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

XS = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the contract: its name (relative, ``/`` as separator), digest and parsed root."""

    name: str
    sha256: str
    root: etree._Element

    @property
    def is_wsdl(self) -> bool:
        """Whether it is a WSDL rather than a schema."""
        return self.root.tag == f"{{{WSDL}}}definitions"


@dataclass(frozen=True, slots=True)
class Schema:
    """One ``xs:schema``, standing alone in a file or embedded in a WSDL.

    ``target_namespace`` is the effective one: a schema without its own that is included by another takes
    that one's (chameleon include), and is listed once for each namespace that it takes.
    """

    document: Document
    element: etree._Element
    target_namespace: str


@dataclass(frozen=True, slots=True)
class Contract:
    """All documents of a contract in name order, and the schemas in them."""

    documents: tuple[Document, ...]
    schemas: tuple[Schema, ...]

    @property
    def definitions(self) -> tuple[Document, ...]:
        """The WSDL documents."""
        return tuple(document for document in self.documents if document.is_wsdl)


def line_of(element: etree._Element) -> int:
    """Line of an element's start tag in its file, from 1."""
    line: int | None = element.sourceline  # type: ignore[assignment,unused-ignore]
    return line or 0
