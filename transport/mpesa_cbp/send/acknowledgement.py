"""Interpret the broker's answer: accepted, queued, refused, or unknown."""

from __future__ import annotations

from dataclasses import dataclass

from mpesa_cbp.errors import (
    AuthenticationFailed,
    CredentialRefused,
    DuplicateConversation,
    MalformedMessage,
    OutcomeUnknown,
    Refused,
    Sent,
    SoapFault,
    Throttled,
    ValidationRefused,
)
from mpesa_cbp.http import HttpAnswer
from mpesa_cbp.payment.codes import CodeMeaning, Disposition, response_meaning
from mpesa_cbp.redaction import redact, redact_bytes
from mpesa_cbp.soap import Decoded, decode
from mpesa_cbp_models import Response

_KINDS: dict[Disposition, type[Refused]] = {
    "authentication": AuthenticationFailed,
    "credential": CredentialRefused,
    "throttled": Throttled,
    "duplicate": DuplicateConversation,
    "validation": ValidationRefused,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The broker has the request. It says nothing of the money: that is known with the result (protocol, section 1).

    ``queued`` means that the broker could only cache it (ResponseCode 100000000): pending, not failed.
    ``deviations`` names where the answer departed from the contract, ``missing_ids`` which of its conversation ids did
    not come or came blank: it is then known by the connection alone that it answers this request.
    """

    conversation_id: str
    core_conversation_id: str | None
    code: str
    meaning: str
    description: str | None
    queued: bool
    deviations: tuple[str, ...] = ()
    missing_ids: tuple[str, ...] = ()


def read_answer(answer: HttpAnswer, conversation_id: str | None) -> Decoded:
    """The message inside an HTTP answer.

    Raises SoapFault for a fault, OutcomeUnknown for what cannot be read (an HTML page, half an envelope, a redirect):
    the request may have been worked on all the same.
    """
    try:
        decoded = decode(answer.body)
    except MalformedMessage as error:
        reason = f"HTTP {answer.status} with an answer that cannot be read ({error.reason})"
        raise outcome_unknown(reason, conversation_id, answer) from None
    if decoded.fault is not None:
        code, text = decoded.fault
        raise SoapFault(
            fault_code=code, fault_string=redact(text), conversation_id=conversation_id, body=redact_bytes(answer.body)
        )
    return decoded


def acknowledge(response: Response, decoded: Decoded, *, conversation_id: str | None) -> Acknowledgement:
    """Accepted or queued becomes an Acknowledgement; everything else is raised.

    Raises Refused and its kinds for a code that certainly refuses, OutcomeUnknown for one that does not settle it
    (an internal error, an unknown code) or for an answer that speaks of another conversation.
    """
    named = {
        "OriginatorConversationID": (response.originator_conversation_id or "").strip(),
        "ConversationID": (response.conversation_id or "").strip(),
    }
    ours = named["OriginatorConversationID"]
    if ours and conversation_id is not None and ours != conversation_id:
        raise OutcomeUnknown("The answer speaks of another conversation id", conversation_id=conversation_id)
    code = response.response_code
    meaning = response_meaning(code)
    if not meaning.success and not meaning.pending:
        raise _refusal(meaning, response.response_desc, conversation_id)
    return Acknowledgement(
        conversation_id=conversation_id or "",
        core_conversation_id=named["ConversationID"] or None,
        code=code,
        meaning=meaning.meaning,
        description=response.response_desc or None,
        queued=meaning.pending,
        deviations=decoded.deviations,
        missing_ids=tuple(name for name, value in named.items() if not value),
    )


def outcome_unknown(message: str, conversation_id: str | None, answer: HttpAnswer) -> OutcomeUnknown:
    """The error for an answer that leaves the payment's fate open."""
    return OutcomeUnknown(message, conversation_id=conversation_id, body=redact_bytes(answer.body))


def _refusal(meaning: CodeMeaning, description: str | None, conversation_id: str | None) -> Refused | OutcomeUnknown:
    message = f"The broker did not accept the request{f', saying: {redact(description)}' if description else ''}"
    if not meaning.known or not meaning.final:
        return OutcomeUnknown(
            message, conversation_id=conversation_id, code=meaning.code, meaning=meaning.meaning, sent=Sent.UNKNOWN
        )
    kind = _KINDS.get(meaning.disposition, Refused)
    return kind(
        message,
        conversation_id=conversation_id,
        code=meaning.code,
        meaning=meaning.meaning,
    )
