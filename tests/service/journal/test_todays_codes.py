"""The codes of today's core: each settles the payment as not paid, however it becomes known (protocol, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.payment.codes import is_credential_refusal, result_meaning
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service import Journal
from mpesa_cbp_service.journal import InboundMessage
from mpesa_cbp_service.reconcile import ReconcileOutcome, Reconciliation
from mpesa_cbp_simulator import Simulator, Timing
from tests.service.journal.simulated import MSISDN, NOWHERE

FINAL = [
    "18", "25", "26", "2001", "2006", "2028", "2032", "2040", "8006", "SFC_IC0003", "sfc_ic0003", "R000001", "R000002",
]  # fmt: skip
OPEN = ["2033", "1005", "R002"]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(timing=Timing(result_delay=0.01, retry_delay=0.01, attempts=1), seed=1) as running:
        yield running


def accepted(journal: Journal, conversation_id: str, *, answered: bool) -> None:
    journal.create(
        conversation_id=conversation_id, command_id="BusinessPayment", amount=None, receiver=None, request=b"<request/>"
    )
    journal.record(conversation_id, EventKind.SENDING)
    if answered:
        journal.record(conversation_id, EventKind.ACCEPTED, code="0")


def result(conversation_id: str, code: str) -> InboundMessage:
    return InboundMessage(
        kind=EventKind.RESULT,
        identity=f"{conversation_id}:{code}",
        body=b"<x/>",
        conversation_id=conversation_id,
        code=code,
    )


@pytest.mark.parametrize("code", FINAL)
@pytest.mark.parametrize("answered", [True, False], ids=["after-acceptance", "before-acceptance"])
def test_a_delivered_result_with_a_code_of_today_fails_the_payment(
    journal: Journal, code: str, *, answered: bool
) -> None:
    accepted(journal, "600000_Acme_1", answered=answered)
    journal.receive(result("600000_Acme_1", code))
    if not answered:
        journal.record("600000_Acme_1", EventKind.ACCEPTED, code="0")
    payment = journal.payment("600000_Acme_1")
    assert payment is not None
    assert (payment.state, payment.result_code) == (PaymentState.FAILED, code)
    assert result_meaning(code).known
    assert result_meaning(code).final


@pytest.mark.parametrize("code", OPEN)
def test_what_is_ambiguous_stays_open(journal: Journal, code: str) -> None:
    accepted(journal, "600000_Acme_1", answered=True)
    journal.receive(result("600000_Acme_1", code))
    payment = journal.payment("600000_Acme_1")
    assert payment is not None
    assert payment.state is PaymentState.ACCEPTED


@pytest.mark.parametrize("code", [each for each in FINAL if each.isupper() or each.isdigit()])
@pytest.mark.parametrize("by", ["query", "reconcile"])
def test_a_code_of_today_that_is_found_by_asking_fails_the_payment(
    simulator: Simulator, url: str, code: str, by: str
) -> None:
    urls: dict[str, Any] = {"result_url": NOWHERE, "queue_timeout_url": NOWHERE}
    with Journal(url) as journal, Client(**simulator.client_settings(), **urls, journal=journal) as client:
        simulator.choose(f"result-code:{code}")
        paid = client.pay_customer(MSISDN, 100)
        simulator.settle()
        if by == "query":
            client.query_transaction(paid.conversation_id)
        else:
            (checked,) = Reconciliation(client, journal, older_than=timedelta(0), pause=timedelta(0), rate=1000.0)
            assert checked.outcome is ReconcileOutcome.RESOLVED
        payment = journal.payment(paid.conversation_id)
        assert payment is not None
        assert (payment.state, payment.result_code) == (PaymentState.FAILED, code)
        assert (journal.credential_stop() is not None) == is_credential_refusal(code)


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_wrong_password_is_refused_as_today_and_locks_after_the_attempts(attempts: int) -> None:
    with Simulator(timing=Timing(result_delay=0.01), seed=1, attempts_before_lock=attempts) as simulator:
        settings = simulator.client_settings()
        right = settings["initiator"]
        codes: list[str | None] = []
        for initiator in (*[replace(right, password="wrong")] * attempts, right):
            with Client(**{**settings, "initiator": initiator}) as client:
                acknowledgement = client.pay_customer(MSISDN, 100, conversation_id=f"600000_Acme_{len(codes)}")
            simulator.settle(10)
            found = {each.conversation_id: each.result_code for each in simulator.conversations()}
            codes.append(found[acknowledgement.conversation_id])
        assert codes == ["2001"] * attempts + ["8006"]
