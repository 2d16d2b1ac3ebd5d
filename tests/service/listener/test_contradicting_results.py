"""A result that states another payment than the one it names settles nothing, and is told as a contradiction."""

from __future__ import annotations

import queue
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mpesa_cbp import PaymentState
from mpesa_cbp.errors import DuplicateConversation
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.payment.state_machine import QueryVerdict
from mpesa_cbp.soap import encode
from mpesa_cbp_models import Result, ResultParameters
from mpesa_cbp_models.operations import GENERIC_API_RESULT
from mpesa_cbp_models.result import ParameterType
from mpesa_cbp_service import Journal, Listener
from tests.service.listener.messages import response_code
from tests.service.listener.wsgi import post

ID, MSISDN, RECEIPT = "600000_A", "254712345678", "LCA618MKDW"
Pairs = list[tuple[str, str]]
AGREEING: Pairs = [
    ("TransactionReceipt", RECEIPT),
    ("TransactionAmount", "100.00"),
    ("ReceiverPartyPublicName", f"{MSISDN} - Jane Doe"),
    ("B2CWithdrawalChargeAmount", "12.00"),
]
DIFFERING = {
    "amount": ([("TransactionAmount", "1000.00")], "amount"),
    "amount of the first form": ([("Amount", "Ksh10.00")], "amount"),
    "two amounts": ([("Amount", "100.00"), ("TransactionAmount", "1000.00")], "amount"),
    "receiver": ([("ReceiverPartyPublicName", "254712345679 - Jane Doe")], "receiver"),
    "short code": ([("ReceiverPartyPublicName", "888888 - ACME")], "receiver"),
    "receipt": ([("TransactionReceipt", "LCA618MKDX")], "receipt"),
    "receipt asked about": ([("ReceiptNo", "LCA618MKDX")], "receipt"),
    "all": (
        [("TransactionReceipt", "X"), ("Amount", "1"), ("ReceiverPartyPublicName", "600600 - A")],
        "amount, receiver, receipt",
    ),
}  # fmt: skip
NOT_DIFFERING: dict[str, Pairs] = {
    "all the same": AGREEING,
    "the same twice": [("Amount", "100"), ("TransactionAmount", "100.0000")],
    "national form": [("ReceiverPartyPublicName", "0712345678-Jane Doe")],
    "masked": [("ReceiverPartyPublicName", "2547****5679 - J*** D**"), ("Amount", "***")],
    "hashed": [("ReceiverPartyPublicName", "5e884898da28047151d0e56f8dc62927")],
    "absent": [],
    "blank": [("Amount", ""), ("ReceiverPartyPublicName", " "), ("TransactionReceipt", "")],
    "charges": [("DebitPartyCharges", "Fee|KES|22.40"), ("B2CWithdrawalChargeAmount", "25.00")],
}


def result(pairs: Pairs, code: str = "0", receipt: str | None = RECEIPT) -> bytes:
    message = Result(
        result_type=0,
        result_code=code,
        originator_conversation_id=ID,
        conversation_id="AG_1",
        transaction_id=receipt,
        result_parameters=ResultParameters(result_parameter=[ParameterType(key=k, value=v) for k, v in pairs]),
    )
    return encode(message, operation=GENERIC_API_RESULT, direction="input")


def create(journal: Journal, command: str = "BusinessPayment", amount: str = "100") -> None:
    journal.create(
        conversation_id=ID, command_id=command, amount=Decimal(amount), receiver=MSISDN, request=b"<request/>"
    )


def sent(journal: Journal, command: str = "BusinessPayment") -> None:
    create(journal, command)
    journal.record(ID, EventKind.SENDING)
    journal.record(ID, EventKind.ACCEPTED, code="0")


def state(journal: Journal) -> PaymentState:
    payment = journal.payment(ID)
    assert payment is not None
    return payment.state


@pytest.mark.parametrize("code", ["0", "17"])
@pytest.mark.parametrize(("pairs", "differing"), DIFFERING.values(), ids=DIFFERING)
def test_result_of_another_payment_settles_nothing_and_is_told(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]], pairs: Pairs, differing: str, code: str
) -> None:
    sent(journal)

    _, answer = post(listener, result(pairs, code))

    assert response_code(answer) == "00000000"
    kind, notification = seen.get(timeout=30)
    assert (kind, notification.contradicts) == ("contradiction", True)
    payment, event = journal.payment(ID), journal.events(ID)[-1]
    assert payment is not None
    assert (payment.state, payment.result_code, payment.receipt) == (PaymentState.UNKNOWN, None, None)
    assert (event.contradicts, event.detail, event.body) == (True, f"differs: {differing}", result(pairs, code))
    assert listener.metrics.contradicting("result")._value.get() == 1


