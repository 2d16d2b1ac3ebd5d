"""What handlers are given, how often, and what is kept from them."""

from __future__ import annotations

import functools
import json
import logging
import queue
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Journal, Listener, PaymentState
from mpesa_cbp.envelope import decode
from mpesa_cbp.errors import JournalError
from mpesa_cbp.journal import Delivery, Handling
from mpesa_cbp.listener.handler_worker import HandlerWorker
from mpesa_cbp.notices import ResultNotice, identity_of
from mpesa_cbp.payments import EventKind
from tests.journal.postgres import url_with_schema
from tests.listener.kill import await_handlers
from tests.listener.messages import TOKEN, response_code, result
from tests.listener.processes import Caller, running
from tests.listener.test_listener import CONFIRMATION
from tests.listener.wsgi import post

MSISDN = "254712345678"


class _Asynchronous:
    """No function, so that nobody sees what it is before it is called."""

    async def __call__(self, _: ResultNotice) -> None:
        """Does nothing when it is called."""


async def asynchronous(_: ResultNotice) -> None:
    """Does nothing when it is called."""


def sent(journal: Journal, conversation_id: str = "600000_A") -> None:
    journal.create(
        conversation_id=conversation_id, command_id="BusinessPayment", amount=None, receiver=None, request=b"<r/>"
    )
    journal.record(conversation_id, EventKind.SENDING)


def state(journal: Journal) -> PaymentState:
    payment = journal.payment("600000_A")
    assert payment is not None
    return payment.state


@pytest.mark.parametrize("known", [True, False], ids=["known payment", "unknown payment"])
@pytest.mark.parametrize(("code", "receipt"), [("17", "R1"), ("0", "R2")])
def test_second_result_that_contradicts_is_kept_apart_and_changes_nothing(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]], known: bool, code: str, receipt: str
) -> None:
    if known:
        sent(journal)
    post(listener, result("600000_A", "0", "R1"))
    assert seen.get(timeout=30)[0] == "result"
    assert response_code(post(listener, result("600000_A", code, receipt))[1]) == "00000000"
    kind, notice = seen.get(timeout=30)
    assert (kind, notice.contradicts, notice.receipt) == ("contradiction", True, receipt)
    if known:
        assert state(journal) is PaymentState.SUCCEEDED
    assert listener.metrics.contradicting("result")._value.get() == 1


@pytest.mark.parametrize("known", [True, False], ids=["known payment", "unknown payment"])
@pytest.mark.parametrize("code", ["43", "9999"])
def test_second_result_that_is_not_final_contradicts_nothing_and_is_told_as_such(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]], known: bool, code: str
) -> None:
    if known:
        sent(journal)
    post(listener, result("600000_A", "0", "R1"))
    assert seen.get(timeout=30)[0] == "result"
    post(listener, result("600000_A", code, "R1"))
    kind, notice = seen.get(timeout=30)
    assert (kind, notice.final, notice.contradicts) == ("result", False, False)
    if known:
        assert state(journal) is PaymentState.SUCCEEDED


def test_success_after_expiry_is_news_and_no_rival(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]]
) -> None:
    sent(journal)
    journal.record("600000_A", EventKind.QUEUE_TIMEOUT)
    post(listener, result("600000_A"))
    kind, notice = seen.get(timeout=30)
    assert (kind, notice.contradicts) == ("result", True)
    assert state(journal) is PaymentState.SUCCEEDED


def test_result_before_its_payment_is_kept_and_joined(listener: Listener, journal: Journal) -> None:
    post(listener, result("600000_A"))
    assert journal.payment("600000_A") is None
    journal.create(conversation_id="600000_A", command_id="x", amount=None, receiver=None, request=b"<r/>")
    assert state(journal) is PaymentState.SUCCEEDED


def test_confirmation_of_one_payment_is_handled_once_although_its_second_notice_differs(
    listener: Listener, journal: Journal, seen: queue.Queue[tuple[str, Any]]
) -> None:
    second = CONFIRMATION.replace(b">1</OrgAccountBalance>", b">2</OrgAccountBalance>")
    assert second != CONFIRMATION
    for body in (CONFIRMATION, CONFIRMATION, second, second):
        assert post(listener, body)[0] == "200 OK"
    post(listener, result("600000_A"))
    assert [seen.get(timeout=30)[0] for _ in range(2)] == ["confirmation", "result"]
    kept = journal.search(kinds=[EventKind.C2B_CONFIRMATION])
    assert [(event.contradicts, event.body) for event in kept] == [(False, CONFIRMATION), (True, second)]


