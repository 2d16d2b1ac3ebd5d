"""What the listener answers: to each operation as its contract has it, stored or not (protocol, sections 5 and 10)."""

from __future__ import annotations

import re
from typing import TypeGuard

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.payment.state_machine import same_code
from mpesa_cbp.soap import Decoded, encode, encode_fault
from mpesa_cbp_models import (
    C2BPaymentConfirmationResult,
    C2BPaymentValidationResult,
    NotifyQueueTimeoutResponse,
    Response,
    Result,
)
from mpesa_cbp_models.operations import (
    CONFIRM_C2B_PAYMENT,
    GENERIC_API_RESULT,
    NOTIFY_QUEUE_TIMEOUT,
    VALIDATE_C2B_PAYMENT,
)

__all__ = ["C2B_OTHER_ERROR", "acknowledgement", "is_verdict", "not_stored", "unreadable", "verdict"]

ACCEPTED = "00000000"
OVERLOADED = "200000001"
NOT_STORED = "200000003"
"""Our answers when a result could not be stored: the broker sends it again."""

TIMEOUT_NOT_STORED = "000000001"
C2B_OTHER_ERROR = "C2B00016"

_CODE = re.compile(r"[A-Za-z0-9]{1,10}")  # as long as a ResultCode may be (protocol, section 3)


def acknowledgement(kind: EventKind, decoded: Decoded) -> bytes:
    """The message is stored."""
    if kind is EventKind.QUEUE_TIMEOUT:
        return _timeout(ACCEPTED, "Stored")
    if kind is EventKind.C2B_CONFIRMATION:
        thanks = C2BPaymentConfirmationResult(value="C2B payment confirmation received")
        return encode(thanks, operation=CONFIRM_C2B_PAYMENT, direction="output")
    return _response(decoded, ACCEPTED, "Stored")


def not_stored(kind: EventKind, decoded: Decoded, *, overloaded: bool = False) -> bytes:
    """The message is not stored, so that the broker must send it again, or not let the customer pay."""
    if kind is EventKind.QUEUE_TIMEOUT:
        return _timeout(TIMEOUT_NOT_STORED, "Failed")
    if kind is EventKind.C2B_VALIDATION:
        return verdict(C2B_OTHER_ERROR)
    if kind is EventKind.C2B_CONFIRMATION:
        # The contract's answer is one free text that nobody reads as a refusal.
        return encode_fault("soapenv:Server", "not stored, please send it again")
    if overloaded:
        return _response(decoded, OVERLOADED, "System overloaded")
    return _response(decoded, NOT_STORED, "Internal server error")


def is_verdict(value: object) -> TypeGuard[str | None]:
    """Whether it says who may pay: None or a code. False, an empty text and the like say nothing."""
    return value is None or (isinstance(value, str) and _CODE.fullmatch(value) is not None)


def verdict(code: str | None) -> bytes:
    """Whether a customer may pay: None or zero accepts, another code refuses."""
    accepts = code is None or same_code(code, "0")
    said = C2BPaymentValidationResult(
        result_code="0" if code is None or accepts else code, result_desc="Accepted" if accepts else "Refused"
    )
    return encode(said, operation=VALIDATE_C2B_PAYMENT, direction="output")


def unreadable() -> bytes:
    """The message is none of those that the broker sends to a partner."""
    return encode_fault("soapenv:Client", "the message cannot be read")


def _timeout(code: str, description: str) -> bytes:
    said = NotifyQueueTimeoutResponse(result=Result(result_code=code, result_desc=description))
    return encode(said, operation=NOTIFY_QUEUE_TIMEOUT, direction="output")


def _response(decoded: Decoded, code: str, description: str) -> bytes:
    said = Response(
        response_code=code,
        response_desc=description,
        conversation_id=decoded.message.conversation_id,
        originator_conversation_id=decoded.message.originator_conversation_id,
    )
    return encode(said, operation=GENERIC_API_RESULT, direction="output")