@pytest.mark.parametrize("pairs", NOT_DIFFERING.values(), ids=NOT_DIFFERING)
def test_what_is_the_same_absent_or_masked_is_no_contradiction(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]], pairs: Pairs
) -> None:
    sent(journal)
    post(listener, result(pairs))
    kind, notification = seen.get(timeout=30)
    assert (kind, notification.contradicts, state(journal)) == ("result", False, PaymentState.SUCCEEDED)


@pytest.mark.parametrize("command", ["AccountBalance", "TransactionStatusQuery", "RegisterURL", "TransactionReversal"])
def test_result_about_another_transaction_is_not_compared(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]], command: str
) -> None:
    sent(journal, command)
    post(listener, result([("Amount", "7"), ("ReceiptNo", "X"), ("ReceiverPartyPublicName", "888888 - ACME")]))
    kind, notification = seen.get(timeout=30)
    assert (kind, notification.contradicts, state(journal)) == ("result", False, PaymentState.SUCCEEDED)


def test_two_receipts_are_told_also_where_the_journal_knows_no_payment(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]]
) -> None:
    post(listener, result([("TransactionReceipt", "LCA618MKDX")]))
    kind, notification = seen.get(timeout=30)
    assert (kind, notification.contradicts) == ("contradiction", True)
    assert [event.detail for event in journal.search(contradicting=True)] == ["differs: receipt"]


def test_result_that_came_before_its_payment_is_compared_when_it_joins(listener: Listener, journal: Journal) -> None:
    post(listener, result([("Amount", "1000")]))
    assert not journal.events(ID)[0].contradicts

    create(journal)

    assert state(journal) is PaymentState.UNKNOWN
    early = next(event for event in journal.events(ID) if event.kind is EventKind.RESULT)
    assert (early.contradicts, early.detail) == (True, "differs: amount")


def test_replayed_contradiction_is_one_again(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]]
) -> None:
    sent(journal)
    post(listener, result([("Amount", "1000")]))
    assert seen.get(timeout=30)[0] == "contradiction"
    journal.replay(journal.events(ID)[-1].id)
    listener.worker.wake()
    assert seen.get(timeout=30)[0] == "contradiction"


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        (EventKind.QUEUE_TIMEOUT, None),
        (EventKind.REFUSED, None),
        (EventKind.NOT_SENT, None),
        (EventKind.QUERIED, QueryVerdict.REFUSED.value),
        (EventKind.QUERIED, QueryVerdict.EXPIRED.value),
    ],
)
def test_nothing_gives_leave_to_send_what_is_disputed(
    listener: Listener, journal: Journal, kind: EventKind, detail: str | None
) -> None:
    sent(journal)
    post(listener, result([("Amount", "1000")]))

    journal.record(ID, kind, detail=detail)

    assert state(journal) is PaymentState.UNKNOWN
    with pytest.raises(DuplicateConversation):
        journal.record(ID, EventKind.SENDING)


def test_failure_after_a_differing_success_is_told_and_settles_nothing(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]]
) -> None:
    sent(journal)
    post(listener, result([("Amount", "1000")]))
    post(listener, result([], code="17", receipt=None))
    assert [seen.get(timeout=30)[0] for _ in range(2)] == ["contradiction", "contradiction"]
    assert state(journal) is PaymentState.UNKNOWN


def test_success_after_a_differing_one_settles_it_and_is_marked(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]]
) -> None:
    sent(journal)
    post(listener, result([("Amount", "1000")]))
    post(listener, result(AGREEING))
    assert seen.get(timeout=30)[0] == "contradiction"
    kind, notification = seen.get(timeout=30)
    assert (kind, notification.contradicts, state(journal)) == ("result", True, PaymentState.SUCCEEDED)


def test_differing_result_after_the_payment_was_settled_changes_nothing(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]]
) -> None:
    sent(journal)
    post(listener, result(AGREEING))
    assert seen.get(timeout=30)[0] == "result"
    post(listener, result([("Amount", "1000")]))
    assert seen.get(timeout=30)[0] == "contradiction"
    assert state(journal) is PaymentState.SUCCEEDED


@pytest.mark.parametrize(("paid", "settled"), [(True, PaymentState.SUCCEEDED), (False, PaymentState.FAILED)])
def test_person_settles_what_is_disputed(
    listener: Listener, journal: Journal, paid: bool, settled: PaymentState
) -> None:
    sent(journal)
    post(listener, result([("Amount", "1000")]))
    assert journal.settle(ID, paid=paid, reason="statement", by="J. Otieno", quiet=timedelta(0)) is settled
