"""Lexical forms of the built-in types that every contract uses: texts, integers, booleans, enumerations."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeGuard, TypeVar

    _E = TypeVar("_E", bound=Enum)

_INTEGER = re.compile(r"[+-]?[0-9]{1,1000}").fullmatch


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether a value is a list, of whatever."""
    return isinstance(value, list)


def is_dict(value: object) -> TypeGuard[dict[object, object]]:
    """Whether a value is a dictionary, of whatever."""
    return isinstance(value, dict)


def read_text(text: str) -> str:
    """A string as it stands."""
    return text


def read_token(text: str) -> str:
    """A string in which runs of blanks count as one."""
    # In ASCII, XML's blanks are the only ones that a document can hold; elsewhere split knows more than XML does.
    parts = text.split() if text.isascii() else text.translate(_LINE_BLANKS).split(" ")
    return " ".join([part for part in parts if part])


BLANKS = " \t\r\n"
_LINE_BLANKS = {ord(char): " " for char in "\t\r\n"}


def read_normalized(text: str) -> str:
    """A string in which a line break or tab counts as a blank."""
    return text.translate(_LINE_BLANKS)


def read_integer(text: str) -> int:
    """An integer of XML Schema: ASCII digits with an optional sign."""
    text = text.strip(BLANKS)
    if not _INTEGER(text):
        raise ValueError("not an integer")
    return int(text)


def read_boolean(text: str) -> bool:
    """True, false, 1 or 0."""
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.strip(BLANKS))
    if value is None:
        raise ValueError("not a boolean")
    return value


def enumeration_reader(members: type[_E], read: Callable[[str], object]) -> Callable[[str], _E]:
    """Function that reads a member of an enumeration by its value."""

    def read_member(text: str) -> _E:
        return members(read(text))

    read_member.__name__ = f"read_{members.__name__}"
    return read_member
