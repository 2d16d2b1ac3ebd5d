"""A journal event as a line, as text and as plain values, masked by default."""

from __future__ import annotations

import base64
from typing import Any

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.redaction import redact
from mpesa_cbp.soap import decode
from mpesa_cbp_models import InvalidMessage, Request
from mpesa_cbp_service.cli.describe import facts_as_text
from mpesa_cbp_service.cli.masking import masked_message
from mpesa_cbp_service.formatting import pretty
from mpesa_cbp_service.journal import Event, Handling

__all__ = ["event_facts", "event_line", "event_text"]


def event_line(event: Event) -> str:
    """One event in one line; nothing in it is a customer's."""
    state = "" if event.handling is Handling.NONE else event.handling.value
    marks = " contradicts" if event.contradicts else ""
    marks += f" {_one_line(event.error)}" if event.error is not None else ""
    return (
        f"{event.id:>8} {event.at:%Y-%m-%d %H:%M:%S} {event.kind.value:<16} {state:<8} {event.code or '-':<10} "
        f"{_one_line(event.conversation_id)}{marks}"
    )


def event_text(event: Event, *, masked: bool) -> str:
    """One event with its message, for people."""
    text = facts_as_text(_facts(event, masked=masked))
    return f"{text}\n{pretty(event.body, masked=masked)}\n" if event.body is not None else f"{text}\n"


def event_facts(event: Event, *, masked: bool) -> dict[str, Any]:
    """One event with its message, for JSON: what the message says, and its bytes where nothing is masked."""
    facts = _facts(event, masked=masked)
    if event.body is None:
        return facts
    try:
        facts["message"] = masked_message(_message(event.kind, event.body), masked=masked)
    except (MalformedMessage, InvalidMessage):
        facts["message"] = None
    if not masked:
        facts["body"] = base64.b64encode(event.body).decode("ascii")
    return facts


def _message(kind: EventKind, body: bytes) -> object:
    """What the event says: of a payment we made the request alone is kept, without its envelope and credentials."""
    return Request.from_xml(body) if kind is EventKind.CREATED else decode(body).message


def _facts(event: Event, *, masked: bool) -> dict[str, Any]:
    facts = {
        "event": event.id,
        "at": event.at.isoformat(),
        "kind": event.kind.value,
        "state": event.handling.value,
        "conversation_id": event.conversation_id,
        "code": event.code,
        "more_follow": event.more_follow or None,
        "core_conversation_id": event.core_conversation_id,
        "receipt": event.receipt,
        "origin": event.origin,
        "contradicts": event.contradicts or None,
        "attempts": event.attempts or None,
        "due_at": event.due_at.isoformat() if event.due_at is not None else None,
        "detail": event.detail,
        "error": event.error,
    }
    return {
        name: redact(value) if masked and isinstance(value, str) else value
        for name, value in facts.items()
        if value is not None
    }


def _one_line(text: str | None) -> str:
    """A conversation id is whatever a stranger wrote: no line break or control character of it reaches a terminal."""
    return "-" if text is None else redact("".join(char if char.isprintable() else "?" for char in text))
