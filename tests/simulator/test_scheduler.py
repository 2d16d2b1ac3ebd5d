"""The schedule: an order that is the same in every run within a lane, and lanes that do not wait for each other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from mpesa_cbp_simulator import Simulator, Timing
from mpesa_cbp_simulator.scheduler import Schedule, lane_of

PAYEE = "254712345678"


@pytest.fixture
def schedule() -> Iterator[Schedule]:
    made = Schedule()
    yield made
    made.stop()


def test_one_lane_is_done_in_the_order_of_time_and_then_of_making(schedule: Schedule) -> None:
    done: list[str] = []
    for seconds, name in ((20, "d"), (0, "a"), (10, "b"), (10, "c")):
        schedule.after(seconds, lambda name=name: done.append(name), lane="one")  # type: ignore[misc]
    schedule.start()
    assert schedule.advance(15, timeout=30)
    assert done == ["a", "b", "c"]
    assert schedule.planned() == 1
    assert schedule.advance(10, timeout=30)
    assert done == ["a", "b", "c", "d"]


def test_a_lane_that_hangs_keeps_its_own_order_and_holds_up_no_other(schedule: Schedule) -> None:
    may_go_on, other_done = threading.Event(), threading.Event()
    done: list[str] = []

    def hang() -> None:
        assert may_go_on.wait(30)
        done.append("first")

    schedule.after(0, hang, lane="hangs")
    schedule.after(0, lambda: done.append("second"), lane="hangs")
    schedule.after(0, other_done.set, lane="other")
    schedule.start()
    assert other_done.wait(30)
    assert done == []
    may_go_on.set()
    assert schedule.idle(30)
    assert done == ["first", "second"]


def test_more_lanes_than_threads_are_all_done(schedule: Schedule) -> None:
    done: list[int] = []
    for number in range(100):
        schedule.after(0, lambda number=number: done.append(number), lane=str(number))  # type: ignore[misc]
    schedule.start()
    assert schedule.idle(30)
    assert sorted(done) == list(range(100))


def test_who_waits_for_the_end_waits_for_what_is_being_taken_too(schedule: Schedule) -> None:
    done: list[str] = []
    schedule.start()
    with ThreadPoolExecutor(1) as pool, schedule.arriving():
        waiting = pool.submit(schedule.idle, 30)
        wait([waiting], timeout=0.1)
        assert not waiting.done()
        schedule.after(0, lambda: done.append("taken"), lane="one")
    assert waiting.result(30)
    assert done == ["taken"]


def test_a_job_that_fails_stops_neither_its_lane_nor_the_schedule(schedule: Schedule) -> None:
    done = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    schedule.after(0, fail, lane="one")
    schedule.after(0, done.set, lane="one")
    schedule.start()
    assert done.wait(30)


@pytest.mark.parametrize(
    ("url", "lane"),
    [
        ("http://Partner.example:8080/secret/result", "partner.example:8080"),
        ("https://partner.example/queue-timeout", "partner.example"),
        (None, ""),
    ],
)
def test_lane_is_the_partners_host_and_port(url: str | None, lane: str) -> None:
    assert lane_of(url) == lane


def test_a_partner_that_does_not_answer_delays_no_results_of_another() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Simulator(timing=Timing(result_delay=0, retry_delay=3600)) as simulator,
        simulator.partner(result_url=f"http://127.0.0.1:{silent.getsockname()[1]}/result") as hanging,
        simulator.partner() as partner,
    ):
        hangs = hanging.client.pay_customer(PAYEE, 100).conversation_id
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(16)  # the result is being posted; nobody answers
            paid = partner.client.pay_customer(PAYEE, 200).conversation_id
            partner.wait_for_end(paid)
            said = [step.what for step in simulator.steps if step.conversation_id == hangs]
            assert "is posted" in said[-1]
