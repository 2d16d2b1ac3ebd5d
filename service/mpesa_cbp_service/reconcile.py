"""Ask the broker about every payment whose end is not known.

Safe at any time, from cron, and twice at once: a payment is claimed in the journal before it is asked about, and the
claim ends by itself. Asking changes nothing at the broker. A payment of which the broker has no record stays open:
absence is no proof that it was not paid (protocol, section 8).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from mpesa_cbp.errors import AuthenticationFailed, CbpError, JournalError, NotSent, SettingsError
from mpesa_cbp.history import History
from mpesa_cbp.log_events import PAYMENT_RESOLVED, PAYMENT_UNRESOLVED, RECONCILE_FINISHED
from mpesa_cbp.payment.model import MAKE_ANEW, OPEN_STATES, Payment, PaymentState
from mpesa_cbp.payment.state_machine import QueryVerdict
from mpesa_cbp_service.journal import Journal

__all__ = ["Checked", "ReconcileOutcome", "Reconciliation"]

FAILURES_IN_A_ROW = 5
"""After so many questions without an answer the broker is left alone until the next run."""

_logger = logging.getLogger("mpesa_cbp.reconcile")


class ReconcileOutcome(Enum):
    """What came of one payment."""

    RESOLVED = "resolved"
    """Its end is known now: paid, not paid, or expired."""

    STILL_OPEN = "still-open"
    """The broker was asked, and its record does not tell the end."""

    NOT_ASKED = "not-asked"
    """Another run asked a moment ago, or the broker gives no answers: it is open as before."""

    NEVER_SENT = "never-sent"
    """Stored, and not one byte left: whoever wants it paid may send it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One payment after it was looked at; ``told`` says in words what is known and what to do."""

    payment: Payment
    outcome: ReconcileOutcome
    told: str


class Enquirer(Protocol):
    """What is needed of a ``Client``: to ask, and to store what was found."""

    def query_transaction(self, conversation_id: str, *, query_date: datetime | None = None) -> History:
        """See ``Client.query_transaction``."""


class Reconciliation:
    """One walk over all payments in SENT, ACCEPTED, QUEUED, UNKNOWN or CREATED whose last change is older than an age.

    ``older_than`` must be longer than a request can be under way. ``pause`` is how long a payment that was asked about
    is left alone, by this run and all others; it must be longer than a question takes. ``rate`` is the most questions
    a second. ``stop`` ends the walk before the next question.

    Iterating gives a ``Checked`` for each payment, in the order of their last change; requests that move no money are
    among them (``Payment.moves_money``), and not counted in the log. Raises JournalError, and AuthenticationFailed or
    SettingsError where no question can succeed.
    """

    def __init__(
        self,
        client: Enquirer,
        journal: Journal,
        *,
        older_than: timedelta = timedelta(minutes=10),
        pause: timedelta = timedelta(minutes=5),
        rate: float = 5.0,
        stop: threading.Event | None = None,
    ) -> None:
        self._client = client
        self._journal = journal
        self._pause = pause
        self._interval = 1.0 / rate
        self._stop = stop or threading.Event()
        self.payments: list[Payment] = journal.payments(OPEN_STATES | {PaymentState.CREATED}, quiet=older_than)

    def __iter__(self) -> Iterator[Checked]:
        failures, next_question, counts = 0, time.monotonic(), dict.fromkeys(ReconcileOutcome, 0)
        for payment in self.payments:
            if payment.state is PaymentState.CREATED:
                checked = self._never_sent(payment)
            elif failures >= FAILURES_IN_A_ROW:
                checked = _not_asked(payment, "The broker gave no answers, so it was not asked about this one.")
            elif self._stop.wait(max(0.0, next_question - time.monotonic())):
                break
            elif not self._journal.claim_query(payment.conversation_id, pause=self._pause):
                checked = self._claimed_or_settled(payment)
            else:
                next_question = time.monotonic() + self._interval
                checked, answered = self._ask(payment)
                failures = 0 if answered else failures + 1
            if payment.moves_money:
                counts[checked.outcome] += 1
            yield checked
        RECONCILE_FINISHED.log(
            _logger,
            asked=counts[ReconcileOutcome.RESOLVED] + counts[ReconcileOutcome.STILL_OPEN],
            resolved=counts[ReconcileOutcome.RESOLVED],
            unresolved=counts[ReconcileOutcome.STILL_OPEN] + counts[ReconcileOutcome.NOT_ASKED],
        )

    def _ask(self, payment: Payment) -> tuple[Checked, bool]:
        try:
            history = self._client.query_transaction(payment.conversation_id, query_date=payment.created_at)
        except (AuthenticationFailed, SettingsError, JournalError):
            raise
        except CbpError as error:
            _log_open(payment, error=type(error).__name__)
            reached = "could not be reached" if isinstance(error, NotSent) else "gave no usable answer"
            return _not_asked(payment, f"The broker {reached}: {error.message}."), False
        now = self._journal.payment(payment.conversation_id) or payment
        if now.state in OPEN_STATES:
            _log_open(now, finding=history.finding.value)
            told = f"{history.summary} {_advice(now, history)}".strip()
            return Checked(payment=now, outcome=ReconcileOutcome.STILL_OPEN, told=told), True
        PAYMENT_RESOLVED.log(
            _logger,
            conversation_id=now.conversation_id,
            state=now.state.name,
            finding=history.finding.value,
            code=history.code,
        )
        return Checked(payment=now, outcome=ReconcileOutcome.RESOLVED, told=history.summary), True

    def _claimed_or_settled(self, payment: Payment) -> Checked:
        now = self._journal.payment(payment.conversation_id) or payment
        if now.state in OPEN_STATES:
            return _not_asked(now, "It was asked about a moment ago, perhaps by another run.")
        return Checked(payment=now, outcome=ReconcileOutcome.RESOLVED, told="It was settled meanwhile.")

    def _never_sent(self, payment: Payment) -> Checked:
        now = self._journal.payment(payment.conversation_id) or payment
        if now.state is not PaymentState.CREATED:
            return _not_asked(now, "It is being sent at this moment.")
        told = "Run the same payroll again, or the same command with --resume, to have it sent."
        told = f"Nothing of it ever left. {told if payment.moves_money else MAKE_ANEW}"
        return Checked(payment=now, outcome=ReconcileOutcome.NEVER_SENT, told=told)


_ADVICE = (
    "Do not make it anew: ask the operator about its conversation id, and store their word with mpesa-cbp settle; "
    "if it had no effect, it can then be sent again under the same id."
)


def _advice(payment: Payment, history: History) -> str:
    """What to do about one that the broker's record leaves open; a result that settles nothing is a duplicate's."""
    if not payment.moves_money:
        return MAKE_ANEW
    untold = payment.state in (PaymentState.SENT, PaymentState.UNKNOWN) or history.finding is QueryVerdict.RESULT
    return _ADVICE if untold else ""


def _not_asked(payment: Payment, told: str) -> Checked:
    return Checked(payment=payment, outcome=ReconcileOutcome.NOT_ASKED, told=told)


def _log_open(payment: Payment, *, finding: str | None = None, error: str | None = None) -> None:
    if not payment.moves_money:
        return
    PAYMENT_UNRESOLVED.log(
        _logger, conversation_id=payment.conversation_id, state=payment.state.name, finding=finding, error=error
    )
