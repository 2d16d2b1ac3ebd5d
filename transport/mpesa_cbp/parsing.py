"""Parse phone numbers and amounts as people write them.

No error raised here repeats the value: a phone number is a customer's, and errors end up in logs.
"""

from __future__ import annotations

import re
from decimal import Decimal
from urllib.parse import urlsplit

from mpesa_cbp.redaction import PersonalText

__all__ = ["format_amount", "http_url", "normalise_msisdn", "parse_amount"]

# An optional plus, then groups of ASCII digits with blanks, dashes, dots or parentheses between them.
_PHONE = re.compile(r"(\+?)\(?([0-9]+(?:[ \-.()\u00a0]+[0-9]+)*)\)?")
_SEPARATORS = re.compile(r"[^0-9]+")
# Digits and perhaps a fraction. A spreadsheet's 7e4, a sign, thousands separators (1.000 and 1,000 differ from land to
# land), underscores and other scripts' digits are refused, though Decimal itself would take or guess at them.
_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?")

_USUAL_DIGITS = 9
# Digits of a national number where they are not nine: Lesotho, Egypt.
_DIGITS = {"266": 8, "20": 10}
# The first digits of a mobile number, by country code, where they are known: Kenya has 7… and 1….
_FIRST_DIGITS = {"254": "17"}
_AMOUNT_DIGITS = 13


def normalise_msisdn(text: str, *, country_code: str = "254") -> PersonalText:
    """Return a phone number as MSISDN: country code and national number, nothing else (`254712345678`).

    The national number has nine digits, in Lesotho (266) eight, in Egypt (20) ten. Accepts the national form with or
    without its leading 0 and the international one with or without + or 00, with blanks, dashes, dots and parentheses
    between groups of digits. For Kenya (254) the number must start with 7 or 1. Raises ValueError, without the number,
    for anything else: a wrong length, another country, characters that do not belong, and a last group of one digit
    (`712345678.0`, as spreadsheets write it, would be another number).
    """
    if not text.strip():
        raise ValueError("the phone number is empty")
    found = _PHONE.fullmatch(text.strip())
    if not found:
        raise ValueError("the phone number holds something other than digits, blanks, dashes, dots and parentheses")
    groups = _SEPARATORS.split(found.group(2))
    if len(groups) > 1 and len(groups[-1]) == 1:
        raise ValueError("the phone number ends in a group of one digit, as a number from a spreadsheet does")
    subscriber = _subscriber("".join(groups), international=bool(found.group(1)), country_code=country_code)
    if subscriber is None:
        raise ValueError(
            f"the phone number has a wrong length or another country's code: {_digits(country_code)} digits after "
            f"{country_code} or 0 are expected"
        )
    if subscriber[0] not in _FIRST_DIGITS.get(country_code, "123456789"):
        raise ValueError(f"the phone number is no mobile number in country code {country_code}")
    if subscriber.startswith(country_code):
        raise ValueError("the phone number is ambiguous: write it in full, with the country code")
    return PersonalText(country_code + subscriber)


def _digits(country_code: str) -> int:
    return _DIGITS.get(country_code, _USUAL_DIGITS)


def _subscriber(digits: str, *, international: bool, country_code: str) -> str | None:
    prefixes = (country_code,) if international else ("", "0", country_code, f"00{country_code}")
    for prefix in prefixes:
        if digits.startswith(prefix) and len(digits) == len(prefix) + _digits(country_code):
            return digits[len(prefix) :]
    return None


def parse_amount(value: Decimal | int | str | None) -> Decimal:
    """Return an amount of money as an exact Decimal without an exponent.

    At most two places and thirteen digits in all, more than zero. Text is ASCII digits, perhaps with a point, and
    nothing else: no sign, no exponent, no separators. A Decimal may have an exponent that makes it a whole number.
    Raises ValueError for everything else: a float or a bool, infinities and what is not a number, more than two places
    even when they are zeros (`1.000` is a thousand in some lands), zero, negatives.
    """
    amount = _exact(value)
    if not amount.is_finite():
        raise ValueError("the amount is not a number")
    if amount <= 0:
        raise ValueError("the amount must be more than zero")
    # The places are judged before the digits are written out, which an exponent could make endless.
    if int(amount.as_tuple().exponent) < -2:
        raise ValueError("the amount has more than two places")
    if amount.adjusted() >= _AMOUNT_DIGITS:
        raise ValueError(f"the amount has more than {_AMOUNT_DIGITS} digits")
    plain = f"{amount:f}"
    if len(plain.replace(".", "").lstrip("0")) > _AMOUNT_DIGITS:
        raise ValueError(f"the amount has more than {_AMOUNT_DIGITS} digits")
    return Decimal(plain)


def _exact(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool | float):
        raise ValueError("the amount must be a Decimal, an int or text: a float is not exact")
    if isinstance(value, int):
        return Decimal(value)
    if not isinstance(value, str):
        raise ValueError("the amount must be a Decimal, an int or text")
    if not value.strip():
        raise ValueError("the amount is empty")
    if not _AMOUNT.fullmatch(value.strip()):
        raise ValueError("the amount is not in plain digits such as 100 or 100.50")
    return Decimal(value.strip())


def format_amount(amount: Decimal) -> str:
    """Return the amount in plain digits: `100` for whole ones, else two places, `100.50`.

    Raises ValueError for an amount that `parse_amount` refuses.
    """
    exact = parse_amount(amount)
    whole = exact.to_integral_value()
    return f"{whole:f}" if whole == exact else f"{exact:.2f}"


def http_url(text: str) -> str:
    """Return an http or https URL with a host name as it is. Raises ValueError, without the URL, for anything else."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except (ValueError, TypeError, AttributeError):
        usable = False
    if not usable or not text.isprintable() or " " in text:
        raise ValueError("is not an http or https URL with a host name")
    return text
