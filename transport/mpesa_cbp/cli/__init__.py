"""The command ``mpesa-cbp``: arguments and output; everything else is elsewhere.

Exit codes: 0 fine, 1 findings or a payment that did not succeed, 2 wrong usage or settings, 3 input that cannot be
read, 4 outcome unknown.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from mpesa_cbp.cli.certificates import certificates
from mpesa_cbp.cli.change_password import change_password
from mpesa_cbp.cli.code import code
from mpesa_cbp.cli.core_requests import balance, register, reverse, status
from mpesa_cbp.cli.decode import decode
from mpesa_cbp.cli.demo import demo
from mpesa_cbp.cli.doctor import doctor
from mpesa_cbp.cli.events import events
from mpesa_cbp.cli.exit_codes import FINDINGS, UNKNOWN_OUTCOME, UNREADABLE, USAGE
from mpesa_cbp.cli.listen import listen
from mpesa_cbp.cli.pay import pay
from mpesa_cbp.cli.query import query
from mpesa_cbp.cli.reconcile import reconcile
from mpesa_cbp.cli.settle import settle
from mpesa_cbp.cli.simulate import simulate
from mpesa_cbp.errors import CbpError, InvalidRequest, MalformedMessage, OutcomeUnknown, SettingsError

__all__ = ["commands", "run"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mpesa-cbp")
def commands() -> None:
    """M-PESA through the G2 broker interface: payments, what became of them, and a simulated broker to try it."""


for command in (
    balance,
    certificates,
    change_password,
    code,
    decode,
    demo,
    doctor,
    events,
    listen,
    pay,
    query,
    reconcile,
    register,
    reverse,
    settle,
    simulate,
    status,
):
    commands.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors are one clear message on stderr, never a traceback."""
    try:
        result = commands.main(arguments, prog_name="mpesa-cbp", standalone_mode=False)
    except click.exceptions.Abort:
        _complain("stopped")
        return FINDINGS
    except click.ClickException as error:
        error.show(sys.stderr)
        return USAGE
    except CbpError as error:
        _complain(_told(error))
        return _exit_code(error)
    except BrokenPipeError:
        return FINDINGS
    except OSError as error:
        _complain(f"{error.filename or 'input'}: {error.strerror or type(error).__name__}")
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
    if isinstance(error, SettingsError | InvalidRequest):
        return USAGE
    if isinstance(error, MalformedMessage):
        return UNREADABLE
    return UNKNOWN_OUTCOME if isinstance(error, OutcomeUnknown) else FINDINGS
