"""The bad days, each with a name and a magic number (docs/simulator.md).

A payment of KES 4107, or to 254799004107, has the bad day 4107: the four digits are the whole amount, or the last four
of a number that begins with 25479900. Codes and dialects carry a number of their own: 4000 + ResultCode, 4200 +
dialect of the protocol's section 7, 4300 + the last two digits of a ResponseCode 1000000NN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from mpesa_cbp.payment.codes import code_key, response_meaning, result_meaning

MAGIC_PREFIX = "25479900"
"""How a magic receiver's number begins; the last four digits say which day it is."""


@dataclass(frozen=True, slots=True)
class BadDay:
    """What goes wrong with one request. ``number`` is the code or dialect of the kinds that need one.

    As text: ``throttled``, ``result-code:17``, ``result-code:SFC_IC0003``, ``dialect:4``; ``good`` where nothing goes
    wrong.
    """

    name: str
    number: int | str | None = None

    def __str__(self) -> str:
        return self.name if self.number is None else f"{self.name}:{self.number}"

    def is_dialect(self, number: int) -> bool:
        """Whether messages are to be in that dialect."""
        return self.name == "dialect" and self.number == number

    @classmethod
    def parse(cls, text: str) -> BadDay:
        """Read the text form. Raises ValueError, which names the choices, for anything else."""
        name, colon, digits = text.strip().partition(":")
        if name in _NUMBERED and colon and digits.isascii() and digits.isdigit() and len(digits) <= 9:
            if name == "dialect" and int(digits) not in DIALECTS:
                raise ValueError(f"there is no dialect {digits}: choose one of {', '.join(map(str, DIALECTS))}")
            if name == "response-code" and int(digits) in _NO_REFUSALS:
                raise ValueError(f"ResponseCode {digits} is no refusal: choose {_NO_REFUSALS[int(digits)]}")
            return cls(name, int(digits))
        if name == "result-code" and _TEXT_CODE.fullmatch(digits):
            return cls(name, code_key(digits))
        if not colon and (name == GOOD.name or name in _MAGIC_BY_NAME):
            return cls(name)
        names = [GOOD.name, *_MAGIC_BY_NAME]
        near = get_close_matches(name, [*names, *_NUMBERED], n=1)
        hint = f"; did you mean {near[0]}{':NUMBER' if near[0] in _NUMBERED else ''}?" if near else ""
        choices = ", ".join([*names, *(f"{kind}:NUMBER" for kind in _NUMBERED)])
        raise ValueError(f"there is no bad day {text.strip()[:40]!r}{hint or '.'} There are {choices}")


GOOD = BadDay("good")

_TEXT_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,9}")  # at most ten characters (protocol, section 3)
_NUMBERED = ("result-code", "response-code", "dialect")
_NO_REFUSALS = {0: "good", 100_000_000: "cached-then-expired or another day of the cache"}


@dataclass(frozen=True, slots=True)
class Description:
    """A row of the table: the magic number, the name, what happens."""

    magic: int
    name: str
    what: str


BAD_DAYS: tuple[Description, ...] = (
    Description(4101, "throttled", "refused with ResponseCode 100000002; nothing is done"),
    Description(4102, "overloaded", "refused with ResponseCode 100000001; nothing is done"),
    Description(4103, "internal-error", "answered with ResponseCode 100000004, yet the payment goes on"),
    Description(4104, "cached-then-expired", "cached (100000000), never passed on, notifyQueueTimeout"),
    Description(4105, "cached-then-paid", "cached (100000000), passed on later, result"),
    Description(4106, "never-resulted", "accepted and paid, no result is ever posted; queryTransaction knows it"),
    Description(4107, "result-before-response", "the result is delivered before the request is answered"),
    Description(4108, "result-twice", "the same result is delivered a second time after it was acknowledged"),
    Description(4109, "contradicting-results", "a success is followed by a failure (17) for the same conversation"),
    Description(4110, "late-result", "the result comes after the late delay"),
    Description(4111, "slow", "the answer takes the slow delay; the payment goes on"),
    Description(4112, "reset-before", "the connection is reset, nothing was done"),
    Description(4113, "reset-after", "the connection is reset after the request was accepted; the payment goes on"),
    Description(4114, "fault-refused", "SOAP fault SVC0901, nothing is done"),
    Description(4115, "fault-server", "SOAP fault Server, yet the payment goes on"),
    Description(4116, "html", "HTTP 200 with an HTML page of a firewall, nothing is done"),
    Description(4117, "html-503", "HTTP 503 with an HTML page of a gateway, yet the payment goes on"),
    Description(4118, "cut-answer", "the answer breaks off in the middle; the payment goes on"),
    Description(4119, "unknown-codes", "a ResultCode that no document has (9999); nothing was paid"),
    Description(4120, "two-stages", "a first result with 43 and ResultType 1, then the final one"),
    Description(4121, "garbled-result", "a result that is not well-formed comes before the good one"),
    Description(4122, "expired-then-paid", "cached, notifyQueueTimeout, and yet a successful result afterwards"),
    Description(
        4123, "more-to-follow", "a first result with 0 and ResultType 1, which settles nothing; then the final one"
    ),
)
"""Every named bad day; the numbers never change once given."""

