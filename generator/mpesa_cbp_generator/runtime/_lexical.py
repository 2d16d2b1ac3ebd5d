"""Lexical forms of the built-in types that few contracts use: decimals, floats, times and bytes."""

from __future__ import annotations

import base64
import binascii
import datetime
import math
import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any

from ._writing import boolean_text, integer_text

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)").fullmatch
_FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
_ZONE = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_DATE = re.compile(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}}){_ZONE}").fullmatch
_TIME = re.compile(rf"([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}})(?:\.([0-9]{{1,6}})0*)?{_ZONE}").fullmatch
_MAX_DIGITS = 1000


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
