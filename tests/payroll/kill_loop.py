"""A payroll whose process is killed again and again, at every step; ``nox -s kill`` runs the long form.

The payer is a process of its own that is ended by SIGKILL: before and after each call of its journal (a wrapper around
the real one kills the process), when its bytes arrive at a proxy on the way to the broker, before the broker's answer
gets back, and at random times. The simulator is another process that lives on, with a ledger of its own in a file.
After each kill the same file is run again. In the end a reconciliation asks about what is open, and the simulator's
ledger is compared with the journal, payment by payment.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mpesa_cbp import Client, Journal, PaymentState
from mpesa_cbp.payments import OPEN_STATES, EventKind, PaymentJournal
from mpesa_cbp.payroll import Run, plan_batch
from mpesa_cbp.payroll.file import PayrollLine, read_payroll
from mpesa_cbp.reconcile import Reconciliation
from mpesa_cbp.settings import Initiator, ServiceProvider
from mpesa_cbp.simulator import Organisation, Simulator, Timing
from tests.journal.simulated import NOWHERE
from tests.payroll.killing_proxy import ON_THE_WAY, Proxy

COMMAND = "BusinessPayment"
THREADS = 3
STEPS = tuple(
    f"{when} {what}" for what in ("create", "sending", "answer") for when in ("before", "after")
)  # of the journal's calls for one payment
KINDS = (*STEPS, *ON_THE_WAY, "at a random time")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "mpesa_cbp.simulator", "sqlalchemy.dialects.postgresql.psycopg"])


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


def simulate(folder: str, told: Connection) -> None:
    """The simulated broker, in a process of its own, until it is told to stop."""
    timing = Timing(result_delay=0.0, retry_delay=0.01, attempts=1)
    rich = Organisation(short_code="600000", name="Acme", utility=Decimal(10_000_000))
    with Simulator(directory=folder, timing=timing, organisations=[rich], magic=False) as simulator:
        told.send(Broker(simulator.url, str(simulator.certificate)))
        told.recv()
        simulator.settle(60)


@contextmanager
def simulator_process(folder: Path) -> Iterator[Broker]:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=simulate, args=(str(folder), theirs))
    process.start()
    try:
        if not ours.poll(60):
            raise TimeoutError("the simulator did not start")
        yield ours.recv()
    finally:
        with contextlib.suppress(OSError):
            ours.send("stop")
        process.join(90)


# -- the loop -------------------------------------------------------------------------------------------------------


@dataclass
class Figures:
    """What the loop has seen; ``problems`` must be empty."""

    payments: int
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    open_before_reconcile: int = 0
    states: Counter[str] = field(default_factory=Counter)
    executed: int = 0
    arrived: int = 0
    executed_twice: int = 0
    arrived_twice: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        kills = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        return "\n".join(
            [
                f"payments in the file                     {self.payments}",
                f"runs, of which killed                    {self.runs}, {sum(self.kills.values())} ({kills})",
                f"open before reconcile                    {self.open_before_reconcile}",
                f"journal in the end                       {states}",
                f"simulator: requests arrived, executed    {self.arrived}, {self.executed}",
                f"simulator: arrived twice, executed twice {self.arrived_twice}, {self.executed_twice}",
                f"payments lost or wrong in the journal    {len(self.problems)}",
                f"seconds                                  {self.seconds:.0f}",
            ]
        )


def kill_loop(url: str, folder: Path, *, payments: int, kills: int, seed: int) -> Figures:
    """Pay the file with so many kills, reconcile, and compare; an interrupted loop leaves no process behind."""
    figures, chance, began = Figures(payments), random.Random(seed), time.monotonic()
    Journal(url).close()
    with simulator_process(folder) as broker, closing(Proxy(broker.endpoint)) as proxy:
        on_the_way = Broker(proxy.endpoint, broker.certificate)
        order = [KINDS[number % len(KINDS)] for number in range(kills)]
        chance.shuffle(order)
        while order:
            if not _one_run(url, on_the_way, proxy, figures, order, chance):
                break
        while not _one_run(url, on_the_way, proxy, figures, [], chance):
            pass
        _reconcile(url, broker, figures)
    _compare(url, folder, figures)
    figures.seconds = time.monotonic() - began
    return figures


def _one_run(url: str, broker: Broker, proxy: Proxy, figures: Figures, order: list[str], chance: random.Random) -> bool:
    """Run the file once; whether something is left while kills are due, or nothing is left where none is."""
    kind = order[-1] if order else None
    countdown = chance.randint(1, 4)
    proxy.plan(kind if kind in ON_THE_WAY else None, countdown)
    payer = _CONTEXT.Process(
        target=pay, args=(url, broker, figures.payments, kind if kind in STEPS else None, countdown)
    )
    payer.start()
    proxy.aim(payer.pid or 0)
    if kind == KINDS[-1]:
        payer.join(chance.uniform(0.02, 0.6))
        payer.kill()
    payer.join(300)
    figures.runs += 1
    if payer.exitcode == -signal.SIGKILL and kind is not None:
        figures.kills[kind] += 1
        order.pop()
        return True
    return payer.exitcode == (1 if order else 0)


def _reconcile(url: str, broker: Broker, figures: Figures) -> None:
    with Journal(url) as journal, broker.client(journal) as client:
        figures.open_before_reconcile = len(journal.payments(OPEN_STATES))
        settled = {"rate": 100_000.0, "older_than": timedelta(0), "pause": timedelta(0)}
        for _ in range(2):
            for _checked in Reconciliation(client, journal, **settled):  # type: ignore[arg-type]
                pass


def _compare(url: str, folder: Path, figures: Figures) -> None:
    with closing(sqlite3.connect(folder / "simulator.db")) as ledger:
        executed = Counter(
            row[0]
            for row in ledger.execute(
                "select c.conversation_id from transfer t join conversation c on c.number = t.conversation"
            )
        )
        arrived = Counter(row[0] for row in ledger.execute("select conversation_id from conversation"))
    with Journal(url) as journal:
        known = {payment.conversation_id: payment for payment in journal.payments()}
    figures.executed, figures.arrived = sum(executed.values()), sum(arrived.values())
    figures.executed_twice = sum(count > 1 for count in executed.values())
    figures.arrived_twice = sum(count > 1 for count in arrived.values())
    figures.states = Counter(payment.state.value for payment in known.values())
    if len(known) != figures.payments:
        figures.problems.append(f"the journal has {len(known)} payments, the file {figures.payments}")
    figures.problems += [f"{each}: executed, and not in the journal" for each in executed if each not in known]
    for conversation_id, payment in known.items():
        if (payment.state is PaymentState.SUCCEEDED) != (executed[conversation_id] == 1):
            figures.problems.append(f"{conversation_id}: {payment.state.value}, executed {executed[conversation_id]}")
        elif payment.state is not PaymentState.SUCCEEDED and (
            payment.state not in (PaymentState.SENT, PaymentState.UNKNOWN) or arrived[conversation_id]
        ):
            figures.problems.append(f"{conversation_id}: {payment.state.value}, arrived {arrived[conversation_id]}")