def test_confirmation_is_kept_beside_a_stored_one_that_says_its_amount_twice(journal: Journal) -> None:
    """An earlier revision took that one; what it says cannot be compared any more."""
    amount = b"<TransAmount>70.00</TransAmount>"
    doubled = CONFIRMATION.replace(amount, amount + b"<TransAmount>9999.00</TransAmount>")
    assert doubled != CONFIRMATION
    identity = identity_of(decode(CONFIRMATION))
    journal.receive(Delivery(kind=EventKind.C2B_CONFIRMATION, body=doubled, identity=identity, receipt="T1"))
    assert post(Listener(journal=journal, path_token=TOKEN), CONFIRMATION)[0] == "200 OK"
    kept = journal.search(kinds=[EventKind.C2B_CONFIRMATION])
    assert [(event.contradicts, event.body) for event in kept] == [(False, doubled), (True, CONFIRMATION)]


def test_of_messages_that_cannot_be_read_only_so_many_are_kept(journal: Journal) -> None:
    listener = Listener(journal=journal, path_token=TOKEN, maximum_unreadable=3)
    for number in range(10):
        for _ in range(2):
            assert post(listener, b"<unreadable %d" % number)[0].startswith("500")
    assert journal.count(EventKind.UNREADABLE) == 3
    assert response_code(post(listener, result("600000_A"))[1]) == "00000000"


