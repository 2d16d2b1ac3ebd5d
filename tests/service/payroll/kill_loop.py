"""A payroll whose process is killed again and again, at every step; ``nox -s kill`` runs the long form.

The payer is a process of its own that is ended by SIGKILL: before and after each call of its journal (a wrapper around
the real one kills the process), when its bytes arrive at a proxy on the way to the broker, before the broker's answer
gets back, and at random times. The simulator is another process that lives on, with a ledger of its own in a file.
After each kill the same file is run again.

When nothing is left to be sent, a reconciliation asks about what is open. What it does not find is settled as the
operator's books (the simulator's ledger) have it, by ``mpesa-cbp settle``, and the same file is run once more, which
pays what was not paid. In the end the simulator's ledger is compared with the journal, payment by payment.
"""

from __future__ import annotations

import contextlib
import io
import random
import signal
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from mpesa_cbp import PaymentState
from mpesa_cbp.payment.model import OPEN_STATES, Payment
from mpesa_cbp_service import Journal
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.reconcile import Reconciliation
from tests.service.payroll.killed_payer import CONTEXT, STEPS, Broker, Ledger, Operator, pay, simulator_process
from tests.service.payroll.killing_proxy import ON_THE_WAY, Proxy

AT_RANDOM = "at a random time"
KINDS = (*STEPS, *ON_THE_WAY, AT_RANDOM)


@dataclass
class Figures:
    """What the loop has seen; ``problems`` must be empty, and each payment stands in one of the three ways."""

    payments: int
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    """Sent once, and the broker's answer is in the journal."""

    resolved_by_query: int = 0
    """Sent once, the answer was lost, and the reconciliation found what became of it."""

    settled_by_word: int = 0
    """Never arrived at the broker, which no query proves: settled as not paid, and sent again under its id."""

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
                f"payments in the file                       {self.payments}",
                f"runs, of which killed                      {self.runs}, {sum(self.kills.values())} ({kills})",
                f"sent once, answer stored                   {self.answered}",
                f"sent once, resolved by query               {self.resolved_by_query}",
                f"not found by query, settled as not paid by the operator's word, then paid  {self.settled_by_word}",
                f"journal in the end                         {states}",
                f"simulator: requests arrived, executed      {self.arrived}, {self.executed}",
                f"simulator: arrived twice, executed twice   {self.arrived_twice}, {self.executed_twice}",
                f"payments lost or wrong in the journal      {len(self.problems)}",
                f"seconds                                    {self.seconds:.0f}",
            ]
        )


def kill_loop(url: str, folder: Path, *, payments: int, kills: int, seed: int, at_most: int = 4) -> Figures:
    """Pay the file with so many kills, resolve, and compare; an interrupted loop leaves no process behind.

    A kill comes at the first to the ``at_most``-th arrival at its step.
    """
    figures, chance, began = Figures(payments), random.Random(seed), time.monotonic()
    Journal(url).close()
    with simulator_process(folder) as operator, closing(Proxy(operator.broker.endpoint)) as proxy:
        on_the_way = Broker(proxy.endpoint, operator.broker.certificate)
        order = [KINDS[number % len(KINDS)] for number in range(kills)]
        chance.shuffle(order)
        while order:
            if not _one_run(url, on_the_way, proxy, figures, order, chance.randint(1, at_most), chance):
                break
        _run_to_the_end(url, on_the_way, proxy, figures)
        _resolve(url, operator, folder, figures)
        _run_to_the_end(url, on_the_way, proxy, figures)
        _reconcile(url, operator.broker)
        _compare(url, operator.ledger(), figures)
    figures.seconds = time.monotonic() - began
    return figures


def _run_to_the_end(url: str, broker: Broker, proxy: Proxy, figures: Figures) -> None:
    """Run the file, unharmed, until nothing is left to be sent."""
    while not _one_run(url, broker, proxy, figures, [], 0, random.Random()):
        pass


def _one_run(
    url: str, broker: Broker, proxy: Proxy, figures: Figures, order: list[str], countdown: int, chance: random.Random
) -> bool:
    """Run the file once; whether something is left while kills are due, or nothing is left where none is."""
    kind = order[-1] if order else None
    proxy.plan(kind if kind in ON_THE_WAY else None, countdown)
    payer = CONTEXT.Process(
        target=pay, args=(url, broker, figures.payments, kind if kind in STEPS else None, countdown)
    )
    payer.start()
    proxy.aim(payer.pid or 0)
    if kind == AT_RANDOM:
        payer.join(chance.uniform(0.02, 0.15 * countdown))
        payer.kill()
    payer.join(300)
    figures.runs += 1
    if payer.exitcode == -signal.SIGKILL and kind is not None:
        figures.kills[kind] += 1
        order.pop()
        return True
    return payer.exitcode == (1 if order else 0)


def _reconcile(url: str, broker: Broker) -> None:
    with Journal(url) as journal, broker.client(journal) as client:
        for _ in range(2):
            walk = Reconciliation(client, journal, rate=100_000.0, older_than=timedelta(0), pause=timedelta(0))
            for _checked in walk:
                pass


def _resolve(url: str, operator: Operator, folder: Path, figures: Figures) -> None:
    """Ask about what is open, and settle what no answer tells by the operator's books."""
    with Journal(url) as journal:
        unanswered = journal.payments([PaymentState.SENT, PaymentState.UNKNOWN])
    _reconcile(url, operator.broker)
    with Journal(url) as journal:
        left = journal.payments(OPEN_STATES)
    figures.answered = figures.payments - len(unanswered)
    figures.resolved_by_query = len(unanswered) - len(left)
    figures.settled_by_word = len(left)
    settings = folder / "journal.toml"
    settings.write_text(f'[journal]\nurl = "{url}"\n')
    ledger = operator.ledger()
    for payment in left:
        _settle(payment, ledger, settings, figures)


def _settle(payment: Payment, ledger: Ledger, settings: Path, figures: Figures) -> None:
    """Say what the operator's books say; what arrived there should have been found by the query."""
    conversation_id = payment.conversation_id
    if ledger.arrived[conversation_id]:
        figures.problems.append(f"{conversation_id}: arrived, and not found by the query")
    word = "paid" if ledger.executed[conversation_id] else "not-paid"
    told = ("--as", word, "--reason", "the operator's books", "--by", "the kill loop", "--older-than", "0", "--yes")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = run(["settle", conversation_id, "--config", str(settings), *told])
    if code != 0:
        figures.problems.append(f"{conversation_id}: cannot be settled: {said.getvalue()}")


def _compare(url: str, ledger: Ledger, figures: Figures) -> None:
    with Journal(url) as journal:
        known = {payment.conversation_id: payment for payment in journal.payments()}
    figures.executed, figures.arrived = sum(ledger.executed.values()), sum(ledger.arrived.values())
    figures.executed_twice = sum(count > 1 for count in ledger.executed.values())
    figures.arrived_twice = sum(count > 1 for count in ledger.arrived.values())
    figures.states = Counter(payment.state.value for payment in known.values())
    if len(known) != figures.payments:
        figures.problems.append(f"the journal has {len(known)} payments, the file {figures.payments}")
    figures.problems += [f"{each}: executed, and not in the journal" for each in ledger.executed if each not in known]
    figures.problems += [
        f"{each}: {payment.state.value}, executed {ledger.executed[each]} times"
        for each, payment in known.items()
        if payment.state is not PaymentState.SUCCEEDED or ledger.executed[each] != 1
    ]
