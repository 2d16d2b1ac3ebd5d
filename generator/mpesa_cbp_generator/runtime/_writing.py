"""Writing: escaping, and what the compiled writers share."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _T = TypeVar("_T")

NIL_ATTRIBUTE = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

# What must be escaped in text and attribute values, and every character that XML 1.0 (section 2.2) does not allow.
_SPECIAL = re.compile('[&<>"\t\n\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]').search
_TEXT_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
_TEXT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


def text(value: str) -> str:
    """A string as element content. Raises ValueError for a character that XML does not allow."""
    # Printable characters are all allowed; these tests cost a fraction of the expression's search on long values.
    if value.isprintable() and "&" not in value and "<" not in value and ">" not in value:
        return value
    if _TEXT_SPECIAL(value) is None:
        return value
    return _escaped(value, _TEXT_ESCAPES)


def attribute_text(value: str) -> str:
    """A string as an attribute's value between double quotes."""
    if _SPECIAL(value) is None:
        return value
    return _escaped(value, _ATTRIBUTE_ESCAPES)


def _escaped(value: str, escapes: Mapping[int, str]) -> str:
    if _ILLEGAL(value):
        raise ValueError("a character that XML does not allow")
    return value.translate(escapes)


def integer_text(value: int) -> str:
    """An integer; a bool is none."""
    if value.__class__ is not int:
        raise TypeError("not an int")
    return str(value)


def boolean_text(value: bool) -> str:
    """``true`` or ``false``."""
    if value.__class__ is not bool:
        raise TypeError("not a bool")
    return "true" if value else "false"


def any_content(name: str, namespace: str, start: str, value: object) -> str:
    """An element without a declared type: from text, or from an lxml element of just that name."""
    if isinstance(value, str):
        return f"<{start}>{text(value)}</{start.partition(' ')[0]}>"
    return element_text(value, f"{{{namespace}}}{name}" if namespace else name)


def element_text(value: object, tag: str | None = None) -> str:
    """An lxml element as text with its own namespace declarations."""
    if not isinstance(value, etree._Element):
        raise TypeError("not an lxml element")
    if tag is not None and value.tag != tag:
        raise TypeError("an lxml element of another name")
    written = etree.tostring(value, encoding="unicode", with_tail=False)
    if not value.prefix and not value.tag.startswith("{") and " xmlns=" not in written.partition(">")[0]:
        # In the scope of a default namespace, an element of no namespace must say so.
        head = f"<{value.tag}"
        written = f'{head} xmlns=""{written[len(head) :]}'
    return written


def mixed_content(values: list[object]) -> str:
    """Mixed content: texts and lxml elements in their order."""
    return "".join(text(item) if isinstance(item, str) else element_text(item) for item in values)


def any_attributes_text(values: Mapping[str, str]) -> str:
    """Attributes that the contract does not name, by Clark name."""
    written: list[str] = []
    for number, (name, value) in enumerate(values.items()):
        if name.startswith("{"):
            namespace, _, plain = name[1:].partition("}")
            declared = f' xmlns:a{number}="{attribute_text(namespace)}"'
            prefixed = plain if not namespace else f"a{number}:{plain}"
            if namespace == "http://www.w3.org/XML/1998/namespace":
                declared, prefixed = "", f"xml:{plain}"
            written.append(f'{declared} {prefixed}="{attribute_text(value)}"')
        else:
            written.append(f' {name}="{attribute_text(value)}"')
    return "".join(written)


def required(value: _T | None) -> _T:
    """A value that the contract requires. Raises TypeError where it is absent."""
    if value is None:
        raise TypeError("missing")
    return value


def qname_declaration(value: etree.QName, prefix: str) -> str:
    """Declaration of the prefix under which a qualified name is written; empty where it has no namespace."""
    return f' xmlns:{prefix}="{attribute_text(value.namespace)}"' if value.namespace else ""


def qname_text(value: etree.QName, prefix: str) -> str:
    """A qualified name as text, behind its prefix."""
    return f"{prefix}:{value.localname}" if value.namespace else value.localname
