"""Checking: what the contract's rules say against an object, all problems at once."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from ._errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search


class Facets:
    """What a simple type allows; None where nothing is said. Bounds are in the value's own Python type."""

    __slots__ = (
        "above", "below", "enumeration", "fixed", "fraction_digits", "length", "max_length", "maximum",
        "min_length", "minimum", "patterns", "total_digits",
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


class Checking:
    """Collects what is wrong with an object: path and rule, the value only where it is not sensitive."""

    __slots__ = ("problems",)

    def __init__(self) -> None:
        self.problems: list[str] = []

    def add(self, path: str, rule: str, value: object = None, *, sensitive: bool = False) -> None:
        """Note one problem."""
        shown = "" if value is None or sensitive else f", not {_shortened(value)}"
        self.problems.append(f"{path}: {rule}{shown}")

    def present(self, path: str, value: object) -> bool:
        """Check that a required value is there."""
        if value is None:
            self.add(path, "is required and missing")
        return value is not None

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
                self.present(path, value)
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
        if facets.fraction_digits is not None or facets.total_digits is not None:
            self._digits(path, value, facets)
        for pattern in facets.patterns:
            matched = matches(pattern, value if isinstance(value, str) else _lexical(value))
            if matched is None:
                self.add(path, f"is too long or too intricate to check against the pattern {pattern}")
            elif not matched:
                problem(f"must match the pattern {pattern}")

    def _digits(self, path: str, value: Any, facets: Facets) -> None:
        from decimal import Decimal

        _, digits, exponent = Decimal(value).as_tuple()
        places = max(0, -exponent) if isinstance(exponent, int) else 0
        if facets.fraction_digits is not None and places > facets.fraction_digits:
            self.add(path, f"must have at most {facets.fraction_digits} decimal places, not {places}")
        if facets.total_digits is not None and len(digits) > facets.total_digits:
            self.add(path, f"must have at most {facets.total_digits} digits, not {len(digits)}")


def _lexical(value: object) -> str:
    from ._lexical import union_text

    return union_text(value)


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


_PATTERNS: dict[str, etree.XMLSchema] = {}


def _pattern_schema(pattern: str) -> etree.XMLSchema:
    known = _PATTERNS.get(pattern)
    if known is not None:
        return known
    xs = "{http://www.w3.org/2001/XMLSchema}"
    schema = etree.Element(f"{xs}schema", nsmap={"xs": xs[1:-1]})
    simple = etree.SubElement(etree.SubElement(schema, f"{xs}element", name="value"), f"{xs}simpleType")
    restriction = etree.SubElement(simple, f"{xs}restriction", base="xs:string")
    etree.SubElement(restriction, f"{xs}pattern", value=pattern)
    # The patterns are those of the contract: few, and known beforehand.
    return _PATTERNS.setdefault(pattern, etree.XMLSchema(schema))


def not_writable(
    check: Callable[[Any, str, Checking], None], value: object, name: str, error: Exception
) -> InvalidValue:
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
