"""Result parameters as typed values (protocol, section 6).

The operator's keys come in several forms and the values in several formats. All of them are read here, and nothing is
guessed: a value that does not have one of the known formats stays text and is reported, and no text raises an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp.results import formats
from mpesa_cbp.results.formats import NAIROBI, AffectedAccount, NotUnderstood

__all__ = ["NAIROBI", "AffectedAccount", "ResultParameters", "is_impersonal", "plain_key", "read_parameters"]

_HOME_CURRENCY = "KES"


@dataclass(frozen=True, slots=True, repr=False)
class ResultParameters:
    """The parameters of a result, typed; None for what did not come or came blank.

    Times are aware (Nairobi). Numbers of receiver, paying party and credit party are MSISDNs or short codes, as text.
    `currency` is that of the amount; charges and balances are in it too, or in KES where there is none: those in
    another currency are not understood. `balances` goes by the operator's words: working, utility, charges paid
    (available funds), initiator current, debit current, credit current, debit. `other` holds keys that are not known,
    and known keys that could not be read, as text and in order; `not_understood` says of the latter what was wrong. The
    repr shows no name and masks numbers.
    """

    receipt: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    completed_at: datetime | None = None
    initiated_at: datetime | None = None
    finalised_at: datetime | None = None
    receiver_number: str | None = None
    receiver_name: str | None = None
    paying_party_number: str | None = None
    paying_party_name: str | None = None
    credit_party_number: str | None = None
    credit_party_name: str | None = None
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

    ``pair`` is the number of the pair that is being read. No one of two different values is taken for the right one.
    """

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.balances: dict[str, Decimal] = {}
        self.accounts: dict[str, AffectedAccount] = {}
        self.pair = 0
        self._currencies: dict[int, str] = {}
        self._contradicting: set[int] = set()
        self._named_by: dict[str, list[int]] = {}

    def set(self, name: str, value: object) -> None:
        self._note(name, self.values.setdefault(name, value) != value)

    def set_balance(self, name: str, currency: str | None, amount: Decimal) -> None:
        self._note(f"{name} balance", self.balances.setdefault(name, amount) != amount)
        self.in_currency(currency)

    def set_account(self, account: AffectedAccount) -> None:
        name = f"{account.party} account {' '.join(account.name.split()).casefold()}"
        self._note(name, self.accounts.setdefault(name, account) != account)

    def in_currency(self, currency: str | None) -> None:
        """Note the currency of an amount that has no currency of its own in the result."""
        if currency is not None:
            self._currencies[self.pair] = currency

    def problems(self) -> dict[int, str]:
        """What is wrong with which pairs; currencies are compared once it is certain what the result's is."""
        if self._contradicting:
            return dict.fromkeys(self._contradicting, "it came with different values; none of them is taken")
        home = self.values.get("currency", _HOME_CURRENCY)
        other = [pair for pair, currency in self._currencies.items() if currency != home]
        return dict.fromkeys(other, "it is in another currency than the result")

    def _note(self, name: str, contradicts: bool) -> None:
        named_by = self._named_by.setdefault(name, [])
        named_by.append(self.pair)
        if contradicts:
            self._contradicting.update(named_by)


def is_impersonal(key: str) -> bool:
    """Whether a parameter of that key holds an amount, a time, a receipt: nothing about a person."""
    name = plain_key(key)
    return name in _READERS and not name.endswith("publicname")


def read_parameters(pairs: Iterable[tuple[str, str | None]]) -> ResultParameters:
    """Return the typed view of a result's key and value pairs; never an error, whatever the texts are.

    Keys are matched without regard to case and blanks. A value of None or blanks counts as not given. When a thing
    comes twice with different values, under one key or two, none of them is taken, and all are reported; the same value
    twice is one. Protocol, sections 6 and 12.
    """
    texts = [(key.strip(), (value or "").strip()) for key, value in pairs]
    problems: dict[int, str] = {}
    while True:
        reading = _read(texts, problems)
        found = reading.problems()
        if not found:
            break
        problems |= found
    kept = [number for number, (key, _) in enumerate(texts) if number in problems or plain_key(key) not in _READERS]
    return ResultParameters(
        **reading.values,  # type: ignore[arg-type]  # each reader below sets one field with its own type
        balances=MappingProxyType(reading.balances),
        accounts=tuple(reading.accounts.values()),
        other=tuple(texts[number] for number in kept),
        not_understood=tuple((texts[number][0], problems[number]) for number in kept if number in problems),
    )


