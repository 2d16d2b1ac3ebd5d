"""Checking: what the contract's rules say against an object, all problems at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum

from lxml import etree

from ._facets import Facets, broken_rules, has_zone_of_its_own
from ._values import is_dict, is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._content import Content

_XSI = "http://www.w3.org/2001/XMLSchema-instance"

MAX_DIGITS = 1000
"""Most digits of a number; as many are read."""
_TOO_LARGE = 10**MAX_DIGITS

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search


class Checking:
    """Collects what is wrong with an object: path and rule, the value only where it is not sensitive."""

    __slots__ = ("_identifiers", "_shown", "problems")

    def __init__(self, *, shown: bool = True) -> None:
        self.problems: list[str] = []
        self._shown = shown
        self._identifiers: set[str] = set()

    def add(self, path: str, rule: str, value: object = None, *, sensitive: bool = False) -> None:
        """Note one problem."""
        shown = "" if value is None or sensitive or not self._shown else f", not {_shortened(value)}"
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
            return
        if isinstance(value, Enum):
            value = value.value
        if (isinstance(value, int) and abs(value) >= _TOO_LARGE) or (
            isinstance(value, Decimal) and _is_too_long(value)
        ):
            self.add(path, f"has more than {MAX_DIGITS} digits")
        elif has_zone_of_its_own(value):
            self.add(path, "must have a zone in whole minutes, at most 14 hours from UTC")
        elif facets is not None:
            self.facets(path, value, facets, sensitive=sensitive)

    def simple(
        self,
        path: str,
        value: object,
        problems: Callable[[object], list[str]],
        *,
        required: bool = False,
        sensitive: bool = False,
    ) -> None:
        """Check a list or a union; ``problems`` are the rules that it breaks."""
        if value is None:
            if required:
                self.present(path, value)
            return
        for rule in problems(value):
            self.add(path, rule, value, sensitive=sensitive)

    def constant(self, path: str, value: object, fixed: object, *, sensitive: bool = False) -> None:
        """Check that a list or a union has the value that the contract fixes."""
        if value is not None and (value != fixed or value.__class__ is not fixed.__class__):
            self.add(path, f"must be {fixed}", value, sensitive=sensitive)

    def not_empty(self, path: str, value: object) -> None:
        """Check that an element with a default is not empty, which would say the default (XML Schema part 1, 3.3.4)."""
        text = value.value if isinstance(value, Enum) else value
        if text in ("", b"", []):
            self.add(path, "may not be empty: an empty element means the contract's default")

    def content(self, path: str, content: Content, counts: Mapping[str, int], order: object) -> None:
        """Check which elements stand together, how often and in which order."""
        if not is_list(order) or not all(isinstance(name, str) for name in order):
            self.add(f"{path}/element_order", "must be a list of field names")
            return
        try:
            problem = content.problem(content.arranged(counts, [str(name) for name in order]))
        except ValueError as error:
            problem = str(error)
        if problem is not None:
            self.add(path, problem)

    def mixed(self, path: str, content: Content | None, values: object) -> None:
        """Check mixed content: texts and lxml elements, these as the content model has them."""
        if not is_list(values) or not all(isinstance(item, (str, etree._Element)) for item in values):
            self.add(path, "must be a list of str and lxml elements")
            return
        if any(isinstance(item, str) and _ILLEGAL(item) for item in values):
            self.add(path, "holds a character that XML does not allow")
        tags = [str(item.tag) for item in values if isinstance(item, etree._Element)]
        if content is not None:
            problem = content.problem([content.name_of(tag) for tag in tags])
        else:
            problem = "may hold no element" if tags else None
        if problem is not None:
            self.add(path, problem)

    def wildcard(self, path: str, value: object, namespaces: tuple[str, ...]) -> None:
        """Check that a foreign element is one, and of a namespace that the contract lets in there."""
        if value is None:
            return
        if not isinstance(value, etree._Element):
            self.add(path, f"must be an lxml element, not {type(value).__name__}")
        elif not _is_let_in(str(value.tag), namespaces):
            self.add(path, "is an element of a namespace that the contract does not allow here")

    def attributes(self, path: str, value: object, namespaces: tuple[str, ...], known: tuple[str, ...]) -> None:
        """Check attributes that the contract does not name."""
        if not is_dict(value):
            self.add(path, f"must be dict, not {type(value).__name__}")
            return
        for name, text in value.items():
            if not isinstance(name, str) or not isinstance(text, str) or _ILLEGAL(text) or not _is_name(name):
                self.add(path, "must map names of attributes to texts that XML allows")
            elif name in known or name.startswith(f"{{{_XSI}}}") or not _is_let_in(name, namespaces):
                self.add(path, f"{name} may not stand here")

    def prohibited(self, path: str, value: object) -> None:
        """Check that what a restriction of a type took out of it is not there."""
        if value is not None:
            self.add(path, "may not be given: the type does not have it any more")

    def identifier(self, path: str, value: object) -> None:
        """Check that an ``xs:ID`` stands once in a document."""
        if isinstance(value, str):
            if value in self._identifiers:
                self.add(path, "must be another in each place, it is an xs:ID")
            self._identifiers.add(value)

    def occurrences(self, path: str, value: object, least: int, most: int) -> bool:
        """Check how often an element stands; False where the value is no list."""
        if not is_list(value):
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

    def facets(self, path: str, value: Any, facets: Facets, *, sensitive: bool, text: str | None = None) -> None:
        """Check a value of the right type against all facets; ``text`` is its lexical form where it is known."""
        for rule in broken_rules(value, facets, text):
            self.add(path, rule, value, sensitive=sensitive)


def _is_too_long(value: Decimal) -> bool:
    return value.is_finite() and (len(value.as_tuple().digits) > MAX_DIGITS or abs(value.adjusted()) > MAX_DIGITS)


def _is_name(name: str) -> bool:
    try:
        etree.QName(name)
    except ValueError:
        return False
    return True


def _is_let_in(tag: str, namespaces: tuple[str, ...]) -> bool:
    """Whether a wildcard lets a name in; ``namespaces`` are those that it names, or ``!`` and those it excludes."""
    if not namespaces:
        return True
    namespace = tag[1:].partition("}")[0] if tag.startswith("{") else ""
    return (namespace not in namespaces[1:]) if namespaces[0] == "!" else (namespace in namespaces)


def _shortened(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
