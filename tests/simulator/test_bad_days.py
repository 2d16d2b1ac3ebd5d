"""Every bad day, with the real client, listener and journal: the payment's state ends right, and nothing is paid twice."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from mpesa_cbp import PaymentState
from mpesa_cbp.errors import (
    CbpError,
    FaultOutcomeUnknown,
    FaultRefusal,
    OutcomeUnknown,
    Refused,
    Throttled,
)
from mpesa_cbp.history import Reached
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.notifications import QueueTimeoutNotification, ResultNotification
from mpesa_cbp_simulator import BAD_DAYS, BadDay, Partner, Scenario, Simulator, Timing
from mpesa_cbp_simulator.faults import DIALECTS, MAGIC_PREFIX, Description, all_days, magic_of
from tests.simulator.by_hand import PAYEE

S, F, U, A, Q, E = (
    PaymentState.SUCCEEDED,
    PaymentState.FAILED,
    PaymentState.UNKNOWN,
    PaymentState.ACCEPTED,
    PaymentState.QUEUED,
    PaymentState.EXPIRED,
)


@dataclass(frozen=True)
class Ends:
    """How a day ends: what the call raises, the state a moment later, when all is over, and after asking."""

    raises: type[CbpError] | None
    soon: PaymentState
    over: PaymentState
    asked: PaymentState
    moved: int
    results: int = 1
    contradictions: int = 0
    reached: Reached = Reached.RESULT


def refused(raises: type[CbpError] | None, soon: PaymentState, over: PaymentState, asked: PaymentState) -> Ends:
    """Nothing is moved and no result ever comes."""
    return Ends(raises, soon, over, asked, moved=0, results=0, reached=Reached.BROKER)


DAYS: dict[str, Ends] = {
    "throttled": refused(Throttled, F, F, F),
    "overloaded": refused(Throttled, F, F, F),
    "internal-error": Ends(OutcomeUnknown, S, S, S, 1),
    "cached-then-expired": refused(None, Q, E, E),
    "cached-then-paid": Ends(None, Q, S, S, 1),
    "never-resulted": Ends(None, A, A, S, 1, results=0),
    "result-before-response": Ends(None, S, S, S, 1),
    "result-twice": Ends(None, S, S, S, 1),
    "contradicting-results": Ends(None, S, S, S, 1, results=2, contradictions=1),
    "late-result": Ends(None, A, S, S, 1),
    "slow": Ends(None, S, S, S, 1),
    "reset-before": Ends(OutcomeUnknown, U, U, U, 0, results=0, reached=Reached.NOTHING_RECORDED),
    "reset-after": Ends(OutcomeUnknown, S, S, S, 1),
    "fault-refused": refused(FaultRefusal, F, F, F),
    "fault-server": Ends(FaultOutcomeUnknown, S, S, S, 1),
    "html": Ends(OutcomeUnknown, U, U, U, 0, results=0, reached=Reached.NOTHING_RECORDED),
    "html-503": Ends(OutcomeUnknown, S, S, S, 1),
    "cut-answer": Ends(OutcomeUnknown, S, S, S, 1),
    "unknown-codes": Ends(None, A, A, A, 0),
    "two-stages": Ends(None, S, S, S, 1, results=2),
    "more-to-follow": Ends(None, S, S, S, 1, results=2),
    "garbled-result": Ends(None, S, S, S, 1),
    "expired-then-paid": Ends(None, Q, S, S, 1, contradictions=1),
    "result-code:1": Ends(None, F, F, F, 0),
    "result-code:17": Ends(None, F, F, F, 0),
    "result-code:43": Ends(None, A, A, A, 0),
    "response-code:100000013": refused(Refused, F, F, F),
    "good": Ends(None, S, S, S, 1),
}


def test_every_named_day_is_in_this_table() -> None:
    assert {row.name for row in BAD_DAYS} <= set(DAYS)


@pytest.mark.parametrize("day", DAYS)
def test_payment_ends_right(simulator: Simulator, partner: Partner, day: str) -> None:
    ends, paid = DAYS[day], "600000_Acme_one"
    simulator.choose(day)
    raised = None
    try:
        partner.client.pay_customer(PAYEE, 100, conversation_id=paid)
    except CbpError as error:
        raised = type(error)
    assert raised is ends.raises
    simulator.advance(10)
    assert state(partner, paid) is ends.soon
    simulator.advance(7200)
    assert state(partner, paid) is ends.over
    assert len(simulator.transfers(paid)) == ends.moved
    events = partner.journal.events(paid)
    assert sum(event.kind is EventKind.RESULT for event in events) == ends.results
    assert sum(event.contradicts for event in events) == ends.contradictions
    history = partner.client.query_transaction(paid)
    assert history.reached is ends.reached
    assert state(partner, paid) is ends.asked


def state(partner: Partner, conversation_id: str) -> PaymentState:
    payment = partner.journal.payment(conversation_id)
    assert payment is not None
    return payment.state


# The dialects of results; the others concern other messages.
OF_RESULTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 20)


@pytest.mark.parametrize("number", OF_RESULTS)
def test_result_in_each_dialect_is_read_and_told(simulator: Simulator, partner: Partner, number: int) -> None:
    paid = "600000_Acme_one"
    simulator.choose(f"dialect:{number}")
    partner.client.pay_customer(PAYEE, 100, conversation_id=paid)
    notification = partner.notifications.get(timeout=10)
    assert isinstance(notification, ResultNotification)
    assert notification.deviations or number == 13  # unknown elements are told apart from deviations
    assert notification.parameters.amount == 100
    assert notification.receipt == simulator.transfers(paid)[0].receipt
    assert state(partner, paid) is S
    if number == 13:
        posted = next(step.xml for step in simulator.steps if step.number == 4)
        assert b"OperatorRegion" in posted
        assert b"stray text" in posted


def test_queue_timeout_with_the_misspelt_element_is_read(simulator: Simulator, partner: Partner) -> None:
    simulator.choose("dialect:10")
    cached = partner.client.pay_customer(PAYEE, 100)
    assert cached.queued
    simulator.advance(3600)
    assert isinstance(partner.notifications.get(timeout=10), QueueTimeoutNotification)
    assert any(b"originReqeust>" in step.xml for step in simulator.steps)
    assert state(partner, cached.conversation_id) is E


def test_history_without_namespaces_is_read(simulator: Simulator, partner: Partner) -> None:
    simulator.choose("dialect:12")
    paid = partner.client.pay_customer(PAYEE, 100).conversation_id
    simulator.settle()
    assert partner.client.query_transaction(paid).state is S


def test_query_that_is_answered_as_a_request_is_told_as_such(simulator: Simulator, partner: Partner) -> None:
    simulator.choose("dialect:18")
    paid = partner.client.pay_customer(PAYEE, 100).conversation_id
    simulator.settle()
    with pytest.raises(CbpError, match="100000004"):
        partner.client.query_transaction(paid)
    assert state(partner, paid) is S


def test_every_dialect_is_tested() -> None:
    elsewhere = {10, 11, 12, 18, 19}  # above, and C2B's in test_c2b.py
    assert set(DIALECTS) == {*OF_RESULTS, *elsewhere}


@pytest.mark.parametrize("row", all_days(), ids=lambda row: row.name)
def test_magic_amounts_and_numbers_choose_their_day(row: Description) -> None:
    expected = BadDay.parse(row.name)
    assert magic_of(amount=Decimal(row.magic), receiver=PAYEE) == expected
    assert magic_of(amount=Decimal(100), receiver=f"{MAGIC_PREFIX}{row.magic}") == expected
    assert magic_of(amount=Decimal(f"{row.magic}.50"), receiver=PAYEE) == BadDay("good")


def test_magic_amount_and_magic_number_work_over_the_wire(partner: Partner) -> None:
    with pytest.raises(Throttled):
        partner.client.pay_customer(PAYEE, 4101)
    with pytest.raises(Throttled):
        partner.client.pay_customer(f"{MAGIC_PREFIX}4101", 100)
    paid = partner.client.pay_customer(PAYEE, 4017).conversation_id
    assert partner.wait_for_end(paid).result_code == "17"


def test_same_seed_gives_the_same_run() -> None:
    scenario = Scenario.of("good")
    runs = []
    for seed in (7, 7, 8):
        with Simulator(timing=Timing(result_delay=0, retry_delay=0), seed=seed, scenario=scenario) as simulator:
            with simulator.partner() as partner:
                for number in range(5):
                    partner.client.pay_customer(PAYEE, 100 + number, conversation_id=f"600000_Acme_{number}")
                simulator.settle()
            runs.append([(each.core_id, each.receipt, each.state) for each in simulator.conversations()])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
