"""Parsing: bytes become a tree, strictly and within limits."""

from __future__ import annotations

import re
import threading

from lxml import etree

from ._errors import InvalidMessage

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


def parse(data: bytes) -> etree._Element:
    """Root of a document, strictly parsed: no DTD, no entity, no network, no recovery, a limit on size and depth.

    Comments and processing instructions are dropped, so that the text around them is one text.
    Raises InvalidMessage.
    """
    if len(data) > MAX_BYTES:
        raise InvalidMessage("", f"larger than {MAX_BYTES} bytes")
    plain = data[:USUAL_LENGTH] in USUAL_STARTS or _has_plain_start(data) is not None
    if not plain and b"<!DOCTYPE" in data:
        raise InvalidMessage("", "a document type declaration is not accepted")
    try:
        root = etree.fromstring(data, _own.parser)
    except etree.XMLSyntaxError as error:
        raise InvalidMessage("", _syntax_problem(error)) from None
    except (ValueError, LookupError) as error:
        raise InvalidMessage("", f"not well-formed XML: {type(error).__name__}") from None
    if not plain and root.getroottree().docinfo.internalDTD is not None:
        raise InvalidMessage("", "a document type declaration is not accepted")
    return root


def may_have_attributes(data: bytes) -> bool:
    """Whether an element below the root may have an attribute; False where the bytes alone rule it out.

    An attribute has quotes. In a document that has none behind the start tag of its root no element need be looked at.
    """
    if data[:USUAL_LENGTH] in USUAL_STARTS:
        start = USUAL_LENGTH
    else:
        found = _has_plain_start(data)
        if found is None:
            return True
        start = found.end()
    end = data.find(b">", start)
    return data.find(b'"', end) >= 0 or data.find(b"'", end) >= 0


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
_has_plain_start = re.compile(
    rb"""(?:<\?xml[ ]version=["']1\.0["'][ ]encoding=["'][Uu][Tt][Ff]-8["'][ ]?\?>)?[ \t\r\n]*<[A-Za-z_]"""
).match


def _syntax_problem(error: etree.XMLSyntaxError) -> str:
    # libxml2's own words quote the document, which may hold a customer's number; the place is enough.
    line, column = error.position
    return f"not well-formed XML at line {line}, column {column}"
