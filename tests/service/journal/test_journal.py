"""The journal: what is stored, what moves a payment, what is handed to handlers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_cbp.errors import DuplicateConversation, JournalRefusal
from mpesa_cbp.payment.model import EventKind, PaymentState
from mpesa_cbp.payment.state_machine import FINAL_EVIDENCE, Evidence, LedgerState, transition
from mpesa_cbp_service.journal import Handling, InboundMessage, Journal
from tests.service.journal.conftest import Clock


def create(journal: Journal, conversation_id: str = "c1") -> None:
    journal.create(
        conversation_id=conversation_id, command_id="BusinessPayment", amount=None, receiver=None, request=b"<request/>"
    )


def result(journal: Journal, code: str = "0", identity: str = "i1", conversation_id: str = "c1") -> object:
    return journal.receive(delivery(identity, code, conversation_id=conversation_id, receipt="R"))


def delivery(
    identity: str, code: str, *, receipt: str | None = None, conversation_id: str = "c1", more_follow: bool = False
) -> InboundMessage:
    return InboundMessage(
        kind=EventKind.RESULT,
        conversation_id=conversation_id,
        body=b"<r/>",
        identity=identity,
        code=code,
        more_follow=more_follow,
        receipt=receipt,
    )


def state(journal: Journal) -> PaymentState:
    payment = journal.payment("c1")
    assert payment is not None
    return payment.state


def test_every_standing_has_a_cell_for_every_step() -> None:
    for standing in LedgerState:
        for step in Evidence:
            transition(standing, step)


@given(st.lists(st.sampled_from(sorted(Evidence, key=lambda step: step.value)), max_size=30))
def test_a_final_result_is_never_left_whatever_comes_later(steps: list[Evidence]) -> None:
    standing, settled = LedgerState.CREATED, None
    for step in steps:
        disputed = standing is LedgerState.DISPUTED and step is Evidence.NOT_PAID
        standing = transition(standing, step).ledger_state
        if settled is None and step in FINAL_EVIDENCE and not disputed:
            settled = standing
            assert standing is (LedgerState.SUCCEEDED if step is Evidence.PAID else LedgerState.FAILED)
        if settled is not None:
            assert standing is settled


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        (EventKind.ACCEPTED, "0", PaymentState.ACCEPTED),
        (EventKind.QUEUED, "100000000", PaymentState.QUEUED),
        (EventKind.REFUSED, "100000007", PaymentState.FAILED),
        (EventKind.REFUSED, "100000004", PaymentState.UNKNOWN),
        (EventKind.NOT_SENT, None, PaymentState.FAILED),
        (EventKind.OUTCOME_UNKNOWN, None, PaymentState.UNKNOWN),
        (EventKind.QUEUE_TIMEOUT, None, PaymentState.EXPIRED),
    ],
)
def test_what_came_of_a_sending_moves_the_payment(
    journal: Journal, kind: EventKind, code: str | None, expected: PaymentState
) -> None:
    create(journal)
    assert journal.record("c1", EventKind.SENDING) is PaymentState.SENT
    assert journal.record("c1", kind, code=code) is expected
    assert state(journal) is expected


def test_success_after_expiry_follows_the_money_and_is_marked(journal: Journal) -> None:
    create(journal)
    journal.record("c1", EventKind.SENDING)
    journal.record("c1", EventKind.QUEUE_TIMEOUT)
    result(journal)
    assert state(journal) is PaymentState.SUCCEEDED
    assert journal.events("c1")[-1].contradicts


def test_result_that_comes_before_its_payment_joins_it(journal: Journal) -> None:
    result(journal)
    assert journal.payment("c1") is None
    create(journal)
    assert state(journal) is PaymentState.SUCCEEDED


def test_same_delivery_is_one_event_however_often_and_from_however_many_threads(journal: Journal) -> None:
    create(journal)
    with ThreadPoolExecutor(8) as pool:
        received = list(pool.map(lambda _: result(journal), range(32)))
    assert sum(r.is_new for r in received) == 1  # type: ignore[attr-defined]
    assert len([event for event in journal.events("c1") if event.kind is EventKind.RESULT]) == 1


def test_many_deliveries_in_one_transaction_each_get_their_own_answer(journal: Journal) -> None:
    create(journal)
    journal.record("c1", EventKind.SENDING)
    first = [delivery(f"i{number}", "0" if number < 2 else "1", receipt=None) for number in range(3)]
    received = journal.receive_all([*first, first[0], delivery("other", "0", conversation_id="unknown")])
    assert [each.is_new for each in received] == [True, True, True, False, True]
    assert [each.contradicts for each in received] == [False, False, True, False, False]
    assert received[3].event_id == received[0].event_id
    assert [each.state for each in received] == [PaymentState.SUCCEEDED] * 4 + [None]
    assert [event.contradicts for event in journal.events("c1")[2:]] == [False, False, True]


def test_second_result_with_another_code_or_receipt_contradicts_and_changes_nothing(journal: Journal) -> None:
    create(journal)
    result(journal)
    for identity, code, receipt in (("i2", "1", "R"), ("i3", "0", "another")):
        received = journal.receive(delivery(identity, code, receipt=receipt))
        assert (received.contradicts, received.state) == (True, PaymentState.SUCCEEDED)
    payment = journal.payment("c1")
    assert payment is not None
    assert (payment.result_code, payment.receipt) == ("0", "R")


def test_results_that_disagree_about_an_unknown_payment_are_marked_before_it_appears(journal: Journal) -> None:
    assert not journal.receive(delivery("i1", "0", receipt="R")).contradicts
    assert journal.receive(delivery("i2", "1", receipt="R")).contradicts
    assert not journal.receive(delivery("i3", "43", receipt="R")).contradicts
    create(journal)
    assert state(journal) is PaymentState.SUCCEEDED


FIRST, FINAL = delivery("i1", "0", more_follow=True), delivery("i2", "1", receipt="R")
"""A result after which another follows, and the other."""


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([FIRST], PaymentState.UNKNOWN),
        ([FIRST, FINAL], PaymentState.FAILED),
        ([FINAL, FIRST], PaymentState.FAILED),
        ([FIRST, FIRST, FINAL, FIRST], PaymentState.FAILED),
    ],
)
@pytest.mark.parametrize("created", ["first", "last"])
def test_result_after_which_more_follow_settles_nothing_in_any_order(
    journal: Journal, order: list[InboundMessage], expected: PaymentState, created: str
) -> None:
    if created == "first":
        create(journal)
    for each in order:
        journal.receive(each)
    if created == "last":
        create(journal)
    assert state(journal) is expected
    payment = journal.payment("c1")
    assert payment is not None
    assert payment.result_code == ("1" if FINAL in order else None)
    stored = {event.code: event.more_follow for event in journal.events("c1") if event.kind is EventKind.RESULT}
    assert stored == {each.code: each.more_follow for each in order}


def test_accepted_payment_stays_accepted_while_more_results_follow(journal: Journal) -> None:
    create(journal)
    journal.record("c1", EventKind.SENDING)
    journal.record("c1", EventKind.ACCEPTED, code="0")
    received = journal.receive(FIRST)
    assert (received.state, received.contradicts) == (PaymentState.ACCEPTED, False)


def test_released_event_is_due_again_and_the_attempt_does_not_count(journal: Journal) -> None:
    result(journal)
    event = journal.claim(limit=1, lease=timedelta(minutes=1))[0]
    journal.release(event.id)
    assert [again.attempts for again in journal.claim(limit=1, lease=timedelta(minutes=1))] == [1]


def test_known_conversation_id_is_refused(journal: Journal) -> None:
    create(journal)
    with pytest.raises(DuplicateConversation):
        create(journal)


def test_event_is_lent_to_one_worker_until_its_lease_ends(journal: Journal, clock: Clock) -> None:
    result(journal)
    lease = timedelta(seconds=30)
    assert len(journal.claim(limit=10, lease=lease)) == 1
    assert journal.claim(limit=10, lease=lease) == []
    clock.now += lease
    again = journal.claim(limit=10, lease=lease)
    assert [event.attempts for event in again] == [2]
    journal.handled(again[0].id)
    clock.now += lease
    assert journal.claim(limit=10, lease=lease) == []


def test_failed_event_is_retried_then_dead_and_can_be_replayed(journal: Journal, clock: Clock) -> None:
    result(journal)
    event = journal.claim(limit=1, lease=timedelta(minutes=1))[0]
    journal.failed(event.id, error="ValueError", retry_at=clock.now + timedelta(seconds=5))
    assert journal.claim(limit=1, lease=timedelta(minutes=1)) == []
    clock.now += timedelta(seconds=5)
    event = journal.claim(limit=1, lease=timedelta(minutes=1))[0]
    journal.failed(event.id, error="ValueError", retry_at=None)
    assert [(dead.id, dead.handling) for dead in journal.dead_letters()] == [(event.id, Handling.DEAD)]
    journal.replay(event.id)
    assert len(journal.claim(limit=1, lease=timedelta(minutes=1))) == 1


def test_event_that_is_not_there_is_not_replayed_and_its_failure_needs_no_note(journal: Journal) -> None:
    with pytest.raises(JournalRefusal, match="no event 99"):
        journal.replay(99)
    journal.failed(99, error="ValueError", retry_at=None)
    assert journal.dead_letters() == []


def test_unreadable_message_is_kept_and_given_to_nobody(journal: Journal) -> None:
    kept = journal.receive(InboundMessage(kind=EventKind.UNREADABLE, body=b"\xff<", identity="x"))
    event = journal.event(kept.event_id)
    assert event is not None
    assert event.body == b"\xff<"
    assert journal.claim(limit=1, lease=timedelta(minutes=1)) == []


CHILD = """
import sys
from mpesa_cbp_service.journal import Journal
journal = Journal(sys.argv[1])
for number in range(int(sys.argv[2]), 10_000):
    journal.create(conversation_id=f"k{number}", command_id="x", amount=None, receiver=None, request=b"x")
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_the_process_being_killed(url: str) -> None:
    start = 0
    acknowledged: list[int] = []
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", CHILD, url, str(start)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        acknowledged += [int(child.stdout.readline()) for _ in range(7)]
        os.kill(child.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().split()]
        child.wait()
        child.stdout.close()
        start = acknowledged[-1] + 2
    with Journal(url) as journal:
        stored = {payment.conversation_id for payment in journal.payments()}
    assert {f"k{number}" for number in acknowledged} <= stored