DIALECTS: dict[int, str] = {
    1: "root element with a capital",
    2: "payload without a namespace, ResultMsg in the one of cps.huawei.com",
    3: "Key and Value in the request's namespace",
    4: "Parameter for ResultParameter",
    5: "ConversationId, OriginatorConversationId, TransactionId",
    6: "ResultType Completed",
    7: "line breaks and blanks before and after the CDATA mark and around values",
    8: "payload as escaped text",
    9: "elements in another order",
    10: "originReqeust in notifyQueueTimeout (the request is cached and expires)",
    11: "TransactionType for TransType, no KYCInfo (C2B validation)",
    12: "children of queryTransaction's result without a namespace",
    13: "unknown elements and stray text",
    14: "a bare ampersand in a value",
    15: "CDATA marks themselves escaped",
    16: "nil and empty values, keys and values padded",
    17: "envelope without a namespace",
    18: "queryTransaction's error answered with a ResponseMsg",
    19: "hashed MSISDN, empty KYC values, ThirdPartyTransactionID (C2B confirmation)",
    20: "payload as real child elements",
}
"""Dialects by the number that they have in the protocol's section 7; 20 is the second half of its number 8."""

_MAGIC_BY_NAME = {row.name: row.magic for row in BAD_DAYS}
_NAME_BY_MAGIC = {row.magic: row.name for row in BAD_DAYS}

CACHED = frozenset({"cached-then-expired", "cached-then-paid", "expired-then-paid"})
"""FaultPlan on which the broker can only cache the request."""


def magic_day(number: int) -> BadDay:
    """The bad day of a magic number; ``GOOD`` where it is none."""
    if number in _NAME_BY_MAGIC:
        return BadDay(_NAME_BY_MAGIC[number])
    rest = number % 100
    if number // 100 == 40 and rest and result_meaning(str(rest)).known:
        return BadDay("result-code", rest)
    if number // 100 == 42 and rest in DIALECTS:
        return BadDay("dialect", rest)
    # 100000000 is no refusal; the days of the cache are its.
    if number // 100 == 43 and rest and response_meaning(f"1000000{rest:02}").known:
        return BadDay("response-code", int(f"1000000{rest:02}"))
    return GOOD


def all_days() -> tuple[Description, ...]:
    """Every day that has a magic number: the named ones, then those of the codes and dialects."""
    numbered = []
    for number in range(4000, 4400):
        day = magic_day(number)
        if day.number is not None:
            numbered.append(Description(number, str(day), _what(day.name, day.number)))
    return BAD_DAYS + tuple(numbered)


def _what(name: str, number: int | str) -> str:
    if name == "dialect":
        return DIALECTS[int(number)]
    if name == "response-code":
        return f"refused: {response_meaning(str(number)).meaning}"
    meaning = result_meaning(str(number))
    return f"accepted, then {'not paid' if meaning.final else 'a result that settles nothing'}: {meaning.meaning}"


def magic_of(*, amount: Decimal | None, receiver: str) -> BadDay:
    """The bad day that an amount or else a receiver's number asks for."""
    day = GOOD
    if amount is not None and amount == amount.to_integral_value() and amount < 10_000:
        day = magic_day(int(amount))
    if day == GOOD and receiver.startswith(MAGIC_PREFIX) and len(receiver) == 12 and receiver.isdigit():
        day = magic_day(int(receiver[-4:]))
    return day
