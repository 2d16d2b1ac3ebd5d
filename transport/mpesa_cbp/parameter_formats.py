"""The formats of values in a result's parameters: amounts, times, parties, accounts (protocol, sections 6 and 12).

Each function reads a text that is wholly in a known format, and raises NotUnderstood for any other: a text that two
formats or two places would read differently is in none. What is read can be written back to the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal

__all__ = [
    "NAIROBI",
    "AffectedAccount",
    "NotUnderstood",
    "accounts",
    "charge",
    "currency_code",
    "moment",
    "money",
    "party",
    "unsigned",
    "yes_or_no",
]

#: East Africa Time, UTC+3 all year: the zone of every time in a result.
NAIROBI = timezone(timedelta(hours=3), "EAT")

# Digits are [0-9] throughout: \d takes other scripts' digits too.
# No place, two or four, as documented: 1.234 is a thousand in some lands. For the same reason commas stand only in
# groups of three before two places.
_AMOUNT = r"-?(?:(?:0|[1-9][0-9]{0,14})(?:\.(?:[0-9]{2}|[0-9]{4}))?|[1-9][0-9]{0,2}(?:,[0-9]{3}){1,4}\.[0-9]{2})"
# Perhaps a currency before it: Ksh200.00
_MONEY = re.compile(rf"(?:([A-Za-z]{{3}})\s*)?({_AMOUNT})")
# {Amount={BasicAmount=2714803.00, MinimumAmount=271480300, CurrencyCode=KES}}, whole: half an amount is no amount.
_BRACED = re.compile(r"\{Amount=\{(.*)\}\}", re.DOTALL)
# One name and its value inside it; the commas there separate, so an amount with thousands has two readings.
_NAMED = re.compile(r"\s*([A-Za-z]+)=([^=]*?)\s*", re.DOTALL)
_NAMES = frozenset({"BasicAmount", "MinimumAmount", "CurrencyCode"})
_BASIC = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.(?:[0-9]{2}|[0-9]{4}))?")
# Between bars places are not left out; 5|15 and 51|5 would be one misplaced bar apart.
_BARRED = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.(?:[0-9]{2}|[0-9]{4})")
_MINIMUM = re.compile(r"-?(?:0|[1-9][0-9]{0,16})")
# 22/10/2014 20:55:24 and 30.09.2014 12:52:31: the day comes first.
_DAY_FIRST = re.compile(
    r"(?P<day>[0-9]{2})(?P<between>[/.])(?P<month>[0-9]{2})(?P=between)(?P<year>20[0-9]{2})\s+"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
)
# 20150424170252
_COMPACT = re.compile(
    r"(?P<year>20[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})"
)
# 254700000000-Jane Doe, 888888 - ACME, 254700000000 - (no name): an MSISDN, as it is or in national form, or a short
# code. A name that begins with a digit or a dash may be the rest of the number; later ones are its own.
_PARTY = re.compile(r"([0-9]{3,8}|0[0-9]{9}|[1-9][0-9]{11})\s*(?:-\s*((?![0-9-]).*)?)?", re.DOTALL)
_YES_NO = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}
# Where M-PESA is or was, their neighbours, and what is traded there: a misspelt currency is none.
_CURRENCIES = frozenset({
    "KES", "TZS", "UGX", "RWF", "BIF", "ETB", "SOS", "SSP", "SDG", "DJF", "CDF", "MZN", "LSL", "ZAR", "GHS", "EGP",
    "ZMW", "MWK", "NGN", "XOF", "XAF", "ALL", "RON", "INR", "AFN", "FJD", "USD", "EUR", "GBP", "AED", "SAR", "CNY",
})  # fmt: skip
_ACCOUNT_AMOUNTS = 4


class NotUnderstood(Exception):
    """A value in no known format; the text never repeats the value."""


@dataclass(frozen=True, slots=True)
class AffectedAccount:
    """One account that the transaction changed, or that an enquiry asked about.

    `party` is "debit", "credit", or "own" for the accounts of AccountBalance; the four amounts are those of the
    operator, in their order: current, available, reserved, uncleared. In `currency`.
    """

    party: str
    name: str
    currency: str
    amounts: tuple[Decimal, ...]


def money(text: str) -> tuple[str | None, Decimal]:
    """Currency, where it is named, and amount: `100.22`, `Ksh200.00`, or braces around named parts."""
    braced = _BRACED.fullmatch(text)
    if braced:
        return _named_amount(braced.group(1))
    found = _MONEY.fullmatch(text)
    if not found:
        raise NotUnderstood("not an amount in a known format")
    currency, digits = found.groups()
    return currency and currency_code(currency), Decimal(digits.replace(",", ""))


def _named_amount(text: str) -> tuple[str | None, Decimal]:
    """BasicAmount, which MinimumAmount repeats in hundredths, and CurrencyCode; each at most once."""
    parts = [_NAMED.fullmatch(part) for part in text.split(",")]
    named = {part.group(1): part.group(2) for part in parts if part}
    basic, minimum = named.get("BasicAmount", ""), named.get("MinimumAmount")
    if len(named) < len(parts) or not named.keys() <= _NAMES or not _BASIC.fullmatch(basic):
        raise NotUnderstood("not one BasicAmount and other named parts between braces")
    if minimum is not None and not (_MINIMUM.fullmatch(minimum) and Decimal(minimum) == Decimal(basic) * 100):
        raise NotUnderstood("BasicAmount and MinimumAmount are not the same amount")
    currency = named.get("CurrencyCode")
    return currency and currency_code(currency), Decimal(basic)


def unsigned(read: tuple[str | None, Decimal]) -> tuple[str | None, Decimal]:
    """What was paid or charged is not less than nothing; a balance may be."""
    if read[1] < 0:
        raise NotUnderstood("less than nothing")
    return read


def currency_code(text: str) -> str:
    """The ISO code of a currency; Ksh is KES."""
    code = "KES" if text.upper() == "KSH" else text.upper()
    if code not in _CURRENCIES:
        raise NotUnderstood("not a known currency")
    return code


def moment(text: str) -> datetime:
    """An aware time of Nairobi."""
    found = _DAY_FIRST.fullmatch(text) or _COMPACT.fullmatch(text)
    if not found:
        raise NotUnderstood("not a date and time in a known format")
    parts = {name: int(digits) for name, digits in found.groupdict().items() if name != "between"}
    try:
        return datetime(**parts, tzinfo=NAIROBI)
    except ValueError:
        raise NotUnderstood("no such date or time") from None


def party(text: str) -> tuple[str, str | None]:
    """Number and name; the name is None where it is blank."""
    found = _PARTY.fullmatch(text)
    if not found:
        raise NotUnderstood("not a number, a dash and a name")
    return found.group(1), (found.group(2) or "").strip() or None


def yes_or_no(text: str) -> bool:
    """Y or N."""
    answer = _YES_NO.get(text.lower())
    if answer is None:
        raise NotUnderstood("neither Y nor N")
    return answer


def charge(text: str) -> tuple[str | None, Decimal]:
    """Currency and amount of one charge: `Fee For B2C Payment|KES|22.40`, or the amount alone."""
    if "|" not in text:
        return money(text)
    name, *rest = (part.strip() for part in text.split("|"))
    if len(rest) != 2 or not name:
        raise NotUnderstood("not name, currency and amount between bars")
    return currency_code(rest[0]), _plain_amount(rest[1])


def accounts(whose: str, text: str) -> list[AffectedAccount]:
    """Accounts with `&` between them, each `Working Account|KES|5.00|5.00|0.00|0.00`."""
    return [_account(whose, [part.strip() for part in entry.split("|")]) for entry in text.split("&")]


def _account(whose: str, parts: list[str]) -> AffectedAccount:
    if len(parts) != 2 + _ACCOUNT_AMOUNTS or not parts[0]:
        raise NotUnderstood("not name, currency and four amounts between bars")
    amounts = tuple(_plain_amount(part) for part in parts[2:])
    return AffectedAccount(whose, parts[0], currency_code(parts[1]), amounts)


def _plain_amount(text: str) -> Decimal:
    if not _BARRED.fullmatch(text):
        raise NotUnderstood("not an amount with its places between bars")
    return Decimal(text)
