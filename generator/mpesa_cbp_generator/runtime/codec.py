"""What the compiled codecs of this package share: strict parsing, lexical forms, escaping and checking.

Reading is tolerant unless told to be strict; what was met is kept in ``Reading``. Writing follows the contract.
Not meant to be imported by users, but for the exceptions and ``Reading``.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, TypeVar, cast

from lxml import etree

MAX_BYTES = 16 * 1024 * 1024
"""Largest document that is read."""

XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NIL = f"{{{XSI}}}nil"
XSI_TYPE = f"{{{XSI}}}type"
NIL_ATTRIBUTE = f' xmlns:xsi="{XSI}" xsi:nil="true"'
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

_T = TypeVar("_T")
_E = TypeVar("_E", bound=Enum)


class CodecError(ValueError):
    """Base of what the codecs raise."""


class InvalidMessage(CodecError):
    """A document cannot be read. ``path`` leads to the element; no value of the document is in the text."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.problem)


class InvalidValue(CodecError):
    """An object cannot be written as the contract wants it; ``problems`` tells each as path and rule."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


# -- parsing ----------------------------------------------------------------------------------------------------


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
    if b"<!DOCTYPE" in data:
        raise InvalidMessage("", "a document type declaration is not accepted")
    try:
        root = etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError as error:
        raise InvalidMessage("", _syntax_problem(error)) from None
    except (ValueError, LookupError) as error:
        raise InvalidMessage("", f"not well-formed XML: {type(error).__name__}") from None
    if not data.startswith(_PLAIN_STARTS) and root.getroottree().docinfo.internalDTD is not None:
        raise InvalidMessage("", "a document type declaration is not accepted")
    return root


_PARSER = _new_parser()

# Documents that start like this are in UTF-8, where the search for a document type above cannot be deceived.
_PLAIN_STARTS = tuple(
    f"<?xml version={quote}1.0{quote} encoding={quote}UTF-8{quote}".encode() for quote in ("'", '"')
)

new = object.__new__


def _syntax_problem(error: etree.XMLSyntaxError) -> str:
    line, column = error.position
    # libxml2's own words quote the document, which may hold a customer's number; the kind of error is enough.
    kind = etree.ErrorTypes._getName(error.code, "syntax error") if error.code else "syntax error"
    return f"not well-formed XML at line {line}, column {column} ({kind.lower()})"


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

    def normalise(self, element: etree._Element, names: Mapping[str, str]) -> None:
        """Give children known by another name or namespace the contract's, take unknown ones out and note them.

        ``names`` maps local names and aliases to Clark names.
        """
        known = frozenset(names.values())
        for child in list(element):
            tag = child.tag
            if tag in known:
                continue
            name = local(tag)
            target = names.get(name)
            if target is None:
                self.unknown_element(child)
                continue
            if name != local(target):
                self.deviates("element-alias", child)
            self._namespace(child, tag, target)
            child.tag = target

    def unknown_element(self, child: etree._Element) -> None:
        """Note an element that the contract does not have, and take it out of the tree."""
        if self.strict:
            self.refuse(child, "is not in the contract")
        self.unknown.append(path_of(child))
        parent = child.getparent()
        if parent is not None:
            parent.remove(child)

    def misplaced(self, child: etree._Element, *, single: bool) -> None:
        """Note an element out of order; refuse a second one where the contract allows one."""
        if single:
            for _ in child.itersiblings(child.tag, preceding=True):
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
        except (ValueError, InvalidOperation, OverflowError):
            if not text.strip() and not self.strict:
                self.deviates("empty-value", element)
                return None
            raise InvalidMessage(path, f"is not a valid {read.__name__.removeprefix('read_')}") from None

    def attribute(self, element: etree._Element, name: str, read: Callable[[str], _T]) -> _T | None:
        """Typed value of an attribute, None where it is absent."""
        text = element.get(name)
        return None if text is None else self.lexical(element, text, read, name=local(name))

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
        if len(element) or any(not name.startswith(f"{{{XSI}}}") for name in element.attrib):
            return element
        return self.text(element)


# -- lexical forms, reading ---------------------------------------------------------------------------------------

_INTEGER = re.compile(r"[+-]?[0-9]+").fullmatch
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)").fullmatch
_FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
_ZONE = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_DATE = re.compile(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}}){_ZONE}").fullmatch
_TIME = re.compile(rf"([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}})(?:\.([0-9]{{1,6}})0*)?{_ZONE}").fullmatch
_MAX_DIGITS = 1000


def read_text(text: str) -> str:
    """A string as it stands."""
    return text


def read_token(text: str) -> str:
    """A string in which runs of blanks count as one."""
    return " ".join(text.split(" ")) if text.isalnum() else " ".join(text.split())


def read_integer(text: str) -> int:
    """An integer of XML Schema: ASCII digits with an optional sign."""
    text = text.strip()
    if not _INTEGER(text) or len(text) > _MAX_DIGITS:
        raise ValueError("not an integer")
    return int(text)


def read_decimal(text: str) -> Decimal:
    """A decimal number without exponent."""
    text = text.strip()
    if not _DECIMAL(text) or len(text) > _MAX_DIGITS:
        raise ValueError("not a decimal")
    return Decimal(text)


def read_float(text: str) -> float:
    """A floating point number, INF, -INF or NaN."""
    text = text.strip()
    special = {"INF": math.inf, "+INF": math.inf, "-INF": -math.inf, "NaN": math.nan}.get(text)
    if special is not None:
        return special
    if not _FLOAT(text):
        raise ValueError("not a float")
    return float(text)


def read_boolean(text: str) -> bool:
    """True, false, 1 or 0."""
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.strip())
    if value is None:
        raise ValueError("not a boolean")
    return value


def _zone(text: str | None) -> datetime.timezone | None:
    if text is None:
        return None
    if text == "Z":
        return datetime.timezone.utc
    sign = -1 if text[0] == "-" else 1
    return datetime.timezone(sign * datetime.timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def read_datetime(text: str) -> datetime.datetime:
    """A dateTime: aware where it states a zone, naive where it does not."""
    day, _, clock = text.strip().partition("T")
    time = read_time(clock)
    return datetime.datetime.combine(read_date(day), time)


def read_date(text: str) -> datetime.date:
    """A date; one with a zone is refused, since a Python date cannot keep it."""
    found = _DATE(text.strip())
    if found is None or found[4] is not None:
        raise ValueError("not a date")
    return datetime.date(int(found[1]), int(found[2]), int(found[3]))


def read_time(text: str) -> datetime.time:
    """A time of day to the microsecond, with its zone if it states one."""
    found = _TIME(text.strip())
    if found is None:
        raise ValueError("not a time")
    micro = int((found[4] or "0").ljust(6, "0"))
    return datetime.time(int(found[1]), int(found[2]), int(found[3]), micro, _zone(found[5]))


def read_base64(text: str) -> bytes:
    """Bytes in base64; line breaks and blanks in it mean nothing."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def read_hex(text: str) -> bytes:
    """Bytes as hexadecimal digits."""
    return binascii.unhexlify(text.strip())


