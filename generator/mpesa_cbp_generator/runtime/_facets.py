"""Facets: what a simple type allows, and the rules that a value breaks."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from lxml import etree

from ._lexical import ZonedDate
from ._values import is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Facets:
    """What a simple type allows; None where nothing is said. Bounds are in the value's own Python type.

    ``builtin`` names an ``xs`` type whose texts libxml2 judges, ``bounds`` that type's bounds by facet name, for types
    that are strings here and have an order of their own, like durations. ``white_space`` is replace or collapse.
    """

    __slots__ = (
        "above", "below", "bounds", "builtin", "enumeration", "fixed", "fraction_digits", "length", "max_length",
        "maximum", "min_length", "minimum", "patterns", "total_digits", "white_space", "write",
    )  # fmt: skip

    def __init__(
        self,
        *,
        length: int | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        patterns: tuple[str, ...] = (),
        minimum: Any = None,
        maximum: Any = None,
        above: Any = None,
        below: Any = None,
        total_digits: int | None = None,
        fraction_digits: int | None = None,
        enumeration: tuple[Any, ...] = (),
        fixed: Any = None,
        builtin: str | None = None,
        bounds: tuple[tuple[str, str], ...] = (),
        white_space: str | None = None,
        write: Callable[[Any], str] | None = None,
    ) -> None:
        self.length = length
        self.min_length = min_length
        self.max_length = max_length
        self.patterns = patterns
        self.minimum = minimum
        self.maximum = maximum
        self.above = above
        self.below = below
        self.total_digits = total_digits
        self.fraction_digits = fraction_digits
        self.enumeration = enumeration
        self.fixed = fixed
        self.builtin = builtin
        self.bounds = bounds
        self.white_space = white_space
        self.write = write


_FIELDS = "__dataclass_fields__"
_STATED = ("length", "min_length", "max_length", "total_digits", "fraction_digits", "enumeration")
_BOUNDS = {
    "min_inclusive": ("minimum", "minInclusive"),
    "max_inclusive": ("maximum", "maxInclusive"),
    "min_exclusive": ("above", "minExclusive"),
    "max_exclusive": ("below", "maxExclusive"),
}


def facets_of(owner: type, field: str, *, lexical: bool = False, **derived: Any) -> Facets:
    """Facets of a field: those that the contract states for it, as the metadata of its class has them, and others.

    Bounds of a ``lexical`` type are texts; a bound that is stated goes before one of the built-in type.
    """
    stated: Mapping[str, Any] = getattr(owner, _FIELDS)[field].metadata
    found: dict[str, Any] = {name: stated[name] for name in _STATED if name in stated}
    if "pattern" in stated:
        pattern: Any = stated["pattern"]
        found["patterns"] = (pattern,) if isinstance(pattern, str) else pattern
    bounds: list[tuple[str, Any]] = [(name, stated[name]) for name in _BOUNDS if name in stated]
    if lexical:
        found["bounds"] = tuple((_BOUNDS[name][1], value) for name, value in bounds)
    else:
        found.update({_BOUNDS[name][0]: value for name, value in bounds})
    return Facets(**{**derived, **found})


def broken_rules(value: Any, facets: Facets, text: str | None) -> Iterator[str]:
    """Each rule that a value of the right type breaks; ``text`` is its lexical form where it is known."""
    if facets.white_space is not None and isinstance(value, str) and value != _normalised(value, facets.white_space):
        yield "may hold no line break and no tab" if facets.white_space == "replace" else "may hold single blanks only"
    yield from _lengths(value, facets)
    yield from _bounds(value, facets)
    if facets.enumeration and value not in facets.enumeration:
        yield f"must be one of {', '.join(map(str, facets.enumeration))}"
    if facets.fixed is not None and value != facets.fixed:
        yield f"must be {facets.fixed}"
    if facets.fraction_digits is not None or facets.total_digits is not None:
        yield from _digits(Decimal(value), facets)
    if not facets.patterns and facets.builtin is None and not facets.bounds:
        return
    written = text if text is not None else facets.write(value) if facets.write is not None else str(value)
    for pattern in facets.patterns:
        matched = matches("string", (("pattern", pattern),), written)
        if matched is None:
            yield f"is too long or too intricate to check against the pattern {pattern}"
        elif not matched:
            yield f"must match the pattern {pattern}"
    if facets.builtin is not None and matches(facets.builtin, (), written) is not True:
        yield f"must be a value of xs:{facets.builtin}"
    elif facets.bounds and matches(facets.builtin or "string", facets.bounds, written) is not True:
        yield f"must keep to {', '.join(f'{name} {bound}' for name, bound in facets.bounds)}"


def has_zone_of_its_own(value: object) -> bool:
    """Whether a time states a zone that XML Schema cannot: with seconds, or further than 14 hours from UTC."""
    if not isinstance(value, (datetime.datetime, datetime.time, ZonedDate)):
        return False
    offset = value.tzinfo.utcoffset(None) if isinstance(value, ZonedDate) else value.utcoffset()
    return offset is not None and (offset.total_seconds() % 60 != 0 or abs(offset) > datetime.timedelta(hours=14))


def _lengths(value: object, facets: Facets) -> Iterator[str]:
    if not isinstance(value, (str, bytes)) and not is_list(value):
        return
    size = len(value)
    if facets.length is not None and size != facets.length:
        yield f"must be {facets.length} long, not {size}"
    if facets.min_length is not None and size < facets.min_length:
        yield f"must be at least {facets.min_length} long, not {size}"
    if facets.max_length is not None and size > facets.max_length:
        yield f"must be at most {facets.max_length} long, not {size}"


def _bounds(value: Any, facets: Facets) -> Iterator[str]:
    if facets.minimum is not None and not _is_less(facets.minimum, value, equal=True):
        yield f"must be at least {facets.minimum}"
    if facets.maximum is not None and not _is_less(value, facets.maximum, equal=True):
        yield f"must be at most {facets.maximum}"
    if facets.above is not None and not _is_less(facets.above, value, equal=False):
        yield f"must be more than {facets.above}"
    if facets.below is not None and not _is_less(value, facets.below, equal=False):
        yield f"must be less than {facets.below}"


def _is_less(one: Any, other: Any, *, equal: bool) -> bool:
    """Order of two values; a time with a zone and one without are ordered where they are 14 hours apart.

    XML Schema part 2, section 3.2.7.4.
    """
    if isinstance(one, (datetime.date, datetime.time)):
        return _is_earlier(one, other, equal=equal)
    return bool(one <= other) if equal else bool(one < other)


def _is_earlier(one: Any, other: Any, *, equal: bool) -> bool:
    first, second = _moment(one), _moment(other)
    if (first.tzinfo is None) != (second.tzinfo is None):
        return first.replace(tzinfo=None) + _zone_shift(first) < second.replace(tzinfo=None) - _zone_shift(second)
    return first <= second if equal else first < second


def _moment(value: Any) -> datetime.datetime:
    """A date as its first moment, a time of day on an ordinary day."""
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.time):
        return datetime.datetime.combine(datetime.date(2000, 1, 2), value)
    return datetime.datetime.combine(value, datetime.time(tzinfo=getattr(value, "tzinfo", None)))


def _zone_shift(value: datetime.datetime) -> datetime.timedelta:
    """What takes a moment to UTC at the latest: its own offset, or 14 hours where it states none."""
    offset = value.utcoffset()
    return datetime.timedelta(hours=14) if offset is None else -offset


def _digits(value: Decimal, facets: Facets) -> Iterator[str]:
    sign, digits, exponent = value.as_tuple()
    del sign
    text = "".join(map(str, digits)) + "0" * max(0, int(exponent))
    places = max(0, -int(exponent))
    # Noughts at the end of the decimal places are no digits of the value.
    trimmed = text.rstrip("0") if places else text
    dropped = min(places, len(text) - len(trimmed))
    text, places = text[: len(text) - dropped], places - dropped
    if facets.fraction_digits is not None and places > facets.fraction_digits:
        yield f"must have at most {facets.fraction_digits} decimal places, not {places}"
    if facets.total_digits is not None and len(text.lstrip("0")) > facets.total_digits:
        yield f"must have at most {facets.total_digits} digits, not {len(text.lstrip('0'))}"


def _normalised(value: str, white_space: str) -> str:
    replaced = value.replace("\t", " ").replace("\n", " ").replace("\r", " ")
    if white_space == "replace":
        return replaced
    return " ".join(part for part in replaced.split(" ") if part)


MAX_PATTERN_TEXT = 10_000
"""Longest text that is matched against a pattern of the contract."""


def matches(builtin: str, facets: tuple[tuple[str, str], ...], value: str) -> bool | None:
    """Whether a text is one of an ``xs`` type with these facets; None where that cannot be told in bounded time.

    libxml2 judges: its expressions are XML Schema's own, and it gives up on an explosion of states.
    """
    if len(value) > MAX_PATTERN_TEXT:
        return None
    element = etree.Element("value")
    element.text = value
    try:
        return bool(_schema(builtin, facets).validate(element))
    except etree.XMLSchemaValidateError:
        return None


_SCHEMAS: dict[tuple[str, tuple[tuple[str, str], ...]], etree.XMLSchema] = {}


def _schema(builtin: str, facets: tuple[tuple[str, str], ...]) -> etree.XMLSchema:
    known = _SCHEMAS.get((builtin, facets))
    if known is not None:
        return known
    xs = "{http://www.w3.org/2001/XMLSchema}"
    schema = etree.Element(f"{xs}schema", nsmap={"xs": xs[1:-1]})
    simple = etree.SubElement(etree.SubElement(schema, f"{xs}element", name="value"), f"{xs}simpleType")
    restriction = etree.SubElement(simple, f"{xs}restriction", base=f"xs:{builtin}")
    for name, value in facets:
        etree.SubElement(restriction, f"{xs}{name}", value=value)
    # The types and facets are those of the contract: few, and known beforehand.
    return _SCHEMAS.setdefault((builtin, facets), etree.XMLSchema(schema))
