"""Any message of the family in any combination of the dialects that it can be written in (protocol, section 7).

``write`` starts from what the contract wants, applies the chosen dialects to the tree and to its text, and tells which
of them really changed something: those, and no others, must be named when the message is read.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp.soap.routes import Direction
from mpesa_cbp_models import Operation, RequestSOAPHeader

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
REQUEST = "http://api-v1.gen.mm.vodafone.com/mminterface/request"
CPS = "http://cps.huawei.com/cpsinterface/result"
GUIDE = "http://www.huawei.com/schema/osg/common/v2_1"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
# Not a reference, so an ampersand that may stand bare.
BARE = re.compile(r"&amp;(?![\w:#])")


@dataclass
class Writing:
    """A message under way: its tree, what it must be read as, and what was applied so far."""

    draw: st.DrawFn
    operation: Operation
    direction: Direction
    root: etree._Element
    expected: Any
    chosen: frozenset[str]
    applied: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)

    @property
    def has_payload(self) -> bool:
        return self.part.payload_element is not None

    @property
    def part(self) -> Any:
        return self.operation.input if self.direction == "input" else self.operation.output

    def elements(self, *names: str) -> list[etree._Element]:
        return [e for e in self.root.iter() if local(e) in names]


def local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def namespace(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[0]


def renamed(element: etree._Element, name: str) -> None:
    space = namespace(element)
    element.tag = f"{space}}}{name}" if space else name


Dialect = Callable[[Writing], bool]


def _renaming(names: dict[str, str]) -> Dialect:
    def apply(writing: Writing) -> bool:
        found = writing.elements(*names)
        for element in found:
            renamed(element, names[local(element)])
        return bool(found)

    return apply


def _root_case(writing: Writing) -> bool:
    if writing.has_payload:
        renamed(writing.root, local(writing.root).capitalize())
    return writing.has_payload


def _no_namespace(writing: Writing) -> bool:
    if not writing.has_payload:
        return False
    for element in writing.root.iter():
        element.tag = local(element)
    etree.cleanup_namespaces(writing.root)
    return True


def _pair_namespace(writing: Writing) -> bool:
    if local(writing.root).lower() != "result":
        return False
    pairs = writing.elements("Key", "Value")
    for element in pairs:
        element.tag = f"{{{REQUEST}}}{local(element)}"
    return bool(pairs)


def _value_spelling(writing: Writing) -> bool:
    found = [e for e in writing.elements("ResultType") if e.text == "0"]
    for element in found:
        element.text = "Completed"
    return bool(found)


def _empty_value(writing: Writing) -> bool:
    names = {"ResultType": "result_type", "ServiceStatus": "service_status"}
    found = [e for e in writing.elements(*names) if e.getparent() is writing.root and e.text != "Completed"]
    for element in found:
        element.text = None
        writing.expected = dataclasses.replace(writing.expected, **{names[local(element)]: None})
    return bool(found)


def _blank_padding(writing: Writing) -> bool:
    found = writing.elements("Key", "Value", "ResultCode", "ResponseCode", "ResultDesc", "TransID", "spId", "CommandID")
    for element in found:
        element.text = f"\n  {element.text or ''} "
    return bool(found)


def _nil(writing: Writing) -> bool:
    found = [e for e in writing.elements("Value") if not e.text]
    for element in found:
        element.set("nil" if writing.draw(st.booleans()) else f"{{{XSI}}}nil", "true")
    return bool(found)


def _element_order(writing: Writing) -> bool:
    children = list(writing.root)
    if len(children) < 2 or sum(child.tag == children[-1].tag for child in children) > 1:
        return False
    writing.root.insert(0, children[-1])
    return True


def _missing_element(writing: Writing) -> bool:
    found = []
    if local(writing.root).startswith("C2BPayment"):
        names = {"TransType": "trans_type", "OrgAccountBalance": "org_account_balance"}
        found = [e for e in writing.root if local(e) in names and local(writing.root).endswith("Request")]
        if "Validation" in local(writing.root):
            found = [e for e in found if local(e) == "TransType"]
        gone = {names[local(e)]: None for e in found}
        writing.expected = dataclasses.replace(writing.expected, **gone)
    for element in found:
        writing.root.remove(element)
    return bool(found)


def _unqualified_response(writing: Writing) -> bool:
    if local(writing.root) not in ("queryTransactionResponse", "queryTranscationResponse"):
        return False
    for child in writing.root[0] if local(writing.root[0]) == "result" else writing.elements("result")[0]:
        child.tag = local(child)
    return True


def _hashed_msisdn(writing: Writing) -> bool:
    found = [e for e in writing.root if local(e) == "MSISDN"]
    for element in found:
        element.text = hashlib.sha256(b"254700000000").hexdigest()
        writing.expected = dataclasses.replace(writing.expected, msisdn=element.text)
    return bool(found)


def _containers(writing: Writing) -> Iterator[etree._Element]:
    return (e for e in writing.root.iter() if len(e))


def _unknown_element(writing: Writing) -> bool:
    containers = list(_containers(writing))
    for container in containers:
        stranger = etree.Element(f"{namespace(container)}}}Requester" if namespace(container) else "Requester")
        etree.SubElement(stranger, "Identifier").text = "x"
        container.insert(writing.draw(st.integers(0, len(container))), stranger)
    writing.unknown += ["Requester"] * len(containers)
    return bool(containers)


def _stray_text(writing: Writing) -> bool:
    containers = list(_containers(writing))
    for container in containers:
        if writing.draw(st.booleans()) or container is containers[0]:
            container[writing.draw(st.integers(0, len(container) - 1))].tail = " stray & text\n"
            # What stands inside an unknown element is not listed beside it.
            writing.unknown += ["text()"] if local(container) != "Requester" else []
    return bool(containers)


def _unknown_attribute(writing: Writing) -> bool:
    name = writing.draw(st.sampled_from(["colour", "{urn:x}colour"]))
    for element in writing.root.iter():
        if element is writing.root or writing.draw(st.booleans()):
            element.set(name, 'it\'s "red"')
            inside = (element, *element.iterancestors())
            writing.unknown += ["@colour"] if all(local(e) != "Requester" for e in inside) else []
    return True


# In the order in which they are applied; those that are not here are of the carrier or of the envelope.
ON_THE_TREE: dict[str, Dialect] = {
    "no-namespace": _no_namespace,
    "pair-namespace": _pair_namespace,
    "unqualified-response": _unqualified_response,
    "hashed-msisdn": _hashed_msisdn,
    "missing-element": _missing_element,
    "value-spelling": _value_spelling,
    "empty-value": _empty_value,
    "nil": _nil,
    "blank-padding": _blank_padding,
    "element-order": _element_order,
    "unknown-element": _unknown_element,
    "stray-text": _stray_text,
    "unknown-attribute": _unknown_attribute,
    "parameter-name": _renaming({"ResultParameter": "Parameter"}),
    "id-spelling": _renaming({
        "ConversationID": "ConversationId", "OriginatorConversationID": "OriginatorConversationId",
        "TransactionID": "TransactionId", "CommandID": "CommandId",
    }),
    "misspelt-element": _renaming({
        "PrimaryParty": "PrimartyParty", "originRequest": "originReqeust", "queryTransaction": "queryTranscation",
        "queryTransactionResponse": "queryTranscationResponse",
    }),
    "transaction-type": _renaming({"TransType": "TransactionType"}),
    "third-party-id-name": _renaming({"ThirdPartyTransID": "ThirdPartyTransactionID"}),
    "root-case": _root_case,
}  # fmt: skip
OF_THE_CARRIER = (
    "payload-padding",
    "bare-ampersand",
    "other-encoding",
    "escaped-payload",
    "structured-payload",
    "escaped-cdata-markers",
    "cps-namespace",
)
OF_THE_ENVELOPE = ("envelope-without-namespace", "guide-header")
ALL = (*ON_THE_TREE, *OF_THE_CARRIER, *OF_THE_ENVELOPE)


def write(writing: Writing, header: RequestSOAPHeader | None) -> bytes:
    """The envelope in the chosen dialects; ``writing.applied`` and ``writing.expected`` are right afterwards."""
    for name, apply in ON_THE_TREE.items():
        if name in writing.chosen and apply(writing):
            writing.applied.add(name)
    body = _carrier(writing) if writing.has_payload else _text(writing.root)
    head = _header(writing, header)
    if "envelope-without-namespace" in writing.chosen:
        writing.applied.add("envelope-without-namespace")
        return f"<Envelope><Header>{head}</Header><Body>\n{body}</Body></Envelope>".encode()
    return f'{DECLARATION}<s:Envelope xmlns:s="{SOAP}"><s:Header>{head}</s:Header><s:Body>{body}</s:Body></s:Envelope>'.encode()


def _text(root: etree._Element) -> str:
    if not any((e.tail or "").strip() or (len(e) and (e.text or "").strip()) for e in root.iter()):
        root = copy.deepcopy(root)
        etree.indent(root)  # what is pretty-printed deviates in nothing
    return etree.tostring(root, encoding="unicode")


def _header(writing: Writing, header: RequestSOAPHeader | None) -> str:
    if header is None:
        return ""
    text = header.to_text()
    if "guide-header" in writing.chosen:
        writing.applied.add("guide-header")
        text = re.sub(r'xmlns="[^"]*"', f'xmlns="{GUIDE}"', text, count=1)
    return text


def _carrier(writing: Writing) -> str:
    draw, chosen = writing.draw, writing.chosen
    forms = sorted(chosen & {"escaped-payload", "structured-payload", "escaped-cdata-markers"})
    form = draw(st.sampled_from(forms)) if forms else "cdata"
    space, _, name = writing.part.element[1:].partition("}")
    if "cps-namespace" in chosen and name == "ResultMsg":
        writing.applied.add("cps-namespace")
        space = CPS
    if form == "structured-payload":
        writing.applied.add(form)
        return f'<m:{name} xmlns:m="{space}">{_text(writing.root)}</m:{name}>'
    document = _document(writing)
    blanks = [draw(st.sampled_from(["", "\n  "])) for _ in range(4)] if "payload-padding" in chosen else [""] * 4
    if form == "cdata":
        inner = f"{blanks[1]}{document}{blanks[2]}".replace("]]>", "]]]]><![CDATA[>")
        text = f"{blanks[0]}<![CDATA[{inner}]]>{blanks[3]}"
    elif form == "escaped-payload":
        blanks[1:3] = "", ""
        writing.applied.add(form)
        text = f"{blanks[0]}{escape(document)}{blanks[3]}"
    else:
        writing.applied |= {form, "escaped-payload"}
        inner = f"{blanks[1]}{document}{blanks[2]}".replace("]]>", "]]]]><![CDATA[>")
        text = f"{blanks[0]}{escape(f'<![CDATA[{inner}]]>')}{blanks[3]}"
    if any(blanks):
        writing.applied.add("payload-padding")
    return f'<m:{name} xmlns:m="{space}">{text}</m:{name}>'


def _document(writing: Writing) -> str:
    text = _text(writing.root)
    if "bare-ampersand" in writing.chosen and BARE.search(text):
        writing.applied.add("bare-ampersand")
        text = BARE.sub("&", text)
    if "other-encoding" in writing.chosen:
        writing.applied.add("other-encoding")
        return f'<?xml version="1.0" encoding="ISO-8859-1"?>{text}'
    return text if writing.draw(st.booleans()) else DECLARATION + text
