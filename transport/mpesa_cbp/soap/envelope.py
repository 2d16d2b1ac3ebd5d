"""Write and read SOAP 1.1 envelopes; nothing else here knows SOAP (protocol, sections 1, 3 and 7).

Writing follows the contract. Reading accepts every dialect of section 7, alone or together, and names each in
``Decoded.deviations``; ``dialects.DIALECTS`` has the names. Elements, attributes and texts that the contract does not
have are listed in ``Decoded.unknown`` by their paths.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from mpesa_cbp.errors import InvalidRequest, MalformedMessage
from mpesa_cbp.redaction import MessageBytes
from mpesa_cbp.soap.dialects import DialectReading, holds_nested_parameters, lift_nested_parameters
from mpesa_cbp.soap.limits import parse_within_limits
from mpesa_cbp.soap.payload import parse_payload
from mpesa_cbp.soap.routes import (
    BODY,
    CONTRACT_HEADER_NAMESPACE,
    ENVELOPE,
    ENVELOPE_NAMESPACE,
    HEADER,
    RESULT,
    Direction,
    Route,
    find_route,
    reader,
)
from mpesa_cbp.soap.template_cache import plain_payload
from mpesa_cbp_models import InvalidMessage, InvalidValue, Operation, RequestSOAPHeader
from mpesa_cbp_models.xml import children, local, path_of

__all__ = ["Decoded", "decode", "encode", "encode_fault"]

_START = f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE_NAMESPACE}">'

MAX_PLACE = 300
"""Characters of an element path that an error names."""

# A page of a firewall or a gateway, whether or not it is well-formed (protocol, section 7, number 18).
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A message that was read.

    ``operation`` is the name of the WSDL operation and ``direction`` the part of it; both empty for a fault.
    ``element`` is the local name of the body's element, ``message`` the document that it carries, or itself.
    ``fault`` is (code, text). ``header`` is the signing header where there is one.
    """

    operation: str
    direction: Direction | None
    element: str
    message: Any = field(repr=False)
    header: RequestSOAPHeader | None = field(default=None, repr=False)
    fault: tuple[str, str] | None = field(default=None, repr=False)
    deviations: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def encode(
    message: Any,
    *,
    operation: Operation,
    direction: Direction,
    header: RequestSOAPHeader | None = None,
    header_namespace: str = CONTRACT_HEADER_NAMESPACE,
) -> bytes:
    """Envelope, in UTF-8, for one direction of an operation.

    ``message`` is the payload where the body's element carries one (Request, Response, Result), which goes out as
    CDATA; else the body's element itself. Raises InvalidRequest for a message that cannot be written.
    """
    part = operation.input if direction == "input" else operation.output
    if part is None or part.element is None:
        raise InvalidRequest([f"operation {operation.name} has no {direction}"])
    try:
        body = _carrier(part.element, message.to_xml().decode()) if part.payload_type_name else message.to_text()
        head = header.to_text() if header is not None else ""
    except InvalidValue as error:
        raise InvalidRequest(error.problems) from None
    if header_namespace != CONTRACT_HEADER_NAMESPACE:
        head = head.replace(f'"{CONTRACT_HEADER_NAMESPACE}"', f'"{escape(header_namespace)}"', 1)
    parts = f"<soapenv:Header>{head}</soapenv:Header><soapenv:Body>{body}</soapenv:Body>"
    return MessageBytes(f"{_START}{parts}</soapenv:Envelope>".encode())


def _carrier(element: str, document: str) -> str:
    """The string element with a document as CDATA; a section cannot hold its own end, so it is split there."""
    namespace, _, name = element[1:].partition("}")
    inner = document.replace("]]>", "]]]]><![CDATA[>")
    return f'<{name} xmlns="{namespace}"><![CDATA[{inner}]]></{name}>'


def encode_fault(code: str, text: str) -> bytes:
    """Envelope of a SOAP fault; ``code`` as it is to stand there: ``soapenv:Client``, or a gateway's ``SVC0901``."""
    inner = f"<faultcode>{escape(code)}</faultcode><faultstring>{escape(text)}</faultstring>"
    return f"{_START}<soapenv:Body><soapenv:Fault>{inner}</soapenv:Fault></soapenv:Body></soapenv:Envelope>".encode()


def decode(data: bytes, *, strict: bool = False) -> Decoded:
    """Read an envelope of the family; with ``strict``, only as the contract has it.

    A fault is returned, not raised. Raises MalformedMessage for whatever cannot be read without guessing; no value of
    the message is in its text.
    """
    if data.__class__ is not MessageBytes:
        data = MessageBytes(data)
    if not data or data.isspace():
        raise MalformedMessage("the body is empty")
    decoded = _read(data, strict=strict)
    if holds_nested_parameters(decoded.unknown):
        return _read(data, strict=strict, lifts_parameters=True)
    return decoded


def _read(data: bytes, *, strict: bool, lifts_parameters: bool = False) -> Decoded:
    plain = plain_payload(data)
    if plain is not None:
        # What cannot be read so is read as a whole, which tells what is wrong with it, and where.
        with contextlib.suppress(InvalidMessage):
            return _decode_plain(*plain, DialectReading(strict=strict, lifts_parameters=lifts_parameters))
    try:
        return _decode(data, DialectReading(strict=strict, lifts_parameters=lifts_parameters))
    except InvalidMessage as error:
        if _HTML.match(data[:1024]):
            raise MalformedMessage("it is an HTML page, not a message") from None
        raise MalformedMessage(error.problem, place=_shortened(error.path)) from None


def _shortened(place: str) -> str:
    """A path whose element names may be as long as the sender likes."""
    return place if len(place) <= MAX_PLACE else f"{place[:MAX_PLACE]}…"


