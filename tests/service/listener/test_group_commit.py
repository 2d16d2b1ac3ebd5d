"""Group commit: who is stored with whom, and that nobody is told before the commit or forgotten after a failure."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import pytest
from bench.memory_journal import MemoryJournal

from mpesa_cbp.errors import JournalError
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service import Listener
from mpesa_cbp_service.journal import InboundMessage, StoreOutcome
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_service.listener.group_commit import GroupCommit, Overloaded
from mpesa_cbp_service.listener.log_limit import LogLimit
from mpesa_cbp_service.notifications import C2BNotification
from tests.service.listener.messages import TOKEN, result
from tests.service.listener.raw import exchange, request
from tests.service.listener.test_listener import VALIDATION
from tests.service.listener.wsgi import code_of, post


def delivery(identity: str) -> InboundMessage:
    return InboundMessage(kind=EventKind.RESULT, identity=identity, body=b"")


def put(group: GroupCommit, given: InboundMessage) -> Future[StoreOutcome]:
    return group.put(lambda: given, lambda outcome: outcome)


class Store:
    """Takes batches one by one, each when it is let; refuses what is ``bad``."""

    def __init__(self, *bad: str) -> None:
        self.batches: list[list[str]] = []
        self.begun = threading.Semaphore(0)
        self.may_commit = threading.Semaphore(0)
        self._bad = set(bad)

    def receive_all(self, deliveries: Sequence[InboundMessage]) -> list[StoreOutcome]:
        self.begun.release()
        assert self.may_commit.acquire(timeout=30)
        names = [each.identity for each in deliveries]
        if self._bad & set(names):
            raise JournalError("bad")
        self.batches.append(names)
        return [StoreOutcome(event_id=int(name), is_new=True, contradicts=False, state=None) for name in names]


def test_what_comes_during_a_commit_shares_the_next_one_and_each_gets_its_own_outcome() -> None:
    store = Store()
    group = GroupCommit(store.receive_all)
    first = put(group, delivery("0"))
    assert store.begun.acquire(timeout=30)
    others = [put(group, delivery(str(number))) for number in range(1, 10)]
    assert not any(each.done() for each in (first, *others))
    for _ in range(2):
        store.may_commit.release()
    assert [each.result(30).event_id for each in (first, *others)] == list(range(10))
    assert store.batches == [["0"], [str(number) for number in range(1, 10)]]


def test_no_more_than_the_largest_share_a_commit() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, largest=2)
    first = put(group, delivery("0"))
    assert store.begun.acquire(timeout=30)
    others = [put(group, delivery(str(number))) for number in range(1, 6)]
    for _ in range(4):
        store.may_commit.release()
    assert [each.result(30).event_id for each in (first, *others)] == list(range(6))
    assert store.batches == [["0"], ["1", "2"], ["3", "4"], ["5"]]


def test_one_that_the_database_cannot_take_keeps_out_no_other() -> None:
    store = Store("3")
    group = GroupCommit(store.receive_all)
    for _ in range(100):
        store.may_commit.release()
    futures = [put(group, delivery(str(number))) for number in range(8)]
    assert [number for number, each in enumerate(futures) if each.exception(30)] == [3]


def test_too_many_are_refused_at_once_and_later_taken() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, maximum_waiting=1)
    first = put(group, delivery("1"))
    assert store.begun.acquire(timeout=30)
    second = put(group, delivery("2"))
    with pytest.raises(Overloaded, match="Too many"):
        put(group, delivery("3"))
    for _ in range(3):
        store.may_commit.release()
    assert (first.result(30).event_id, second.result(30).event_id) == (1, 2)
    assert put(group, delivery("3")).result(30).event_id == 3


def test_what_is_given_up_before_its_commit_is_not_stored_and_may_come_again() -> None:
    store = Store()
    group = GroupCommit(store.receive_all)
    first = put(group, delivery("1"))
    assert store.begun.acquire(timeout=30)
    given_up, kept = put(group, delivery("2")), put(group, delivery("3"))
    assert given_up.cancel()
    assert not first.cancel()
    for _ in range(3):
        store.may_commit.release()
    assert (first.result(30).event_id, kept.result(30).event_id) == (1, 3)
    assert put(group, delivery("2")).result(30).event_id == 2
    assert store.batches == [["1"], ["3"], ["2"]]


def test_while_a_commit_takes_too_long_new_deliveries_are_refused_at_once() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, longest_wait=0)
    first = put(group, delivery("1"))
    assert store.begun.acquire(timeout=30)
    with pytest.raises(Overloaded, match="too long"):
        put(group, delivery("2"))
    for _ in range(2):
        store.may_commit.release()
    assert first.result(30).event_id == 1
    group.stop()
    assert put(group, delivery("2")).result(30).event_id == 2


def test_error_that_nobody_expected_leaves_nobody_waiting_and_ends_no_later_commit() -> None:
    store = Store()

    def failing_for_two(deliveries: Sequence[InboundMessage]) -> list[StoreOutcome]:
        received = store.receive_all(deliveries)
        if deliveries[0].identity == "2":
            raise ZeroDivisionError("what a driver says")
        return received

    group = GroupCommit(failing_for_two, largest=1)
    for _ in range(3):
        store.may_commit.release()
    first, second, third = (put(group, delivery(name)) for name in "123")
    assert first.result(30).event_id == 1
    error = second.exception(30)
    assert isinstance(error, JournalError)
    assert "what a driver says" not in str(error)
    assert third.result(30).event_id == 3


def test_calls_have_the_journal_to_themselves_and_their_errors_are_their_callers() -> None:
    store = Store()
    group = GroupCommit(store.receive_all)
    first = put(group, delivery("1"))
    assert store.begun.acquire(timeout=30)
    seen, failed = group.call(lambda: list(store.batches)), group.call(lambda: store.batches[9])
    for _ in range(2):
        store.may_commit.release()
    assert first.result(30).event_id == 1
    assert seen.result(30) == [["1"]]
    assert isinstance(failed.exception(30), IndexError)


def test_what_cannot_be_prepared_is_its_own_callers_error_and_keeps_out_no_other() -> None:
    store = Store()
    group = GroupCommit(store.receive_all)
    first = put(group, delivery("1"))
    assert store.begun.acquire(timeout=30)

    def broken() -> InboundMessage:
        raise ZeroDivisionError

    failed, other = group.put(broken, lambda outcome: outcome), put(group, delivery("2"))
    for _ in range(2):
        store.may_commit.release()
    assert (first.result(30).event_id, other.result(30).event_id) == (1, 2)
    assert isinstance(failed.exception(30), ZeroDivisionError)
    assert store.batches == [["1"], ["2"]]


def test_all_futures_of_a_commit_are_settled_by_one_call_in_the_thread_that_was_named() -> None:
    store, settles = Store(), queue.SimpleQueue[Callable[[], None]]()
    group = GroupCommit(store.receive_all)
    group.hand_over = settles.put
    first = put(group, delivery("0"))
    assert store.begun.acquire(timeout=30)
    others = [put(group, delivery(str(number))) for number in range(1, 4)]
    for _ in range(2):
        store.may_commit.release()
    settles.get(timeout=30)()
    assert first.done()
    last = settles.get(timeout=30)
    assert not any(each.done() for each in others)
    last()
    assert [each.result(0).event_id for each in others] == [1, 2, 3]


def test_what_is_queued_is_stored_before_the_thread_ends() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, largest=1)
    futures = [put(group, delivery(str(number))) for number in range(3)]
    for _ in futures:
        store.may_commit.release()
    group.stop()
    assert [each.result(0).event_id for each in futures] == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_that_was_forked_has_a_thread_of_its_own() -> None:
    script = """
