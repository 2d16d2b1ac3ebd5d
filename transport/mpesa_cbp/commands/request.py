"""What a caller may ask of the core, not checked yet: one function for each family of commands (protocol, section 4).

``Client`` and the command line say the same with the same words; ``ordering`` makes requests of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from mpesa_cbp.parsing import http_url


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """What a caller asks for, not checked yet; ``problems`` are those that its method has found.

    ``family`` is that of the commands which the method sends, ``receiver_name`` what it calls the receiver. A pair
    without a value is left out.
    """

    command_id: str
    family: str
    receiver: str | None = field(default=None, repr=False)
    receiver_name: str = ""
    amount: Decimal | int | str | None = None
    parameters: tuple[tuple[str, str | None], ...] = ()
    references: tuple[tuple[str, str | None], ...] = field(default=(), repr=False)
    remark: str | None = None
    conversation_id: str | None = None
    problems: tuple[str, ...] = ()


def customer_payment(
    msisdn: str,
    amount: Decimal | int | str,
    *,
    command: str = "BusinessPayment",
    remark: str | None = None,
    occasion: str | None = None,
    conversation_id: str | None = None,
) -> PaymentRequest:
    """Pay a customer (B2C)."""
    return PaymentRequest(
        command_id=command,
        family="B2C",
        receiver=msisdn,
        receiver_name="msisdn",
        amount=amount,
        references=(("Occasion", occasion),),
        remark=remark,
        conversation_id=conversation_id,
    )


def business_payment(
    short_code: str,
    amount: Decimal | int | str,
    *,
    command: str = "BusinessPayBill",
    account_reference: str | None = None,
    remark: str | None = None,
    conversation_id: str | None = None,
) -> PaymentRequest:
    """Pay an organisation (B2B)."""
    return PaymentRequest(
        command_id=command,
        family="B2B",
        receiver=short_code,
        receiver_name="short_code",
        amount=amount,
        parameters=(("AccountReference", account_reference),),
        remark=remark,
        conversation_id=conversation_id,
        problems=_blank(account_reference=account_reference),
    )


def own_funds_transfer(
    amount: Decimal | int | str, *, command: str, remark: str | None = None, conversation_id: str | None = None
) -> PaymentRequest:
    """Move money between the organisation's own accounts."""
    return PaymentRequest(
        command_id=command, family="own funds", amount=amount, remark=remark, conversation_id=conversation_id
    )


def balance_enquiry(*, remark: str | None = None, conversation_id: str | None = None) -> PaymentRequest:
    """Ask for the balances of the organisation."""
    return PaymentRequest(command_id="AccountBalance", family="query", remark=remark, conversation_id=conversation_id)


def status_enquiry(
    *,
    receipt: str | None = None,
    of_conversation_id: str | None = None,
    remark: str | None = None,
    conversation_id: str | None = None,
) -> PaymentRequest:
    """Ask about one transaction, by its receipt or its conversation id."""
    problems = _blank(receipt=receipt, of_conversation_id=of_conversation_id)
    if (receipt is None) == (of_conversation_id is None):
        problems += ("give either receipt or of_conversation_id",)
    return PaymentRequest(
        command_id="TransactionStatusQuery",
        family="query",
        parameters=(("ReceiptNumber", receipt), ("OriginatorConversationID", of_conversation_id)),
        remark=remark,
        conversation_id=conversation_id,
        problems=problems,
    )


def reversal(
    receipt: str, *, receiver: str | None = None, remark: str | None = None, conversation_id: str | None = None
) -> PaymentRequest:
    """Take a transaction back to ``receiver``, our own short code if not given."""
    return PaymentRequest(
        command_id="TransactionReversal",
        family="reversal",
        receiver=receiver,
        receiver_name="receiver",
        parameters=(("OriginalReceiptNumber", receipt),),
        remark=remark,
        conversation_id=conversation_id,
        problems=_blank(receipt=receipt),
    )


def registration(
    *,
    confirmation_url: str,
    validation_url: str | None = None,
    response_type: str = "Cancelled",
    remark: str | None = None,
    conversation_id: str | None = None,
) -> PaymentRequest:
    """Tell where C2B payments are to be validated and confirmed."""
    problems = (
        *_not_urls(confirmation_url=confirmation_url),
        *(_not_urls(validation_url=validation_url) if validation_url is not None else ()),
        *(() if response_type in ("Completed", "Cancelled") else ("response_type must be Completed or Cancelled",)),
    )
    return PaymentRequest(
        command_id="RegisterURL",
        family="C2B set-up",
        parameters=(("ResponseType", response_type),),
        references=(("ValidationURL", validation_url), ("ConfirmationURL", confirmation_url)),
        remark=remark,
        conversation_id=conversation_id,
        problems=problems,
    )


def _blank(**texts: str | None) -> tuple[str, ...]:
    given = ((name, text) for name, text in texts.items() if text is not None)
    return tuple(f"{name}: must not be blank" for name, text in given if not str(text).strip())


def _not_urls(**urls: object) -> tuple[str, ...]:
    problems: list[str] = []
    for name, url in urls.items():
        try:
            http_url(url if isinstance(url, str) else "")
        except ValueError as error:
            problems.append(f"{name}: {error}")
    return tuple(problems)
