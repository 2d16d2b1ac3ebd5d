"""What a queryTransaction found moves the payment, and absence never does."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.commands.request import PaymentRequest, business_payment, reversal
from mpesa_cbp.errors import DuplicateConversation, InvalidRequest, OutcomeUnknown, Throttled
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.payment.state_machine import QueryVerdict
from mpesa_cbp_service import Journal
from mpesa_cbp_service.reconcile import ReconcileOutcome, Reconciliation
from mpesa_cbp_simulator import Simulator, Timing

MSISDN = "254712345678"
NOWHERE = "http://127.0.0.1:1/nobody-listens"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(timing=Timing(result_delay=0.02, cache_time=0.05, retry_delay=0.01, attempts=1), seed=1) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator, journal: Journal) -> Iterator[Client]:
    urls: dict[str, Any] = {"result_url": NOWHERE, "queue_timeout_url": NOWHERE}
    with Client(**simulator.client_settings(), **urls, journal=journal, timeout=(2, 3)) as opened:
        yield opened


@pytest.fixture
def conversation_id() -> str:
    return f"600000_Acme_{uuid.uuid4().hex}"


def state(journal: Journal, conversation_id: str) -> PaymentState:
    payment = journal.payment(conversation_id)
    assert payment is not None
    return payment.state


@pytest.mark.parametrize(
    ("bad_day", "proven"),
    [
        ("reset-after", PaymentState.SUCCEEDED),
        ("never-resulted", PaymentState.SUCCEEDED),
        ("cached-then-expired", PaymentState.EXPIRED),
        ("cached-then-paid", PaymentState.SUCCEEDED),
        ("result-code:1", PaymentState.FAILED),
    ],
)
def test_query_moves_an_open_payment_to_what_the_record_proves(
    simulator: Simulator, client: Client, journal: Journal, conversation_id: str, bad_day: str, proven: PaymentState
) -> None:
    simulator.choose(bad_day)
    try:
        client.pay_customer(MSISDN, 100, conversation_id=conversation_id)
    except OutcomeUnknown:
        assert state(journal, conversation_id) is PaymentState.UNKNOWN
    simulator.settle()
    client.query_transaction(conversation_id)
    assert state(journal, conversation_id) is proven
    queried = journal.events(conversation_id)[-1]
    assert queried.kind is EventKind.QUERIED
    assert not queried.contradicts
    payment = journal.payment(conversation_id)
    assert payment is not None
    assert (payment.receipt is not None) == (proven is PaymentState.SUCCEEDED)


@pytest.mark.parametrize(
    ("amount", "receiver", "named"), [("150", MSISDN, "amount"), ("100", "254712345679", "receiver")]
)
def test_result_of_another_payment_found_by_a_query_settles_nothing_and_is_told(
    simulator: Simulator,
    client: Client,
    conversation_id: str,
    caplog: pytest.LogCaptureFixture,
    amount: str,
    receiver: str,
    named: str,
) -> None:
    client.pay_customer(MSISDN, 100, conversation_id=conversation_id)
    simulator.settle()
    with Journal("sqlite://") as ours:
        ours.create(
            conversation_id=conversation_id,
            command_id="BusinessPayment",
            amount=Decimal(amount),
            receiver=receiver,
            request=b"<request/>",
        )
        ours.record(conversation_id, EventKind.SENDING)
        urls: dict[str, Any] = {"result_url": NOWHERE, "queue_timeout_url": NOWHERE}
        with Client(**simulator.client_settings(), **urls, journal=ours) as asking:
            history = asking.query_transaction(conversation_id)
            (checked,) = Reconciliation(asking, ours, older_than=timedelta(0))
        queried = ours.events(conversation_id)[2]
        assert state(ours, conversation_id) is PaymentState.UNKNOWN
    assert (history.finding, history.state) == (QueryVerdict.DIFFERS, PaymentState.UNKNOWN)
    assert f"The result states another {named} than the payment" in history.summary
    assert (queried.contradicts, queried.detail) == (True, "differs: result")
    assert queried.body is not None
    assert checked.outcome is ReconcileOutcome.STILL_OPEN
    assert f"another {named}" in checked.told
    assert "mpesa-cbp settle" in checked.told
    assert "message.contradicts kind=queried" in caplog.text


def test_payment_that_the_broker_does_not_know_stays_unknown(
    simulator: Simulator, client: Client, journal: Journal, conversation_id: str
) -> None:
    simulator.choose("reset-before")
    with pytest.raises(OutcomeUnknown):
        client.pay_customer(MSISDN, 100, conversation_id=conversation_id)
    client.query_transaction(conversation_id)
    assert state(journal, conversation_id) is PaymentState.UNKNOWN


def test_refusal_on_record_settles_nothing_while_a_later_request_may_be_under_way(
    simulator: Simulator, client: Client, journal: Journal, conversation_id: str
) -> None:
    simulator.choose("throttled")
    with pytest.raises(Throttled):
        client.pay_customer(MSISDN, 100, conversation_id=conversation_id)
    assert state(journal, conversation_id) is PaymentState.FAILED
    journal.record(conversation_id, EventKind.SENDING)
    client.query_transaction(conversation_id)
    assert state(journal, conversation_id) is PaymentState.SENT


def test_query_about_somebody_elses_payment_stores_nothing(client: Client, journal: Journal) -> None:
    client.query_transaction("not-ours")
    assert journal.events("not-ours") == []


def test_refused_payment_is_sent_again_under_its_id_and_paid_once(
    simulator: Simulator, client: Client, journal: Journal, conversation_id: str
) -> None:
    simulator.choose("throttled")
    with pytest.raises(Throttled):
        client.pay_customer(MSISDN, 100, conversation_id=conversation_id)
    client.pay_customer(MSISDN, 100, conversation_id=conversation_id, resume=True)
    assert state(journal, conversation_id) is PaymentState.ACCEPTED
    with pytest.raises(DuplicateConversation):
        client.pay_customer(MSISDN, 100, conversation_id=conversation_id, resume=True)
    payment = journal.payment(conversation_id)
    assert payment is not None
    assert payment.requests == 2


def test_what_the_journal_does_not_know_is_never_resumed(
    simulator: Simulator, client: Client, journal: Journal
) -> None:
    seen = len(simulator.steps)
    with pytest.raises(InvalidRequest, match="nothing to resume"):
        client.pay_customer(MSISDN, 100, conversation_id="600000_Acme_misspelt", resume=True)
    with pytest.raises(InvalidRequest, match="resume needs the conversation_id"):
        client.pay_customer(MSISDN, 100, resume=True)
    assert journal.payments() == []
    assert len(simulator.steps) == seen


@pytest.mark.parametrize(("msisdn", "amount"), [("254712345679", 100), (MSISDN, 101)])
def test_something_else_is_never_sent_under_the_id_of_a_known_payment(
    simulator: Simulator, client: Client, conversation_id: str, msisdn: str, amount: int
) -> None:
    simulator.choose("throttled")
    with pytest.raises(Throttled):
        client.pay_customer(MSISDN, 100, conversation_id=conversation_id)
    seen = sum(step.number == 1 for step in simulator.steps)
    with pytest.raises(InvalidRequest, match="differs from that of the payment"):
        client.pay_customer(msisdn, amount, conversation_id=conversation_id, resume=True)
    assert sum(step.number == 1 for step in simulator.steps) == seen


@pytest.mark.parametrize(
    ("first", "other", "named"),
    [
        (
            business_payment("888888", 100, account_reference="INV-7"),
            business_payment("888888", 100, account_reference="INV-8"),
            "AccountReference",
        ),
        (reversal("RECEIPT001"), reversal("RECEIPT002"), "OriginalTransactionID"),
    ],
    ids=["another account", "another receipt"],
)
def test_no_other_account_and_no_other_receipt_goes_out_under_a_known_id(
    simulator: Simulator, client: Client, conversation_id: str, first: PaymentRequest, other: PaymentRequest, named: str
) -> None:
    simulator.choose("throttled")
    request, another = (client.builder.build(replace(each, conversation_id=conversation_id)) for each in (first, other))
    with pytest.raises(Throttled):
        client.send(request)
    seen = sum(step.number == 1 for step in simulator.steps)
    with pytest.raises(InvalidRequest, match=f"{named} differs from that of the payment"):
        client.send(another, resume=True)
    assert sum(step.number == 1 for step in simulator.steps) == seen
    client.send(request, resume=True)
    assert sum(step.number == 1 for step in simulator.steps) == seen + 1


def test_what_cannot_be_compared_is_not_resumed(client: Client, journal: Journal, conversation_id: str) -> None:
    journal.create(
        conversation_id=conversation_id,
        command_id="BusinessPayment",
        amount=Decimal(100),
        receiver=MSISDN,
        request=b"<half",
    )
    with pytest.raises(InvalidRequest, match="cannot be read, and so not compared"):
        client.pay_customer(MSISDN, 100, conversation_id=conversation_id, resume=True)
