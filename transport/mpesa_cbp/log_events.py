"""The names, levels and fields of all log events (docs/logging.md).

Events go through ``logging`` to the loggers below ``mpesa_cbp``. Each record carries ``event`` and its fields as
attributes, for formatters that write JSON, and as ``name=value`` in its text. No field holds a secret, a body, a
customer's number or name; texts are redacted all the same.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from mpesa_cbp.redaction import redact

__all__ = ["EVENTS", "LogEvent"]


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One kind of record: its stable ``name``, its ``level`` and the ``fields`` that it may carry."""

    name: str
    level: int
    fields: tuple[str, ...]
    _declared: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_declared", frozenset(self.fields))

    def log(self, logger: logging.Logger, **values: str | int | None) -> None:
        """Write a record; values that are None are left out. A field that is not declared raises TypeError."""
        if not values.keys() <= self._declared:
            undeclared = values.keys() - self._declared
            raise TypeError(f"the log event {self.name} has no field {', '.join(sorted(undeclared))}")
        if not logger.isEnabledFor(self.level):
            return
        shown = {
            name: redact(value) if isinstance(value, str) else value
            for name, value in values.items()
            if value is not None
        }
        text = " ".join([self.name, *(f"{name}={_quoted(value)}" for name, value in shown.items())])
        # A record's own attributes (name, msg, args ...) cannot be overwritten: no field bears such a name.
        logger.log(self.level, "%s", text, extra={"event": self.name, **shown}, stacklevel=2)


def _quoted(value: str | int) -> str:
    """A value in one word, or in quotes: what a broker says must not look like another field or another line."""
    text = str(value)
    plain = text and text.isascii() and text.isprintable() and not any(char in text for char in ' "=\\')
    return text if plain else ascii(text)


def _event(name: str, level: int, fields: str = "") -> LogEvent:
    return LogEvent(name, level, tuple(fields.split()))


# What the client does (logger mpesa_cbp.client). The names are those of the journal's events.
PAYMENT_CREATED = _event("payment.created", logging.INFO, "conversation_id command")
PAYMENT_SENDING = _event("payment.sending", logging.INFO, "conversation_id")
PAYMENT_ACCEPTED = _event("payment.accepted", logging.INFO, "conversation_id code core_conversation_id deviations")
PAYMENT_ANSWER_INCOMPLETE = _event("payment.answer_incomplete", logging.WARNING, "conversation_id missing")
PAYMENT_QUEUED = _event("payment.queued", logging.WARNING, "conversation_id code core_conversation_id deviations")
PAYMENT_REFUSED = _event("payment.refused", logging.WARNING, "conversation_id code error")
PAYMENT_NOT_SENT = _event("payment.not_sent", logging.WARNING, "conversation_id error")
PAYMENT_OUTCOME_UNKNOWN = _event("payment.outcome_unknown", logging.ERROR, "conversation_id code error")
PAYMENT_RETRIED = _event("payment.retried", logging.WARNING, "conversation_id attempt error")
QUERY_ANSWERED = _event("query.answered", logging.INFO, "conversation_id finding code entries problems")
PASSWORD_CHANGED = _event("password.changed", logging.INFO)

# What is done to settle payments and to send many (loggers mpesa_cbp_service.reconcile, mpesa_cbp_service.payroll).
PAYMENT_RESOLVED = _event("payment.resolved", logging.INFO, "conversation_id state finding code")
PAYMENT_UNRESOLVED = _event("payment.unresolved", logging.WARNING, "conversation_id state finding code error")
PAYMENT_SETTLED = _event("payment.settled", logging.WARNING, "conversation_id state by")
RECONCILE_FINISHED = _event("reconcile.finished", logging.INFO, "asked resolved unresolved")
BATCH_STARTED = _event("batch.started", logging.INFO, "payments")
BATCH_WAITING = _event("batch.waiting", logging.WARNING, "conversation_id code error seconds")
BATCH_FINISHED = _event("batch.finished", logging.INFO, "accepted queued refused not_sent unknown")

# What the listener does (loggers mpesa_cbp_service.listener, mpesa_cbp.handlers).
MESSAGE_RECEIVED = _event(
    "message.received", logging.INFO, "event_id kind conversation_id code repeated deviations origin"
)
MESSAGE_CONTRADICTS = _event("message.contradicts", logging.ERROR, "event_id kind conversation_id code")
MESSAGE_UNREADABLE = _event("message.unreadable", logging.WARNING, "event_id reason place origin")
MESSAGE_NOT_STORED = _event("message.not_stored", logging.ERROR, "kind conversation_id error")
MESSAGE_REFUSED = _event("message.refused", logging.WARNING, "status reason origin")
VALIDATION_FAILED = _event("validation.failed", logging.ERROR, "event_id error")
REQUEST_FAILED = _event("request.failed", logging.ERROR, "error place")
CERTIFICATE_KEPT = _event("certificate.kept", logging.ERROR, "error")
HANDLER_FAILED = _event("handler.failed", logging.ERROR, "event_id kind error place attempt")
HANDLER_GAVE_UP = _event("handler.gave_up", logging.ERROR, "event_id kind attempt")
HANDLER_WAITING = _event("handler.waiting", logging.ERROR, "error")

EVENTS = {event.name: event for event in tuple(globals().values()) if isinstance(event, LogEvent)}
"""Every event by its name."""
