"""A refused credential stops everything that uses it, and the journal remembers it (protocol, section 5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.errors import CredentialRefused, Sent
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service import Journal
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.journal import InboundMessage
from mpesa_cbp_service.payroll import LineOutcome, LineResult, Run, plan_batch
from mpesa_cbp_service.payroll.file import PayrollLine
from mpesa_cbp_simulator import Partner, Simulator, Timing

THREADS = 4


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(timing=Timing(result_delay=0.0, retry_delay=0.01), seed=1, attempts_before_lock=10**6) as running:
        yield running


def client_with(simulator: Simulator, partner: Partner, password: str) -> Client:
    """A client whose results come to the partner's listener, into the partner's journal."""
    settings = simulator.client_settings()
    initiator = replace(settings["initiator"], password=password)
    urls = {"result_url": partner.urls["result"], "queue_timeout_url": partner.urls["queue-timeout"]}
    return Client(**{**settings, **urls, "initiator": initiator}, journal=partner.journal)


def right_password(simulator: Simulator) -> str:
    return str(simulator.client_settings()["initiator"].password)


def pay(client: Client, journal: Journal, count: int, *, batch: str = "november") -> tuple[list[LineResult], Run]:
    payroll = [
        PayrollLine(number=n, msisdn=f"25471234{n:04}", amount=Decimal(100), reference=f"E{n}") for n in range(count)
    ]
    planned, rows, problems = plan_batch(client, journal, payroll, batch=batch, command="BusinessPayment")
    assert problems == []
    journal.add_batch(rows)
    payroll_run = Run(client, journal, planned, command="BusinessPayment", threads=THREADS, rate=50.0)
    return sorted(payroll_run, key=lambda each: each.planned.line.number), payroll_run


def requests_of(simulator: Simulator) -> int:
    return len(simulator.conversations())


def test_a_payroll_with_a_wrong_password_sends_no_more_than_was_under_way(simulator: Simulator) -> None:
    with simulator.partner() as partner, client_with(simulator, partner, "wrong") as client:
        results, payroll_run = pay(client, partner.journal, 100)
        sent = requests_of(simulator)
        # The first result stops the run: what was sent is what left before it was stored.
        stop = partner.journal.credential_stop()
        assert stop is not None
        assert stop.code == "2001"
        after = [each for each in partner.journal.payments() if each.requests and each.created_at > stop.at]
        assert len(after) <= THREADS
        assert sent < 100
        assert payroll_run.stopped_because is not None
        assert "2001" in payroll_run.stopped_because
        assert "mpesa-cbp doctor" in payroll_run.stopped_because
        assert [each.outcome for each in results].count(LineOutcome.NOT_SENT) == 100 - sent
        again, _ = pay(client, partner.journal, 100)
        assert requests_of(simulator) == sent
        assert [each.outcome for each in again].count(LineOutcome.NOT_SENT) == 100 - sent


def test_after_the_credential_is_renewed_the_rest_is_paid_once(simulator: Simulator) -> None:
    with simulator.partner() as partner:
        with client_with(simulator, partner, "wrong") as client:
            pay(client, partner.journal, 30)
        refused = requests_of(simulator)
        stop = partner.journal.lift_credential_stop(reason="new password", by="somebody")
        assert stop is not None
        with client_with(simulator, partner, right_password(simulator)) as client:
            results, payroll_run = pay(client, partner.journal, 30)
        assert payroll_run.stopped_because is None
        assert requests_of(simulator) == 30
        assert [each.outcome for each in results].count(LineOutcome.FAILED) == refused
        for each in partner.journal.payments():
            partner.wait_for_end(each.conversation_id)
        states = [each.state for each in partner.journal.payments()]
        assert states.count(PaymentState.SUCCEEDED) == 30 - refused


def refused_payment(journal: Journal, conversation_id: str, code: str) -> None:
    journal.create(
        conversation_id=conversation_id, command_id="BusinessPayment", amount=None, receiver=None, request=b"<request/>"
    )
    journal.record(conversation_id, EventKind.SENDING)
    journal.receive(
        InboundMessage(
            kind=EventKind.RESULT,
            identity=f"{conversation_id}:{code}",
            body=b"<x/>",
            conversation_id=conversation_id,
            code=code,
        )
    )


def created(journal: Journal, conversation_id: str) -> Callable[[], PaymentState]:
    journal.create(
        conversation_id=conversation_id, command_id="BusinessPayment", amount=None, receiver=None, request=b"<request/>"
    )
    return lambda: journal.record(conversation_id, EventKind.SENDING)


@pytest.mark.parametrize("code", ["18", "018", "2001", "8006"])
def test_nothing_may_be_sent_until_a_person_lifts_the_stop(url: str, code: str) -> None:
    with Journal(url) as journal:
        refused_payment(journal, "600000_Acme_1", code)
        send = created(journal, "600000_Acme_2")
        with pytest.raises(CredentialRefused) as caught:
            send()
        assert (caught.value.sent, caught.value.code) == (Sent.NO, code)
        assert "600000_Acme_1" in str(caught.value)
        with Journal(url) as another_process, pytest.raises(CredentialRefused):
            another_process.record("600000_Acme_2", EventKind.SENDING)
        journal.lift_credential_stop(reason="renewed", by="somebody")
        assert send() is PaymentState.SENT


@pytest.mark.parametrize("code", ["1", "20", "2006", "100000007", "SFC_IC0003"])
def test_other_codes_stop_nothing(url: str, code: str) -> None:
    with Journal(url) as journal:
        refused_payment(journal, "600000_Acme_1", code)
        assert journal.credential_stop() is None
        assert created(journal, "600000_Acme_2")() is PaymentState.SENT


def test_a_late_result_of_the_old_credential_stops_nothing_again(url: str) -> None:
    with Journal(url) as journal:
        send = created(journal, "600000_Acme_late")
        send()
        refused_payment(journal, "600000_Acme_1", "2001")
        journal.lift_credential_stop(reason="renewed", by="somebody")
        late: dict[str, Any] = {"kind": EventKind.RESULT, "identity": "late", "body": b"<x/>", "code": "2001"}
        journal.receive(InboundMessage(conversation_id="600000_Acme_late", **late))
        assert journal.credential_stop() is None
        refused_payment(journal, "600000_Acme_new", "2001")
        assert journal.credential_stop() is not None


def test_a_result_for_a_payment_that_is_not_ours_stops_nothing(url: str) -> None:
    with Journal(url) as journal:
        stranger: dict[str, Any] = {"kind": EventKind.RESULT, "identity": "stranger", "body": b"<x/>", "code": "2001"}
        journal.receive(InboundMessage(conversation_id="somebody_else", **stranger))
        assert journal.credential_stop() is None


def test_the_command_lifts_the_stop_and_says_what_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "mpesa-cbp.toml"
    config.write_text(f"[journal]\nurl = {json.dumps(f'sqlite:///{tmp_path}/payments.db')}\n", encoding="utf-8")
    with Journal(f"sqlite:///{tmp_path}/payments.db") as journal:
        refused_payment(journal, "600000_Acme_1", "8006")
        command = ["credential-renewed", "--config", str(config), "--reason", "unlocked by the operator"]
        assert run(command) == 0
        said = capsys.readouterr().out
        assert "8006" in said
        assert "600000_Acme_1" in said
        assert journal.credential_stop() is None
        assert run(command) == 0
        assert capsys.readouterr().out == "Nothing was stopped.\n"
