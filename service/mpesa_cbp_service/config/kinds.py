"""The kinds of settings: how a value of each is read and checked.

Each kind turns what was given into the value that is used, or raises ValueError with a reason that never repeats it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mpesa_cbp.parsing import http_url

Read: TypeAlias = Callable[[object, Path], Any]
"""Reads a value; the folder is what a relative path starts from."""

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """``name`` stands in the documentation; the value of a ``secret`` kind may come from a file and is never shown."""

    name: str
    read: Read
    secret: bool = False


def _text(value: object, _: Path) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if not value.strip():
        raise ValueError("is empty")
    if not value.isprintable():
        raise ValueError("contains a line break or another character that cannot be printed")
    return value.strip()


def _secret(value: object, _: Path) -> str | Callable[[], str]:
    if callable(value):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text, or in Python a function that fetches it")
    if not value:
        raise ValueError("is empty")
    return value


def _url(value: object, folder: Path) -> str:
    return http_url(_text(value, folder))


def _file(value: object, folder: Path) -> Path:
    path = folder / (value if isinstance(value, Path) else _text(value, folder))
    if not path.is_file():
        raise ValueError(f"names a file that is not there: {path}")
    return path


def _journal_url(value: object, folder: Path) -> str:
    """A relative SQLite file starts from the folder too: else each working directory would have its own journal."""
    text = _text(value, folder)
    scheme, colon, path = text.partition(":///")
    if colon and scheme.partition("+")[0] == "sqlite" and path and not path.startswith(("/", ":memory:", "file:")):
        return f"{scheme}:///{(folder / path).absolute()}"
    return text


def _yes_or_no(value: object, _: Path) -> bool:
    if isinstance(value, bool):
        return value
    found = _WORDS.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be true or false")
    return found


_MOST_SECONDS = 1_000_000


def _seconds(value: object, folder: Path) -> float:
    try:
        number = float(_text(value, folder)) if isinstance(value, str) else value
    except ValueError:
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= _MOST_SECONDS:
        raise ValueError(f"must be a number of seconds above zero, and at most {_MOST_SECONDS}")
    return float(number)


def whole_number(lowest: int, highest: int) -> Kind:
    """A whole number within bounds."""

    def read(value: object, _: Path) -> int:
        digits = value.strip() if isinstance(value, str) else ""
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else value
        if isinstance(number, bool) or not isinstance(number, int) or not lowest <= number <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return number

    return Kind(f"{lowest} to {highest}", read)


def one_of(*words: str) -> Kind:
    """One of a few words; case does not matter."""

    def read(value: object, _: Path) -> str:
        found = value.strip().lower() if isinstance(value, str) else None
        if found not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return found

    return Kind(" or ".join(f"`{word}`" for word in words), read)


def _digits(value: object, folder: Path) -> str:
    text = _text(str(value) if type(value) is int else value, folder)
    if not (text.isascii() and text.isdigit()):
        raise ValueError("must be digits only")
    return text


def several(name: str, read_one: Callable[[str], Any], *, separator: str) -> Kind:
    """Several texts: a list in TOML and Python, in the environment one text with ``separator`` between them."""

    def read(value: object, _: Path) -> tuple[Any, ...]:
        texts = value.split(separator) if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            raise ValueError("must be a list of texts")
        return tuple(read_one(text.strip()) for text in texts if text.strip())

    return Kind(name, read)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"has {text!r}, which is no network such as 192.0.2.0/24 and no address") from None


TEXT = Kind("text", _text)
NETWORKS = several("networks", _network, separator=",")
NAMES = several("names, separated by `;` in the environment", str, separator=";")
DIGITS = Kind("digits", _digits)
URL = Kind("URL", _url)
FILE = Kind("file", _file)
SECRET = Kind("secret", _secret, secret=True)
JOURNAL_URL = Kind("SQLAlchemy URL", _journal_url, secret=True)
YES_OR_NO = Kind("true or false", _yes_or_no)
SECONDS = Kind("seconds", _seconds)
