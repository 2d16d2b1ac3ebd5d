"""The broker's own messages."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lxml import etree

from mpesa_cbp.soap import encode, encode_fault
from mpesa_cbp_models import NotifyQueueTimeout, Response, Result, ResultParameters
from mpesa_cbp_models.operations import GENERIC_API_REQUEST, NOTIFY_QUEUE_TIMEOUT
from mpesa_cbp_models.result import ParameterType, ReferenceData
from mpesa_cbp_simulator.core import CoreOutcome
from mpesa_cbp_simulator.parsed_request import ParsedRequest
from mpesa_cbp_simulator.store import Conversation

SOAP_TYPE = "text/xml; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over HTTP. ``cut`` bytes are missing at its end; ``reset`` hangs up in place of an answer."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    delay: float = 0.0
    reset: bool = False
    cut: int = 0
    headers: tuple[tuple[str, str], ...] = ()


def response(code: str, description: str, *, conversation_id: str = "", core_id: str = "") -> bytes:
    """The envelope of a ResponseMsg of the Request interface (protocol, section 3)."""
    message = Response(
        response_code=code,
        response_desc=description,
        conversation_id=core_id,
        originator_conversation_id=conversation_id,
        service_status=0,
    )
    return encode(message, operation=GENERIC_API_REQUEST, direction="output")


def soap(body: bytes, status: int = 200) -> Reply:
    """A reply that carries an envelope."""
    return Reply(status, SOAP_TYPE, body)


def fault(code: str, text: str) -> Reply:
    """A reply that carries a SOAP fault, with status 500 as SOAP 1.1 over HTTP wants it."""
    return Reply(500, SOAP_TYPE, encode_fault(code, text))


def html(status: int, title: str, text: str) -> Reply:
    """A page such as firewalls and gateways send in place of an answer (protocol, section 7, number 18)."""
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"
    return Reply(status, HTML_TYPE, page.encode())


def result_of(
    order: ParsedRequest, conversation: Conversation, outcome: CoreOutcome, *, result_type: int = 0
) -> Result:
    """The result for an order's outcome; the reference data of the request comes back with it."""
    references = [ParameterType(key=key, value=value) for key, value in order.references]
    return Result(
        result_type=result_type,
        result_code=outcome.code,
        result_desc=outcome.description,
        originator_conversation_id=conversation.conversation_id,
        conversation_id=conversation.core_id,
        transaction_id=outcome.receipt,
        result_parameters=ResultParameters(
            result_parameter=[ParameterType(key=key, value=value) for key, value in outcome.parameters]
        )
        if outcome.parameters
        else None,
        reference_data=ReferenceData(reference_item=references) if references else None,
    )


def queue_timeout(conversation: Conversation, *, misspelt: bool = False) -> bytes:
    """The envelope of notifyQueueTimeout; ``misspelt`` is dialect 10, the element name of contract 1.0."""
    message = NotifyQueueTimeout(
        originator_conversation_id=conversation.conversation_id,
        origin_request=base64.encodebytes(without_header(conversation.request)).decode("ascii"),
    )
    envelope = encode(message, operation=NOTIFY_QUEUE_TIMEOUT, direction="input")
    return envelope.replace(b"originRequest>", b"originReqeust>") if misspelt else envelope


def without_header(envelope: bytes) -> bytes:
    """The envelope less its SOAP Header, as the broker hands it on and back (protocol, section 8)."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, strip_cdata=False)
    root = etree.fromstring(envelope, parser)
    for child in list(root):
        if isinstance(child.tag, str) and etree.QName(child).localname == "Header":
            root.remove(child)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def http_request(url: str, body: bytes, *, soap_action: str = "") -> bytes:
    """A whole HTTP request, as queryTransaction's histories hold them."""
    parts = urlsplit(url)
    lines = (
        f"POST {parts.path or '/'} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        f"Content-Type: {SOAP_TYPE}",
        f'SOAPAction: "{soap_action}"',
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def http_response(body: bytes, *, status: int = 200) -> bytes:
    """A whole HTTP response, as queryTransaction's histories hold them."""
    reason = {200: "OK", 500: "Internal Server Error"}.get(status, "Answer")
    lines = (f"HTTP/1.1 {status} {reason}", f"Content-Type: {SOAP_TYPE}", f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body
