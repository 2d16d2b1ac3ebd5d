"""Settling by hand: a person's word is kept, gives way to evidence, and never lets a payment be made twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mpesa_cbp.errors import DuplicateConversation, JournalRefusal
from mpesa_cbp.payment.model import EventKind, Payment, PaymentState
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.journal import InboundMessage, Journal
from tests.service.journal.conftest import Clock
from tests.service.journal.simulated import MSISDN

LATER = timedelta(minutes=11)


def open_payment(journal: Journal, clock: Clock, *steps: EventKind) -> None:
    """A payment that was being sent, of which nothing was heard since."""
    journal.create(
        conversation_id="c1", command_id="BusinessPayment", amount=None, receiver=MSISDN, request=b"<request/>"
    )
    for step in (EventKind.SENDING, *steps):
        journal.record("c1", step)
    clock.now += LATER


def settle(
    journal: Journal, *, paid: bool, receipt: str | None = None, quiet: timedelta = timedelta(minutes=10)
) -> PaymentState:
    return journal.settle("c1", paid=paid, receipt=receipt, reason="Not on the statement", by="J. Otieno", quiet=quiet)


def payment(journal: Journal) -> Payment:
    found = journal.payment("c1")
    assert found is not None
    return found


def result(journal: Journal, code: str, receipt: str = "R1", *, more_follow: bool = False) -> bool:
    """Deliver a result; whether it contradicts."""
    delivery = InboundMessage(
        kind=EventKind.RESULT,
        identity=code,
        conversation_id="c1",
        code=code,
        more_follow=more_follow,
        receipt=receipt,
        body=b"<r/>",
    )
    return journal.receive(delivery).contradicts


@pytest.mark.parametrize("step", [None, EventKind.ACCEPTED, EventKind.QUEUED, EventKind.OUTCOME_UNKNOWN])
@pytest.mark.parametrize(("paid", "state"), [(True, PaymentState.SUCCEEDED), (False, PaymentState.FAILED)])
def test_open_payment_is_settled_and_the_word_is_kept(
    journal: Journal, clock: Clock, step: EventKind | None, paid: bool, state: PaymentState
) -> None:
    open_payment(journal, clock, *([step] if step is not None else []))
    receipt = "RKL1" if paid else None
    assert settle(journal, paid=paid, receipt=receipt) is state
    event = journal.events("c1")[-1]
    assert (event.kind, event.origin, event.receipt) == (EventKind.SETTLED, "J. Otieno", receipt)
    assert event.detail == f"{'paid' if paid else 'not-paid'}: Not on the statement"
    assert (payment(journal).state, payment(journal).receipt) == (state, receipt)


def never_sent(journal: Journal) -> None:
    journal.create(conversation_id="c1", command_id="BusinessPayment", amount=None, receiver=None, request=b"<r/>")


def refused(journal: Journal) -> None:
    never_sent(journal)
    journal.record("c1", EventKind.SENDING)
    journal.record("c1", EventKind.REFUSED, code="100000005")


def paid_by_result(journal: Journal) -> None:
    never_sent(journal)
    result(journal, "0")


def said_to_be_paid(journal: Journal) -> None:
    never_sent(journal)
    journal.record("c1", EventKind.SENDING)
    settle(journal, paid=True, quiet=timedelta(0))


@pytest.mark.parametrize("before", [never_sent, refused, paid_by_result, said_to_be_paid])
@pytest.mark.parametrize("paid", [True, False])
def test_payment_that_is_not_open_cannot_be_settled_and_nothing_is_stored(
    journal: Journal, clock: Clock, before: Callable[[Journal], None], paid: bool
) -> None:
    before(journal)
    clock.now += LATER
    known, events = payment(journal), journal.events("c1")
    with pytest.raises(JournalRefusal, match="cannot be settled by hand"):
        settle(journal, paid=paid)
    assert (payment(journal), journal.events("c1")) == (known, events)


def test_payment_that_may_be_under_way_cannot_be_settled(journal: Journal, clock: Clock) -> None:
    open_payment(journal, clock)
    clock.now -= LATER / 2
    with pytest.raises(JournalRefusal, match="may be under way"):
        settle(journal, paid=False)
    assert payment(journal).state is PaymentState.SENT


def test_unpaid_may_be_taken_back(journal: Journal, clock: Clock) -> None:
    open_payment(journal, clock)
    settle(journal, paid=False)
    assert settle(journal, paid=True) is PaymentState.SUCCEEDED
    assert not payment(journal).may_be_sent


@pytest.mark.parametrize(
    ("paid", "code", "state", "contradicts"),
    [
        (True, "0", PaymentState.SUCCEEDED, False),
        (True, "1", PaymentState.FAILED, True),
        (False, "0", PaymentState.SUCCEEDED, True),
        (False, "1", PaymentState.FAILED, False),
    ],
)
def test_result_goes_before_the_word_and_is_marked_where_it_contradicts(
    journal: Journal, clock: Clock, paid: bool, code: str, state: PaymentState, contradicts: bool
) -> None:
    open_payment(journal, clock)
    settle(journal, paid=paid, receipt="R1" if paid else None)
    assert result(journal, code) is contradicts
    known = payment(journal)
    assert (known.state, known.result_code, known.receipt, known.may_be_sent) == (state, code, "R1", False)


def test_result_with_another_receipt_than_was_said_is_marked(journal: Journal, clock: Clock) -> None:
    open_payment(journal, clock)
    settle(journal, paid=True, receipt="R2")
    assert result(journal, "0", "R1")
    assert payment(journal).receipt == "R1"


def test_result_that_is_not_final_opens_what_was_said_to_be_unpaid(journal: Journal, clock: Clock) -> None:
    open_payment(journal, clock)
    settle(journal, paid=False)
    assert result(journal, "0", more_follow=True)
    assert (payment(journal).state, payment(journal).may_be_sent) == (PaymentState.UNKNOWN, False)


def test_unpaid_may_be_sent_once_under_its_own_id_and_a_duplicate_opens_it_again(
    journal: Journal, clock: Clock
) -> None:
    open_payment(journal, clock)
    settle(journal, paid=False)
    with pytest.raises(DuplicateConversation):
        never_sent(journal)
    assert journal.record("c1", EventKind.SENDING) is PaymentState.SENT
    with pytest.raises(DuplicateConversation):
        journal.record("c1", EventKind.SENDING)
    assert journal.record("c1", EventKind.REFUSED, code="15") is PaymentState.UNKNOWN
    assert not payment(journal).may_be_sent


def test_settling_is_logged_without_the_reason(
    journal: Journal, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    open_payment(journal, clock)
    settle(journal, paid=False)
    assert [record.getMessage() for record in caplog.records] == [
        "payment.settled conversation_id=c1 state=FAILED by='J. Otieno'"
    ]


@pytest.mark.parametrize(
    ("reason", "by", "receipt"),
    [(" ", "J. Otieno", None), ("a statement", "", None), ("a statement", "J. Otieno", "R1")],
)
def test_word_without_reason_or_name_or_with_the_receipt_of_nothing_is_refused(
    journal: Journal, clock: Clock, reason: str, by: str, receipt: str | None
) -> None:
    open_payment(journal, clock)
    with pytest.raises(ValueError, match=r"reason and a name|no receipt"):
        journal.settle("c1", paid=False, reason=reason, by=by, receipt=receipt)
    assert payment(journal).state is PaymentState.SENT


@pytest.fixture
def settings(tmp_path: Path, url: str) -> str:
    file = tmp_path / "settings.toml"
    file.write_text(f'[journal]\nurl = "{url}"\n')
    return str(file)


def command(settings: str, *more: str, conversation_id: str = "c1", word: str = "not-paid") -> int:
    said = ("--as", word, "--reason", "a statement", "--by", "J. Otieno")
    return run(["settle", conversation_id, *said, "--config", settings, *more])


def test_command_settles_shows_and_masks(
    journal: Journal, clock: Clock, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    open_payment(journal, clock)
    assert command(settings, "--yes") == 0
    shown = "".join(capsys.readouterr())
    assert "c1 stands as FAILED by the word of J. Otieno." in shown
    assert "may be sent again under the same conversation id" in shown
    assert MSISDN not in shown
    assert payment(journal).may_be_sent


def test_command_settles_nothing_where_nobody_can_be_asked(journal: Journal, clock: Clock, settings: str) -> None:
    open_payment(journal, clock)
    assert command(settings) == 2
    assert payment(journal).state is PaymentState.SENT


@pytest.mark.parametrize(
    ("more", "conversation_id", "exit_code", "said"),
    [
        (("--yes", "--receipt", "RKL1"), "c1", 2, "has no receipt"),
        (("--yes",), "c2", 1, "no such payment"),
        (("--yes", "--older-than", "999999999"), "c1", 1, "may be under way"),
    ],
)
def test_command_says_what_is_wrong(
    journal: Journal,
    clock: Clock,
    settings: str,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    conversation_id: str,
    exit_code: int,
    said: str,
) -> None:
    open_payment(journal, clock)
    assert command(settings, *more, conversation_id=conversation_id) == exit_code
    told = capsys.readouterr().err
    assert said in told
    assert "It will stand" not in told
    assert payment(journal).state is PaymentState.SENT


def test_command_promises_nothing_of_a_payment_that_is_not_open(
    journal: Journal, clock: Clock, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    open_payment(journal, clock)
    assert command(settings, "--yes", word="paid") == 0
    capsys.readouterr()
    assert command(settings, "--yes") == 1
    told = capsys.readouterr().err
    assert "is in the journal as succeeded and cannot be settled by hand" in told
    assert "It will stand" not in told
