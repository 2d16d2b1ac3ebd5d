"""Options that several commands share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import click

from mpesa_cbp.errors import JournalError, SettingsError
from mpesa_cbp_service.config import FOR_CLIENT, Configuration, load
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.journal.sqlite_files import sqlite_file

CommandDecorator: TypeAlias = Callable[[Callable[..., int]], Callable[..., int]]

config_option: CommandDecorator = click.option(
    "--config",
    type=click.Path(),
    help="TOML file with settings [default: $MPESA_CBP_CONFIG, else ./mpesa-cbp.toml if it is there]. "
    "The environment (MPESA_CBP_…) goes before it; see docs/settings.md.",
)


class NumberRange(click.FloatRange):
    """A range of numbers; what is no number (``nan``) or has no end is not in it, though it compares as if it were."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number. Fails as click does."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a valid number.", param, ctx)
        return number


def configured(require: frozenset[str], *, options: Collection[str] = ()) -> CommandDecorator:
    """Give a command the option ``--config`` and, as ``configuration``, the settings; ``require`` must be there.

    ``options`` are options of the command that go before the settings of the same names.

    Secrets are never options: arguments of a command are seen by every user of the machine.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(command)
        def run(*, config: str | None, **arguments: object) -> int:
            given: dict[str, Any] = {name: arguments.pop(name) for name in options}
            try:
                return command(configuration=load(config, require=require, **given), **arguments)
            except SettingsError as error:
                # Of the others, such as the listener, nobody expects that they send.
                if require >= FOR_CLIENT and error.advice == SettingsError.advice:
                    error.advice = "Nothing was sent; correct the setting."
                raise

        return config_option(run)

    return decorate


def open_journal(configuration: Configuration) -> Journal:
    """The journal of the settings, which ``FOR_JOURNAL`` has required; the caller closes it.

    That a file was made is told: whoever has misspelt its name would take an empty journal for the one that is meant.
    """
    url = configuration.journal_url or ""
    file = sqlite_file(url)
    missing = file is not None and not file.exists()
    journal = Journal(url)
    if missing:
        click.echo(f"note: the journal {file} was not there and has been made", err=True)
    return journal


def open_journal_to_send(configuration: Configuration) -> Journal:
    """The same, for commands of which one expects that they send: it is told that nothing was sent where it fails."""
    with before_sending():
        return open_journal(configuration)


@contextmanager
def before_sending() -> Iterator[None]:
    """Let a journal that fails here be told as one that fails before anything was sent."""
    try:
        yield
    except JournalError as error:
        error.nothing_was_sent()
        raise


def warn_without_result_url(configuration: Configuration) -> None:
    """Say on standard error that no result will come, where the settings name no place for it."""
    if configuration.result_url is None:
        click.echo("note: no result will reach us; set result_url, or ask with mpesa-cbp query", err=True)
