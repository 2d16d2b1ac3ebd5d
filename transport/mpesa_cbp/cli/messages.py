"""A message as a person reads it: indented, the document inside the string opened, masked."""

from __future__ import annotations

from lxml import etree

from mpesa_cbp.redaction import redact
from mpesa_cbp_models import InvalidMessage
from mpesa_cbp_models._reading import local, parse

_CARRIERS = frozenset({"RequestMsg", "ResponseMsg", "ResultMsg"})


def pretty(body: bytes, *, masked: bool = True) -> str:
    """The message with one element a line; as it came where it is no XML."""
    try:
        root = parse(body)
    except InvalidMessage:
        text = body.decode("utf-8", errors="replace")
        return redact(text) if masked else text
    for element in root.iter():
        if local(element.tag) in _CARRIERS and element.text and not len(element):
            try:
                inner = parse(element.text.strip().encode())
            except InvalidMessage:
                continue
            etree.indent(inner)
            element.text = etree.CDATA(f"\n{etree.tostring(inner, encoding='unicode')}\n")
    etree.indent(root)
    text = etree.tostring(root, encoding="unicode")
    return redact(text) if masked else text
