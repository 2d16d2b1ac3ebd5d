"""What the journal keeps of a request, and how another request differs from it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TypedDict

from mpesa_cbp.parsing import parse_amount
from mpesa_cbp.payment.model import Payment
from mpesa_cbp.redaction import PersonalText
from mpesa_cbp_models import Request


class PaymentFacts(TypedDict):
    """What the journal keeps of a request beside its text, and compares when a payment is resumed."""

    command_id: str
    amount: Decimal | None
    receiver: str | None


def without_credentials(request: Request) -> Request:
    """A copy of a request that may be stored: without the credential and passwords, otherwise complete."""
    identity = request.identity
    return replace(
        request,
        transaction=replace(request.transaction, encrypted_parameters=None),
        identity=replace(
            identity,
            caller=replace(identity.caller, password=None, check_sum=None),
            initiator=replace(identity.initiator, security_credential=""),
        ),
    )


def conversation_id_of(request: Request) -> str:
    """OriginatorConversationID of a request that was checked against the contract, which requires it."""
    return request.transaction.originator_conversation_id or ""


def facts_of(request: Request) -> PaymentFacts:
    """What the journal keeps of a request beside its text."""
    transaction, receiver = request.transaction, request.identity.receiver_party
    pairs = transaction.parameters.parameter if transaction.parameters is not None else []
    values = {pair.key: pair.value for pair in pairs}
    return PaymentFacts(
        command_id=transaction.command_id,
        amount=_amount_of(values.get("Amount")),
        receiver=PersonalText(receiver.identifier) if receiver is not None else None,
    )


def differences(known: Payment, stored: bytes | None, request: Request) -> list[str]:
    """In what a request is another one than that of a payment in the journal, which has ``stored`` as its text.

    All counts that says what is to be done and to whom: amount, receiver, account, receipt; the remark does not.
    """
    try:
        earlier = _details(Request.from_xml(stored or b""))
    except ValueError:
        return ["what the journal has of this conversation id cannot be read, and so not compared"]
    now = _details(request)
    names = [name for name, value in facts_of(request).items() if getattr(known, name) != value]
    names += [name for name in {**earlier, **now} if earlier.get(name) != now.get(name)]
    return [f"{name} differs from that of the payment which has this conversation id" for name in names]


def _details(request: Request) -> dict[str, str]:
    """Parameters and references; the amount is compared as a number, and who waits for a timeout changes nothing."""
    transaction = request.transaction
    pairs = transaction.parameters.parameter if transaction.parameters is not None else []
    items = transaction.reference_data.reference_item if transaction.reference_data is not None else []
    found = {(pair.key or "").strip(): (pair.value or "").strip() for pair in [*pairs, *items]}
    return {key: value for key, value in found.items() if key not in ("Amount", "QueueTimeoutURL")}


def _amount_of(text: str | None) -> Decimal | None:
    try:
        return parse_amount(text) if text is not None else None
    except (ValueError, TypeError):
        return None
