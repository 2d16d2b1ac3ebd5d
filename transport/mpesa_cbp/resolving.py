"""What a queryTransaction found is stored, and moves the payment as far as it proves something of it."""

from __future__ import annotations

from mpesa_cbp.history import EntryKind, History, Leg
from mpesa_cbp.payments import EventKind, Payment, PaymentJournal, PaymentState
from mpesa_cbp.transitions import Finding

__all__ = ["proven", "record_history"]


def record_history(journal: PaymentJournal, history: History, *, conversation_id: str) -> PaymentState | None:
    """Store a QUERIED event with the finding, and the result if there is one; returns the payment's state then.

    Returns None where the journal knows no such payment, and stores nothing. Raises JournalError.
    """
    payment = journal.payment(conversation_id)
    if payment is None:
        return None
    finding, result = proven(history, payment), history.result
    return journal.record(
        conversation_id,
        EventKind.QUERIED,
        code=history.code,
        core_conversation_id=(result.conversation_id or None) if result is not None else None,
        receipt=(result.transaction_id or None) if result is not None else None,
        detail=f"{finding.value}: {history.reached.value}",
        body=result.to_xml() if result is not None else None,
    )


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
