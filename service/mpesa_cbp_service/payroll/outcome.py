"""The outcome of a line, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from mpesa_cbp.payment.codes import response_meaning, result_meaning
from mpesa_cbp.payment.model import Payment, PaymentState
from mpesa_cbp_service.payroll.plan import PlannedLine

__all__ = ["UNDER_WAY_FOR", "LineOutcome", "LineResult", "outcome_of"]

UNDER_WAY_FOR = timedelta(minutes=10)
"""Longer than a request can be under way, as ``mpesa-cbp reconcile --older-than`` has it."""


class LineOutcome(Enum):
    """What is known of a line."""

    SUCCEEDED = "succeeded"
    ACCEPTED = "accepted"
    QUEUED = "queued"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    NOT_SENT = "not-sent"
    UNKNOWN = "unknown"
    UNDER_WAY = "under-way"
    """Being sent by another run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """What became of a line; ``told`` says why and what to do, ``payment`` is its row in the journal."""

    planned: PlannedLine
    outcome: LineOutcome
    payment: Payment | None
    told: str = ""


def outcome_of(payment: Payment | None, *, now: datetime, ours: bool = False) -> tuple[LineOutcome, str]:
    """What the journal's row says of a line, and what to do.

    What another run took up a moment ago is under way, unless that run has ended, which nobody can know. ``ours`` says
    that it was our own request, which has ended.
    """
    if payment is None or payment.state is PaymentState.CREATED:
        return LineOutcome.NOT_SENT, "Nothing left; run the same file again."
    if payment.state is PaymentState.FAILED:
        if payment.result_code is not None:
            meaning = result_meaning(payment.result_code)
            said = f"code {payment.result_code}: {meaning.meaning.rstrip('.')}"
            told = f"The core did not pay it ({said}). {meaning.advice} To pay it after all give it a new reference."
            return LineOutcome.FAILED, told
        if payment.response_code is None:
            return LineOutcome.NOT_SENT, "It was not paid; run the same file again."
        meaning = response_meaning(payment.response_code)
        return (
            LineOutcome.REFUSED,
            f"The broker refused it (code {payment.response_code}: {meaning.meaning.rstrip('.')}). {meaning.advice}",
        )
    if payment.state is PaymentState.SENT and not ours and abs(now - payment.updated_at) < UNDER_WAY_FOR:
        until = payment.updated_at + UNDER_WAY_FOR
        told = (
            f"Another run took it up at {payment.updated_at:%H:%M:%S} UTC and has no answer yet. If that run goes on, "
            "let it end and run this one again, which tells what became of it; if it was ended, run mpesa-cbp "
            f"reconcile after {until:%H:%M:%S} UTC. It is not sent twice."
        )
        return LineOutcome.UNDER_WAY, told
    if payment.state in (PaymentState.SENT, PaymentState.UNKNOWN):
        return LineOutcome.UNKNOWN, "It may have been paid: run mpesa-cbp reconcile. It is not sent again."
    if payment.state is PaymentState.EXPIRED:
        return LineOutcome.EXPIRED, "It expired at the broker and was not paid; run the same file again."
    return LineOutcome(payment.state.value), ""
