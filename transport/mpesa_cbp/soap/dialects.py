"""The dialects on the wire, each with a stable name (protocol, section 7).

The generated readers tell deviations of a general kind. Which dialect each is follows from the element that it is
met at, and is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree

from mpesa_cbp.soap.routes import (
    CONTRACT_HEADER_NAMESPACE,
    ENVELOPE_NAMESPACE,
    LATER_HEADER_NAMESPACE,
    OTHER_NAMESPACES,
)
from mpesa_cbp_models import Reading
from mpesa_cbp_models.xml import local

__all__ = ["DIALECTS", "DialectReading", "holds_nested_parameters", "lift_nested_parameters"]

MAX_UNKNOWN = 1000
"""Most elements, attributes and stray texts without a place in the contract that a message may hold."""

DIALECTS: dict[str, tuple[tuple[int, ...], str]] = {
    "root-case": ((1,), "the payload's root has a capital: Request, Response, Result"),
    "no-namespace": ((2,), "an element, mostly the whole payload, is in no namespace"),
    "cps-namespace": ((2,), "the message or its payload is in http://cps.huawei.com/cpsinterface/request or …/result"),
    "other-namespace": ((), "an element is in a namespace that is not the contract's for it"),
    "pair-namespace": ((3,), "Key and Value are in the request's namespace inside a result"),
    "parameter-name": ((4,), "Parameter stands for ResultParameter"),
    "id-spelling": ((5,), "ConversationId, OriginatorConversationId, TransactionId, CommandId for ...ID"),
    "value-spelling": ((6,), "ResultType says Completed for 0"),
    "payload-padding": ((7,), "blanks or line breaks around the payload, inside or outside its CDATA section"),
    "blank-padding": ((7, 16), "blanks around a value or a key; they are dropped"),
    "escaped-payload": ((8,), "the payload is escaped text, not CDATA"),
    "structured-payload": ((8,), "the payload is child elements, neither CDATA nor text"),
    "element-order": ((9,), "elements in another order than the contract's"),
    "misspelt-element": ((10,), "PrimartyParty, originReqeust, queryTranscation of contract 1.0"),
    "transaction-type": ((11,), "TransactionType stands for TransType"),
    "unqualified-response": ((12,), "the children of result in queryTransactionResponse are in no namespace"),
    "unknown-element": ((13,), "elements that the contract does not have; ``unknown`` lists their paths"),
    "unknown-attribute": ((13,), "attributes that the contract does not have; ``unknown`` lists their paths"),
    "stray-text": ((13,), "text between elements; it is dropped, and ``unknown`` lists where it stood"),
    "bare-ampersand": ((14,), "an ampersand that is not escaped in the payload; it is read as an ampersand"),
    "escaped-cdata-markers": ((15,), "the text literally reads <![CDATA[...]]>"),
    "nil": ((16,), "an element that must have a value says nil; it is read as empty"),
    "empty-value": ((16,), "an element is empty where a number or a code is expected; it is read as absent"),
    "envelope-without-namespace": ((17,), "the envelope's elements are in no namespace"),
    "plain-fault-code": ((18,), "the faultcode is no qualified name, e.g. SVC0901"),
    "hashed-msisdn": ((19,), "MSISDN is the hex digits of a SHA-256 digest, not a number"),
    "third-party-id-name": ((19,), "ThirdPartyTransactionID stands for ThirdPartyTransID"),
    "nested-parameters": (
        (),
        "parameters stand inside a parameter; the inner ones are read (section 12)",
    ),
    "result-in-response": ((), "a Result stands where the answer to a request belongs (section 12)"),
    "missing-element": ((11, 19), "an element that the contract requires is absent, where that is known to happen"),
    "guide-header": ((), "the signing header is in the later guides' namespace (section 2)"),
    "element-alias": ((), "an element bears another name that it is known by"),
    "other-encoding": ((), "the payload declares an encoding that cannot be true, since it is text already"),
    "doubled-quotes": ((), "in a recorded message every apostrophe stands twice (section 8)"),
}
"""What each name means, with the numbers of section 7."""

_ALIASES = {
    "Parameter": "parameter-name",
    "ConversationId": "id-spelling",
    "OriginatorConversationId": "id-spelling",
    "TransactionId": "id-spelling",
    "CommandId": "id-spelling",
    "PrimartyParty": "misspelt-element",
    "originReqeust": "misspelt-element",
    "queryTranscation": "misspelt-element",
    "queryTranscationResponse": "misspelt-element",
    "TransactionType": "transaction-type",
    "ThirdPartyTransactionID": "third-party-id-name",
}
_PAIR = frozenset({"Key", "Value"})
_ANSWERS = frozenset({"queryTransactionResponse", "queryTranscationResponse"})
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")

_BLANKS = " \t\r\n"

# xml:lang, xsi:nil, soapenv:mustUnderstand and their like; ``nil`` without a namespace is number 16.
_GENERAL_ATTRIBUTES = (
    "{http://www.w3.org/XML/1998/namespace}",
    "{http://www.w3.org/2001/XMLSchema-instance}",
    f"{{{ENVELOPE_NAMESPACE}}}",
)
_SOAP_PATHS = frozenset({"Envelope", "Envelope/Header", "Envelope/Body"})


class DialectReading(Reading):
    """A reading that tells dialects apart, and refuses more unknown elements than any message could mean."""

    __slots__ = ("lifts_parameters",)

    def __init__(self, *, strict: bool = False, lifts_parameters: bool = False) -> None:
        super().__init__(strict=strict)
        self.lifts_parameters: bool = lifts_parameters

    def deviates(self, name: str, element: etree._Element | None = None) -> None:
        """Note a deviation under its dialect's name; in strict mode refuse it."""
        super().deviates(name if element is None else _dialect(name, element), element)

    def unknown_element(self, child: etree._Element) -> None:
        """Note an element that the contract does not have, and take it out of the tree, its tail included."""
        if len(self.unknown) == MAX_UNKNOWN:
            self.refuse(child, f"is one of more than {MAX_UNKNOWN} elements that are not in the contract")
        super().unknown_element(child)
        super().deviates("unknown-element", child)

    def stray_text(self, elements: Sequence[etree._Element]) -> bool:
        """Note text between the elements of a document, root first; to be asked before a reader takes it apart."""
        for element in elements:
            tail = element.tail
            if tail is not None and tail.strip(_BLANKS):
                break
            if len(element):
                text = element.text
                if text is not None and text.strip(_BLANKS):
                    break
        else:
            return False
        self.deviates("stray-text", elements[0])
        return True

    def strays(self, elements: Sequence[etree._Element], *, texts: bool) -> None:
        """List the attributes, and the ``texts`` if there are any, of a read document that the contract lacks.

        ``elements`` are all of them in their order. Those inside unknown elements are passed over with these. The
        contract declares no attribute; those that XML, schemas and SOAP themselves have are left, and so are all of
        the envelope's own elements, which SOAP 1.1 (section 4) opens to attributes of any kind.
        """
        if not texts and not any(element.keys() for element in elements):
            return
        unknown = set(self.unknown)
        paths: dict[etree._Element, str] = {}
        for element in elements:
            parent = element.getparent()
            if parent is not None and parent not in paths:
                continue
            path = local(element.tag) if parent is None else f"{paths[parent]}/{local(element.tag)}"
            if path in unknown:
                continue
            if len(element):
                paths[element] = path
            names = element.keys() if path not in _SOAP_PATHS else ()
            for name in map(str, names):
                if not name.startswith(_GENERAL_ATTRIBUTES) and name != "nil":
                    self._list(f"{path}/@{local(name)}", element)
                    self.deviates("unknown-attribute", element)
            if _has_stray_text(element):
                self._list(f"{path}/text()", element)

    def _list(self, path: str, element: etree._Element) -> None:
        if len(self.unknown) == MAX_UNKNOWN:
            self.refuse(element, f"holds one of more than {MAX_UNKNOWN} things that are not in the contract")
        self.unknown.append(path)

    def msisdn(self, text: object, element: etree._Element) -> None:
        """Note a number that is a digest."""
        if isinstance(text, str) and _DIGEST.fullmatch(text):
            self.deviates("hashed-msisdn", element)

    def guide_header(self, header: etree._Element) -> None:
        """Bring a signing header of the later guides into the contract's namespace."""
        if header.tag != f"{{{LATER_HEADER_NAMESPACE}}}{local(header.tag)}":
            return
        self.deviates("guide-header", header)
        for element in header.iter(f"{{{LATER_HEADER_NAMESPACE}}}*"):
            element.tag = f"{{{CONTRACT_HEADER_NAMESPACE}}}{local(element.tag)}"


