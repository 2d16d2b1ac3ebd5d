"""``mpesa-cbp events``: list, show, replay and export the events of the journal."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from mpesa_cbp.errors import JournalRefusal
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.cli.atomic_file import overwrite_option, refuse_to_replace, whole_file
from mpesa_cbp_service.cli.describe_event import event_facts, event_line, event_text
from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE
from mpesa_cbp_service.cli.options import configured, open_journal
from mpesa_cbp_service.config import FOR_JOURNAL, Configuration
from mpesa_cbp_service.journal import Event, Handling, Journal
from mpesa_cbp_service.journal.sqlite_files import sqlite_file

_PAGE = 500
_NUMBER = click.IntRange(1, 2**63 - 1)  # what a database numbers with
_Command = Callable[..., int]


def _moment(_: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """ISO 8601; without a zone it is UTC."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC it may be before the year 1
        example = "2026-11-24 or 2026-11-24T08:00:00+03:00"
        raise click.BadParameter(f"{value!r} is no time such as {example}", param=parameter) from None


def _conversation_id(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Text that a database takes: bytes of an argument that are no text arrive as surrogates."""
    if value is not None and not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise click.BadParameter("it is no text in the encoding of this terminal", param=parameter)
    return value


def _filters(command: _Command) -> _Command:
    """Options that choose events."""
    options = (
        click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in EventKind])),
        click.option(
            "--state",
            "states",
            multiple=True,
            type=click.Choice([each.value for each in Handling]),
            help="Of handling.",
        ),
        click.option("--conversation-id", callback=_conversation_id, help="OriginatorConversationID."),
        click.option(
            "--since",
            callback=_moment,
            metavar="TIME",
            help="Stored then or later (ISO 8601, UTC).",
        ),
        click.option("--until", callback=_moment, metavar="TIME", help="Stored before that time."),
        click.option("--contradicting", is_flag=True, help="Only what contradicts what was known."),
    )
    for option in reversed(options):
        command = option(command)
    return command


_unmasked = click.option("--unmasked", is_flag=True, help="Show secrets and customers' numbers and names.")


@click.group()
def events() -> None:
    """Look through the journal's events; handle them anew; export them.

    \b
    mpesa-cbp events list --state dead

    Each command of it has examples too. Exits with 0, 1 if an event is not there or cannot be handled anew, 2 for wrong
    usage or settings, 3 if the journal cannot be used.
    """


@events.command("list")
@_filters
@click.option("--limit", type=_NUMBER, default=100, show_default=True, help="Most events to show.")
@configured(FOR_JOURNAL)
def list_events(*, configuration: Configuration, limit: int, **wanted: Any) -> int:
    """List the newest events in the order of their arrival, one a line.

    \b
    mpesa-cbp events list --kind result --since 2026-11-24
    mpesa-cbp events list --state dead

    Exits with 0, 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    chosen = _chosen(wanted)
    with open_journal(configuration) as journal:
        count, after = journal.newest(limit, **chosen)
        if not count:
            click.echo("no such event", err=True)
            return FINE
        for event in _found(journal, chosen, after=after):
            click.echo(event_line(event))
    if count > limit:
        click.echo(f"the newest {limit} of {count} events: --limit {count} shows all, --until TIME older", err=True)
    return FINE


@events.command()
@click.argument("numbers", metavar="EVENT...", nargs=-1, required=True, type=_NUMBER)
@_unmasked
@configured(FOR_JOURNAL)
def show(*, configuration: Configuration, numbers: tuple[int, ...], unmasked: bool) -> int:
    """Show events with their messages.

    \b
    mpesa-cbp events show 17 18

    Exits with 0, 1 if one of them is not there, 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    code = FINE
    with open_journal(configuration) as journal:
        for number in numbers:
            event = journal.event(number)
            if event is None:
                click.echo(f"mpesa-cbp: there is no event {number}", err=True)
                code = FINDINGS
            else:
                click.echo(event_text(event, masked=not unmasked))
    return code


@events.command()
@click.argument("numbers", metavar="[EVENT...]", nargs=-1, type=_NUMBER)
@click.option("--dead", is_flag=True, help="All dead letters.")
@configured(FOR_JOURNAL)
def replay(*, configuration: Configuration, numbers: tuple[int, ...], dead: bool) -> int:
    """Have received events handled anew: by a listener that runs, or by the next one.

    \b
    mpesa-cbp events replay 17
    mpesa-cbp events replay --dead

    Exits with 0, 1 if one of them cannot be handled anew, 2 for wrong usage or settings, 3 if the journal cannot be
    used.
    """
    if dead == bool(numbers):
        raise click.UsageError("Name events or give --dead, not both." if dead else "Name events, or give --dead.")
    code = FINE
    with open_journal(configuration) as journal:
        chosen = [event.id for event in journal.dead_letters()] if dead else numbers
        if not chosen:
            click.echo("no dead letter", err=True)
        for number in chosen:
            try:
                journal.replay(number)
                click.echo(f"event {number} will be handled anew")
            except JournalRefusal as error:
                click.echo(f"mpesa-cbp: {error.message}", err=True)
                code = FINDINGS
    return code


@events.command()
@_filters
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write, instead of stdout.")
@overwrite_option
@_unmasked
@configured(FOR_JOURNAL)
def export(*, configuration: Configuration, output: Path | None, overwrite: bool, unmasked: bool, **wanted: Any) -> int:
    """Write events with their messages, one JSON object a line, oldest first.

    \b
    mpesa-cbp events export --since 2026-11-01 --until 2026-12-01 --output november.jsonl

    Exits with 0, 2 for wrong usage or settings, 3 if the journal cannot be used or the file not be written.
    """
    count = 0
    if output is not None:
        refuse_to_replace(output, overwrite=overwrite, read=(sqlite_file(configuration.journal_url or ""),))
    destination = whole_file(output) if output is not None else contextlib.nullcontext(sys.stdout)
    with open_journal(configuration) as journal, destination as stream:
        for event in _found(journal, _chosen(wanted)):
            stream.write(json.dumps(event_facts(event, masked=not unmasked), ensure_ascii=False) + "\n")
            count += 1
    click.echo(f"{count} events", err=True)
    return FINE


@events.command("discard-unreadable")
@click.option("--until", callback=_moment, metavar="TIME", help="Only those stored before that time.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@configured(FOR_JOURNAL)
def discard_unreadable(*, configuration: Configuration, until: datetime | None, yes: bool) -> int:
    """Delete messages that could not be read, to make room for new ones.

    \b
    mpesa-cbp events discard-unreadable --until 2026-11-01

    Exits with 0, 1 if it was stopped, 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    with open_journal(configuration) as journal:
        count = journal.count(EventKind.UNREADABLE)
        if not yes:
            click.confirm(f"Delete unreadable messages ({count} are kept in all)?", abort=True)
        click.echo(f"{journal.discard_unreadable(until=until)} deleted")
    return FINE


def _chosen(wanted: dict[str, Any]) -> dict[str, Any]:
    """The filters as ``Journal.search`` takes them."""
    kinds = [EventKind(kind) for kind in wanted.pop("kinds")]
    return {"kinds": kinds, "handlings": [Handling(state) for state in wanted.pop("states")], **wanted}


def _found(journal: Journal, chosen: dict[str, Any], *, after: int = 0) -> Iterator[Event]:
    """All events that satisfy the filters, page by page, so that a large journal never lies in memory."""
    while True:
        page = journal.search(**chosen, after=after, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id
