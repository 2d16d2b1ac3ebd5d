"""``mpesa-cbp pay --file``: many payments from one file."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from mpesa_cbp.client import Client
from mpesa_cbp.commands.table import COMMANDS
from mpesa_cbp.errors import JournalError
from mpesa_cbp.payment.model import OPEN_STATES
from mpesa_cbp_service.cli.atomic_file import overwrite_option, refuse_to_replace, whole_file
from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE, UNKNOWN_OUTCOME, UNREADABLE
from mpesa_cbp_service.cli.options import NumberRange, before_sending, open_journal_to_send, warn_without_result_url
from mpesa_cbp_service.cli.payroll_output import OPEN, known_lines, summarise, tell
from mpesa_cbp_service.cli.payroll_report import is_report_of, write_report
from mpesa_cbp_service.cli.progress import progress, warnings_untold
from mpesa_cbp_service.cli.signals import first_interrupt_sets
from mpesa_cbp_service.config import Configuration
from mpesa_cbp_service.journal import BatchLine, Journal
from mpesa_cbp_service.journal.sqlite_files import sqlite_file
from mpesa_cbp_service.payroll import PATIENCE, LineOutcome, LineResult, PlannedLine, Run, outcome_of, plan_batch
from mpesa_cbp_service.payroll.file import MAXIMUM_BYTES, TEMPLATE, Payroll, read_payroll

_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of ``pay --file``; ``batch`` is None where its name is to be that of the file."""

    file: Path
    batch: str | None
    command: str
    dry_run: bool
    threads: int
    rate: float
    report: Path | None
    overwrite: bool
    patience: float
    wait: float | None
    yes: bool


