"""Result parameters as typed values: amounts, times, balances, the receiver (protocol, section 6).

The operator's keys come in several forms and the values in several formats. All of them are read here, and nothing is
guessed: a value that does not have one of the known formats stays text and is reported, and no text raises an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType

from mpesa_cbp.redaction import mask_msisdn

__all__ = ["NAIROBI", "AffectedAccount", "ResultParameters", "is_impersonal", "read_parameters"]

#: East Africa Time, UTC+3 all year: the zone of every time in a result.
NAIROBI = timezone(timedelta(hours=3), "EAT")

# Digits are [0-9] throughout: \d takes other scripts' digits too.
# An amount: perhaps a currency before it (Ksh200.00), thousands with commas only in groups of three.
_MONEY = re.compile(r"(?:([A-Za-z]{3})\.?\s*)?([+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,6})?)")
# {Amount={BasicAmount=2714803.00, MinimumAmount=271480300, CurrencyCode=KES}}, whole: half an amount is no amount.
_BRACED = re.compile(r"\{Amount=\{(.*)\}\}", re.DOTALL)
_CURRENCY = re.compile(r"[A-Za-z]{3}")
# 22/10/2014 20:55:24 and 30.09.2014 12:52:31: the day comes first.
_DAY_FIRST = re.compile(
    r"(?P<day>[0-9]{2})(?P<between>[/.])(?P<month>[0-9]{2})(?P=between)(?P<year>[0-9]{4})\s+"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
)
# 20150424170252
_COMPACT = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})"
)
# 254700000000-Jane Doe, 888888 - ACME, 254700000000 - (no name); the name itself may have dashes.
_PARTY = re.compile(r"([0-9]{3,20})\s*(?:-\s*(.*))?", re.DOTALL)
_YES_NO = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}


class _NotUnderstoodError(Exception):
    """A known key whose value has no known format; the text never repeats the value."""


@dataclass(frozen=True, slots=True)
class AffectedAccount:
    """One account that the transaction changed.

    `party` is "debit" or "credit"; the amounts are those of the operator, in their order: current, available,
    reserved, uncleared where there are four. In `currency`.
    """

    party: str
    name: str
    currency: str
    amounts: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True, repr=False)
class ResultParameters:
    """The parameters of a result, typed; None for what did not come or came blank.

    `completed_at` is aware (Nairobi). Numbers of receiver and paying party are MSISDNs or short codes, as text.
    `balances` goes by the operator's words: working, utility, charges paid (available funds), initiator current,
    debit current, credit current. `other` holds keys that are not known, and known keys that could not be read, as
    text and in order; `not_understood` says of the latter what was wrong. The repr shows no name and masks numbers.
    """

    receipt: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    completed_at: datetime | None = None
    receiver_number: str | None = None
    receiver_name: str | None = None
    paying_party_number: str | None = None
    paying_party_name: str | None = None
    registered: bool | None = None
    withdrawal_charge: Decimal | None = None
    debit_party_charges: Decimal | None = None
    balances: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    accounts: tuple[AffectedAccount, ...] = ()
    other: tuple[tuple[str, str], ...] = ()
    not_understood: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Show what support needs and nothing about a person: masked numbers, no names, no unknown values."""
        shown = {
            "receipt": self.receipt,
            "amount": self.amount,
            "currency": self.currency,
            "completed_at": self.completed_at and self.completed_at.isoformat(),
            "receiver_number": self.receiver_number and mask_msisdn(self.receiver_number),
            "registered": self.registered,
            "withdrawal_charge": self.withdrawal_charge,
            "balances": dict(self.balances),
            "accounts": self.accounts,
            "not_understood": self.not_understood,
        }
        fields = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"ResultParameters({fields}, other={len(self.other)} more)"


class _Reading:
    """What has been read so far, and which pairs say different things of one thing.

    ``pair`` is the number of the pair at hand. No one of two different values is taken for the right one.
    """

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.balances: dict[str, Decimal] = {}
        self.accounts: list[AffectedAccount] = []
        self.pair = 0
        self.contradicting: set[int] = set()
        self._said_by: dict[str, list[int]] = {}

    def set(self, name: str, value: object) -> None:
        self._note(name, self.values.setdefault(name, value) != value)

    def set_balance(self, name: str, amount: Decimal) -> None:
        self._note(f"{name} balance", self.balances.setdefault(name, amount) != amount)

    def _note(self, name: str, contradicts: bool) -> None:
        said_by = self._said_by.setdefault(name, [])
        said_by.append(self.pair)
        if contradicts:
            self.contradicting.update(said_by)


def is_impersonal(key: str) -> bool:
    """Whether a parameter of that key holds an amount, a time, a receipt: nothing about a person."""
    name = _plain(key)
    return name in _READERS and not name.endswith("publicname")


def read_parameters(pairs: Iterable[tuple[str, str | None]]) -> ResultParameters:
    """Return the typed view of a result's key and value pairs; never an error, whatever the texts are.

    Keys are matched without regard to case and blanks. A value of None or blanks counts as not given. When a thing
    comes twice with different values none of them is taken, and all are reported. Protocol, section 6.
    """
    texts = [(key.strip(), (value or "").strip()) for key, value in pairs]
    problems: dict[int, str] = {}
    while True:
        reading = _read(texts, problems)
        if not reading.contradicting:
            break
        problems |= dict.fromkeys(reading.contradicting, "it came with different values; none of them is taken")
    kept = [number for number, (key, _) in enumerate(texts) if number in problems or _plain(key) not in _READERS]
    return ResultParameters(
        **reading.values,  # type: ignore[arg-type]  # each reader below sets one field with its own type
        balances=MappingProxyType(reading.balances),
        accounts=tuple(reading.accounts),
        other=tuple(texts[number] for number in kept),
        not_understood=tuple((texts[number][0], problems[number]) for number in kept if number in problems),
    )