def enumeration_reader(members: type[_E], read: Callable[[str], object]) -> Callable[[str], _E]:
    """Function that reads a member of an enumeration by its value."""

    def read_member(text: str) -> _E:
        return members(read(text))

    read_member.__name__ = f"read_{members.__name__}"
    return read_member


def list_reader(read: Callable[[str], _T]) -> Callable[[str], list[_T]]:
    """Function that reads a list of blank-separated values."""

    def read_list(text: str) -> list[_T]:
        return [read(item) for item in text.split()]

    return read_list


def union_reader(*readers: Callable[[str], Any]) -> Callable[[str], Any]:
    """Function that reads a union: the first member type that accepts the text wins, as XML Schema has it."""

    def read_union(text: str) -> Any:
        for read in readers:
            try:
                return read(text)
            except (ValueError, InvalidOperation):
                continue
        raise ValueError("no member type of the union accepts it")

    return read_union


# -- lexical forms, writing ---------------------------------------------------------------------------------------

# What must be escaped in text and attribute values, and every character that XML 1.0 (section 2.2) does not allow.
_SPECIAL = re.compile("[&<>\"\t\n\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
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


token_text = text


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


def decimal_text(value: Decimal) -> str:
    """A finite Decimal without exponent."""
    if value.__class__ is not Decimal or not value.is_finite():
        raise TypeError("not a finite Decimal")
    return format(value, "f")


def float_text(value: float) -> str:
    """A float in the form of XML Schema."""
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    return "NaN" if math.isnan(value) else repr(float(value))


def boolean_text(value: bool) -> str:
    """``true`` or ``false``."""
    if value.__class__ is not bool:
        raise TypeError("not a bool")
    return "true" if value else "false"


def datetime_text(value: datetime.datetime) -> str:
    """A datetime, its zone written where it has one."""
    return datetime.datetime.isoformat(value)


def date_text(value: datetime.date) -> str:
    """A date."""
    if isinstance(value, datetime.datetime):
        raise TypeError("not a date")
    return datetime.date.isoformat(value)


def time_text(value: datetime.time) -> str:
    """A time of day."""
    return datetime.time.isoformat(value)


def base64_text(value: bytes) -> str:
    """Bytes in base64 on one line."""
    return base64.b64encode(value).decode("ascii")


def hex_text(value: bytes) -> str:
    """Bytes as upper-case hexadecimal digits."""
    return value.hex().upper()


def union_text(value: object) -> str:
    """A value of a union, written by its Python type, unescaped."""
    if isinstance(value, Enum):
        return union_text(value.value)
    if isinstance(value, str):
        return value
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    raise TypeError("not a value of the union")


_WRITERS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, boolean_text),
    (int, integer_text),
    (Decimal, decimal_text),
    (float, float_text),
    (datetime.datetime, datetime_text),
    (datetime.date, date_text),
    (datetime.time, time_text),
    (bytes, base64_text),
)


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