def _print_template(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(TEMPLATE, nl=False)
        context.exit()


_OPTIONS = (
    click.option(
        "--file",
        type=click.Path(path_type=Path, readable=False),
        help="Pay every line of this CSV file (msisdn, amount, reference, remark); see docs/payroll.md.",
    ),
    click.option(
        "--template", is_flag=True, is_eager=True, expose_value=False, callback=_print_template,
        help="Print an example of such a file.",
    ),
    click.option("--dry-run", is_flag=True, help="With --file: check it, look into the journal, and send nothing."),
    click.option("--batch", help="With --file: name of the batch [default: the file's name]."),
    click.option(
        "--threads", type=click.IntRange(1, 64), default=4, show_default=True, help="With --file: how many at a time."
    ),
    click.option(
        "--rate",
        type=NumberRange(min=0.01, max=10_000),
        default=10.0,
        show_default=True,
        help="With --file: most payments a second.",
    ),
    click.option(
        "--report",
        type=click.Path(path_type=Path, dir_okay=False),
        help="With --file: write what became of each line into this CSV file.",
    ),
    overwrite_option,
    click.option(
        "--patience",
        type=NumberRange(min=0, max=1e6),
        default=PATIENCE,
        show_default=True,
        help="With --file: seconds to wait in the end for lines that another run is sending.",
    ),
)  # fmt: skip


def file_options(command: Callable[..., int]) -> Callable[..., int]:
    """Options that only ``--file`` uses."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def pay_file(configuration: Configuration, wanted: Wanted) -> int:
    """Check the whole file, show what is to be paid, ask, pay, wait if asked to, and report; returns the exit code."""
    if COMMANDS[wanted.command].family != "B2C":
        raise click.UsageError(f"{wanted.command} does not pay customers.")
    if wanted.dry_run and wanted.report is not None:
        raise click.UsageError("--dry-run writes no report: leave --report out.")
    payroll = _read(wanted.file, configuration.country_code)
    if payroll.problems:
        return _refuse(str(wanted.file), [str(each) for each in payroll.problems])
    _tell_of_new_journal(configuration)
    batch = (wanted.file.name if wanted.batch is None else wanted.batch).strip()
    with open_journal_to_send(configuration) as journal, configuration.client(journal=journal) as client:
        with before_sending():
            planned, rows, problems = plan_batch(client, journal, payroll.lines, batch=batch, command=wanted.command)
            others = journal.other_batches(rows)
        if problems:
            return _refuse(str(wanted.file), problems)
        _check_report(configuration, wanted, planned)
        summarise(payroll, planned, batch, others)
        if others and (wanted.batch is None or batch in others):
            return _refuse(str(wanted.file), [known_lines(others, batch, of=len(rows))])
        warn_without_result_url(configuration)
        if wanted.dry_run:
            return FINE
        results, stopped_because = _pay(client, journal, planned, rows, wanted)
    tell(results, stopped_because, waited=wanted.wait is not None)
    if not any(each.is_to_be_sent for each in planned):
        click.echo("nothing was sent in this run: every line is known from an earlier one")
    return _exit_code(results, waited=wanted.wait is not None)


def _check_report(configuration: Configuration, wanted: Wanted, planned: Sequence[PlannedLine]) -> None:
    """Raise UsageError where the report would replace something else than the report of an earlier run of this file."""
    if wanted.report is not None:
        read = (wanted.file, sqlite_file(configuration.journal_url or ""))
        own = is_report_of(wanted.report, {each.conversation_id for each in planned})
        refuse_to_replace(wanted.report, overwrite=wanted.overwrite or own, read=read)


def _pay(
    client: Client, journal: Journal, planned: Sequence[PlannedLine], rows: Sequence[BatchLine], wanted: Wanted
) -> tuple[list[LineResult], str | None]:
    """Ask, pay, wait, write the report; returns what became of each line, and why the run stopped early if it did."""
    # That the report can be written is known before anything is paid.
    with whole_file(wanted.report) if wanted.report is not None else nullcontext() as report:
        if not wanted.yes and any(each.is_to_be_sent for each in planned):
            _ask()
        with before_sending():
            journal.add_batch(rows)
        stop = threading.Event()
        run = Run(
            client,
            journal,
            planned,
            command=wanted.command,
            threads=wanted.threads,
            rate=wanted.rate,
            stop=stop,
            on_rest=_rest_teller(),
            patience=wanted.patience,
        )
        told = "finishing the payments that are under way; the same command goes on from there"
        with warnings_untold(), first_interrupt_sets(stop, told):
            results = list(progress(run, total=len(planned), what="paying"))
            if wanted.wait is not None:
                results = _wait(journal, results, wanted.wait, stop)
        results.sort(key=lambda result: result.planned.line.number)
        if report is not None:
            write_report(report, results)
    return results, run.stopped_because


def _clock() -> datetime:
    return datetime.now(UTC)


def _read(file: Path, country_code: str) -> Payroll:
    with file.open("rb") as opened:
        return read_payroll(opened.read(MAXIMUM_BYTES + 1), country_code=country_code)


def _refuse(file: str, problems: Sequence[str]) -> int:
    for problem in problems:
        click.echo(f"{file}: {problem}", err=True)
    click.echo(f"mpesa-cbp: {len(problems)} problem{'s'[: len(problems) != 1]}; nothing was sent", err=True)
    return UNREADABLE


def _tell_of_new_journal(configuration: Configuration) -> None:
    file = sqlite_file(configuration.journal_url or "")
    if file is not None and (not file.exists() or file.stat().st_size == 0):
        click.echo(f"note: the journal {file} is new: it knows of no earlier run", err=True)


def _rest_teller() -> Callable[[float, str], None]:
    """Tells each rest once, however many threads it holds up."""
    lock, until = threading.Lock(), [0.0]

    def tell(seconds: float, broker: str) -> None:
        now = time.monotonic()
        with lock:
            if now >= until[0]:
                until[0] = now + seconds
                click.echo(f"waiting {max(1, round(seconds))} s: the broker {broker}", err=True)

    return tell


def _ask() -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here whether to pay: give --yes if they are to be paid.")
    click.confirm("Pay them?", abort=True, err=True)


def _wait(journal: Journal, results: list[LineResult], seconds: float, stop: threading.Event) -> list[LineResult]:
    """Let results come into the journal by the listener."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            payments = journal.payments_of([result.planned.conversation_id for result in results])
        except JournalError as error:
            click.echo(f"mpesa-cbp: no longer waiting: {error}", err=True)
            return results
        results = [_now(result, payments.get(result.planned.conversation_id)) for result in results]
        waiting = any(result.payment is not None and result.payment.state in OPEN_STATES for result in results)
        left = deadline - time.monotonic()
        if not waiting or left <= 0 or stop.wait(min(_POLL_SECONDS, left)):
            return results


def _now(result: LineResult, payment: Any) -> LineResult:
    if payment is None or result.payment is None or payment.state is result.payment.state:
        return result
    outcome, told = outcome_of(payment, now=_clock())
    return replace(result, outcome=outcome, payment=payment, told=told)


def _exit_code(results: Sequence[LineResult], *, waited: bool) -> int:
    outcomes = {result.outcome for result in results}
    if outcomes & {LineOutcome.UNKNOWN, LineOutcome.UNDER_WAY} or (waited and outcomes & {*OPEN}):
        return UNKNOWN_OUTCOME
    return FINE if outcomes <= {LineOutcome.SUCCEEDED, *OPEN} else FINDINGS
