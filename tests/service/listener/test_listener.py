"""The listener: who may come in, what is answered, and that nothing is acknowledged which is not stored."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mpesa_cbp import decode
from mpesa_cbp.payment.model import EventKind, PaymentState
from mpesa_cbp.soap import encode
from mpesa_cbp_models import C2BPaymentConfirmationRequest, C2BPaymentValidationRequest, NotifyQueueTimeout, Result
from mpesa_cbp_models.operations import (
    CONFIRM_C2B_PAYMENT,
    GENERIC_API_RESULT,
    NOTIFY_QUEUE_TIMEOUT,
    VALIDATE_C2B_PAYMENT,
)
from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.journal import Handling
from mpesa_cbp_service.notifications import C2BNotification, ResultNotification
from tests.service.journal.damage import lose_table
from tests.service.listener.messages import TOKEN, result
from tests.service.listener.wsgi import code_of, post

RESULT = encode(
    Result(result_code="0", originator_conversation_id="c1"), operation=GENERIC_API_RESULT, direction="input"
)
TIMEOUT = encode(
    NotifyQueueTimeout(originator_conversation_id="c1", origin_request="eA=="),
    operation=NOTIFY_QUEUE_TIMEOUT,
    direction="input",
)
PAYMENT = {
    "trans_type": "Pay Bill",
    "trans_id": "T1",
    "trans_time": "20261124080000",
    "trans_amount": "70.00",
    "business_short_code": "600000",
    "msisdn": "254712345678",
}
VALIDATION = encode(C2BPaymentValidationRequest(**PAYMENT), operation=VALIDATE_C2B_PAYMENT, direction="input")  # type: ignore[arg-type]
CONFIRMATION = encode(
    C2BPaymentConfirmationRequest(**PAYMENT, org_account_balance="1"),  # type: ignore[arg-type]
    operation=CONFIRM_C2B_PAYMENT,
    direction="input",
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(f"sqlite:///{tmp_path}/j.db") as opened:
        yield opened


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"REQUEST_METHOD": "GET"}, "405"),
        ({"REQUEST_METHOD": "PUT"}, "405"),
        ({"CONTENT_TYPE": "application/json"}, "415"),
        ({"CONTENT_LENGTH": ""}, "411"),
        ({"CONTENT_LENGTH": "-1"}, "400"),
        ({"CONTENT_LENGTH": "999999999"}, "413"),
        ({"CONTENT_LENGTH": "5000"}, "400"),
        ({"PATH_INFO": "/"}, "404"),
        ({"PATH_INFO": "/an-unguessable-wor/result"}, "404"),
        ({"PATH_INFO": f"/result/{TOKEN}"}, "404"),
    ],
)
def test_request_that_does_not_belong_is_turned_away_and_nothing_is_stored(
    journal: Journal, changes: dict[str, str], status: str
) -> None:
    answered, body = post(Listener(journal=journal, path_token=TOKEN), RESULT, **changes)
    assert answered.startswith(status)
    assert b"c1" not in body
    assert journal.events("c1") == []


def test_health_is_answered_without_a_token(journal: Journal) -> None:
    listener = Listener(journal=journal, path_token=TOKEN)
    assert post(listener, b"", REQUEST_METHOD="GET", PATH_INFO="/health")[0] == "200 OK"


@pytest.mark.parametrize(("body", "code"), [(RESULT, "00000000"), (TIMEOUT, "00000000")])
def test_message_is_stored_and_then_acknowledged(journal: Journal, body: bytes, code: str) -> None:
    status, answer = post(Listener(journal=journal, path_token=TOKEN), body)
    assert (status, code_of(answer)) == ("200 OK", code)
    assert [event.body for event in journal.events("c1")] == [body]


@pytest.mark.parametrize(("body", "code"), [(RESULT, "200000003"), (TIMEOUT, "000000001"), (VALIDATION, "C2B00016")])
def test_what_cannot_be_stored_is_not_acknowledged(journal: Journal, tmp_path: Path, body: bytes, code: str) -> None:
    lose_table(tmp_path / "j.db", "mpesa_cbp_events")
    status, answer = post(Listener(journal=journal, path_token=TOKEN), body)
    assert (status, code_of(answer)) == ("200 OK", code)


def test_confirmation_that_cannot_be_stored_is_answered_with_a_fault(journal: Journal, tmp_path: Path) -> None:
    lose_table(tmp_path / "j.db", "mpesa_cbp_events")
    _, answer = post(Listener(journal=journal, path_token=TOKEN), CONFIRMATION)
    assert decode(answer).fault is not None


@pytest.mark.parametrize("body", [b"<half", b"<!DOCTYPE x><x/>", RESULT[:-30], b"\xff\xfe\x00"])
def test_unreadable_message_is_kept_and_answered_with_a_fault(journal: Journal, body: bytes) -> None:
    status, answer = post(Listener(journal=journal, path_token=TOKEN), body)
    assert status.startswith("500")
    assert decode(answer).fault is not None
    kept = journal.event(1)
    assert kept is not None
    assert kept.body == body


def test_our_own_kind_of_message_is_not_taken(journal: Journal) -> None:
    answer = encode(Result(result_code="0"), operation=GENERIC_API_RESULT, direction="input")
    acknowledged = post(Listener(journal=journal, path_token=TOKEN), answer)[1]
    status, body = post(Listener(journal=journal, path_token=TOKEN), acknowledged)
    assert status.startswith("500")
    assert decode(body).fault is not None


@pytest.mark.parametrize(("verdict", "code"), [(None, "0"), ("0", "0"), ("C2B00012", "C2B00012")])
def test_validation_is_answered_by_its_handler(journal: Journal, verdict: str | None, code: str) -> None:
    listener = Listener(journal=journal, path_token=TOKEN)
    seen: list[C2BNotification] = []

    @listener.on_c2b_validation
    def decide(notification: C2BNotification) -> str | None:
        seen.append(notification)
        return verdict

    assert code_of(post(listener, VALIDATION)[1]) == code
    assert str(seen[0].amount) == "70.00"
    assert "254712345678" not in repr(seen[0])


@pytest.mark.parametrize("verdict", [False, True, 0, "", " ", "not today, please", "C2B<00012", b"0"])
def test_verdict_that_is_no_code_refuses_and_is_told(
    journal: Journal, caplog: pytest.LogCaptureFixture, verdict: object
) -> None:
    listener = Listener(journal=journal, path_token=TOKEN)
    listener.on_c2b_validation(lambda _: verdict)  # type: ignore[arg-type,return-value]
    assert code_of(post(listener, VALIDATION)[1]) == "C2B00016"
    (event,) = journal.search(kinds=[EventKind.C2B_VALIDATION])
    assert f"event_id={event.id} error='the handler returned {type(verdict).__name__}, which is no code'" in caplog.text


def test_validation_without_a_handler_or_with_a_failing_one_is_refused(journal: Journal) -> None:
    listener = Listener(journal=journal, path_token=TOKEN)
    assert code_of(post(listener, VALIDATION)[1]) == "C2B00016"

    @listener.on_c2b_validation
    def fail(_: C2BNotification) -> str | None:
        raise RuntimeError("254712345678")

    assert code_of(post(listener, VALIDATION)[1]) == "C2B00016"


def test_handler_that_fails_is_tried_again_and_the_event_is_not_lost(journal: Journal) -> None:
    listener = Listener(journal=journal, path_token=TOKEN)
    seen: queue.Queue[int] = queue.Queue()

    @listener.on_result
    def fail(notification: ResultNotification) -> None:
        seen.put(notification.event_id)
        raise RuntimeError("not today")

    listener.start()
    try:
        post(listener, RESULT)
        event_id = seen.get(timeout=10)
    finally:
        listener.stop()
    event = journal.event(event_id)
    assert event is not None
    assert event.handling is Handling.PENDING
    assert (event.error or "").startswith("RuntimeError at tests.service.listener.test_listener:fail:")
    assert event.due_at is not None
    assert event.due_at > event.at + timedelta(milliseconds=500)


def test_delivery_again_is_acknowledged_again_and_stored_once(journal: Journal) -> None:
    listener = Listener(journal=journal, path_token=TOKEN)
    for _ in range(3):
        assert code_of(post(listener, RESULT)[1]) == "00000000"
    assert len(journal.events("c1")) == 1


@pytest.mark.parametrize(("result_type", "final"), [(0, True), (None, True), (1, False)])
def test_result_is_final_unless_more_follow(journal: Journal, result_type: int | None, final: bool) -> None:
    notifications: queue.Queue[ResultNotification] = queue.Queue()
    listener = Listener(journal=journal, path_token=TOKEN)
    listener.on_result(notifications.put)
    listener.start()
    journal.create(conversation_id="c1", command_id="BusinessPayment", amount=None, receiver=None, request=b"<r/>")
    journal.record("c1", EventKind.SENDING)
    post(listener, result("c1", result_type=result_type))
    notification = notifications.get(timeout=10)
    listener.stop()
    payment = journal.payment("c1")
    assert payment is not None
    assert (notification.final, notification.succeeded, payment.state is PaymentState.SUCCEEDED) == (
        final,
        final,
        final,
    )
    assert [event.more_follow for event in journal.events("c1")][-1] is (not final)
