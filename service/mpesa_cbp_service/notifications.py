"""The broker's messages to us as handlers get them (protocol, sections 6, 8 and 10)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias

from mpesa_cbp.parsing import parse_amount
from mpesa_cbp.payment.codes import CodeMeaning, result_meaning
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.results.parameters import ResultParameters, read_parameters
from mpesa_cbp.results.statement import pairs_of
from mpesa_cbp.soap import Decoded
from mpesa_cbp_models import C2BPaymentConfirmationRequest, C2BPaymentValidationRequest, NotifyQueueTimeout, Result
from mpesa_cbp_models.operations import CONFIRM_C2B_PAYMENT

KINDS = {
    "GenericAPIResult": EventKind.RESULT,
    "notifyQueueTimeout": EventKind.QUEUE_TIMEOUT,
    "ValidateC2BPayment": EventKind.C2B_VALIDATION,
    "ConfirmC2BPayment": EventKind.C2B_CONFIRMATION,
}
"""Event kind of each operation that the broker calls."""


@dataclass(frozen=True)
class ResultNotification:
    """A result. ``event_id`` is the same in every delivery of it, for idempotence; ``deviations`` as in ``decode``.

    ``contradicts``: it cannot be true together with what was known of the payment before.
    """

    event_id: int
    result: Result = field(repr=False)
    deviations: tuple[str, ...] = ()
    contradicts: bool = False

    @property
    def conversation_id(self) -> str | None:
        """The OriginatorConversationID of the payment."""
        return self.result.originator_conversation_id or None

    @cached_property
    def meaning(self) -> CodeMeaning:
        """What the ResultCode says, with the ResultType."""
        return result_meaning(self.result.result_code, result_type=self.result.result_type)

    @property
    def succeeded(self) -> bool:
        """Whether the money has moved."""
        return self.meaning.success and self.meaning.final

    @property
    def final(self) -> bool:
        """Whether this settles the payment; 43 does not, nor does any code with ResultType 1."""
        return self.meaning.final

    @property
    def receipt(self) -> str | None:
        """The receipt number, from TransactionID or the parameters."""
        return self.result.transaction_id or self.parameters.receipt

    @property
    def pairs(self) -> tuple[tuple[str, str | None], ...]:
        """The result's parameters as they came, key and value."""
        return pairs_of(self.result)

    @cached_property
    def parameters(self) -> ResultParameters:
        """The result's parameters, typed."""
        return read_parameters(self.pairs)


@dataclass(frozen=True)
class QueueTimeoutNotification:
    """The broker could not pass a cached request on; it never reached the core. ``contradicts`` as in a result."""

    event_id: int
    message: NotifyQueueTimeout = field(repr=False)
    contradicts: bool = False

    @property
    def conversation_id(self) -> str:
        """The OriginatorConversationID of the payment."""
        return self.message.originator_conversation_id


@dataclass(frozen=True)
class C2BNotification:
    """A customer pays or has paid us; ``message`` is the validation or the confirmation."""

    event_id: int
    message: C2BPaymentValidationRequest | C2BPaymentConfirmationRequest = field(repr=False)

    @property
    def transaction_id(self) -> str:
        """The operator's id of the payment."""
        return self.message.trans_id

    @property
    def amount(self) -> Decimal | None:
        """The amount, None where its text is no amount."""
        try:
            return parse_amount(self.message.trans_amount)
        except ValueError:
            return None

    @property
    def account_reference(self) -> str | None:
        """What the customer typed as account number."""
        return self.message.bill_ref_number


Notification: TypeAlias = "ResultNotification | QueueTimeoutNotification | C2BNotification"
"""What handlers are given."""


def identity_of(decoded: Decoded) -> str:
    """Digest by which two deliveries of one event are known, however they are spelt.

    Of a confirmation it is the TransID alone: a customer's payment must not be booked twice because the second
    notification of it states another balance.
    """
    if decoded.operation == CONFIRM_C2B_PAYMENT.name:
        return _digest(f"{decoded.operation}\0{decoded.message.trans_id.strip()}")
    return content_digest(decoded)


def content_digest(decoded: Decoded) -> str:
    """Digest of all that a message says."""
    return _digest(f"{decoded.operation}\0{decoded.message.to_text()}")


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode("utf-8", errors="surrogatepass")).hexdigest()
