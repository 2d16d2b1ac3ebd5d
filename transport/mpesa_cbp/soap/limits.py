"""Parse XML within limits of size and cost."""

from __future__ import annotations

import re

from lxml import etree

from mpesa_cbp_models import InvalidMessage, Reading
from mpesa_cbp_models.xml import USUAL_LENGTH, USUAL_STARTS, parse

__all__ = ["parse_within_limits"]

# An element costs libxml2 some 130 bytes and its text as many, however short they are. The shortest that a message of
# the family can hold takes far more than 12 bytes on the wire: <Key>k</Key>, and those only in pairs within others.
_BYTES_AN_ELEMENT = 12
_ALWAYS_ALLOWED = 5000

# An encoding that is declared, and those in which markup is written as in ASCII: in any other one neither the elements
# nor a document type declaration would be seen before the document is parsed.
_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*?\bencoding\s*=\s*["']([^"']*)["']""")
_LIKE_ASCII = re.compile(rb"utf-?8|(?:us-)?ascii|latin-?1|iso-8859-[0-9]{1,2}|windows-125[0-9]", re.IGNORECASE)
_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?!\x00)")


def parse_within_limits(data: bytes, reading: Reading | None = None) -> etree._Element:
    """Root of a document, strictly parsed; refused if it is in another encoding than UTF-8 and its like, or
    holds more elements than a message of its size can.

    With the limits of size and depth that ``parse`` has, a document takes at most 50 times its size in memory.
    ``reading`` learns what ``parse`` tells it. Raises InvalidMessage.
    """
    if data[:USUAL_LENGTH] not in USUAL_STARTS:
        _check_encoding(data)
    if len(data) > _ALWAYS_ALLOWED * _BYTES_AN_ELEMENT // 4:
        elements = data.count(b"<") - data.count(b"</")
        if elements > max(_ALWAYS_ALLOWED, len(data) // _BYTES_AN_ELEMENT):
            raise InvalidMessage("", "it holds more elements than a message of its size can")
    return parse(data, reading)


def _check_encoding(data: bytes) -> None:
    if not _START.match(data):
        raise InvalidMessage("", "it does not begin as an XML document in UTF-8 does")
    declared = _DECLARED.match(data)
    if declared is not None and not _LIKE_ASCII.fullmatch(declared[1]):
        raise InvalidMessage("", "it declares an encoding that is not read: UTF-8 is what the family writes")
