"""A clock that was wrong, and was put right: nothing waits until it is where it was."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mpesa_cbp.errors import JournalRefusal
from mpesa_cbp.payment.model import EventKind, PaymentState
from mpesa_cbp_service.journal import InboundMessage, Journal
from tests.service.journal.conftest import Clock

YEARS = timedelta(days=3650)
MINUTES = timedelta(minutes=10)
OPEN = [PaymentState.SENT, PaymentState.ACCEPTED]


def sent(journal: Journal) -> None:
    journal.create(conversation_id="c1", command_id="BusinessPayment", amount=None, receiver=None, request=b"<r/>")
    journal.record("c1", EventKind.SENDING)


def result(journal: Journal) -> None:
    journal.receive(InboundMessage(kind=EventKind.RESULT, identity="a", conversation_id="c1", code="0", body=b"<r/>"))


def test_events_keep_the_order_in_which_they_happened(journal: Journal, clock: Clock) -> None:
    for kind in (EventKind.SENDING, EventKind.ACCEPTED):
        if kind is EventKind.SENDING:
            sent(journal)
        else:
            journal.record("c1", kind)
        clock.now -= YEARS
    result(journal)
    kinds = [event.kind for event in journal.events("c1")]
    assert kinds == [EventKind.CREATED, EventKind.SENDING, EventKind.ACCEPTED, EventKind.RESULT]
    payment = journal.payment("c1")
    assert payment is not None
    assert payment.state is PaymentState.SUCCEEDED


@pytest.mark.parametrize(("back", "quiet"), [(timedelta(0), False), (MINUTES / 2, False), (YEARS, True)])
def test_payment_stored_while_the_clock_was_ahead_is_looked_at(
    journal: Journal, clock: Clock, back: timedelta, quiet: bool
) -> None:
    sent(journal)
    clock.now -= back
    assert len(journal.payments(OPEN, quiet=MINUTES)) == quiet


def test_payment_asked_about_while_the_clock_was_ahead_is_asked_about_again(journal: Journal, clock: Clock) -> None:
    sent(journal)
    assert journal.claim_query("c1", pause=MINUTES)
    clock.now -= MINUTES / 2
    assert not journal.claim_query("c1", pause=MINUTES)
    clock.now -= YEARS
    assert journal.claim_query("c1", pause=MINUTES)


def test_payment_stored_while_the_clock_was_ahead_can_be_settled(journal: Journal, clock: Clock) -> None:
    sent(journal)
    clock.now -= MINUTES / 2
    with pytest.raises(JournalRefusal, match="may be under way"):
        journal.settle("c1", paid=False, reason="a statement", by="J. Otieno")
    clock.now -= YEARS
    assert journal.settle("c1", paid=False, reason="a statement", by="J. Otieno") is PaymentState.FAILED


def test_result_received_while_the_clock_was_ahead_is_handled(journal: Journal, clock: Clock) -> None:
    result(journal)
    clock.now -= YEARS
    (event,) = journal.claim(limit=10, lease=MINUTES)
    assert journal.claim(limit=10, lease=MINUTES) == []
    assert event.attempts == 1


def test_event_lent_while_the_clock_was_ahead_is_lent_again_and_a_retry_that_is_due_later_is_not(
    journal: Journal, clock: Clock
) -> None:
    result(journal)
    (event,) = journal.claim(limit=10, lease=MINUTES)
    clock.now -= YEARS
    assert len(journal.claim(limit=10, lease=MINUTES)) == 1
    journal.failed(event.id, error="ValueError", retry_at=clock.now + timedelta(hours=2))
    assert journal.claim(limit=10, lease=MINUTES) == []