def read_mixed(element: etree._Element) -> list[object]:
    """Mixed content of an element: texts and lxml elements in their order."""
    content: list[object] = [element.text] if element.text else []
    for child in element:
        content.append(child)
        if child.tail:
            content.append(child.tail)
    return content


def any_attributes_text(values: Mapping[str, str]) -> str:
    """Attributes that the contract does not name, by Clark name."""
    written = []
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


# -- checking -----------------------------------------------------------------------------------------------------


class Facets(NamedTuple):
    """What a simple type allows; None where nothing is said. Bounds are in the value's own Python type."""

    length: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    patterns: tuple[str, ...] = ()
    minimum: Any = None
    maximum: Any = None
    above: Any = None
    below: Any = None
    total_digits: int | None = None
    fraction_digits: int | None = None
    enumeration: tuple[Any, ...] = ()
    fixed: Any = None


class Checking:
    """Collects what is wrong with an object: path and rule, the value only where it is not sensitive."""

    __slots__ = ("problems",)

    def __init__(self) -> None:
        self.problems: list[str] = []

    def add(self, path: str, rule: str, value: object = None, *, sensitive: bool = False) -> None:
        """Note one problem."""
        shown = "" if value is None or sensitive else f", not {_shortened(value)}"
        self.problems.append(f"{path}: {rule}{shown}")

    def value(
        self,
        path: str,
        value: object,
        kinds: tuple[type, ...],
        facets: Facets | None = None,
        *,
        required: bool = False,
        sensitive: bool = False,
    ) -> None:
        """Check one simple value: presence, type, facets and characters."""
        if value is None:
            if required:
                self.add(path, "is required and missing")
            return
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            self.add(path, f"must be {wanted}, not {type(value).__name__}")
            return
        if isinstance(value, str) and _ILLEGAL(value):
            self.add(path, "holds a character that XML does not allow")
        if facets is not None:
            self._facets(path, value, facets, sensitive)

    def occurrences(self, path: str, value: object, least: int, most: int) -> bool:
        """Check how often an element stands; False where the value is no list."""
        if not isinstance(value, list):
            self.add(path, f"must be list, not {type(value).__name__}")
            return False
        if len(value) < least:
            self.add(path, f"must stand at least {least} times, not {len(value)}")
        if most >= 0 and len(value) > most:
            self.add(path, f"must stand at most {most} times, not {len(value)}")
        return True

    def choice(self, path: str, names: tuple[str, ...], *values: object) -> None:
        """Check that at most one alternative of a choice is given."""
        given = [name for name, value in zip(names, values, strict=True) if value is not None]
        if len(given) > 1:
            self.add(path, f"only one of {', '.join(names)} may be given, not {' and '.join(given)}")

    def _facets(self, path: str, value: Any, facets: Facets, sensitive: bool) -> None:
        def problem(rule: str) -> None:
            self.add(path, rule, value, sensitive=sensitive)

        if isinstance(value, (str, bytes, list)):
            size = len(value)
            if facets.length is not None and size != facets.length:
                problem(f"must be {facets.length} long, not {size}")
            if facets.min_length is not None and size < facets.min_length:
                problem(f"must be at least {facets.min_length} long, not {size}")
            if facets.max_length is not None and size > facets.max_length:
                problem(f"must be at most {facets.max_length} long, not {size}")
        if facets.minimum is not None and not value >= facets.minimum:
            problem(f"must be at least {facets.minimum}")
        if facets.maximum is not None and not value <= facets.maximum:
            problem(f"must be at most {facets.maximum}")
        if facets.above is not None and not value > facets.above:
            problem(f"must be more than {facets.above}")
        if facets.below is not None and not value < facets.below:
            problem(f"must be less than {facets.below}")
        if facets.enumeration and value not in facets.enumeration:
            problem(f"must be one of {', '.join(map(str, facets.enumeration))}")
        if facets.fixed is not None and value != facets.fixed:
            problem(f"must be {facets.fixed}")
        if isinstance(value, (int, Decimal)):
            self._digits(path, value, facets)
        for pattern in facets.patterns:
            matched = matches(pattern, value if isinstance(value, str) else union_text(value))
            if matched is None:
                self.add(path, f"is too long or too intricate to check against the pattern {pattern}")
            elif not matched:
                problem(f"must match the pattern {pattern}")

    def _digits(self, path: str, value: int | Decimal, facets: Facets) -> None:
        _, digits, exponent = Decimal(value).as_tuple()
        places = max(0, -exponent) if isinstance(exponent, int) else 0
        if facets.fraction_digits is not None and places > facets.fraction_digits:
            self.add(path, f"must have at most {facets.fraction_digits} decimal places, not {places}")
        if facets.total_digits is not None and len(digits) > facets.total_digits:
            self.add(path, f"must have at most {facets.total_digits} digits, not {len(digits)}")


