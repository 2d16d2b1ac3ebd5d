"""Reading: strict parsing, and what the compiled readers share.

Reading is tolerant unless told to be strict; what was met is kept in ``Reading``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum

from lxml import etree

from ._errors import InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, TypeVar

    from ._content import Content

    _T = TypeVar("_T")
    _E = TypeVar("_E", bound=Enum)

MAX_BYTES = 16 * 1024 * 1024
"""Largest document that is read."""

XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NIL = f"{{{XSI}}}nil"
XSI_TYPE = f"{{{XSI}}}type"

new = object.__new__


def _new_parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )


def parse(data: bytes) -> etree._Element:
    """Root of a document, strictly parsed: no DTD, no entity, no network, no recovery, a limit on size and depth.

    Comments and processing instructions are dropped, so that the text around them is one text.
    Raises InvalidMessage.
    """
    if len(data) > MAX_BYTES:
        raise InvalidMessage("", f"larger than {MAX_BYTES} bytes")
    plain = _has_plain_start(data) is not None
    if not plain and b"<!DOCTYPE" in data:
        raise InvalidMessage("", "a document type declaration is not accepted")
    try:
        root = etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError as error:
        raise InvalidMessage("", _syntax_problem(error)) from None
    except (ValueError, LookupError) as error:
        raise InvalidMessage("", f"not well-formed XML: {type(error).__name__}") from None
    if not plain and root.getroottree().docinfo.internalDTD is not None:
        raise InvalidMessage("", "a document type declaration is not accepted")
    return root


_PARSER = _new_parser()

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


def local(tag: str) -> str:
    """Local part of a Clark name."""
    return tag.rpartition("}")[2]


def path_of(element: etree._Element) -> str:
    """Local names from the root down to an element, joined by ``/``."""
    names = [local(element.tag)]
    names.extend(local(ancestor.tag) for ancestor in element.iterancestors())
    return "/".join(reversed(names))


class Reading:
    """How a document is read, and what was met in it.

    ``deviations`` names each departure from the contract that was tolerated, ``unknown`` lists the paths of elements
    that the contract does not have. In strict mode neither is tolerated, and blanks are kept.
    """

    __slots__ = ("_deviations", "strict", "unknown")

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.unknown: list[str] = []
        self._deviations: dict[str, None] = {}

    @property
    def deviations(self) -> tuple[str, ...]:
        """Names of the deviations in the order in which they were met first."""
        return tuple(self._deviations)

    def deviates(self, name: str, element: etree._Element | None = None) -> None:
        """Note a deviation; in strict mode refuse it."""
        if self.strict:
            raise InvalidMessage(path_of(element) if element is not None else "", f"deviates from the contract: {name}")
        self._deviations[name] = None

    def refuse(self, element: etree._Element, problem: str) -> NoReturn:
        """Raise InvalidMessage for an element."""
        raise InvalidMessage(path_of(element), problem)

    def root(self, element: etree._Element, tag: str, aliases: tuple[str, ...] = ()) -> None:
        """Accept a root element, or refuse it: by exact name, or in tolerant mode by local name and alias."""
        found = element.tag
        if found == tag:
            return
        name, expected = local(found), local(tag)
        if name != expected and name not in aliases:
            self.refuse(element, f"root element is not {expected}")
        if name.lower() == expected.lower() and name != expected:
            self.deviates("root-case", element)
        elif name != expected:
            self.deviates("element-alias", element)
        self._namespace(element, found, tag)

    def _namespace(self, element: etree._Element, found: str, tag: str) -> None:
        if found.rpartition("}")[0] != tag.rpartition("}")[0]:
            self.deviates("other-namespace" if found.startswith("{") else "no-namespace", element)

    def place(self, child: etree._Element, places: Mapping[str, int], names: Mapping[str, str]) -> int:
        """Place of a child that does not bear its full name: known by local name or alias, else noted as unknown.

        ``places`` says which child of its class a full name is, counted from 1; ``names`` gives the full name for a
        local name or alias. Returns 0 for an unknown element.
        """
        tag = child.tag
        name = local(tag)
        target = names.get(name)
        if target is None:
            self.unknown_element(child)
            return 0
        if not target.endswith(name) or name != local(target):
            self.deviates("element-alias", child)
        self._namespace(child, tag, target)
        return places[target]

    def unknown_element(self, child: etree._Element) -> None:
        """Note an element that the contract does not have; in strict mode refuse it."""
        if self.strict:
            self.refuse(child, "is not in the contract")
        self.unknown.append(path_of(child))

    def misplaced(self, child: etree._Element, places: Mapping[str, int], names: Mapping[str, str]) -> None:
        """Note an element out of order; refuse a second one, since the contract allows one."""
        full = child.tag if child.tag in places else names[local(child.tag)]
        for other in child.itersiblings(preceding=True):
            if (other.tag if other.tag in places else names.get(local(other.tag))) == full:
                self.repeated(child)
        self.deviates("element-order", child)

    def repeated(self, child: etree._Element) -> NoReturn:
        """Refuse a second occurrence: which of the two values is meant would be a guess."""
        self.refuse(child, "stands more than once where the contract allows one")

    def missing(self, element: etree._Element, name: str) -> InvalidMessage:
        """The error for a required element or attribute that is absent."""
        return InvalidMessage(f"{path_of(element)}/{name}", "is required and missing")

    def absent(self, element: etree._Element) -> None:
        """Note a required element whose absence is tolerated."""
        self.deviates("missing-element", element)

    def is_nil(self, element: etree._Element, *, nillable: bool) -> bool:
        """Whether an element says ``nil``, in the schema instance namespace or, tolerantly, in none."""
        nil = element.get(_NIL)
        if nil is None:
            nil = element.get("nil")
            if nil is None or self.strict:
                return False
        if nil.strip() not in ("true", "1"):
            return False
        if not nillable:
            self.deviates("nil", element)
        return True

    def text(self, element: etree._Element) -> str:
        """Text of a leaf, for the cases that the compiled fast path leaves: empty, nil, not a leaf."""
        if len(element):
            self.refuse(element, "holds elements where text is expected")
        if self.is_nil(element, nillable=False):
            return ""
        return element.text or ""

    def trimmed(self, element: etree._Element) -> str:
        """As ``text``; in tolerant mode without the blanks around it."""
        value = self.text(element)
        if self.strict:
            return value
        stripped = value.strip()
        if stripped != value:
            self.deviates("blank-padding", element)
        return stripped

    def value(
        self,
        element: etree._Element,
        read: Callable[[str], _T],
        *,
        values: Mapping[str, str] | None = None,
        default: str | None = None,
    ) -> _T | None:
        """Typed value of a leaf; None where it is empty, which strict mode refuses.

        ``values`` maps other spellings, ``default`` stands for an empty element.
        """
        text = self.text(element)
        if default is not None and text == "":
            text = default
        return self.lexical(element, text, read, values)

    def lexical(
        self,
        element: etree._Element,
        text: str,
        read: Callable[[str], _T],
        values: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> _T | None:
        """Typed value of a text; ``name`` is the attribute that it comes from."""
        path = path_of(element) + (f"/@{name}" if name else "")
        if values is not None and text.strip() in values:
            self.deviates("value-spelling", element)
            text = values[text.strip()]
        try:
            return read(text)
        except (ValueError, ArithmeticError):
            if not text.strip() and not self.strict:
                self.deviates("empty-value", element)
                return None
            raise InvalidMessage(path, f"is not a valid {read.__name__.removeprefix('read_')}") from None

    def attribute(self, element: etree._Element, name: str, read: Callable[[str], _T]) -> _T | None:
        """Typed value of an attribute, None where it is absent."""
        text = element.get(name)
        return None if text is None else self.lexical(element, text, read, name=local(name))

    def own_type(self, element: etree._Element, name: str | None) -> None:
        """Refuse in strict mode an ``xsi:type`` that is not the type of that Clark name, and names none derived."""
        stated = self.type_name(element)
        if stated is not None and stated != name:
            self.deviates("other-type", element)

    def content(self, element: etree._Element, content: Content, names: list[str]) -> list[str]:
        """What ``element_order`` must hold for elements that stand in that order; in strict mode only a right one."""
        problem = content.problem(names)
        if problem is not None:
            if self.strict:
                self.refuse(element, problem)
            self.deviates("element-order", element)
        return content.recorded(names)

    def qualified(self, element: etree._Element, text: str, name: str | None = None) -> etree.QName | None:
        """A prefixed name, its prefix resolved at its element; ``name`` is the attribute that it comes from."""

        def read_qname(text: str) -> etree.QName:
            prefix, _, plain = text.strip(_BLANKS).rpartition(":")
            namespace = element.nsmap.get(prefix or None)
            if prefix and namespace is None:
                raise ValueError("prefix is not declared")
            return etree.QName(namespace, plain)

        return self.lexical(element, text, read_qname, name=name)

    def type_name(self, element: etree._Element) -> str | None:
        """Clark name that ``xsi:type`` states, or None."""
        value = element.get(XSI_TYPE)
        if value is None:
            return None
        prefix, _, name = value.strip().rpartition(":")
        namespace = element.nsmap.get(prefix or None)
        return f"{{{namespace}}}{name}" if namespace else name

    def any_text(self, element: etree._Element) -> object:
        """Content of an element without a declared type: its text, or the element itself where it holds more."""
        if len(element) or any(not str(name).startswith(f"{{{XSI}}}") for name in element.attrib):
            return element
        return self.text(element)


# -- lexical forms ------------------------------------------------------------------------------------------------

_INTEGER = re.compile(r"[+-]?[0-9]{1,1000}").fullmatch


def read_text(text: str) -> str:
    """A string as it stands."""
    return text


def read_token(text: str) -> str:
    """A string in which runs of blanks count as one."""
    # In ASCII, XML's blanks are the only ones that a document can hold; elsewhere split knows more than XML does.
    parts = text.split() if text.isascii() else text.translate(_LINE_BLANKS).split(" ")
    return " ".join([part for part in parts if part])


_BLANKS = " \t\r\n"
_LINE_BLANKS = {ord(char): " " for char in "\t\r\n"}


def read_normalized(text: str) -> str:
    """A string in which a line break or tab counts as a blank."""
    return text.translate(_LINE_BLANKS)


def read_integer(text: str) -> int:
    """An integer of XML Schema: ASCII digits with an optional sign."""
    text = text.strip(_BLANKS)
    if not _INTEGER(text):
        raise ValueError("not an integer")
    return int(text)


def read_boolean(text: str) -> bool:
    """True, false, 1 or 0."""
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.strip(_BLANKS))
    if value is None:
        raise ValueError("not a boolean")
    return value


def enumeration_reader(members: type[_E], read: Callable[[str], object]) -> Callable[[str], _E]:
    """Function that reads a member of an enumeration by its value."""

    def read_member(text: str) -> _E:
        return members(read(text))

    read_member.__name__ = f"read_{members.__name__}"
    return read_member


def other_attributes(element: etree._Element, known: tuple[str, ...]) -> dict[str, str]:
    """Attributes that the contract does not name, by Clark name; those of the schema instance namespace left out."""
    found = {str(name): str(value) for name, value in element.attrib.items()}
    return {name: value for name, value in found.items() if name not in known and not name.startswith(f"{{{XSI}}}")}


def read_mixed(element: etree._Element) -> list[object]:
    """Mixed content of an element: texts and lxml elements in their order."""
    content: list[object] = [element.text] if element.text else []
    for child in element:
        content.append(child)
        if child.tail:
            content.append(child.tail)
    return content