@pytest.mark.parametrize("error", [ValueError("254712345678"), JournalError("of the handler's own journal")])
def test_handler_that_fails_is_called_again_and_keeps_no_other_event_waiting(
    journal: Journal, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    for identity in ("a", "b"):
        journal.receive(Delivery(kind=EventKind.RESULT, identity=identity, code="0", body=result(f"600000_{identity}")))
    called: queue.Queue[int] = queue.Queue()
    failed: list[int] = []

    def handler(notice: ResultNotice) -> None:
        called.put(notice.event_id)
        if notice.event_id == 1 and not failed:
            failed.append(1)
            raise error

    worker = HandlerWorker(journal)
    worker.handlers[EventKind.RESULT] = handler
    worker.start()
    assert [called.get(timeout=30) for _ in range(3)] == [1, 2, 1]
    worker.stop()
    assert {event.handling for event in journal.search()} == {Handling.HANDLED}
    assert "254712345678" not in caplog.text


def raising(notice: ResultNotice) -> None:
    """A handler that fails in a library, with a customer's number in the text of the exception."""
    json.loads(f"{MSISDN} {notice.event_id}")


@functools.wraps(raising)
def wrapped(notice: ResultNotice) -> None:
    raising(notice)


@pytest.mark.parametrize("handler", [raising, wrapped, functools.partial(raising)])
def test_failure_is_told_with_the_place_in_the_handler_s_own_code(
    journal: Journal, caplog: pytest.LogCaptureFixture, handler: Callable[[ResultNotice], None]
) -> None:
    journal.receive(Delivery(kind=EventKind.RESULT, identity="i", code="0", body=result("600000_A")))
    outcome: queue.Queue[str] = queue.Queue()
    worker = HandlerWorker(journal, attempts=1)
    worker.handlers[EventKind.RESULT] = handler
    worker.count = lambda _, word: outcome.put(word)
    worker.start()
    assert [outcome.get(timeout=30) for _ in range(2)] == ["failed", "dead"]
    worker.stop()
    line = raising.__code__.co_firstlineno + 2
    (event,) = journal.dead_letters()
    assert event.error == f"JSONDecodeError at {__name__}:raising:{line}"
    assert f"error=JSONDecodeError place={__name__}:raising:{line}" in caplog.text
    assert MSISDN not in caplog.text


def test_event_at_which_workers_die_becomes_a_dead_letter(journal: Journal) -> None:
    journal.receive(Delivery(kind=EventKind.RESULT, identity="i", code="0", body=result("600000_A")))
    for _ in range(4):
        assert journal.claim(limit=1, lease=timedelta())
    called: list[object] = []
    worker = HandlerWorker(journal, attempts=2)
    worker.handlers[EventKind.RESULT] = called.append
    outcome: queue.Queue[str] = queue.Queue()
    worker.count = lambda _, word: outcome.put(word)
    worker.start()
    assert outcome.get(timeout=30) == "dead"
    worker.stop()
    assert called == []
    assert [event.handling for event in journal.dead_letters()] == [Handling.DEAD]


def test_events_do_not_wait_for_their_lease_after_the_database_was_away(tmp_path: Path) -> None:
    """The database is locked while the first of three events is handled, and is back once the worker has noticed."""
    locked = sqlite3.connect(tmp_path / "j.db", check_same_thread=False, isolation_level=None)
    handled: queue.Queue[int] = queue.Queue()
    with closing(locked), Journal(f"sqlite:///{tmp_path}/j.db?timeout=0.1") as journal:
        worker = HandlerWorker(journal, lease=timedelta(hours=1))

        def first_locks(notice: ResultNotice) -> None:
            handled.put(notice.event_id)
            if notice.event_id == 1:
                locked.execute("BEGIN IMMEDIATE")
            if notice.event_id == 2 and locked.in_transaction:
                raise ValueError  # which cannot be noted

        class Unlocking(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if getattr(record, "event", "") == "handler.waiting" and locked.in_transaction:
                    locked.execute("ROLLBACK")
                    worker.wake()

        for number in range(3):
            journal.receive(Delivery(kind=EventKind.RESULT, identity=str(number), code="0", body=result("600000_A")))
        worker.handlers[EventKind.RESULT] = first_locks
        unlocking = Unlocking()
        logging.getLogger("mpesa_cbp.handlers").addHandler(unlocking)
        try:
            worker.start()
            seen = [handled.get(timeout=30) for _ in range(4)]
            worker.stop()
        finally:
            logging.getLogger("mpesa_cbp.handlers").removeHandler(unlocking)
        assert seen == [1, 2, 2, 3]
        assert {event.handling for event in journal.search()} == {Handling.HANDLED}


def test_worker_that_stops_gives_back_what_it_has_not_begun(journal: Journal) -> None:
    worker = HandlerWorker(journal)
    for number in range(5):
        journal.receive(Delivery(kind=EventKind.RESULT, identity=str(number), code="0", body=result("600000_A")))
    begun: queue.Queue[object] = queue.Queue()
    go_on: queue.Queue[None] = queue.Queue()

    def handler(notice: object) -> None:
        begun.put(notice)
        go_on.get(timeout=30)

    worker.handlers[EventKind.RESULT] = handler
    worker.start()
    begun.get(timeout=30)
    worker._stopping.set()
    go_on.put(None)
    worker.stop()
    handlings = [(event.handling, event.attempts) for event in journal.search()]
    assert handlings == [(Handling.HANDLED, 1)] + [(Handling.PENDING, 0)] * 4


def test_same_result_at_two_processes_at_once_is_one_event_handled_once(tmp_path: Path, postgres_server: str) -> None:
    url = url_with_schema(postgres_server, f"two_{abs(hash(tmp_path))}")
    with running(tmp_path, url) as one, running(tmp_path, url) as other:

        def deliver(port: int) -> list[str]:
            caller = Caller(port)
            codes = [response_code(caller.post(result(f"600000_{number}"))[1]) for number in range(40)]
            caller.close()
            return codes

        with ThreadPoolExecutor(6) as pool:
            assert {code for codes in pool.map(deliver, [one.port, other.port] * 3) for code in codes} == {"00000000"}
        await_handlers(url)
    with Journal(url) as journal:
        found = journal.search()
    assert sorted(event.conversation_id or "" for event in found) == sorted(f"600000_{number}" for number in range(40))
    assert {(event.handling, event.attempts) for event in found} == {(Handling.HANDLED, 1)}


@pytest.mark.parametrize("register", ["on_result", "on_contradiction", "on_c2b_validation", "on_c2b_confirmation"])
def test_asynchronous_handler_is_refused_at_the_start(register: str, journal: Journal) -> None:
    listener = Listener(journal=journal, path_token=TOKEN)
    getattr(listener, register)(asynchronous)
    with pytest.raises(TypeError, match="asynchronous is an async def"):
        listener.start()


def test_event_is_not_handled_by_what_would_have_to_be_awaited(
    journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker = HandlerWorker(journal, attempts=1)
    worker.handlers[EventKind.RESULT] = _Asynchronous()
    journal.receive(Delivery(kind=EventKind.RESULT, identity="a", code="0", body=result("600000_A")))
    worker.start()
    try:
        await_handlers(f"sqlite:///{tmp_path}/j.db")
    finally:
        worker.stop()
    assert [str(event.error).split()[0] for event in journal.dead_letters()] == ["AsynchronousHandler"]
    assert "AsynchronousHandler" in caplog.text