def _shortened(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


MAX_PATTERN_TEXT = 10_000
"""Longest text that is matched against a pattern of the contract."""


def matches(pattern: str, value: str) -> bool | None:
    """Whether a text matches a pattern of XML Schema; None where that cannot be told in bounded time.

    libxml2 does the matching: its expressions are XML Schema's own, and it gives up on an explosion of states.
    """
    if len(value) > MAX_PATTERN_TEXT:
        return None
    element = etree.Element("value")
    element.text = value
    try:
        return bool(_pattern_schema(pattern).validate(element))
    except etree.XMLSchemaValidateError:
        return None


@lru_cache(maxsize=256)
def _pattern_schema(pattern: str) -> etree.XMLSchema:
    xs = "{http://www.w3.org/2001/XMLSchema}"
    schema = etree.Element(f"{xs}schema", nsmap={"xs": xs[1:-1]})
    simple = etree.SubElement(etree.SubElement(schema, f"{xs}element", name="value"), f"{xs}simpleType")
    restriction = etree.SubElement(simple, f"{xs}restriction", base="xs:string")
    etree.SubElement(restriction, f"{xs}pattern", value=pattern)
    return etree.XMLSchema(schema)


def not_writable(check: Callable[[Any, str, Checking], None], value: object, name: str, error: Exception) -> InvalidValue:
    """The error for an object that could not be written: where the trouble is, found by checking it."""
    checking = Checking()
    check(value, name, checking)
    return InvalidValue(tuple(checking.problems) or (f"{name}: {type(error).__name__} while writing",))


def validated(check: Callable[[Any, str, Checking], None], value: object, name: str) -> None:
    """Raise InvalidValue with everything that is wrong with an object."""
    checking = Checking()
    check(value, name, checking)
    if checking.problems:
        raise InvalidValue(tuple(checking.problems))


def required(value: _T | None) -> _T:
    """A value that the contract requires. Raises TypeError where it is absent."""
    if value is None:
        raise TypeError("missing")
    return cast("_T", value)
