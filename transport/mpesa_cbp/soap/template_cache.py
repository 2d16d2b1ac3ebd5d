"""Remember the plain wrapping of envelopes, so that most cost one parse.

Whatever a CDATA section holds, it changes nothing of what stands around it: its content is text until the first
``]]>`` (XML 1.0, section 2.7). An envelope whose wrapping has been read before needs no parse but that of its payload.
"""

from __future__ import annotations

import secrets
from functools import lru_cache

from mpesa_cbp.redaction import MessageBytes
from mpesa_cbp.soap.dialects import DialectReading
from mpesa_cbp.soap.limits import parse_within_limits
from mpesa_cbp.soap.payload import UTF8_DECLARATIONS
from mpesa_cbp.soap.routes import BODY, ENVELOPE, HEADER, ROUTES, Route
from mpesa_cbp_models import InvalidMessage

__all__ = ["plain_payload"]

_START, _END = b"<![CDATA[", b"]]>"

# Larger ones are read as a whole: there is little to win, and the parser has limits of its own for a text.
_LARGEST = 1024 * 1024
_LONGEST_WRAPPING = 600
_REMEMBERED = 64

_DECLARATIONS = tuple(start.encode() for start in UTF8_DECLARATIONS)


def plain_payload(data: bytes) -> tuple[Route, bytes] | None:
    """Where an envelope belongs and the document in its CDATA section; None where the envelope must be read whole.

    That is so unless it is all as the contract has it, without a signing header, and its payload without padding.
    """
    start = data.find(_START)
    if not 0 < start <= _LONGEST_WRAPPING or len(data) > _LARGEST:
        return None
    end = data.find(_END, start)
    if end < 0 or len(data) - end > _LONGEST_WRAPPING:
        return None
    before: bytes = MessageBytes(data[:start])
    if b"RequestSOAPHeader" in before:
        return None  # it is another one in each message, and holds a password
    payload = MessageBytes(data[start + len(_START) : end])
    if not (payload.startswith(b"<") and payload.endswith(b">")):
        return None
    if payload[1:2] in b"?!" and not payload.startswith(_DECLARATIONS):
        return None
    try:
        return _route(before, MessageBytes(data[end:])), payload
    except InvalidMessage:
        return None


_ENVELOPES = ([ENVELOPE, BODY], [ENVELOPE, HEADER, BODY])


@lru_cache(maxsize=_REMEMBERED)
def _route(before: bytes, after: bytes) -> Route:
    """Where every envelope with this wrapping belongs. Raises InvalidMessage unless all of it is plain.

    Any other one, which may hold values of its message, is so never remembered, and pushes out none that is.
    """
    # In a comment, beside another text, or in another encoding the mark does not come out as the content's text.
    mark = secrets.token_hex(16)
    root = parse_within_limits(MessageBytes(b"%s%s%s%s" % (before, _START, mark.encode(), after)))
    elements = [*root.iter()]
    DialectReading(strict=True).stray_text(elements)
    *envelope, content = elements
    encoding = root.getroottree().docinfo.encoding
    route = ROUTES.get(content.tag)
    if (
        [element.tag for element in envelope] not in _ENVELOPES
        or content.getparent() is not envelope[-1]
        or envelope[-1].getparent() is not root
        or content.text != mark
        or content.keys()
        or (encoding is not None and encoding.upper() != "UTF-8")
        or route is None
        or route.message.payload_type_name is None
    ):
        raise InvalidMessage("", "its wrapping is not plain")
    return route