def _read(texts: list[tuple[str, str]], problems: dict[int, str]) -> _Reading:
    """Read all pairs that have no problem yet; what is not understood is added to the problems."""
    reading = _Reading()
    for number, (key, text) in enumerate(texts):
        reader = _READERS.get(plain_key(key))
        if reader is None or not text or number in problems:
            continue
        reading.pair = number
        try:
            reader(reading, text)
        except NotUnderstood as problem:
            problems[number] = str(problem)
    return reading


def plain_key(key: str) -> str:
    """A key as keys are compared: in lower case, without blanks."""
    return "".join(key.split()).lower()


_Reader = Callable[[_Reading, str], None]


def _text_to(name: str) -> _Reader:
    return lambda reading, text: reading.set(name, text)


def _read_to(name: str, read: Callable[[str], object]) -> _Reader:
    return lambda reading, text: reading.set(name, read(text))


def _amount(reading: _Reading, text: str) -> None:
    currency, amount = formats.unsigned(formats.money(text))
    reading.set("amount", amount)
    if currency:
        reading.set("currency", currency)


def _charge_to(name: str) -> _Reader:
    def read(reading: _Reading, text: str) -> None:
        currency, amount = formats.unsigned(formats.charge(text))
        reading.set(name, amount)
        reading.in_currency(currency)

    return read


def _balance_to(name: str) -> _Reader:
    return lambda reading, text: reading.set_balance(name, *formats.money(text))


def _party_to(party: str) -> _Reader:
    def read(reading: _Reading, text: str) -> None:
        number, name = formats.party(text)
        reading.set(f"{party}_number", number)
        reading.set(f"{party}_name", name)

    return read


def _accounts_of(party: str) -> _Reader:
    def read(reading: _Reading, text: str) -> None:
        for account in formats.accounts(party, text):
            reading.set_account(account)

    return read


def _debit_balance(reading: _Reading, text: str) -> None:
    """DebitAccountBalance: one amount, or accounts between bars (section 12 names the key alone)."""
    (_accounts_of("debit") if "|" in text else _balance_to("debit"))(reading, text)


# Keys in lower case without blanks: "Transaction Datetime" and "Transaction DateTime" are both met.
_READERS: dict[str, _Reader] = {
    "transactionreceipt": _text_to("receipt"),
    "receiptno": _text_to("receipt"),
    "receiptnumber": _text_to("receipt"),
    "amount": _amount,
    "transactionamount": _amount,
    "currency": _read_to("currency", formats.currency_code),
    "transactiondatetime": _read_to("completed_at", formats.moment),
    "transactioncompleteddatetime": _read_to("completed_at", formats.moment),
    "transcompletedtime": _read_to("completed_at", formats.moment),
    "bocompletedtime": _read_to("completed_at", formats.moment),
    "initiatedtime": _read_to("initiated_at", formats.moment),
    "finalisedtime": _read_to("finalised_at", formats.moment),
    "receiverpartypublicname": _party_to("receiver"),
    "debitpartypublicname": _party_to("paying_party"),
    "creditpartypublicname": _party_to("credit_party"),
    "b2crecipientisregisteredcustomer": _read_to("registered", formats.yes_or_no),
    "b2cwithdrawalchargeamount": _charge_to("withdrawal_charge"),
    "debitpartycharges": _charge_to("debit_party_charges"),
    "workingaccountavailablefunds": _balance_to("working"),
    "utilityaccountavailablefunds": _balance_to("utility"),
    "chargespaidaccountavailablefunds": _balance_to("charges paid"),
    "b2cworkingaccountavailablefunds": _balance_to("working"),
    "b2cutilityaccountavailablefunds": _balance_to("utility"),
    "b2cchargespaidaccountavailablefunds": _balance_to("charges paid"),
    "initiatoraccountcurrentbalance": _balance_to("initiator current"),
    "debitaccountcurrentbalance": _balance_to("debit current"),
    "creditaccountcurrentbalance": _balance_to("credit current"),
    "debitaccountbalance": _debit_balance,
    "debitpartyaffectedaccountbalance": _accounts_of("debit"),
    "creditpartyaffectedaccountbalance": _accounts_of("credit"),
    "accountbalance": _accounts_of("own"),
}
