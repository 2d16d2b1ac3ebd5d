"""A payroll is paid once, whatever the broker answers and however often it is run."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.commands.request import customer_payment
from mpesa_cbp.errors import InvalidRequest
from mpesa_cbp.identity.profile import ServiceProvider
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.send.stored_request import without_credentials
from mpesa_cbp_service import Journal
from mpesa_cbp_service.payroll import LineOutcome, PlannedLine, Run, plan_batch
from mpesa_cbp_service.payroll.file import PayrollLine
from mpesa_cbp_service.payroll.run import UNKNOWN_IN_A_ROW
from mpesa_cbp_simulator import Simulator, Timing
from tests.service.journal.simulated import NOWHERE
from tests.transport.clients import client_to
from tests.transport.failing_broker import FailingBroker, accepts_once_released

COMMAND = "BusinessPayment"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    timing = Timing(result_delay=0.01, retry_delay=0.01, attempts=1)
    with Simulator(timing=timing, seed=1, directory=tmp_path / "simulator") as running:
        yield running


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    with Journal(url) as opened:
        yield opened


@pytest.fixture
def client(simulator: Simulator, journal: Journal) -> Iterator[Client]:
    urls: dict[str, Any] = {"result_url": NOWHERE, "queue_timeout_url": NOWHERE}
    with Client(**simulator.client_settings(), **urls, journal=journal, timeout=(2, 3)) as opened:
        yield opened


def lines(count: int) -> list[PayrollLine]:
    return [
        PayrollLine(number=n, msisdn=f"2547123456{n:02}", amount=Decimal(100), reference=f"E{n}")
        for n in range(1, count + 1)
    ]


def plan(client: Client, journal: Journal, payroll: list[PayrollLine], *, batch: str = "november") -> list[PlannedLine]:
    planned, rows, problems = plan_batch(client, journal, payroll, batch=batch, command=COMMAND)
    assert problems == []
    journal.add_batch(rows)
    return planned


def pay(
    client: Client, journal: Journal, payroll: list[PayrollLine], *, batch: str = "november", **more: Any
) -> tuple[list[LineOutcome], Run]:
    run = Run(
        client,
        journal,
        plan(client, journal, payroll, batch=batch),
        command=COMMAND,
        **{"rate": 1000.0, "first_rest": 0.01, **more},
    )
    results = sorted(run, key=lambda result: result.planned.line.number)
    assert len(results) == len(payroll)
    return [result.outcome for result in results], run


def executed(simulator: Simulator) -> Counter[str]:
    """How often the core moved money, by conversation id."""
    simulator.settle()
    with simulator.world.database.transaction() as connection:
        rows = connection.execute(
            "select c.conversation_id from transfer t join conversation c on c.number = t.conversation"
        ).fetchall()
    return Counter(row["conversation_id"] for row in rows)


def test_every_line_is_paid_once_and_a_second_run_sends_nothing(
    simulator: Simulator, client: Client, journal: Journal
) -> None:
    first, _ = pay(client, journal, lines(12))
    assert first == [LineOutcome.ACCEPTED] * 12
    second, _ = pay(client, journal, lines(12))
    assert second == [LineOutcome.ACCEPTED] * 12
    paid = executed(simulator)
    assert set(paid.values()) == {1}
    assert len(paid) == 12
    assert sum(step.number == 1 for step in simulator.steps) == 12


def test_two_runs_at_once_pay_every_line_once(simulator: Simulator, url: str) -> None:
    start = threading.Barrier(2)

    def one_run() -> None:
        with Journal(url) as own:
            settings: dict[str, Any] = {**simulator.client_settings(), "result_url": NOWHERE}
            with Client(**settings, journal=own) as another:
                start.wait(10)
                pay(another, own, lines(20))

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(one_run), pool.submit(one_run)]:
            future.result()
    paid = executed(simulator)
    assert sorted(paid.values()) == [1] * 20
    assert sum(step.number == 1 for step in simulator.steps) == 20


def test_throttled_payment_waits_and_is_sent_again_under_its_id(
    simulator: Simulator, client: Client, journal: Journal
) -> None:
    simulator.choose("throttled", 3)
    outcomes, _ = pay(client, journal, lines(4), threads=2)
    assert outcomes == [LineOutcome.ACCEPTED] * 4
    assert sorted(executed(simulator).values()) == [1] * 4


def test_broker_that_stays_overloaded_ends_the_run(simulator: Simulator, client: Client, journal: Journal) -> None:
    simulator.choose("overloaded", 100)
    outcomes, run = pay(client, journal, lines(3), threads=1, first_rest=0.001)
    assert outcomes == [LineOutcome.REFUSED, LineOutcome.NOT_SENT, LineOutcome.NOT_SENT]
    assert run.stopped_because is not None
    assert executed(simulator) == {}


def test_unknown_outcome_is_not_sent_again(simulator: Simulator, client: Client, journal: Journal) -> None:
    simulator.choose("reset-after")
    outcomes, _ = pay(client, journal, lines(1))
    assert outcomes == [LineOutcome.UNKNOWN]
    outcomes, _ = pay(client, journal, lines(1))
    assert outcomes == [LineOutcome.UNKNOWN]
    assert sorted(executed(simulator).values()) == [1]


def test_many_unknown_outcomes_end_the_run(simulator: Simulator, client: Client, journal: Journal) -> None:
    simulator.choose("reset-before", 100)
    outcomes, run = pay(client, journal, lines(UNKNOWN_IN_A_ROW + 4), threads=1)
    assert Counter(outcomes) == {LineOutcome.UNKNOWN: UNKNOWN_IN_A_ROW, LineOutcome.NOT_SENT: 4}
    assert "unknown outcome" in (run.stopped_because or "")


def test_broker_that_cannot_be_reached_leaves_everything_to_the_next_run(
    simulator: Simulator, client: Client, journal: Journal
) -> None:
    settings = {**simulator.client_settings(), "endpoint": "http://127.0.0.1:1/mminterface/request"}
    with Client(**settings, journal=journal, connect_retries=0) as nowhere:
        outcomes, run = pay(nowhere, journal, lines(3), threads=1, first_rest=0.001)
    assert outcomes == [LineOutcome.NOT_SENT] * 3
    assert run.stopped_because is not None
    outcomes, _ = pay(client, journal, lines(3))
    assert outcomes == [LineOutcome.ACCEPTED] * 3
    assert sorted(executed(simulator).values()) == [1] * 3


def test_wrong_password_ends_the_run_at_once(simulator: Simulator, journal: Journal) -> None:
    settings = simulator.client_settings()
    settings["service_provider"] = ServiceProvider(id="107031", password="wrong", service_id="107031000")
    with Client(**settings, journal=journal) as client:
        outcomes, _ = pay(client, journal, lines(5), threads=1)
    assert outcomes == [LineOutcome.REFUSED] + [LineOutcome.NOT_SENT] * 4
    assert sum(step.number == 1 for step in simulator.steps) == 1


def test_line_that_the_core_failed_needs_a_new_reference(
    simulator: Simulator, client: Client, journal: Journal
) -> None:
    simulator.choose("result-code:1")
    pay(client, journal, lines(1))
    simulator.settle()
    (payment,) = journal.payments()
    client.query_transaction(payment.conversation_id)
    outcomes, _ = pay(client, journal, lines(1))
    assert outcomes == [LineOutcome.FAILED]
    assert sum(step.number == 1 for step in simulator.steps) == 1


@pytest.mark.parametrize("batch", ["", " "])
def test_batch_without_a_name_is_refused(client: Client, journal: Journal, batch: str) -> None:
    with pytest.raises(InvalidRequest, match="batch must not be blank"):
        plan_batch(client, journal, lines(1), batch=batch, command=COMMAND)


def test_payment_that_was_stored_and_never_sent_is_sent_by_the_next_run(client: Client, journal: Journal) -> None:
    (planned,), _, _ = plan_batch(client, journal, lines(1), batch="november", command=COMMAND)
    line = planned.line
    wish = customer_payment(
        line.msisdn,
        line.amount,
        command=COMMAND,
        remark=line.remark,
        occasion=line.reference,
        conversation_id=planned.conversation_id,
    )
    journal.create(
        conversation_id=planned.conversation_id,
        command_id=COMMAND,
        amount=Decimal(100),
        receiver=line.msisdn,
        request=without_credentials(client.builder.build(wish)).to_xml(),
    )
    outcomes, _ = pay(client, journal, lines(1))
    assert outcomes == [LineOutcome.ACCEPTED]


def test_payment_whose_sending_was_stored_is_left_to_reconcile(client: Client, journal: Journal) -> None:
    planned, _, _ = plan_batch(client, journal, lines(1), batch="november", command=COMMAND)
    journal.create(
        conversation_id=planned[0].conversation_id,
        command_id=COMMAND,
        amount=Decimal(100),
        receiver=lines(1)[0].msisdn,
        request=b"<r/>",
    )
    assert journal.record(planned[0].conversation_id, EventKind.SENDING) is PaymentState.SENT
    planned, _, _ = plan_batch(client, journal, lines(1), batch="november", command=COMMAND)
    later = datetime.now(UTC) + timedelta(minutes=11)
    (result,) = Run(client, journal, planned, command=COMMAND, rate=1000.0, clock=lambda: later)
    assert result.outcome is LineOutcome.UNKNOWN
    assert "reconcile" in result.told


@dataclass
class Other:
    """Another run that has begun to send the only line and has no answer before the broker's ``released`` is set."""

    client: Client
    journal: Journal
    planned: dict[str, list[PlannedLine]]
    broker: FailingBroker
    outcomes: Future[list[LineOutcome]]


