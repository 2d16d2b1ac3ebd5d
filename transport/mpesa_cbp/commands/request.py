"""Unvalidated payment requests, one constructor per command family (protocol, sections 4 and 12).

``Client`` and the command line use the same constructors; ``RequestBuilder`` checks what they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypedDict, Unpack

from mpesa_cbp.commands.table import REGISTER_URL, REVERSED_RECEIPT, TRANSACTION_REVERSAL
from mpesa_cbp.parsing import http_url
from mpesa_cbp_models import IdentifierType


class RequestOptions(TypedDict, total=False):
    """Keyword arguments that every request takes.

    ``remark``: text that goes with it, at most 255 characters. ``conversation_id``: your own key for it, 1 to 128
    printable characters, never used before; the client makes one where it has a journal. ``result_url`` and
    ``queue_timeout_url`` replace the client's for this request.
    """

    remark: str | None
    conversation_id: str | None
    result_url: str | None
    queue_timeout_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """What a caller asks of the core; ``problems`` are those that the constructor found.

    ``family`` is that of the commands which the constructor allows, None for any command. ``receiver_name`` is the
    argument's name in messages. A pair without a value is left out. ``result_url`` and ``queue_timeout_url`` replace
    those of the client for this request alone.
    """

    command_id: str
    family: str | None
    receiver: str | None = field(default=None, repr=False)
    receiver_name: str = "receiver"
    receiver_type: int | None = None
    amount: Decimal | int | str | None = None
    parameters: tuple[tuple[str, str | None], ...] = ()
    references: tuple[tuple[str, str | None], ...] = field(default=(), repr=False)
    remark: str | None = None
    conversation_id: str | None = None
    result_url: str | None = field(default=None, repr=False)
    queue_timeout_url: str | None = field(default=None, repr=False)
    problems: tuple[str, ...] = ()


def customer_payment(
    msisdn: str,
    amount: Decimal | int | str,
    *,
    command: str = "BusinessPayment",
    occasion: str | None = None,
    **options: Unpack[RequestOptions],
) -> PaymentRequest:
    """Pay a customer (B2C)."""
    return PaymentRequest(
        command_id=command,
        family="B2C",
        receiver=msisdn,
        receiver_name="msisdn",
        amount=amount,
        references=(("Occasion", occasion),),
        **options,
    )


def business_payment(
    short_code: str,
    amount: Decimal | int | str,
    *,
    command: str = "BusinessPayBill",
    account_reference: str | None = None,
    receiver_type: int | None = None,
    **options: Unpack[RequestOptions],
) -> PaymentRequest:
    """Pay an organisation (B2B); ``receiver_type`` 2 where the number is a till's, 4 (a short code) by default."""
    return PaymentRequest(
        command_id=command,
        family="B2B",
        receiver=short_code,
        receiver_name="short_code",
        receiver_type=receiver_type,
        amount=amount,
        parameters=(("AccountReference", account_reference),),
        **options,
        problems=(*_blank(account_reference=account_reference), *_not_organisation(receiver_type)),
    )


def own_funds_transfer(
    amount: Decimal | int | str | None,
    *,
    command: str,
    **options: Unpack[RequestOptions],
) -> PaymentRequest:
    """Move money between the organisation's own accounts; OrgRevenueSettlement takes no amount."""
    return PaymentRequest(
        command_id=command,
        family="own funds",
        amount=amount,
        **options,
    )


def balance_enquiry(**options: Unpack[RequestOptions]) -> PaymentRequest:
    """Ask for the balances of the organisation."""
    return PaymentRequest(command_id="AccountBalance", family="query", **options)


def status_enquiry(
    *,
    receipt: str | None = None,
    of_conversation_id: str | None = None,
    of_core_conversation_id: str | None = None,
    **options: Unpack[RequestOptions],
) -> PaymentRequest:
    """Ask about one transaction, by its receipt, by our conversation id or by the core's."""
    named = {
        "receipt": receipt,
        "of_conversation_id": of_conversation_id,
        "of_core_conversation_id": of_core_conversation_id,
    }
    problems = _blank(**named)
    if sum(value is not None for value in named.values()) != 1:
        problems += (f"give exactly one of {', '.join(named)}",)
    return PaymentRequest(
        command_id="TransactionStatusQuery",
        family="query",
        parameters=(
            ("ReceiptNumber", receipt),
            ("OriginatorConversationID", of_conversation_id),
            ("ConversationID", of_core_conversation_id),
        ),
        **options,
        problems=problems,
    )


def reversal(receipt: str, **options: Unpack[RequestOptions]) -> PaymentRequest:
    """Reverse a transaction, by its receipt."""
    return PaymentRequest(
        command_id=TRANSACTION_REVERSAL,
        family="reversal",
        parameters=((REVERSED_RECEIPT, receipt),),
        **options,
        problems=_blank(receipt=receipt),
    )


def registration(
    *,
    confirmation_url: str,
    validation_url: str | None = None,
    response_type: str = "Cancelled",
    **options: Unpack[RequestOptions],
) -> PaymentRequest:
    """Register the URLs where C2B payments are validated and confirmed."""
    problems = (
        *_not_urls(confirmation_url=confirmation_url),
        *(_not_urls(validation_url=validation_url) if validation_url is not None else ()),
        *(() if response_type in ("Completed", "Cancelled") else ("response_type must be Completed or Cancelled",)),
    )
    return PaymentRequest(
        command_id=REGISTER_URL,
        family="C2B set-up",
        parameters=(("ResponseType", response_type),),
        references=(("ValidationURL", validation_url), ("ConfirmationURL", confirmation_url)),
        **options,
        problems=problems,
    )


def any_order(
    command: str,
    *,
    receiver: str | None = None,
    receiver_type: int | None = None,
    amount: Decimal | int | str | None = None,
    parameters: Mapping[str, str] | None = None,
    references: Mapping[str, str] | None = None,
    **options: Unpack[RequestOptions],
) -> PaymentRequest:
    """Order any command: one of the table is checked by it, another goes out as you say.

    ``receiver_type`` is an IdentifierType (protocol, section 4); a command that is not in the table needs it where it
    has a receiver.
    """
    given: object = command
    problems = [] if isinstance(given, str) and given.strip() else ["command: must be text, and not blank"]
    problems += _pair_problems("parameters", parameters, argument="Amount")
    problems += _pair_problems("references", references, argument="QueueTimeoutURL")
    if problems:
        parameters = references = None
    return PaymentRequest(
        command_id=command,
        family=None,
        receiver=receiver,
        receiver_type=receiver_type,
        amount=amount,
        parameters=tuple((parameters or {}).items()),
        references=tuple((references or {}).items()),
        **options,
        problems=tuple(problems),
    )


def _pair_problems(name: str, pairs: object, *, argument: str) -> list[str]:
    if pairs is None:
        return []
    if not isinstance(pairs, Mapping) or not all(isinstance(each, str) for pair in pairs.items() for each in pair):
        return [f"{name}: must be a mapping of texts"]
    return [f"{name}: give {argument} as an argument"] if argument in pairs else []


def _not_organisation(receiver_type: int | None) -> tuple[str, ...]:
    allowed = (IdentifierType.TillNumber.value, IdentifierType.OrganizationShortCode.value)
    if receiver_type is None or receiver_type in allowed:
        return ()
    return (f"receiver_type must be {allowed[0]} (till) or {allowed[1]} (short code)",)


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