_PARAMETER_NAMES = frozenset({"ResultParameter", "Parameter"})
_NESTED = tuple(f"/{outer}/{inner}" for outer in _PARAMETER_NAMES for inner in _PARAMETER_NAMES)


def holds_nested_parameters(unknown: Sequence[str]) -> bool:
    """Whether what was found unknown in a message is parameters inside parameters."""
    return any(path.endswith(_NESTED) for path in unknown)


def lift_nested_parameters(document: etree._Element, reading: DialectReading) -> None:
    """Put parameters that stand inside another one, which holds nothing else, in its place."""
    for outer in [each for each in document.iter(etree.Element) if local(each.tag) in _PARAMETER_NAMES]:
        inner, parent = list(outer), outer.getparent()
        if parent is None or not inner or any(local(each.tag) not in _PARAMETER_NAMES for each in inner):
            continue
        reading.deviates("nested-parameters", outer)
        place = parent.index(outer)
        for offset, each in enumerate(inner):
            parent.insert(place + offset, each)
        parent.remove(outer)


def _has_stray_text(element: etree._Element) -> bool:
    """Whether text stands before, between or behind the children of an element."""
    if not len(element):
        return False
    return any(text.strip(_BLANKS) for text in (element.text, *(child.tail for child in element)) if text)


def _dialect(name: str, element: etree._Element) -> str:
    tag = element.tag
    if name == "element-alias":
        return _ALIASES.get(local(tag), name)
    if name == "other-namespace":
        if tag[1:].partition("}")[0] in OTHER_NAMESPACES:
            return "cps-namespace"
        return "pair-namespace" if local(tag) in _PAIR else name
    if name == "no-namespace":
        parent = element.getparent()
        if parent is not None and local(parent.tag) == "result":
            outer = parent.getparent()
            if outer is not None and local(outer.tag) in _ANSWERS:
                return "unqualified-response"
    return name