import os
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.journal import InboundMessage, StoreOutcome
from mpesa_cbp_service.listener.group_commit import GroupCommit

group = GroupCommit(lambda many: [StoreOutcome(event_id=1, is_new=True, contradicts=False, state=None) for _ in many])
delivery = InboundMessage(kind=EventKind.RESULT, identity="1", body=b"")
group.put(lambda: delivery, lambda outcome: outcome).result(30)
child = os.fork()
if not child:
    os._exit(0 if group.put(lambda: delivery, lambda outcome: outcome).result(30).event_id == 1 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)


def test_log_limit_allows_so_many_a_minute() -> None:
    now = [0.0]
    limit = LogLimit(2, clock=lambda: now[0])
    assert [limit.allows() for _ in range(3)] == [True, True, False]
    now[0] = 60
    assert limit.allows()


class StuckJournal(MemoryJournal):
    """Takes deliveries when it is let, and notes who asks it for something else meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_commit, self.asked = threading.Event(), threading.Event(), list[str]()

    def receive_all(self, deliveries: Sequence[InboundMessage]) -> list[StoreOutcome]:
        self.begun.set()
        assert self.may_commit.wait(30)
        return super().receive_all(deliveries)

    def check(self) -> None:
        self.asked.append("check")

    def count(self, kind: EventKind) -> int:
        self.asked.append("count")
        return super().count(kind)


def test_a_stuck_journal_is_asked_by_nobody_else_and_the_listener_says_that_it_is_not_ready() -> None:
    journal = StuckJournal()
    listener = Listener(journal=journal, path_token=TOKEN, longest_wait=0.05)
    assert listener.ready()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(post, listener, result("600000_A"))
        assert journal.begun.wait(30)
        assert code_of(first.result(30)[1]) == "200000001"
        assert code_of(pool.submit(post, listener, result("600000_B")).result(30)[1]) == "200000001"
        journal.asked.clear()
        assert not listener.ready()
        assert post(listener, b"<unreadable")[0].startswith("500")
        assert journal.asked == []
        journal.may_commit.set()
    assert [post(listener, result("600000_B"))[0], listener.ready()] == ["200 OK", True]


def test_where_both_validations_and_the_journal_hang_the_server_still_answers() -> None:
    journal = StuckJournal()
    journal.may_commit.set()
    listener = Listener(journal=journal, path_token=TOKEN, maximum_waiting=15, maximum_validating=8, longest_wait=60)
    validating, may_decide = threading.Semaphore(0), threading.Event()

    @listener.on_c2b_validation
    def decide(_: C2BNotification) -> None:
        validating.release()
        assert may_decide.wait(60)

    with ThreadPoolExecutor(26) as pool, ListenerServer(listener) as server:
        port = int(server.url.rpartition(":")[2])
        said = [pool.submit(exchange, port, request(VALIDATION)) for _ in range(8)]
        try:
            assert all(validating.acquire(timeout=30) for _ in said)
            assert b"C2B00016" in exchange(port, request(VALIDATION))  # one more than may be
            journal.may_commit.clear()
            journal.begun.clear()
            said.append(pool.submit(exchange, port, request(result("600000_0"))))
            assert journal.begun.wait(30)
            more = [pool.submit(exchange, port, request(result(f"600000_{number}"))) for number in range(1, 17)]
            assert b"200000001" in next(as_completed(more, timeout=30)).result()  # one more than may wait
            said += more
            assert exchange(port, request(method="GET", path="/health")).endswith(b"alive\n")
        finally:
            may_decide.set()
            journal.may_commit.set()
        assert all(b"200 OK" in each.result(30) for each in said)
