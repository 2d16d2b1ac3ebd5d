"""A journal that was copied while it was in use: whoever pays from the copy pays nothing twice, and can resolve it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp_service import Journal
from mpesa_cbp_service.journal.sqlite_files import files_beside
from mpesa_cbp_service.payroll import LineResult, Run
from mpesa_cbp_service.reconcile import Reconciliation
from mpesa_cbp_simulator import Simulator, Timing
from tests.service.journal.simulated import NOWHERE
from tests.service.payroll.test_run import COMMAND, executed, lines, plan

LINES = 8


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    timing = Timing(result_delay=0.01, retry_delay=0.01, attempts=1)
    with Simulator(timing=timing, seed=1, directory=tmp_path / "simulator") as running:
        yield running


def client_of(simulator: Simulator, journal: Journal) -> Client:
    urls: dict[str, Any] = {"result_url": NOWHERE, "queue_timeout_url": NOWHERE}
    return Client(**simulator.client_settings(), **urls, journal=journal, timeout=(5, 20))


def run(client: Client, journal: Journal) -> Iterator[LineResult]:
    return iter(
        Run(client, journal, plan(client, journal, lines(LINES)), command=COMMAND, threads=1, rate=1000.0, patience=0.0)
    )


@pytest.mark.parametrize("with_the_files_beside", [True, False], ids=["all three files", "the file alone"])
def test_payroll_run_from_a_copy_pays_nothing_twice_and_is_resolved_by_query(
    simulator: Simulator, tmp_path: Path, with_the_files_beside: bool
) -> None:
    file, elsewhere = tmp_path / "payments.db", tmp_path / "another machine"
    elsewhere.mkdir()
    with Journal(f"sqlite:///{file}") as journal, client_of(simulator, journal) as client:
        for number, _ in enumerate(run(client, journal), start=1):
            if number == LINES // 2:
                for each in files_beside(file)[: 3 if with_the_files_beside else 1]:
                    shutil.copy(each, elsewhere)
        assert len(journal.payments([PaymentState.ACCEPTED])) == LINES
    with Journal(f"sqlite:///{elsewhere}/payments.db") as copy, client_of(simulator, copy) as client:
        before = len(copy.payments())
        assert 0 < before < LINES if with_the_files_beside else before == 0
        for _ in run(client, copy):
            pass
        assert sorted(executed(simulator).values()) == [1] * LINES
        for _ in Reconciliation(client, copy, rate=1000.0, older_than=timedelta(0), pause=timedelta(0)):
            pass
        assert [payment.state for payment in copy.payments()] == [PaymentState.SUCCEEDED] * LINES
