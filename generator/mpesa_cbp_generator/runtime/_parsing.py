"""Parsing: bytes become a tree, strictly and within limits."""

from __future__ import annotations

import re
import threading

from lxml import etree

from ._errors import InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._reading import Reading

MAX_BYTES = 16 * 1024 * 1024
"""Largest document that is read."""


def _new_parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )


def parse(data: bytes, reading: Reading | None = None) -> etree._Element:
    """Root of a document, strictly parsed: no DTD, no entity, no network, no recovery, a limit on size and depth.

    Comments and processing instructions are dropped, so that the text around them is one text. ``reading`` learns
    whether the document may have attributes. Raises InvalidMessage.
    """
    if len(data) > MAX_BYTES:
        raise InvalidMessage("", f"larger than {MAX_BYTES} bytes")
    start = USUAL_LENGTH if data[:USUAL_LENGTH] in USUAL_STARTS else _plain_start(data)
    if not start and b"<!DOCTYPE" in data:
        raise InvalidMessage("", "a document type declaration is not accepted")
    try:
        root = etree.fromstring(data, _own.parser)
    except etree.XMLSyntaxError as error:
        raise InvalidMessage("", _syntax_problem(error)) from None
    except (ValueError, LookupError) as error:
        raise InvalidMessage("", f"not well-formed XML: {type(error).__name__}") from None
    if not start and root.getroottree().docinfo.internalDTD is not None:
        raise InvalidMessage("", "a document type declaration is not accepted")
    if reading is not None:
        reading.attributes = not start or _may_have_attributes(data, start)
    return root


def _plain_start(data: bytes) -> int:
    """Where the name of the root begins, and one character more; 0 unless the document has a plain start."""
    found = _PLAIN_START.match(data)
    return found.end() if found is not None else 0


def _may_have_attributes(data: bytes, start: int) -> bool:
    """Whether an element below the root, whose start tag begins before ``start``, may have an attribute.

    Each has an equals sign and quotes: a document that has none of them behind the root's start tag has no attribute.
    """
    end = data.find(b">", start)
    return data.find(b"=", end) >= 0 and (data.find(b'"', end) >= 0 or data.find(b"'", end) >= 0)


class _Own(threading.local):
    def __init__(self) -> None:
        self.parser = _new_parser()


# A parser of its own for each thread: one that is shared is locked while it parses, and threads queue up for it.
_own = _Own()

USUAL_STARTS = frozenset(
    f'<?xml version="1.0" encoding="UTF-8"?><{letter}'.encode()
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
"""How documents of the contracts begin, up to the first letter of the root element: all of one length."""

USUAL_LENGTH = len(next(iter(USUAL_STARTS)))
"""Length of each of them."""

# A document in UTF-8 whose root element comes first, or right after the XML declaration (XML 1.0, section 2.8). It
# cannot have a document type declaration, which stands before the root, and so need not be searched for one. Of every
# other document the text is searched, which finds none in UTF-16, and then the tree is asked.
_PLAIN_START = re.compile(
    rb"""(?:<\?xml[ ]version=["']1\.0["'][ ]encoding=["'][Uu][Tt][Ff]-8["'][ ]?\?>)?[ \t\r\n]*<[A-Za-z_]"""
)


def _syntax_problem(error: etree.XMLSyntaxError) -> str:
    # libxml2's own words quote the document, which may hold a customer's number; the place is enough.
    line, column = error.position
    return f"not well-formed XML at line {line}, column {column}"