def _read(texts: list[tuple[str, str]], problems: dict[int, str]) -> _Reading:
    """Read all pairs that have no problem yet; what is not understood is added to the problems."""
    reading = _Reading()
    for number, (key, text) in enumerate(texts):
        reader = _READERS.get(_plain(key))
        if reader is None or not text or number in problems:
            continue
        reading.pair = number
        try:
            reader(reading, text)
        except _NotUnderstoodError as problem:
            problems[number] = str(problem)
    return reading


def _plain(key: str) -> str:
    return "".join(key.split()).lower()


_Reader = Callable[[_Reading, str], None]


def _text_to(name: str) -> _Reader:
    return lambda reading, text: reading.set(name, text)


def _money_to(name: str) -> _Reader:
    def read(reading: _Reading, text: str) -> None:
        currency, amount = _money(text)
        reading.set(name, amount)
        if currency:
            reading.set("currency", currency)

    return read


def _balance_to(name: str) -> _Reader:
    return lambda reading, text: reading.set_balance(name, _money(text)[1])


def _party_to(party: str) -> _Reader:
    def read(reading: _Reading, text: str) -> None:
        found = _PARTY.fullmatch(text)
        if not found:
            raise _NotUnderstoodError("not a number, a dash and a name")
        reading.set(f"{party}_number", found.group(1))
        reading.set(f"{party}_name", (found.group(2) or "").strip() or None)

    return read


def _accounts_of(party: str) -> _Reader:
    return lambda reading, text: reading.accounts.extend(_accounts(party, text))


def _currency(reading: _Reading, text: str) -> None:
    if not _CURRENCY.fullmatch(text):
        raise _NotUnderstoodError("not a currency code of three letters")
    reading.set("currency", _currency_code(text))


def _completed_at(reading: _Reading, text: str) -> None:
    found = _DAY_FIRST.fullmatch(text) or _COMPACT.fullmatch(text)
    if not found:
        raise _NotUnderstoodError("not a date and time in a known format")
    parts = {name: int(digits) for name, digits in found.groupdict().items() if name != "between"}
    try:
        moment = datetime(**parts, tzinfo=NAIROBI)
    except ValueError:
        raise _NotUnderstoodError("no such date or time") from None
    reading.set("completed_at", moment)


def _registered(reading: _Reading, text: str) -> None:
    answer = _YES_NO.get(text.lower())
    if answer is None:
        raise _NotUnderstoodError("neither Y nor N")
    reading.set("registered", answer)


def _money(text: str) -> tuple[str | None, Decimal]:
    braced = _BRACED.fullmatch(text)
    if braced:
        named = dict(part.strip().partition("=")[::2] for part in braced.group(1).split(","))
        text = f"{named.get('CurrencyCode', '')}{named.get('BasicAmount', '')}"
    found = _MONEY.fullmatch(text)
    if not found:
        raise _NotUnderstoodError("not an amount in a known format")
    currency, digits = found.groups()
    return currency and _currency_code(currency), Decimal(digits.replace(",", ""))


def _currency_code(text: str) -> str:
    return "KES" if text.upper() == "KSH" else text.upper()


def _accounts(party: str, text: str) -> list[AffectedAccount]:
    accounts = []
    for entry in text.split("&"):
        name, *rest = (part.strip() for part in entry.split("|"))
        if len(rest) < 2 or not name or not _CURRENCY.fullmatch(rest[0]):
            raise _NotUnderstoodError("not name, currency and amounts between bars")
        amounts = tuple(_money(amount)[1] for amount in rest[1:])
        accounts.append(AffectedAccount(party, name, _currency_code(rest[0]), amounts))
    return accounts


# Keys in lower case without blanks: "Transaction Datetime" and "Transaction DateTime" are both met.
_READERS: dict[str, _Reader] = {
    "transactionreceipt": _text_to("receipt"),
    "receiptno": _text_to("receipt"),
    "amount": _money_to("amount"),
    "transactionamount": _money_to("amount"),
    "currency": _currency,
    "transactiondatetime": _completed_at,
    "transactioncompleteddatetime": _completed_at,
    "transcompletedtime": _completed_at,
    "receiverpartypublicname": _party_to("receiver"),
    "debitpartypublicname": _party_to("paying_party"),
    "b2crecipientisregisteredcustomer": _registered,
    "b2cwithdrawalchargeamount": _money_to("withdrawal_charge"),
    "debitpartycharges": _money_to("debit_party_charges"),
    "workingaccountavailablefunds": _balance_to("working"),
    "utilityaccountavailablefunds": _balance_to("utility"),
    "chargespaidaccountavailablefunds": _balance_to("charges paid"),
    "b2cworkingaccountavailablefunds": _balance_to("working"),
    "b2cutilityaccountavailablefunds": _balance_to("utility"),
    "b2cchargespaidaccountavailablefunds": _balance_to("charges paid"),
    "initiatoraccountcurrentbalance": _balance_to("initiator current"),
    "debitaccountcurrentbalance": _balance_to("debit current"),
    "creditaccountcurrentbalance": _balance_to("credit current"),
    "debitpartyaffectedaccountbalance": _accounts_of("debit"),
    "creditpartyaffectedaccountbalance": _accounts_of("credit"),
}
