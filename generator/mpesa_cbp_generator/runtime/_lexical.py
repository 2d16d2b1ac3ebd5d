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
_BLANKS = " \t\r\n"
_DATE = re.compile(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}}){_ZONE}").fullmatch
_TIME = re.compile(rf"([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}})(?:\.([0-9]{{1,6}})0*)?{_ZONE}").fullmatch
_MAX_DIGITS = 1000


def read_decimal(text: str) -> Decimal:
    """A decimal number without exponent."""
    text = text.strip(_BLANKS)
    if not _DECIMAL(text) or len(text) > _MAX_DIGITS:
        raise ValueError("not a decimal")
    return Decimal(text)


def read_float(text: str) -> float:
    """A floating point number, INF, -INF or NaN."""
    text = text.strip(_BLANKS)
    special = {"INF": math.inf, "+INF": math.inf, "-INF": -math.inf, "NaN": math.nan}.get(text)
    if special is not None:
        return special
    if not _FLOAT(text):
        raise ValueError("not a float")
    return float(text)


class ZonedDate(datetime.date):
    """A date with a zone, as ``xs:date`` may state one; ``tzinfo`` is its zone. Unlike every date without one."""

    __slots__ = ("tzinfo",)

    tzinfo: datetime.timezone

    def __new__(cls, year: int, month: int, day: int, tzinfo: datetime.timezone) -> ZonedDate:
        made = super().__new__(cls, year, month, day)
        made.tzinfo = tzinfo
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ZonedDate) and self.tzinfo == other.tzinfo and super().__eq__(other)

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.tzinfo))

    def __reduce__(self) -> tuple[object, ...]:
        return ZonedDate, (self.year, self.month, self.day, self.tzinfo)

    def isoformat(self) -> str:
        """The date as XML Schema writes it."""
        return f"{super().isoformat()}{_zone_text(self.tzinfo.utcoffset(None))}"


def _zone(text: str | None) -> datetime.timezone | None:
    if text is None:
        return None
    if text == "Z":
        return datetime.UTC
    sign = -1 if text[0] == "-" else 1
    offset = datetime.timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    if int(text[4:6]) > 59 or offset > _MAX_ZONE:
        raise ValueError("not a time zone")
    return datetime.timezone(sign * offset)


_MAX_ZONE = datetime.timedelta(hours=14)


def read_datetime(text: str) -> datetime.datetime:
    """A dateTime: aware where it states a zone, naive where it does not. 24:00:00 is the next day's first moment."""
    day, _, clock = text.strip(_BLANKS).partition("T")
    time, midnight = _clock(clock)
    date = read_date(day)
    if isinstance(date, ZonedDate):
        raise ValueError("not a dateTime")
    return datetime.datetime.combine(date, time) + datetime.timedelta(days=midnight)


def read_date(text: str) -> datetime.date:
    """A date; one with a zone is a ZonedDate."""
    found = _DATE(text.strip(_BLANKS))
    if found is None:
        raise ValueError("not a date")
    zone = _zone(found[4])
    day = int(found[1]), int(found[2]), int(found[3])
    return datetime.date(*day) if zone is None else ZonedDate(*day, zone)


def read_time(text: str) -> datetime.time:
    """A time of day to the microsecond, with its zone if it states one."""
    return _clock(text.strip(_BLANKS))[0]


def _clock(text: str) -> tuple[datetime.time, int]:
    """Time of day, and 1 where it is written as the end of the day."""
    found = _TIME(text)
    if found is None:
        raise ValueError("not a time")
    micro = int((found[4] or "0").ljust(6, "0"))
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    midnight = (hour, minute, second, micro) == (24, 0, 0, 0)
    return datetime.time(0 if midnight else hour, minute, second, micro, _zone(found[5])), int(midnight)


def read_base64(text: str) -> bytes:
    """Bytes in base64; line breaks and blanks in it mean nothing."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def read_hex(text: str) -> bytes:
    """Bytes as hexadecimal digits."""
    return binascii.unhexlify(text.strip(_BLANKS))


def decimal_text(value: Decimal) -> str:
    """A finite Decimal without exponent."""
    if value.__class__ is not Decimal or not value.is_finite():
        raise TypeError("not a finite Decimal")
    if abs(value.adjusted()) > _MAX_DIGITS:
        raise ValueError("too many digits")
    return format(value, "f")


def float_text(value: float) -> str:
    """A float in the form of XML Schema."""
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    return "NaN" if math.isnan(value) else repr(float(value))


def datetime_text(value: datetime.datetime) -> str:
    """A datetime, its zone written where it has one; UTC is Z, and noughts at the end of the second are left out."""
    return f"{datetime.date.isoformat(value)}T{_clock_text(value)}"


def date_text(value: datetime.date) -> str:
    """A date, with its zone where it is a ZonedDate."""
    if isinstance(value, datetime.datetime):
        raise TypeError("not a date")
    return value.isoformat()


def time_text(value: datetime.time) -> str:
    """A time of day, its zone written where it has one."""
    return _clock_text(value)


def _clock_text(value: datetime.datetime | datetime.time) -> str:
    fraction = f".{value.microsecond:06}".rstrip("0") if value.microsecond else ""
    return f"{value.hour:02}:{value.minute:02}:{value.second:02}{fraction}{_zone_text(value.utcoffset())}"


def _zone_text(offset: datetime.timedelta | None) -> str:
    if offset is None:
        return ""
    if not offset:
        return "Z"
    minutes, rest = divmod(abs(offset), datetime.timedelta(minutes=1))
    if rest or abs(offset) > _MAX_ZONE:
        raise ValueError("a time zone that XML Schema does not have")
    return f"{'-' if offset < datetime.timedelta(0) else '+'}{minutes // 60:02}:{minutes % 60:02}"


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
