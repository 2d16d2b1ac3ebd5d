"""Messages as the broker posts them."""

from __future__ import annotations

from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import Result
from mpesa_cbp_models.operations import GENERIC_API_RESULT

TOKEN = "an-unguessable-word"
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}


def result(conversation_id: str, code: str = "0", receipt: str | None = "R1", result_type: int | None = 0) -> bytes:
    """The envelope of a result."""
    message = Result(
        result_type=result_type,
        result_code=code,
        result_desc="The service request is processed successfully.",
        originator_conversation_id=conversation_id,
        conversation_id=f"AG_{conversation_id}",
        transaction_id=receipt,
    )
    return encode(message, operation=GENERIC_API_RESULT, direction="input")


def response_code(answer: bytes) -> str:
    """ResponseCode of our answer to a result."""
    code: str = decode(answer).message.response_code
    return code
