"""The command ``mpesa-cbp``.

Exit codes: 0 fine, 1 findings or a payment that did not succeed, 2 wrong usage or settings, 3 input that cannot be
read, 4 outcome unknown.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType, ModuleType

import click

from mpesa_cbp.errors import (
    CbpError,
    DuplicateConversation,
    InvalidRequest,
    JournalError,
    MalformedMessage,
    MissingExtra,
    OutcomeUnknown,
    SettingsError,
)
from mpesa_cbp_service.cli.exit_codes import FINDINGS, UNKNOWN_OUTCOME, UNREADABLE, USAGE

__all__ = ["COMMANDS", "ENTRY_POINTS", "commands", "run", "sentences"]

ENTRY_POINTS = "mpesa_cbp.commands"
"""Group of the entry points that add commands."""


COMMANDS = MappingProxyType(
    {
        "balance": ("core_commands", "Ask the core for the balances of our organisation; they come with the result."),
        "certificates": (
            "certificates",
            "Tell what FILES hold: which certificate plays which role, the chain's order, expiry, what is missing.",
        ),
        "change-password": (
            "change_password",
            "Replace the service provider's password (the one behind spPassword) at the broker.",
        ),
        "code": (
            "code",
            "Explain CODES: ResponseCode, ResultCode, or what we answer; without any, list all that are known.",
        ),
        "credential-renewed": (
            "credential_renewed",
            "Allow sending again after the core refused the initiator's credential.",
        ),
        "decode": ("decode", "Read FILES (- for standard input) as envelopes of the family and print what they say."),
        "doctor": (
            "doctor",
            "Check settings, certificates, journal, clock and the way to the broker, and say what to do.",
        ),
        "events": ("events", "Look through the journal's events; handle them anew; export them."),
        "listen": (
            "listen",
            "Take results, queue timeouts and C2B payments from the broker, store them, and run handlers.",
        ),
        "order": ("order", "Send any command of the core, by its CommandID."),
        "pay": ("pay", "Pay a customer, an organisation, or every line of a file; or move own funds."),
        "payments": ("payments", "List payments of the journal that need a person."),
        "query": (
            "query",
            "Ask the broker how far the payment CONVERSATION_ID came, and let that move the payment in the journal.",
        ),
        "reconcile": (
            "reconcile",
            "Ask the broker what became of every payment that is sent, accepted, queued or unknown.",
        ),
        "register": ("core_commands", "Tell where C2B payments to our short code are to be validated and confirmed."),
        "reverse": (
            "core_commands",
            "Ask the core to take a transaction back; whether it did is told by the result.",
        ),
        "settle": (
            "settle",
            "Store the operator's word on the payment CONVERSATION_ID, whose end neither result nor query tells.",
        ),
        "status": ("core_commands", "Ask the core about one transaction; the answer is a result."),
    }
)
"""Each command's module and the first sentence of its help, so that a list of commands loads none of them."""


class _Commands(click.Group):
    """Loads a command when it is named: the database and the web server take a second to load, and few need both."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        return sorted(sentences())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's)
        if cmd_name in COMMANDS:
            module = import_module(f"{__name__}.{COMMANDS[cmd_name][0]}")
        elif cmd_name in _plugged_in():
            module = _plugged_in_module(cmd_name)
        else:
            return None
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_blanks(args)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        listed_names = sentences()
        room = formatter.width - 6 - max(map(len, listed_names))
        listed = [
            (name, click.Command(name, help=sentence).get_short_help_str(room))
            for name, sentence in sorted(listed_names.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(listed)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mpesa-cbp")
def commands() -> None:
    """M-PESA through the G2 broker interface: payments, what became of them, and a simulated broker to try it."""


@cache
def _plugged_in() -> Mapping[str, tuple[str, str]]:
    """Commands of other packages: each entry point of the group is a table of module and sentence by name."""
    tables = [point.load() for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda each: each.name)]
    return {name: row for table in tables for name, row in table.items()}


def _plugged_in_module(name: str) -> ModuleType:
    try:
        return import_module(_plugged_in()[name][0])
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mpesa_cbp"):
            raise
        raise MissingExtra(f"mpesa-cbp {name}", extra="simulator") from None


def sentences() -> dict[str, str]:
    """The first sentence of every command's help, those of other packages included."""
    return {name: sentence for name, (_, sentence) in (*COMMANDS.items(), *_plugged_in().items())}


def _refuse_blanks(arguments: Sequence[str]) -> None:
    """Raise UsageError for an option or argument that is given and empty.

    A script's variable that is not set makes one of it. Taken for "not given" it would pay under an id that is made
    up, or without the name of a batch, and pay again.
    """
    for before, argument in zip(["", *arguments], arguments, strict=False):
        option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
        if (equals or not option) and not value.strip():
            name = option or (f"What follows {before}" if before else "An argument")
            raise click.UsageError(f"{name} is empty: give a value, or leave it out.")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors are one clear message on stderr, never a traceback."""
    try:
        result = commands.main(arguments, prog_name="mpesa-cbp", standalone_mode=False)
    except click.exceptions.Abort as error:
        _complain("stopped")
        # "No" at a question is certain; what Ctrl-C has cut off may be under way.
        return UNKNOWN_OUTCOME if isinstance(error.__cause__, KeyboardInterrupt) else FINDINGS
    except click.ClickException as error:
        error.show(sys.stderr)
        return USAGE
    except CbpError as error:
        _complain(_told(error))
        return _exit_code(error)
    except BrokenPipeError:
        return FINDINGS
    except OSError as error:
        _complain(f"{error.filename or 'input or output'}: {error.strerror or type(error).__name__}")
        return UNREADABLE
    return int(result or 0)


def _complain(message: str) -> None:
    click.echo(f"mpesa-cbp: {message}", err=True)


def _told(error: CbpError) -> str:
    """The error in a sentence; several problems on lines of their own."""
    problems = error.problems if isinstance(error, SettingsError | InvalidRequest) else ()
    if len(problems) < 2:
        return str(error)
    return "\n".join([f"{error.message.partition(':')[0]}:", *(f"  - {each}" for each in problems), error.advice])


def _exit_code(error: CbpError) -> int:
    if isinstance(error, SettingsError | InvalidRequest | MissingExtra):
        return USAGE
    if isinstance(error, OutcomeUnknown | DuplicateConversation):
        return UNKNOWN_OUTCOME
    return UNREADABLE if isinstance(error, MalformedMessage | JournalError) else FINDINGS
