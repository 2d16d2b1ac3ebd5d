"""Reading: what the compiled readers share.

Reading is tolerant unless told to be strict; what was met is kept in ``Reading``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter

from lxml import etree

from ._errors import InvalidMessage
from ._values import BLANKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, TypeVar

    from ._content import Content

    _T = TypeVar("_T")

XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NIL = f"{{{XSI}}}nil"
XSI_TYPE = f"{{{XSI}}}type"

new = object.__new__

children: Callable[[etree._Element], list[etree._Element]] = itemgetter(slice(None))
"""All children of an element; it takes less than half of the time of an iteration over them."""


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
    ``attributes`` is False where no element below the root has one, as ``parse`` finds out: none need be asked then.
    """

    __slots__ = ("_deviations", "attributes", "strict", "unknown")

    def __init__(self, *, strict: bool = False) -> None:
        self.strict: bool = strict
        self.attributes: bool = True
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

    def once(self, child: etree._Element, places: Mapping[str, int], names: Mapping[str, str]) -> None:
        """Refuse an element, known by any of its names, that stands before ``child`` too."""
        full = child.tag if child.tag in places else names[local(child.tag)]
        for other in child.itersiblings(etree.Element, preceding=True):
            if (other.tag if other.tag in places else names.get(local(other.tag))) == full:
                self.repeated(child)

    def misplaced(self, child: etree._Element, places: Mapping[str, int], names: Mapping[str, str]) -> None:
        """Note an element out of order, and refuse a second one."""
        self.once(child, places, names)
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
        if not _is_true(nil):
            return False
        if not nillable:
            self.deviates("nil", element)
        return True

    def empty_if_nil(self, element: etree._Element) -> None:
        """Refuse an element that says ``nil`` and holds something: which of the two is meant would be a guess.

        Blanks, as indenting leaves them, are nothing except in strict mode (XML Schema part 1, 3.3.4).
        """
        text = element.text or ""
        if not len(element) and not (text if self.strict else text.strip(BLANKS)):
            return
        if _is_true(element.get(_NIL)) or (not self.strict and _is_true(element.get("nil"))):
            self.refuse(element, "is nil and holds something")

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
            prefix, _, plain = text.strip(BLANKS).rpartition(":")
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


def _is_true(value: str | None) -> bool:
    return value is not None and value.strip() in ("true", "1")


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
