"""Lists and unions: simple types that are made of others."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

from ._checking import Checking
from ._facets import Facets
from ._values import is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Atomic:
    """One value without parts. ``write`` gives its text, unescaped."""

    __slots__ = ("facets", "kinds", "read_text", "write")

    def __init__(
        self,
        read: Callable[[str], Any],
        write: Callable[[Any], str],
        kinds: tuple[type, ...],
        facets: Facets | None = None,
    ) -> None:
        self.read_text = read
        self.write = write
        self.kinds = kinds
        self.facets = facets

    def read(self, text: str) -> Any:
        """Value of a text; raises ValueError where the type does not allow it."""
        value = self.read_text(text)
        if any(True for _ in self.problems(value)):
            raise ValueError("not a value of the type")
        return value

    def text(self, value: Any) -> str:
        """Text of a value."""
        if not isinstance(value, self.kinds) or (isinstance(value, bool) and bool not in self.kinds):
            raise TypeError("a value of another type")
        return self.write(value.value if isinstance(value, Enum) else value)

    def problems(self, value: Any) -> list[str]:
        """Rules that a value breaks."""
        checking = Checking(shown=False)
        checking.value("", value, self.kinds, self.facets, required=True)
        return [problem.removeprefix(": ") for problem in checking.problems]


class ListOf:
    """Values with blanks between them; facets of length count the values."""

    __slots__ = ("facets", "item")

    def __init__(self, item: Atomic | UnionOf, facets: Facets | None = None) -> None:
        self.item = item
        self.facets = facets

    def read_list(self, text: str) -> list[Any]:
        """Values of a text; raises ValueError."""
        return [self.item.read(part) for part in text.split()]

    def text(self, value: Any) -> str:
        """Text of a list."""
        if not is_list(value):
            raise TypeError("not a list")
        parts = [self.item.text(item) for item in value]
        if any(len(part.split()) != 1 for part in parts):
            raise ValueError("an item that is empty or holds a blank")
        return " ".join(parts)

    def problems(self, value: Any) -> list[str]:
        """Rules that a list breaks."""
        if not is_list(value):
            return [f"must be list, not {type(value).__name__}"]
        found = [f"item {number}: {rule}" for number, item in enumerate(value, 1) for rule in self.item.problems(item)]
        if found:
            return found
        try:
            text = self.text(value)
        except (TypeError, ValueError) as error:
            return [f"holds {error}"]
        if self.facets is None:
            return []
        checking = Checking(shown=False)
        checking.facets("", value, self.facets, sensitive=True, text=text)
        return [problem.removeprefix(": ") for problem in checking.problems]


class UnionOf:
    """A value of the first member type that accepts it, as XML Schema has it."""

    __slots__ = ("facets", "members")

    def __init__(self, *members: Atomic, facets: Facets | None = None) -> None:
        self.members = members
        self.facets = facets

    def read(self, text: str) -> Any:
        """Value of a text; raises ValueError where no member accepts it."""
        for member in self.members:
            try:
                return member.read(text)
            except (ValueError, ArithmeticError):
                continue
        raise ValueError("no member type of the union accepts it")

    read_union = read

    def text(self, value: Any) -> str:
        """Text of a value."""
        for member in self.members:
            try:
                written = member.text(value)
            except TypeError:
                continue
            if not member.problems(value):
                return written
        raise TypeError("not a value of the union")

    def problems(self, value: Any) -> list[str]:
        """Rules that a value breaks."""
        try:
            text = self.text(value)
            again = self.read(text)
        except (TypeError, ValueError, ArithmeticError):
            return ["is of none of the types that the contract allows"]
        if again.__class__ is not value.__class__ or (again != value and not _is_nan(value)):
            return [f"would be read as {type(again).__name__}, which the contract takes first"]
        if self.facets is None:
            return []
        checking = Checking(shown=False)
        checking.facets("", value, self.facets, sensitive=True, text=text)
        return [problem.removeprefix(": ") for problem in checking.problems]


def same_text(value: str) -> str:
    """A string is its own text."""
    return value


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