@pytest.fixture
def other(url: str) -> Iterator[Other]:
    heard = threading.Event()
    with (
        FailingBroker(accepts_once_released(heard)) as broker,
        Journal(url) as journal,
        client_to(broker.url(), journal=journal) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        planned = {"before": plan_batch(client, journal, lines(1), batch="november", command=COMMAND)[0]}
        outcomes = pool.submit(lambda: pay(client, journal, lines(1))[0])
        assert heard.wait(30)
        planned["meanwhile"] = plan_batch(client, journal, lines(1), batch="november", command=COMMAND)[0]
        yield Other(client, journal, planned, broker, outcomes)
        broker.released.set()


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_line_that_another_run_is_sending_is_told_as_under_way_and_as_accepted_once_that_run_has_its_answer(
    other: Other, when: str
) -> None:
    planned = other.planned[when]
    (result,) = Run(other.client, other.journal, planned, command=COMMAND, rate=1000.0, patience=0.0)
    assert result.outcome is LineOutcome.UNDER_WAY
    assert "Another run took it up at" in result.told
    assert "let it end and run this one again" in result.told
    threading.Timer(0.05, other.broker.released.set).start()
    (result,) = Run(other.client, other.journal, planned, command=COMMAND, rate=1000.0, patience=60.0)
    assert result.outcome is LineOutcome.ACCEPTED
    assert other.outcomes.result() == [LineOutcome.ACCEPTED]
    assert other.broker.complete_requests == 1


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_stopped_run_does_not_wait_for_another_one(other: Other, when: str) -> None:
    stop = threading.Event()
    stop.set()
    planned = other.planned[when]
    (result,) = Run(other.client, other.journal, planned, command=COMMAND, rate=1000.0, patience=3600.0, stop=stop)
    assert result.outcome is LineOutcome.UNDER_WAY
    assert not other.outcomes.done()


@pytest.mark.parametrize(("msisdn", "amount", "name"), [("254712345699", 100, "msisdn"), (None, 101, "amount")])
def test_changed_line_under_a_used_reference_is_refused(
    client: Client, journal: Journal, msisdn: str | None, amount: int, name: str
) -> None:
    pay(client, journal, lines(1))
    changed = PayrollLine(number=7, msisdn=msisdn or lines(1)[0].msisdn, amount=Decimal(amount), reference="e1")
    _, _, problems = plan_batch(client, journal, [changed], batch=" November ", command=COMMAND)
    (told,) = problems
    assert told.startswith("line 7: its reference e1 is in the journal with another " + name)


def test_same_lines_under_another_name_are_known_again(client: Client, journal: Journal) -> None:
    pay(client, journal, lines(3))
    _, rows, _ = plan_batch(client, journal, lines(5), batch="payroll (1).csv", command=COMMAND)
    assert journal.other_batches(rows) == {"november": 3}
    _, rows, _ = plan_batch(client, journal, lines(5), batch="november", command=COMMAND)
    assert journal.other_batches(rows) == {}


def test_stopped_run_finishes_what_is_under_way_and_says_what_is_left(
    simulator: Simulator, client: Client, journal: Journal
) -> None:
    stop = threading.Event()
    planned, rows, _ = plan_batch(client, journal, lines(10), batch="november", command=COMMAND)
    journal.add_batch(rows)
    outcomes = []
    for result in Run(client, journal, planned, command=COMMAND, threads=1, rate=1000.0, stop=stop):
        outcomes.append(result.outcome)
        stop.set()
    counts = Counter(outcomes)
    assert counts[LineOutcome.ACCEPTED] + counts[LineOutcome.NOT_SENT] == 10
    assert 1 <= counts[LineOutcome.ACCEPTED] <= 2
    second, _ = pay(client, journal, lines(10))
    assert second == [LineOutcome.ACCEPTED] * 10
    assert sorted(executed(simulator).values()) == [1] * 10
