"""``mpesa-cbp reconcile``: ask about every payment whose end is not known."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import click

from mpesa_cbp.payment.model import Payment
from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE, UNKNOWN_OUTCOME
from mpesa_cbp_service.cli.options import NumberRange, before_sending, configured, open_journal_to_send
from mpesa_cbp_service.cli.progress import progress
from mpesa_cbp_service.cli.signals import first_interrupt_sets
from mpesa_cbp_service.config import FOR_CLIENT, FOR_JOURNAL, Configuration
from mpesa_cbp_service.journal import BatchLine
from mpesa_cbp_service.reconcile import Checked, ReconcileOutcome, Reconciliation


@click.command()
@click.option(
    "--older-than",
    type=NumberRange(min=0, max=1e9),
    default=600.0,
    show_default=True,
    help="Seconds since a payment's last change; more than a request can be under way.",
)
@click.option(
    "--pause",
    type=NumberRange(min=0, max=1e9),
    default=300.0,
    show_default=True,
    help="Seconds for which a payment that was asked about is left alone, by this run and others.",
)
@click.option(
    "--rate", type=NumberRange(min=0.01, max=1000), default=5.0, show_default=True, help="Questions a second."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@configured(FOR_CLIENT | FOR_JOURNAL)
def reconcile(*, configuration: Configuration, older_than: float, pause: float, rate: float, as_json: bool) -> int:
    """Ask the broker what became of every payment that is sent, accepted, queued or unknown.

    \b
    mpesa-cbp reconcile --older-than 900 --json

    May be run from cron, and twice at once. A payment of which the broker has no record stays open. Exits with 0 if
    every payment is settled, 1 if some were never sent, 2 for wrong usage or settings, 3 if the journal cannot be used,
    4 if the end of some is still not known. Requests that move no money (balance, status, register) are asked about
    too, counted apart, and change nothing of the exit code.
    """
    stop = threading.Event()
    with open_journal_to_send(configuration) as journal, configuration.client(journal=journal) as client:
        with before_sending():
            walk = Reconciliation(
                client,
                journal,
                older_than=timedelta(seconds=older_than),
                pause=timedelta(seconds=pause),
                rate=rate,
                stop=stop,
            )
        with first_interrupt_sets(stop, "stopping after the question at hand"):
            checked = list(progress(walk, total=len(walk.payments), what="asking"))
        lines = journal.batch_lines([each.payment.conversation_id for each in checked])
    left = walk.payments[len(checked) :]
    click.echo(_document(checked, lines, left) if as_json else _text(checked, lines, left))
    return _exit_code(checked, left)


def _exit_code(checked: list[Checked], left: list[Payment]) -> int:
    outcomes = {each.outcome for each in checked if each.payment.moves_money}
    if any(each.moves_money for each in left) or outcomes & {ReconcileOutcome.STILL_OPEN, ReconcileOutcome.NOT_ASKED}:
        return UNKNOWN_OUTCOME
    return FINDINGS if ReconcileOutcome.NEVER_SENT in outcomes else FINE


def _text(checked: list[Checked], lines: dict[str, BatchLine], left: list[Payment]) -> str:
    told = []
    for each in checked:
        payment = each.payment
        receiver = f" to {mask_msisdn(payment.receiver)}" if payment.receiver else ""
        amount = f" {payment.amount} KES{receiver}" if payment.amount is not None else ""
        line = lines.get(payment.conversation_id)
        of = f" [{line.reference} of {line.batch}]" if line is not None else ""
        told.append(f"{each.outcome.value:10}  {payment.state.name:9}  {payment.conversation_id}{amount}{of}")
        told.append(f"            {each.told}")
    told.append(f"{_sum(checked, left, moves_money=True) or '0 payments looked at: nothing is open'}.")
    others = _sum(checked, left, moves_money=False)
    return "\n".join([*told, f"{others} (no money moves by them)."] if others else told)


def _sum(checked: list[Checked], left: list[Payment], *, moves_money: bool) -> str:
    counts = _counts(checked, left, moves_money=moves_money)
    shown = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    what = "payments" if moves_money else "other requests"
    return f"{sum(counts.values())} {what} looked at: {shown}" if shown else ""


def _counts(checked: list[Checked], left: list[Payment], *, moves_money: bool) -> dict[str, int]:
    chosen = [each.outcome for each in checked if each.payment.moves_money is moves_money]
    counts = {outcome.value: chosen.count(outcome) for outcome in ReconcileOutcome}
    return {**counts, "not-reached": sum(each.moves_money is moves_money for each in left)}


def _document(checked: list[Checked], lines: dict[str, BatchLine], left: list[Payment]) -> str:
    document = {
        "payments": [_object(each, lines) for each in checked],
        "counts": _counts(checked, left, moves_money=True),
        "counts_without_money": _counts(checked, left, moves_money=False),
    }
    return json.dumps(document, indent=2)


def _object(each: Checked, lines: dict[str, BatchLine]) -> dict[str, Any]:
    payment, line = each.payment, lines.get(each.payment.conversation_id)
    return {
        "conversation_id": payment.conversation_id,
        "outcome": each.outcome.value,
        "state": payment.state.name,
        "command": payment.command_id,
        "moves_money": payment.moves_money,
        "amount": str(payment.amount) if payment.amount is not None else None,
        "receiver": mask_msisdn(payment.receiver) if payment.receiver else None,
        "receipt": payment.receipt,
        "result_code": payment.result_code,
        "batch": line.batch if line is not None else None,
        "reference": line.reference if line is not None else None,
        "told": each.told,
    }
