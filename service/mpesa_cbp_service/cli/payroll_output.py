"""The texts of ``pay --file``, before the question and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import click

from mpesa_cbp_service.payroll import LineOutcome, LineResult, PlannedLine, outcome_of
from mpesa_cbp_service.payroll.file import Payroll

OPEN = (LineOutcome.ACCEPTED, LineOutcome.QUEUED)
"""The broker has them, and their results are still to come."""

_SHOWN = 10


def known_lines(others: dict[str, int], batch: str, *, of: int) -> str:
    """Why a file is refused whose lines are known by another name, and what to do."""
    where = ", ".join(f"{count} in {name}" for name, count in sorted(others.items()))
    if batch in others:
        return (
            f"lines of this batch are in the journal under other conversation ids ({where}): the settings organisation "
            "or initiator.short_code have changed since; set them as they were"
        )
    told = f"the same lines are in the journal already ({where}): to go on with that batch give --batch with its name"
    if sum(others.values()) < of:
        return f"{told}; else take those lines out of this file: under a new name of a batch they would be paid twice"
    return f"{told}; to pay them all once more, as for another month, give --batch with a new name, the month's"


def summarise(payroll: Payroll, planned: Sequence[PlannedLine], batch: str, others: dict[str, int]) -> None:
    """What is to be paid, what is known of it, and what may not be meant, on standard error."""
    to_send = [each for each in planned if each.is_to_be_sent]
    due = sum((each.line.amount for each in to_send), Decimal(0))
    click.echo(f"batch {batch}: {len(planned)} payments, {payroll.total} KES", err=True)
    click.echo(f"to be sent now: {len(to_send)} payments, {due} KES", err=True)
    known = [outcome_of(each.known, now=datetime.now(UTC))[0] for each in planned if not each.is_to_be_sent]
    for outcome in LineOutcome:
        if outcome in known:
            click.echo(f"known from an earlier run: {known.count(outcome)} {outcome.value}", err=True)
    repeated = payroll.paid_more_than_once
    for numbers in repeated[:_SHOWN]:
        click.echo(f"note: one customer stands in lines {', '.join(map(str, numbers[:_SHOWN]))}", err=True)
    if len(repeated) > _SHOWN:
        click.echo(f"note: {len(repeated) - _SHOWN} more customers stand in more than one line", err=True)
    if payroll.may_be_cut:
        last = payroll.lines[-1]
        told = f"line {last.number} [{last.reference}], {last.amount} KES"
        click.echo(f"note: the file ends without a line end: see that its last line is whole ({told})", err=True)
    for name, count in others.items():
        click.echo(f"note: {count} of the lines stand in batch {name} too", err=True)


def tell(results: Sequence[LineResult], stopped_because: str | None, *, waited: bool) -> None:
    """Each line that is neither paid nor on its way, then totals, then why the run stopped if it did."""
    untouched = [each.planned.line.number for each in results if _is_untouched(each)]
    for result in results:
        if result.outcome not in (LineOutcome.SUCCEEDED, *OPEN) and not _is_untouched(result):
            line = result.planned.line
            click.echo(
                f"line {line.number} [{line.reference}] {result.outcome.value}: {result.told} "
                f"({result.planned.conversation_id})"
            )
    if untouched:
        lines = f"line{'s'[: len(untouched) != 1]} {_ranges(untouched)}"
        click.echo(f"{lines} not-sent: this run did not come to them; run the same file again")
    for outcome in LineOutcome:
        amounts = [each.planned.line.amount for each in results if each.outcome is outcome]
        if amounts:
            click.echo(f"{outcome.value:10} {len(amounts):6} payments {sum(amounts, Decimal(0)):>14} KES")
    if stopped_because is not None:
        click.echo(f"mpesa-cbp: stopped early: {stopped_because}", err=True)
    if any(each.outcome in OPEN for each in results):
        late = "no result came in time" if waited else "their results are still to come"
        click.echo(f"accepted or queued means that the broker has them; {late} (mpesa-cbp listen, reconcile)")


def _is_untouched(result: LineResult) -> bool:
    """Whether nothing of it was ever stored: the run has stopped before it came to this line."""
    return result.outcome is LineOutcome.NOT_SENT and result.payment is None


def _ranges(numbers: Sequence[int]) -> str:
    """Line numbers in order, runs of them as ``3-7``; of many runs the first ones."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    shown = ", ".join("-".join(map(str, run)) for run in runs[:_SHOWN])
    return shown if len(runs) <= _SHOWN else f"{shown} and others ({len(numbers)} in all)"