def _decode_plain(route: Route, payload: bytes, reading: DialectReading) -> Decoded:
    route, message = _document(parse_within_limits(payload, reading), route, reading)
    return _decoded(route, message, None, reading)


def _decode(data: bytes, reading: DialectReading) -> Decoded:
    root = parse_within_limits(data, reading)
    elements = [*root.iter()]
    stray = reading.stray_text(elements)
    head, body = _parts(root, reading)
    header = _header(head, reading) if head is not None else None
    if len(body) != 1:
        reading.refuse(body, "holds no element or more than one")
    content = body[0]
    if content.tag in _FAULTS:
        return _fault(content, header, reading)
    route = find_route(content.tag)
    if route is None or route == "refused":
        what = "is no message of the contract" if route is None else "stands in a namespace that is not known for it"
        reading.refuse(content, what)
    route, message = _message(content, route, data, reading)
    if stray or content.keys() or len(content) or header is not None:
        reading.strays(elements, texts=stray)
    return _decoded(route, message, header, reading)


def _decoded(route: Route, message: Any, header: RequestSOAPHeader | None, reading: DialectReading) -> Decoded:
    for name, get in route.identifying:
        if not (get(message) or "").strip():
            raise InvalidMessage(name, "identifies the message and is empty")
    return Decoded(
        operation=route.operation,
        direction=route.direction,
        element=route.name,
        message=message,
        header=header,
        deviations=reading.deviations,
        unknown=tuple(reading.unknown),
    )


def _parts(root: etree._Element, reading: DialectReading) -> tuple[etree._Element | None, etree._Element]:
    body_tag, header_tag = BODY, HEADER
    if root.tag != ENVELOPE:
        if root.tag != "Envelope":
            raise InvalidMessage("", "the root element is no SOAP 1.1 envelope")
        reading.deviates("envelope-without-namespace", root)
        body_tag, header_tag = "Body", "Header"
    head = body = None
    for child in children(root):
        if child.tag == body_tag and body is None:
            body = child
        elif child.tag == header_tag and head is None and body is None:
            head = child
        else:
            reading.refuse(child, "is out of place in an envelope")
    if body is None:
        raise InvalidMessage(path_of(root), "has no Body")
    return head, body


def _header(head: etree._Element, reading: DialectReading) -> RequestSOAPHeader | None:
    found = None
    child = head[0] if len(head) else None
    while child is not None:
        following = child.getnext()
        if local(child.tag) != "RequestSOAPHeader":
            reading.unknown_element(child)
        elif found is not None:
            reading.repeated(child)
        else:
            found = child
        child = following
    if found is None:
        return None
    reading.guide_header(found)
    return RequestSOAPHeader.from_element(found, reading)


def _message(content: etree._Element, route: Route, data: bytes, reading: DialectReading) -> tuple[Route, Any]:
    if route.message.payload_type_name is None:
        message = reader(route)(content, reading)
        reading.msisdn(getattr(message, "msisdn", None), content)
        return route, message
    if content.tag != route.element:
        reading.deviates("no-namespace" if not content.tag.startswith("{") else "other-namespace", content)
    if len(content):
        if any("<" in text for text in (content.text, *(child.tail for child in content)) if text):
            reading.refuse(content, "carries elements and a text with markup: which of them is meant is not said")
        return route, _structured(content, route, reading)
    if b"<![CDATA[" not in data:
        reading.deviates("escaped-payload", content)
    text = content.text or ""
    return _document(parse_payload(text, content, reading), route, reading)


def _document(document: etree._Element, route: Route, reading: DialectReading) -> tuple[Route, Any]:
    """Read a payload that has just been parsed, and say where it belongs."""
    if route.type_name == _RESPONSE and local(document.tag).lower() == "result":
        reading.deviates("result-in-response", document)
        route = RESULT
    # lxml makes an object of each element that is asked for, and anew once it was let go: the reader finds these made.
    elements = [*document.iter()]
    stray = reading.stray_text(elements)
    if reading.lifts_parameters:
        lift_nested_parameters(document, reading)
    message = reader(route)(document, reading)
    if stray or reading.attributes or document.keys():
        reading.strays(elements, texts=stray)
    return route, message


def _structured(content: etree._Element, route: Route, reading: DialectReading) -> Any:
    """Real child elements where a string belongs: the payload's root, or directly its children."""
    reading.deviates("structured-payload", content)
    if reading.lifts_parameters:
        lift_nested_parameters(content, reading)
    payload = route.message.payload_element or ""
    for root in content:
        if local(root.tag).lower() == local(payload).lower():
            if len(content) > 1:
                reading.refuse(root, "is not all that its element carries: which of it is meant is not said")
            return reader(route)(root, reading)
    content.tag = payload
    return reader(route)(content, reading)


_RESPONSE = "response.Response"
_FAULTS = frozenset({f"{{{ENVELOPE_NAMESPACE}}}Fault", "Fault"})


def _fault(content: etree._Element, header: RequestSOAPHeader | None, reading: DialectReading) -> Decoded:
    texts: dict[str, str] = {}
    for child in content:
        name = local(child.tag)
        if name in ("faultcode", "faultstring"):
            if name in texts:
                reading.repeated(child)
            texts[name] = "".join(map(str, child.itertext())).strip()
    code = texts.get("faultcode", "")
    if ":" not in code:
        reading.deviates("plain-fault-code", content)
    return Decoded(
        operation="",
        direction=None,
        element="Fault",
        message=None,
        header=header,
        fault=(code, texts.get("faultstring", "")),
        deviations=reading.deviations,
        unknown=tuple(reading.unknown),
    )
