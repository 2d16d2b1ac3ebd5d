"""The two processes of the kill loop: a payer that is ended by SIGKILL, and the simulated broker that lives on."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.identity.profile import Initiator, ServiceProvider
from mpesa_cbp.payment.model import EventKind, PaymentJournal
from mpesa_cbp_service import Journal
from mpesa_cbp_service.payroll import Run, plan_batch
from mpesa_cbp_service.payroll.file import PayrollLine, read_payroll
from mpesa_cbp_simulator import Organisation, Simulator, Timing
from tests.service.journal.simulated import NOWHERE

COMMAND = "BusinessPayment"
THREADS = 3
STEPS = tuple(
    f"{when} {what}" for what in ("create", "sending", "answer") for when in ("before", "after")
)  # of the journal's calls for one payment
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "mpesa_cbp_simulator", "sqlalchemy.dialects.postgresql.psycopg"])


# -- the payer, which is killed -------------------------------------------------------------------------------------


class KillingJournal:
    """The real journal, and the end of this process at the n-th arrival at one step."""

    def __init__(self, journal: Journal, step: str | None, countdown: int) -> None:
        self._journal, self._step, self._countdown = journal, step, countdown
        self._lock = threading.Lock()

    def _at(self, step: str) -> None:
        if step != self._step:
            return
        with self._lock:
            self._countdown -= 1
            if self._countdown <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def create(self, **values: Any) -> None:
        self._at("before create")
        self._journal.create(**values)
        self._at("after create")

    def record(self, conversation_id: str, kind: EventKind, **values: Any) -> PaymentState:
        what = "sending" if kind is EventKind.SENDING else "answer"
        self._at(f"before {what}")
        state = self._journal.record(conversation_id, kind, **values)
        self._at(f"after {what}")
        return state

    def payment(self, conversation_id: str) -> Any:
        return self._journal.payment(conversation_id)

    def request(self, conversation_id: str) -> bytes | None:
        return self._journal.request(conversation_id)


@dataclass(frozen=True)
class Broker:
    """How to reach it."""

    endpoint: str
    certificate: str

    def client(self, journal: PaymentJournal) -> Client:
        return Client(
            endpoint=self.endpoint,
            service_provider=ServiceProvider(id="107031", password="simulator-sp-secret", service_id="107031000"),
            initiator=Initiator(
                name="api",
                password="simulator-initiator-secret",
                short_code="600000",
                certificate=Path(self.certificate),
            ),
            organisation="Acme",
            result_url=NOWHERE,
            queue_timeout_url=NOWHERE,
            journal=journal,
            timeout=(5, 30),
        )


def payroll(payments: int) -> list[PayrollLine]:
    rows = [f"254712{number:06},10,E{number}," for number in range(payments)]
    read = read_payroll("\n".join(["msisdn,amount,reference,remark", *rows]).encode())
    assert read.problems == ()
    return list(read.lines)


def pay(url: str, broker: Broker, payments: int, step: str | None, countdown: int) -> None:
    """One run of the file, in a process of its own; it exits with 0 if nothing is left to be sent."""
    with Journal(url) as journal, broker.client(KillingJournal(journal, step, countdown)) as client:
        planned, rows, problems = plan_batch(client, journal, payroll(payments), batch="kill", command=COMMAND)
        assert not problems
        journal.add_batch(rows)
        run = Run(client, journal, planned, command=COMMAND, threads=THREADS, rate=10_000.0, patience=0.0)
        left = sum(result.payment is None or result.payment.may_be_sent for result in run)
    sys.exit(1 if left else 0)


# -- the broker, which lives on -------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """The operator's books: how often each payment arrived at the broker and was executed by the core."""

    arrived: Counter[str]
    executed: Counter[str]


def _ledger(simulator: Simulator) -> Ledger:
    simulator.settle(60)
    with simulator.world.database.transaction() as books:
        transfers = "select c.conversation_id from transfer t join conversation c on c.number = t.conversation"
        executed = Counter(row["conversation_id"] for row in books.execute(transfers))
        arrived = Counter(row["conversation_id"] for row in books.execute("select conversation_id from conversation"))
    return Ledger(arrived, executed)


def simulate(folder: str, asked: Connection) -> None:
    """The simulated broker, in a process of its own, until nobody asks any more; each question is for its books."""
    timing = Timing(result_delay=0.0, retry_delay=0.01, attempts=1)
    rich = Organisation(short_code="600000", name="Acme", utility=Decimal(10_000_000))
    with Simulator(directory=folder, timing=timing, organisations=[rich], magic=False) as simulator:
        asked.send(Broker(simulator.url, str(simulator.certificate)))
        with contextlib.suppress(EOFError):
            while asked.recv():
                asked.send(_ledger(simulator))


@dataclass
class Operator:
    """The broker, and whoever looks into its books."""

    broker: Broker
    asking: Connection

    def ledger(self) -> Ledger:
        self.asking.send("books")
        if not self.asking.poll(90):
            raise TimeoutError("the simulator did not answer")
        found: Ledger = self.asking.recv()
        return found


@contextmanager
def simulator_process(folder: Path) -> Iterator[Operator]:
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=simulate, args=(str(folder), theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(60):
            raise TimeoutError("the simulator did not start")
        yield Operator(ours.recv(), ours)
    finally:
        ours.close()
        process.join(90)
