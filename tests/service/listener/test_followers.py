"""Leader and followers: who serves, and what happens to requests whose thread has to wait."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from mpesa_cbp_service.web_server.followers import Followers, aside


class Loop:
    """A server's loop: each turn hands on what was ``put`` since the last one, or waits for it."""

    def __init__(self, *, threads: int = 4, together: int = 16) -> None:
        self.followers = Followers(threads=threads, together=together)
        self.followers.interrupt = self.interrupt
        self._came: deque[Request] = deque()
        self._interrupted = threading.Event()
        self._polling = threading.Lock()
        self.polled_twice = False

    def put(self, *requests: Request) -> None:
        self._came.extend(requests)
        self.interrupt()

    def interrupt(self) -> None:
        self._interrupted.set()

    def turn(self) -> None:
        if not self._polling.acquire(blocking=False):
            self.polled_twice = True
            return
        try:
            self._interrupted.wait(0.25)
            self._interrupted.clear()
            while self._came:
                self.followers.add_task(self._came.popleft())
        finally:
            self._polling.release()


class Request:
    """Notes its steps; ``work`` is what it takes to answer it."""

    def __init__(self, name: str, steps: list[str], work: Callable[[], object] = lambda: None) -> None:
        self._name, self._steps, self._work = name, steps, work
        self.answered = threading.Event()

    def begin(self) -> None:
        self._steps.append(f"begin {self._name}")

    def service(self) -> None:
        self._work()
        self._steps.append(f"finish {self._name}")
        self.answered.set()


@contextmanager
def serving(loop: Loop) -> Iterator[None]:
    ended = threading.Event()
    control = threading.Thread(target=loop.followers.serve, args=(loop.turn, ended.wait), daemon=True)
    loop.followers.start()
    control.start()
    try:
        yield
    finally:
        ended.set()
        control.join(30)
        assert loop.followers.shutdown(timeout=30)
        assert not control.is_alive()


def test_what_has_come_is_begun_together_and_then_finished_in_its_order() -> None:
    steps: list[str] = []
    requests = [Request(name, steps) for name in "abc"]
    loop = Loop(together=2)
    loop.put(*requests)
    with serving(loop):
        assert all(request.answered.wait(30) for request in requests)
    assert steps == ["begin a", "begin b", "finish a", "finish b", "begin c", "finish c"]


@pytest.mark.parametrize("says_so", [True, False], ids=["says so", "does not say so"])
def test_while_the_leader_waits_another_thread_goes_on_with_what_it_has_begun(says_so: bool) -> None:
    steps: list[str] = []
    other = Request("b", steps)

    def wait() -> None:
        with aside() if says_so else nullcontext():
            assert other.answered.wait(30)

    first, later = Request("a", steps, wait), Request("c", steps)
    loop = Loop()
    loop.put(first, other)
    with serving(loop):
        assert first.answered.wait(30)
        loop.put(later)
        assert later.answered.wait(30)
    assert steps == ["begin a", "begin b", "finish b", "finish a", "begin c", "finish c"]


def test_all_threads_but_one_may_wait() -> None:
    steps: list[str] = []
    may_leave = threading.Event()

    def wait() -> None:
        with aside():
            assert may_leave.wait(30)

    waiting = [Request(str(number), steps, wait) for number in range(3)]
    last = Request("last", steps)
    loop = Loop(threads=4)
    with serving(loop):
        loop.put(*waiting)
        loop.put(last)
        assert last.answered.wait(30)
        may_leave.set()
        assert all(request.answered.wait(30) for request in waiting)


def test_a_request_that_fails_is_logged_and_keeps_nobody_from_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    steps: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    last = Request("b", steps)
    loop = Loop()
    loop.put(Request("a", steps, fail), last)
    with caplog.at_level(logging.ERROR), serving(loop):
        assert last.answered.wait(30)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


def test_each_request_is_answered_once_and_only_one_thread_is_in_the_loop_however_they_wait() -> None:
    steps: list[str] = []
    chance = random.Random(7)

    def work() -> Callable[[], None]:
        says_so, seconds = chance.random() < 0.5, chance.choice((0, 0, 0, 0.001, 0.001, 0.12))

        def wait() -> None:
            if seconds:
                with aside() if says_so else nullcontext():
                    threading.Event().wait(seconds)

        return wait

    loop = Loop(threads=6, together=4)
    requests = [Request(str(number), steps, work()) for number in range(200)]
    with serving(loop):
        for request in requests:
            loop.put(request)
        assert all(request.answered.wait(60) for request in requests)
    assert not loop.polled_twice
    for step in ("begin", "finish"):
        assert sorted(name for name in steps if name.startswith(step)) == sorted(f"{step} {n}" for n in range(200))


def test_whatever_the_loop_raises_the_thread_that_led_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    steps: list[str] = []
    raises: deque[type[BaseException]] = deque([OSError, SystemExit])

    class Failing(Loop):
        def turn(self) -> None:
            if raises:
                raise raises.popleft()
            super().turn()

    request = Request("a", steps)
    loop = Failing(threads=1)
    with caplog.at_level(logging.ERROR), serving(loop):
        loop.put(request)
        assert request.answered.wait(30)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [OSError, SystemExit]


def test_after_a_request_that_hangs_past_the_end_no_other_is_answered() -> None:
    steps: list[str] = []
    entered, may_leave, ended = threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        assert may_leave.wait(30)

    loop, hung, other = Loop(threads=1), Request("hung", steps, hang), Request("other", steps)
    loop.put(hung, other)
    control = threading.Thread(target=loop.followers.serve, args=(loop.turn, ended.wait), daemon=True)
    loop.followers.start()
    control.start()
    assert entered.wait(30)
    ended.set()
    control.join(30)
    assert not loop.followers.shutdown(timeout=0)
    may_leave.set()
    assert hung.answered.wait(30)
    assert loop.followers.shutdown(timeout=30)
    assert not other.answered.is_set()


def test_where_no_server_runs_the_thread_nothing_changes() -> None:
    with aside():
        assert threading.current_thread() is threading.main_thread()
