"""Read WSDL 1.1 operations with SOAP 1.1 document/literal bindings.

Anything else (rpc, encoded, MIME, SOAP 1.2 alone) is refused with file, line and construct.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from mpesa_cbp_generator.contract.model import WSDL, Contract, Document, line_of
from mpesa_cbp_generator.errors import ContractError, Problem
from mpesa_cbp_generator.schema.declarations import Place, Source, documentation, resolve_qname

SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
SOAP12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
MIME = "http://schemas.xmlsoap.org/wsdl/mime/"
HTTP_TRANSPORT = "http://schemas.xmlsoap.org/soap/http"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShape:
    """What one direction of an operation carries: body and header elements by Clark name."""

    body: str | None
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PortShape:
    """A port at which the operations of a binding can be called."""

    service: str
    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationShape:
    """One operation of a SOAP 1.1 binding, with the ports of that binding in the order of their files."""

    name: str
    namespace: str
    port_type: str
    binding: str
    ports: tuple[PortShape, ...]
    soap_action: str
    style: str
    input: MessageShape
    output: MessageShape | None
    faults: tuple[tuple[str, str], ...]
    documentation: str
    place: Place


@dataclass(frozen=True, slots=True)
class _Found:
    document: Document
    node: etree._Element


def operations(
    contract: Contract, source: Source, *, warn: Callable[[Problem], None] | None = None
) -> tuple[OperationShape, ...]:
    """All SOAP 1.1 operations in the order of their files and bindings.

    With ``warn``, headers whose message is not declared are left out, and elements that are not declared left as they
    are; both are reported to it instead of refused.

    Raises ContractError naming every construct that is not supported or not declared.
    """
    reader = _Reader(contract, source, warn)
    found = tuple(reader.read())
    if reader.problems:
        raise ContractError(reader.problems)
    return found


def _tag(name: str, namespace: str = WSDL) -> str:
    return f"{{{namespace}}}{name}"


def _problem(document: Document, node: etree._Element, message: str) -> Problem:
    name = etree.QName(node)
    prefix = {WSDL: "wsdl", SOAP: "soap", SOAP12: "soap12", MIME: "mime"}.get(name.namespace or "", "")
    construct = f"{prefix}:{name.localname}" if prefix else name.localname
    return Problem(document.name, line_of(node), construct, message)


class _Reader:
    def __init__(self, contract: Contract, source: Source, warn: Callable[[Problem], None] | None) -> None:
        self.warn = warn
        self.source = source
        self.contract = contract
        self.problems: list[Problem] = []
        self.index: dict[tuple[str, str], _Found] = {}
        for document in contract.definitions:
            for kind in ("message", "portType", "binding"):
                for node in document.root.iterchildren(_tag(kind)):
                    qname = f"{{{document.root.get('targetNamespace') or ''}}}{node.get('name')}"
                    known = self.index.setdefault((kind, qname), _Found(document, node))
                    if known.node is not node:
                        first = f"{known.document.name}:{line_of(known.node)}"
                        self._refuse(document, node, f"{node.get('name')!r} is declared twice, first in {first}")

    def read(self) -> Iterator[OperationShape]:
        bindings = [found for (kind, _), found in self.index.items() if kind == "binding"]
        soap11 = [found for found in bindings if found.node.find(_tag("binding", SOAP)) is not None]
        soap12 = [found for found in bindings if found.node.find(_tag("binding", SOAP12)) is not None]
        if soap12 and not soap11:
            node = next(soap12[0].node.iterchildren(_tag("binding", SOAP12)))
            self._refuse(soap12[0].document, node, "only a SOAP 1.2 binding is there; SOAP 1.1 is needed")
        elif bindings and not soap11:
            self._refuse(bindings[0].document, bindings[0].node, "no binding is a SOAP 1.1 binding")
        for found in soap11:
            yield from self._binding(found)

    def _refuse(self, document: Document, node: etree._Element, message: str) -> None:
        self.problems.append(_problem(document, node, message))

    def _refuse_or_warn(self, document: Document, node: etree._Element, message: str) -> None:
        """Refuse what can be left open as well, where there is somebody to be told."""
        (self.problems.append if self.warn is None else self.warn)(_problem(document, node, message))

    def _lookup(
        self, kind: str, found: _Found, node: etree._Element, attribute: str, *, needed: bool = True
    ) -> _Found | None:
        value = node.get(attribute) or ""
        target = resolve_qname(node, value, "", None)
        namespace = found.document.root.get("targetNamespace") or ""
        local = value.rpartition(":")[2]
        result = self.index.get((kind, target))
        if result is None and ":" not in value:
            # An unprefixed name is often meant to be the document's own, as WSDL 1.1 tools accept it.
            result = self.index.get((kind, f"{{{namespace}}}{local}"))
        if result is None:
            refuse = self._refuse if needed else self._refuse_or_warn
            refuse(found.document, node, f"{kind} {value!r} is not declared in the contract")
        return result

    def _binding(self, found: _Found) -> Iterator[OperationShape]:
        binding = next(found.node.iterchildren(_tag("binding", SOAP)))
        if binding.get("transport", HTTP_TRANSPORT) != HTTP_TRANSPORT:
            self._refuse(found.document, binding, f"transport {binding.get('transport')!r} is not supported, only HTTP")
        style = binding.get("style") or "document"
        nodes = list(found.node.iterchildren(_tag("operation")))
        port_type = self._lookup("portType", found, found.node, "type") if nodes else None
        if port_type is None:
            return
        for node in nodes:
            operation = self._operation(found, port_type, node, style)
            if operation is not None:
                yield operation

    def _operation(self, found: _Found, port_type: _Found, node: etree._Element, style: str) -> OperationShape | None:
        before = len(self.problems)
        soap = node.find(_tag("operation", SOAP))
        style = (soap.get("style") if soap is not None else None) or style
        if style != "document":
            place = soap if soap is not None else node
            self._refuse(found.document, place, f"style {style!r} is not supported, only document")
            return None
        for mime in node.iter(f"{{{MIME}}}*"):
            self._refuse(found.document, mime, "MIME attachments are not supported")
            return None
        abstract = self._abstract(found, port_type, node)
        if abstract is None:
            return None
        input_ = self._direction(found, port_type, node, abstract, "input")
        output = self._direction(found, port_type, node, abstract, "output")
        if len(self.problems) > before or input_ is None:
            return None
        return OperationShape(
            name=node.get("name") or "",
            namespace=found.document.root.get("targetNamespace") or "",
            port_type=port_type.node.get("name") or "",
            binding=found.node.get("name") or "",
            ports=tuple(self._ports(found)),
            soap_action=(soap.get("soapAction") if soap is not None else None) or "",
            style=style,
            input=input_,
            output=output,
            faults=tuple(self._faults(found, port_type, node, abstract)),
            documentation=documentation(abstract) or documentation(node),
            place=Place(found.document.name, line_of(node)),
        )

    def _abstract(self, found: _Found, port_type: _Found, node: etree._Element) -> etree._Element | None:
        """Operation of the port type that a binding's operation is about."""
        name = node.get("name") or ""
        same = [o for o in port_type.node.iterchildren(_tag("operation")) if o.get("name") == name]
        if not same:
            place = f"portType {port_type.node.get('name')!r}"
            self._refuse_or_warn(found.document, node, f"operation {name!r} is not in {place}")
        elif len(same) > 1:
            self._refuse(port_type.document, same[1], f"operation {name!r} is overloaded, which is not supported")
        elif same[0].find(_tag("input")) is None:
            self._refuse(port_type.document, same[0], f"operation {name!r} has no input, which is not supported")
        else:
            return same[0]
        return None

    def _direction(
        self, found: _Found, port_type: _Found, node: etree._Element, abstract: etree._Element, kind: str
    ) -> MessageShape | None:
        declared = abstract.find(_tag(kind))
        message = self._lookup("message", port_type, declared, "message") if declared is not None else None
        if message is None:
            return None
        bound = node.find(_tag(kind))
        extensions = list(bound.iterchildren(etree.Element)) if bound is not None else []
        headers: list[str] = []
        header_parts: set[str] = set()
        parts: list[str] | None = None
        for extension in extensions:
            if (extension.get("use") or "literal") != "literal":
                self._refuse(found.document, extension, f"use {extension.get('use')!r} is not supported, only literal")
            if extension.tag == _tag("body", SOAP) and extension.get("parts") is not None:
                parts = (extension.get("parts") or "").split()
            elif extension.tag == _tag("header", SOAP):
                headers.extend(self._header(found, extension, message, header_parts))
        place = bound if bound is not None else node
        named = list(self._parts(message))
        missing = [part for part in parts or () if part not in dict(named)]
        if missing:
            self._refuse_or_warn(found.document, place, f"part {missing[0]!r} is not in the message")
            parts = None
        body_parts = parts if parts is not None else [part for part, _ in named if part not in header_parts]
        bodies = [element for part, element in named if element and part in body_parts]
        if len(bodies) > 1:
            self._refuse(found.document, place, "more than one body part")
        return MessageShape(body=bodies[0] if bodies else None, headers=tuple(headers))

    def _header(
        self, found: _Found, extension: etree._Element, message: _Found, header_parts: set[str]
    ) -> Iterator[str]:
        """Element of a header; its part is added to ``header_parts`` where it is one of the body's message."""
        source = self._lookup("message", found, extension, "message", needed=False)
        if source is None:
            return
        part = extension.get("part") or ""
        if source.node is message.node:
            header_parts.add(part)
        named = dict(self._parts(source))
        if part not in named:
            self._refuse(found.document, extension, f"part {extension.get('part')!r} is not in the message")
        element = named.get(part)
        if element:
            yield element

    def _parts(self, message: _Found) -> Iterator[tuple[str, str | None]]:
        for part in message.node.iterchildren(_tag("part")):
            if part.get("element") is None:
                self._refuse(message.document, part, "a part with a type is not document/literal; it needs an element")
                yield part.get("name") or "", None
            else:
                element = resolve_qname(part, part.get("element") or "", "", None)
                if self.source.find("element", element) is None:
                    self._refuse_or_warn(message.document, part, f"element {element} is not declared in the contract")
                yield part.get("name") or "", element

    def _faults(
        self, found: _Found, port_type: _Found, node: etree._Element, abstract: etree._Element
    ) -> Iterator[tuple[str, str]]:
        for bound in node.iterfind(f"{_tag('fault')}/{_tag('fault', SOAP)}"):
            if (bound.get("use") or "literal") != "literal":
                self._refuse(found.document, bound, f"use {bound.get('use')!r} is not supported, only literal")
        for fault in abstract.iterchildren(_tag("fault")):
            message = self._lookup("message", port_type, fault, "message")
            for _, element in self._parts(message) if message is not None else ():
                if element:
                    yield fault.get("name") or "", element

    def _ports(self, found: _Found) -> Iterator[PortShape]:
        target = f"{{{found.document.root.get('targetNamespace') or ''}}}{found.node.get('name')}"
        for document in self.contract.definitions:
            for service in document.root.iterchildren(_tag("service")):
                for port in service.iterchildren(_tag("port")):
                    value = port.get("binding") or ""
                    resolved = resolve_qname(port, value, "", None)
                    own = f"{{{document.root.get('targetNamespace') or ''}}}{value}"
                    address = port.find(_tag("address", SOAP))
                    if target in (resolved, own) and address is not None:
                        yield PortShape(
                            service.get("name") or "", port.get("name") or "", address.get("location") or ""
                        )
