"""Reconciliation: everything open is asked about once, told, and settled only by proof."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.errors import AuthenticationFailed, NotSent, OutcomeUnknown
from mpesa_cbp.history import History
from mpesa_cbp.identity.profile import ServiceProvider
from mpesa_cbp.payment.model import MOVES_NO_MONEY, EventKind
from mpesa_cbp_service import Journal
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.reconcile import FAILURES_IN_A_ROW, Checked, ReconcileOutcome, Reconciliation
from mpesa_cbp_simulator import Simulator, Timing
from tests.service.journal.simulated import MSISDN, NOWHERE, settings_file

NO_TIME = timedelta(0)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    timing = Timing(result_delay=0.02, cache_time=0.02, retry_delay=0.01, attempts=1)
    with Simulator(timing=timing, seed=1) as running:
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


class Counting:
    """Asks for real, and counts; ``failure`` is raised instead where it is given."""

    def __init__(self, client: Client, failure: type[NotSent] | None = None) -> None:
        self.asked: list[str] = []
        self._client = client
        self._failure = failure

    def query_transaction(self, conversation_id: str, *, query_date: datetime | None = None) -> History:
        self.asked.append(conversation_id)
        if self._failure is not None:
            raise self._failure("nobody listens")
        return self._client.query_transaction(conversation_id, query_date=query_date)


def pay(simulator: Simulator, client: Client, bad_day: str) -> str:
    simulator.choose(bad_day)
    conversation_id = client.new_conversation_id()
    try:
        client.pay_customer(MSISDN, 100, conversation_id=conversation_id)
    except OutcomeUnknown:
        assert bad_day.startswith("reset")
    return conversation_id


def walk(client: Any, journal: Journal, **more: Any) -> dict[str, Checked]:
    more = {"older_than": NO_TIME, "pause": NO_TIME, "rate": 1000.0, **more}
    return {each.payment.conversation_id: each for each in Reconciliation(client, journal, **more)}


def stored_only(journal: Journal, conversation_id: str) -> None:
    journal.create(
        conversation_id=conversation_id, command_id="BusinessPayment", amount=None, receiver=MSISDN, request=b"<r/>"
    )


def test_everything_open_is_settled_by_proof_or_told(simulator: Simulator, client: Client, journal: Journal) -> None:
    expected = {
        pay(simulator, client, "reset-after"): (ReconcileOutcome.RESOLVED, PaymentState.SUCCEEDED),
        pay(simulator, client, "never-resulted"): (ReconcileOutcome.RESOLVED, PaymentState.SUCCEEDED),
        pay(simulator, client, "cached-then-expired"): (ReconcileOutcome.RESOLVED, PaymentState.EXPIRED),
        pay(simulator, client, "result-code:1"): (ReconcileOutcome.RESOLVED, PaymentState.FAILED),
        pay(simulator, client, "reset-before"): (ReconcileOutcome.STILL_OPEN, PaymentState.UNKNOWN),
        "stored": (ReconcileOutcome.NEVER_SENT, PaymentState.CREATED),
    }
    stored_only(journal, "stored")
    simulator.settle()
    checked = walk(client, journal)
    assert {key: (each.outcome, each.payment.state) for key, each in checked.items()} == expected
    open_one = next(each for each in checked.values() if each.outcome is ReconcileOutcome.STILL_OPEN)
    assert "proves nothing" in open_one.told
    assert "Do not make it anew" in open_one.told


def test_settled_payments_are_not_looked_at(simulator: Simulator, client: Client, journal: Journal) -> None:
    pay(simulator, client, "never-resulted")
    simulator.settle()
    assert len(walk(client, journal)) == 1
    assert walk(client, journal) == {}


def test_payment_that_may_be_under_way_is_left_alone(client: Client, journal: Journal) -> None:
    stored_only(journal, "young")
    journal.record("young", EventKind.SENDING)
    counting = Counting(client)
    assert walk(counting, journal, older_than=timedelta(minutes=10)) == {}
    assert counting.asked == []


def test_two_runs_at_once_ask_about_each_payment_once(simulator: Simulator, client: Client, url: str) -> None:
    paid = sorted(pay(simulator, client, "reset-before") for _ in range(6))
    start = threading.Barrier(2)

    def one_run() -> list[str]:
        with Journal(url) as own:
            counting = Counting(client)
            start.wait(10)
            walk(counting, own, pause=timedelta(minutes=5))
            return counting.asked

    with ThreadPoolExecutor(2) as pool:
        first, second = (future.result() for future in [pool.submit(one_run), pool.submit(one_run)])
    assert sorted(first + second) == paid


def test_claim_of_a_killed_run_ends_by_itself(client: Client, journal: Journal) -> None:
    stored_only(journal, "c1")
    journal.record("c1", EventKind.SENDING)
    assert journal.claim_query("c1", pause=timedelta(minutes=5))
    assert walk(client, journal, pause=timedelta(minutes=5))["c1"].outcome is ReconcileOutcome.NOT_ASKED
    assert walk(client, journal, pause=NO_TIME)["c1"].outcome is ReconcileOutcome.STILL_OPEN


def test_broker_that_gives_no_answers_is_left_alone(client: Client, journal: Journal) -> None:
    for number in range(FAILURES_IN_A_ROW + 3):
        stored_only(journal, f"c{number}")
        journal.record(f"c{number}", EventKind.SENDING)
    counting = Counting(client, NotSent)
    checked = walk(counting, journal)
    assert len(counting.asked) == FAILURES_IN_A_ROW
    assert {each.outcome for each in checked.values()} == {ReconcileOutcome.NOT_ASKED}
    assert len(checked) == FAILURES_IN_A_ROW + 3


def test_wrong_password_ends_the_walk(simulator: Simulator, journal: Journal) -> None:
    stored_only(journal, "c1")
    journal.record("c1", EventKind.SENDING)
    settings = simulator.client_settings()
    settings["service_provider"] = ServiceProvider(id="107031", password="wrong", service_id="107031000")
    with Client(**settings, journal=journal) as client, pytest.raises(AuthenticationFailed):
        walk(client, journal)


@pytest.fixture
def command(simulator: Simulator, url: str, tmp_path: Path) -> list[str]:
    file = settings_file(tmp_path, endpoint=simulator.url, certificate=simulator.certificate, journal=url)
    return ["reconcile", "--config", str(file), "--older-than", "0", "--pause", "0", "--rate", "1000"]


def test_command_exits_by_what_stays_open_and_masks_the_number(
    simulator: Simulator, client: Client, journal: Journal, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pay(simulator, client, "never-resulted")
    simulator.settle()
    assert run(command) == 0
    assert "1 resolved" in capsys.readouterr().out
    stored_only(journal, "c1")
    assert run(command) == 1
    open_one = pay(simulator, client, "reset-before")
    assert run([*command, "--json"]) == 4
    output = capsys.readouterr()
    assert MSISDN not in output.out + output.err
    told = json.loads(output.out[output.out.index("{") :])
    assert told["counts"] == {"resolved": 0, "still-open": 1, "not-asked": 0, "never-sent": 1, "not-reached": 0}
    assert [each["state"] for each in told["payments"] if each["conversation_id"] == open_one] == ["UNKNOWN"]


@pytest.mark.parametrize("command_id", sorted(MOVES_NO_MONEY))
def test_a_request_that_moves_no_money_is_counted_apart_and_leaves_the_exit_code_alone(
    command_id: str, journal: Journal, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    journal.create(conversation_id="e1", command_id=command_id, amount=None, receiver=None, request=b"<r/>")
    journal.record("e1", EventKind.SENDING)
    assert run(command) == 0
    assert "1 other requests looked at: 1 still-open (no money moves by them)." in capsys.readouterr().out
    assert run([*command, "--json"]) == 0
    output = capsys.readouterr().out
    told = json.loads(output[output.index("{") :])
    assert (told["counts"]["still-open"], told["counts_without_money"]["still-open"]) == (0, 1)


@pytest.mark.parametrize("code", ["15", "43", "49", "98765"])
@pytest.mark.parametrize(
    ("command_id", "codes_that_settle"),
    [
        *((command_id, {"15", "43", "49", "98765"}) for command_id in sorted(MOVES_NO_MONEY)),
        *((command_id, {"49"}) for command_id in ("BusinessPayment", "TransactionReversal", "SomethingNew")),
    ],
)
def test_a_code_that_is_not_final_settles_only_what_moves_no_money(
    command_id: str, codes_that_settle: set[str], code: str, journal: Journal
) -> None:
    journal.create(conversation_id="e1", command_id=command_id, amount=None, receiver=None, request=b"<r/>")
    journal.record("e1", EventKind.SENDING)
    state = journal.record("e1", EventKind.RESULT, code=code)
    assert (state is PaymentState.FAILED) == (code in codes_that_settle)
    assert (state is PaymentState.SENT) == (code not in codes_that_settle)


def test_a_reversal_that_the_core_had_seen_before_is_told_to_be_settled(
    simulator: Simulator, client: Client, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.choose("result-code:15")
    client.reverse("SNOSUCHONE")
    simulator.settle()
    assert run(command) == 4
    assert "mpesa-cbp settle" in capsys.readouterr().out
