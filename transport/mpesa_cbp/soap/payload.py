"""Find and parse the XML document in the text of a string element (protocol, section 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from mpesa_cbp.soap.limits import parse_within_limits
from mpesa_cbp_models import InvalidMessage, Reading

__all__ = ["UTF8_DECLARATIONS", "escape_bare_ampersands", "parse_payload"]

_BLANKS = " \t\r\n\ufeff"
_CDATA_START, _CDATA_END = "<![CDATA[", "]]>"
_CDATA_SPLIT = "]]]]><![CDATA[>"

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
UTF8_DECLARATIONS = ('<?xml version="1.0" encoding="UTF-8"', "<?xml version='1.0' encoding='UTF-8'")
"""How a payload begins whose declaration is read as it stands; another one cannot be true, or is to be looked at."""

# An XML declaration (XML 1.0, section 2.8) that names an encoding, which is the group.
_ENCODING = re.compile(r"""<\?xml\s+version\s*=\s*["']1\.[0-9]+["']\s+encoding\s*=\s*["']([\w.-]+)["'][^<>?]*\?>""")


def parse_payload(text: str, element: etree._Element, reading: Reading) -> etree._Element:
    """Root of the document in the text of ``element``, which gives errors their place. Raises InvalidMessage.

    Tolerated, and noted in ``reading``: blanks around the document (section 7, number 7), escaped CDATA markers (15),
    bare ampersands (14) and an encoding declaration that cannot be true, since the text is decoded already.
    """
    if not (text.startswith("<") and text.endswith(">")):
        text = _unpadded(text, element, reading)
    if text.startswith(_CDATA_START):
        text = _unpadded(_unmarked(text, element, reading), element, reading)
    if not text.startswith(UTF8_DECLARATIONS):
        text = _declared(text, element, reading)
    try:
        return parse_within_limits(text.encode(), reading)
    except InvalidMessage as error:
        repaired = escape_bare_ampersands(text)
        if repaired == text:
            reading.refuse(element, f"carries a document that is not accepted: {error.problem}")
    reading.deviates("bare-ampersand", element)
    try:
        return parse_within_limits(repaired.encode(), reading)
    except InvalidMessage as error:
        reading.refuse(element, f"carries a document that is not accepted: {error.problem}")


def _unpadded(text: str, element: etree._Element, reading: Reading) -> str:
    stripped = text.strip(_BLANKS)
    if not stripped:
        reading.refuse(element, "carries no document")
    if not (stripped.startswith("<") and stripped.endswith(">")):
        reading.refuse(element, "carries a text that is no XML document")
    if stripped != text:
        reading.deviates("payload-padding", element)
    return stripped


def _unmarked(text: str, element: etree._Element, reading: Reading) -> str:
    if not text.endswith(_CDATA_END):
        reading.refuse(element, "carries the start of a CDATA section without its end")
    reading.deviates("escaped-cdata-markers", element)
    inner = text[len(_CDATA_START) : -len(_CDATA_END)]
    return inner.replace(_CDATA_SPLIT, _CDATA_END)


def _declared(text: str, element: etree._Element, reading: Reading) -> str:
    found = _ENCODING.match(text)
    if found is None or found[1].lower() in ("utf-8", "us-ascii"):
        return text
    reading.deviates("other-encoding", element)
    return _DECLARATION + text[found.end() :]


# -- number 14: the one repair ------------------------------------------------------------------------------------

# Where a construct begins in which an ampersand is no text.
_MARKUP = re.compile(r"<!\[CDATA\[|<!--|<\?|<")
_ENDS = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}
_TAG_DELIMITER = re.compile(r"""["'>]""")
# An ampersand that begins no reference to an entity or a character (XML 1.0, section 4.1), existing or not.
_BARE = re.compile(r"&(?!(?:[^\W\d][\w.:-]*|:[\w.:-]*|#[0-9]+|#x[0-9a-fA-F]+);)")
# Text is worked on in pieces of about this length: a substitution holds each stretch between two finds as an object.
_PIECE = 1 << 16


def escape_bare_ampersands(document: str) -> str:
    """A document with those ampersands of its text escaped that begin no reference, and nothing else changed.

    Left alone are CDATA sections, comments, processing instructions, tags with their attributes, and references to
    entities that do not exist: what these mean would be a guess. Takes time linear in the size.
    """
    parts: list[str] = []
    position = 0
    while found := _MARKUP.search(document, position):
        start, markup = found.start(), found[0]
        parts += _escaped(document, position, start)
        position = _tag_end(document, start) if markup == "<" else _after(document, _ENDS[markup], found.end())
        parts.append(document[start:position])
    parts += _escaped(document, position, len(document))
    return "".join(parts)


def _escaped(document: str, start: int, end: int) -> Iterator[str]:
    """A stretch of text in pieces, each cut off right before an ampersand so that no reference is cut in two."""
    while start < end:
        cut = document.find("&", start + _PIECE, end)
        cut = end if cut < 0 else cut
        yield _BARE.sub("&amp;", document[start:cut])
        start = cut


def _after(document: str, mark: str, start: int) -> int:
    end = document.find(mark, start)
    return len(document) if end < 0 else end + len(mark)


def _tag_end(document: str, start: int) -> int:
    """Position after a tag; a ``>`` in quotes does not end it."""
    position = start + 1
    while found := _TAG_DELIMITER.search(document, position):
        if found[0] == ">":
            return found.end()
        position = _after(document, found[0], found.end())
    return len(document)
