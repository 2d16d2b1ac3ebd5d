"""What a result states of its payment, and where that differs from the payment or from itself.

Amount, receiver and receipt stand in the result's parameters (protocol, section 6). What is absent, masked, or in no
known format differs from nothing; of several values each must agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from mpesa_cbp.payment.model import ABOUT_ANOTHER
from mpesa_cbp.results.parameters import plain_key, read_parameters
from mpesa_cbp_models import Result

__all__ = ["Statement", "pairs_of", "statement_of"]

# The key under which a status enquiry's answer names the transaction that was asked about; others name their own.
_ASKED_KEY = "receiptno"
_KEYS = frozenset({
    "amount", "transactionamount", "receiverpartypublicname", "transactionreceipt", "receiptnumber", _ASKED_KEY,
})  # fmt: skip
_SUBSCRIBER_DIGITS = 9
_MSISDN_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """All that a result states of amount, receiver and receipt; ``asked_receipts`` may be those of another transaction.

    The receiver's number is personal and no part of the repr.
    """

    amounts: frozenset[Decimal] = frozenset()
    receivers: frozenset[str] = field(default=frozenset(), repr=False)
    receipts: frozenset[str] = frozenset()
    asked_receipts: frozenset[str] = frozenset()

    @property
    def contradicts_itself(self) -> tuple[str, ...]:
        """("receipt",) where TransactionID and the receipt among the parameters are not the same."""
        return ("receipt",) if len(self.receipts) > 1 else ()

    def differs_from(self, command_id: str, amount: Decimal | None, receiver: str | None) -> tuple[str, ...]:
        """Which of amount, receiver and receipt are not those of a payment; nothing for requests about another one."""
        if command_id in ABOUT_ANOTHER:
            return ()
        found = {
            "amount": amount is not None and bool(self.amounts - {amount}),
            "receiver": bool(receiver) and bool({_number(each) for each in self.receivers} - {_number(receiver or "")}),
            "receipt": len(self.receipts | self.asked_receipts) > 1,
        }
        return tuple(name for name, differs in found.items() if differs)


def statement_of(result: Result) -> Statement:
    """What a result states; never an error, whatever its parameters are."""
    named = ((plain_key(key), value) for key, value in pairs_of(result))
    each = [(key, read_parameters([(key, value)])) for key, value in named if key in _KEYS]
    receipts = {(key, read.receipt) for key, read in each} | {("", (result.transaction_id or "").strip())}
    return Statement(
        amounts=frozenset(read.amount for _, read in each if read.amount is not None),
        receivers=frozenset(read.receiver_number for _, read in each if read.receiver_number),
        receipts=frozenset(text.upper() for key, text in receipts if text and key != _ASKED_KEY),
        asked_receipts=frozenset(text.upper() for key, text in receipts if text and key == _ASKED_KEY),
    )


def pairs_of(result: Result) -> tuple[tuple[str, str | None], ...]:
    """The result's parameters as they came; a pair without a key has an empty one, an empty pair is left out."""
    listed = result.result_parameters.result_parameter if result.result_parameters is not None else []
    return tuple((pair.key or "", pair.value) for pair in listed if pair.key or pair.value)


def _number(text: str) -> str:
    """A number without what depends on how it is written: 0712345678 and 254712345678 are one, so are 0600 and 600."""
    digits = "".join(filter(str.isdigit, text)).lstrip("0")
    return digits[-_SUBSCRIBER_DIGITS:] if len(digits) in (_SUBSCRIBER_DIGITS, _MSISDN_DIGITS) else digits
