"""Group commit: who is stored with whom, and that nobody is told before the commit or forgotten after a failure."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from bench.memory_journal import MemoryJournal

from mpesa_cbp.errors import JournalError
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service import Listener
from mpesa_cbp_service.journal import InboundMessage, StoreOutcome
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_service.listener.group_commit import GroupCommit, Overloaded
from mpesa_cbp_service.notifications import C2BNotification
from mpesa_cbp_service.web_server.log_limit import LogLimit
from tests.service.listener.messages import TOKEN, result
from tests.service.listener.raw import exchange, request
from tests.service.listener.test_listener import VALIDATION
from tests.service.listener.wsgi import code_of, post


def delivery(identity: str) -> InboundMessage:
    return InboundMessage(kind=EventKind.RESULT, identity=identity, body=b"")


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


def test_what_comes_during_a_commit_shares_the_next_one_and_each_gets_its_own_answer() -> None:
    store = Store()
    group = GroupCommit(store.receive_all)
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(group.receive, delivery("0"))
        assert store.begun.acquire(timeout=30)
        others = [pool.submit(group.receive, delivery(str(number))) for number in range(1, 10)]
        while len(group._waiting) < 9:
            threading.Event().wait(0.001)
        assert not any(each.done() for each in (first, *others))
        for _ in range(2):
            store.may_commit.release()
        assert [each.result(30).event_id for each in (first, *others)] == list(range(10))
    assert [sorted(batch) for batch in store.batches] == [["0"], [str(number) for number in range(1, 10)]]


def test_what_a_thread_puts_together_shares_a_commit() -> None:
    store = Store()
    group = GroupCommit(store.receive_all)
    places = [group.put(delivery(str(number))) for number in range(3)]
    store.may_commit.release()
    assert [group.wait(place).event_id for place in reversed(places)] == [2, 1, 0]
    assert store.batches == [["0", "1", "2"]]


def test_what_nobody_waits_for_is_stored_with_the_next_and_holds_up_nobody() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, largest=1)
    group.put(delivery("1"))
    for _ in range(2):
        store.may_commit.release()
    assert group.receive(delivery("2")).event_id == 2
    assert store.batches == [["1"], ["2"]]


def test_places_that_nobody_waits_for_lock_out_nobody_however_many_they_are() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, maximum_waiting=3)
    left = [group.put(delivery(str(number))) for number in range(10)]
    for _ in range(2):
        store.may_commit.release()
    assert group.receive(delivery("10")).event_id == 10
    with pytest.raises(Overloaded):
        group.wait(left[0])  # it made room, and is not acknowledged
    assert group.wait(left[9]).event_id == 9
    assert store.batches == [["8", "9", "10"]]


def test_one_that_the_database_cannot_take_keeps_out_no_other() -> None:
    store = Store("3")
    group = GroupCommit(store.receive_all)
    for _ in range(100):
        store.may_commit.release()

    def stored(number: int) -> bool:
        try:
            return group.receive(delivery(str(number))).event_id == number
        except JournalError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(stored, range(8))) == [number != 3 for number in range(8)]


def test_too_many_are_refused_at_once_and_later_taken() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, maximum_waiting=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(group.receive, delivery("1"))
        assert store.begun.acquire(timeout=30)
        with pytest.raises(Overloaded):
            group.receive(delivery("2"))
        store.may_commit.release()
        first.result(30)
    store.may_commit.release()
    assert group.receive(delivery("2")).event_id == 2


def test_nobody_waits_long_for_a_journal_that_is_stuck_and_what_waited_is_not_acknowledged_later() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, longest_wait=0.05)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(group.receive, delivery("1"))
        assert store.begun.acquire(timeout=30)
        for each in [pool.submit(group.receive, delivery(name)) for name in "23"]:
            assert isinstance(each.exception(30), Overloaded)
        with pytest.raises(Overloaded, match="too long"):
            group.receive(delivery("4"))  # at once: nobody waits where the commit has taken too long already
        for _ in range(2):
            store.may_commit.release()
        assert first.result(30).event_id == 1
    assert group.receive(delivery("5")).event_id == 5
    assert store.batches == [["1"], ["5"]]


def test_a_delivery_whose_commit_ends_after_it_was_given_up_is_stored_once_and_may_come_again() -> None:
    store = Store()
    group = GroupCommit(store.receive_all, longest_wait=1.5)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(group.receive, delivery("1"))
        assert store.begun.acquire(timeout=30)
        second = pool.submit(group.receive, delivery("2"))
        while not group._waiting:
            threading.Event().wait(0.001)
        third = pool.submit(group.receive, delivery("3"))
        while len(group._waiting) < 2:
            threading.Event().wait(0.001)
        store.may_commit.release()  # the second now commits, itself and the third
        assert first.result(30).event_id == 1
        assert isinstance(third.exception(30), Overloaded)
        store.may_commit.release()
        assert second.result(30).event_id == 2
    assert store.batches == [["1"], ["2", "3"]]


def test_error_that_nobody_expected_leaves_nobody_waiting() -> None:
    def broken(_: Sequence[InboundMessage]) -> list[StoreOutcome]:
        raise ZeroDivisionError

    group = GroupCommit(broken)
    with ThreadPoolExecutor(4) as pool:
        failures = [pool.submit(group.receive, delivery(str(number))).exception(30) for number in range(4)]
    assert all(isinstance(failure, ZeroDivisionError | JournalError) for failure in failures)


def test_error_that_nobody_expected_in_the_commit_of_others_ends_no_later_one() -> None:
    store = Store()

    def failing_for_two(deliveries: Sequence[InboundMessage]) -> list[StoreOutcome]:
        received = store.receive_all(deliveries)
        if deliveries[0].identity == "2":
            raise ZeroDivisionError
        return received

    group = GroupCommit(failing_for_two, largest=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(group.receive, delivery("1"))
        assert store.begun.acquire(timeout=30)
        group.put(delivery("2"))
        third = pool.submit(group.receive, delivery("3"))  # the next to commit, first another's that fails
        while all(place.asleep is None for place in tuple(group._waiting)):
            threading.Event().wait(0.001)
        for _ in range(5):
            store.may_commit.release()
        assert first.result(30).event_id == 1
        assert isinstance(third.exception(30), ZeroDivisionError)
    assert group.receive(delivery("4")).event_id == 4


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
        assert code_of(pool.submit(post, listener, result("600000_B")).result(30)[1]) == "200000001"
        journal.asked.clear()
        assert not listener.ready()
        assert post(listener, b"<unreadable")[0].startswith("500")
        assert journal.asked == []
        journal.may_commit.set()
        assert code_of(first.result(30)[1]) == "00000000"
    assert listener.ready()


def test_where_both_validations_and_the_journal_hang_the_server_still_answers() -> None:
    journal = StuckJournal()
    journal.may_commit.set()
    listener = Listener(journal=journal, path_token=TOKEN, maximum_waiting=16, longest_wait=60)
    validating, may_decide = threading.Semaphore(0), threading.Event()

    @listener.on_c2b_validation
    def decide(_: C2BNotification) -> None:
        validating.release()
        assert may_decide.wait(60)

    with ThreadPoolExecutor(24) as pool, ListenerServer(listener) as server:
        port = int(server.url.rpartition(":")[2])
        said = [pool.submit(exchange, port, request(VALIDATION)) for _ in range(8)]
        assert all(validating.acquire(timeout=30) for _ in said)
        journal.may_commit.clear()
        said += [pool.submit(exchange, port, request(result(f"600000_{number}"))) for number in range(16)]
        group, pause = listener._intake._group, threading.Event()
        try:
            for _ in range(10_000):
                if len(group._waiting) + group._under_way == 16:
                    break
                pause.wait(0.001)
            assert exchange(port, request(method="GET", path="/health")).endswith(b"alive\n")
            assert b"200000001" in exchange(port, request(result("600000_More")))
        finally:
            may_decide.set()
            journal.may_commit.set()
        assert all(b"200 OK" in each.result(30) for each in said)
