"""What a queryTransaction found is stored, and moves the payment as far as it proves something of it."""

from __future__ import annotations

import logging
from dataclasses import replace

from mpesa_cbp.history import EntryKind, History, Leg
from mpesa_cbp.log_events import MESSAGE_CONTRADICTS
from mpesa_cbp.payments import EventKind, Payment, PaymentJournal
from mpesa_cbp.statement import statement_of
from mpesa_cbp.transitions import Finding

__all__ = ["compared", "proven", "record_history"]

_logger = logging.getLogger("mpesa_cbp.client")


def record_history(journal: PaymentJournal, history: History, *, conversation_id: str) -> History:
    """Store a QUERIED event with the finding, and the result if there is one; returns the history as compared.

    Where the journal knows no such payment it stores nothing. Raises JournalError.
    """
    payment = journal.payment(conversation_id)
    if payment is None:
        return history
    history = compared(history, payment)
    finding, result = proven(history, payment), history.result
    if finding is Finding.DIFFERS:
        MESSAGE_CONTRADICTS.log(
            _logger, kind=EventKind.QUERIED.value, conversation_id=conversation_id, code=history.code
        )
    journal.record(
        conversation_id,
        EventKind.QUERIED,
        code=history.code,
        core_conversation_id=(result.conversation_id or None) if result is not None else None,
        receipt=(result.transaction_id or None) if result is not None else None,
        detail=f"{finding.value}: {history.reached.value}",
        body=result.to_xml() if result is not None else None,
    )
    return history


def compared(history: History, payment: Payment) -> History:
    """The history of that payment: a result that states another amount, receiver or receipt settles nothing."""
    if history.finding is not Finding.RESULT:
        return history
    facts = (payment.command_id, payment.amount, payment.receiver)
    differing = {name: None for result in history.results for name in statement_of(result).differs_from(*facts)}
    if not differing:
        return history
    problem = f"The result states another {' and '.join(differing)} than the payment"
    return replace(history, finding=Finding.DIFFERS, problems=(*history.problems, problem))


def proven(history: History, payment: Payment) -> Finding:
    """What the broker's record proves of a payment of which that many requests may have left.

    A record that shows fewer requests than may have left says nothing of the others, which may still be under way:
    that all on record were refused, or expired, then proves nothing of the payment.
    """
    if history.finding in (Finding.REFUSED, Finding.EXPIRED):
        ours = sum(
            entry.kind is EntryKind.REQUEST and entry.leg is Leg.PARTNER_TO_BROKER and entry.problem is None
            for entry in history.entries
        )
        if ours < payment.requests:
            return Finding.NOTHING
    return history.finding
