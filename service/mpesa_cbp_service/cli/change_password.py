"""``mpesa-cbp change-password``: a new password for the service provider."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import TextIO

import click

from mpesa_cbp_service.cli.exit_codes import FINE
from mpesa_cbp_service.cli.options import configured
from mpesa_cbp_service.config import FOR_CLIENT, Configuration


@click.command("change-password")
@click.option(
    "--new-password-file",
    type=click.File(encoding="utf-8"),
    help="Read the new password from this file, - for standard input [default: ask for it, twice].",
)
@configured(FOR_CLIENT | {"new_password_key", "new_password_vector"})
def change_password(*, configuration: Configuration, new_password_file: TextIO | None) -> int:
    """Replace the service provider's password (the one behind spPassword) at the broker.

    \b
    mpesa-cbp change-password
    mpesa-cbp change-password --new-password-file new-sp-password

    Needs the AES key and vector that the operator allocated: [new_password] key and vector. The password is never an
    argument, since every user of the machine can see those.

    Exits with 0 if the new password is the valid one, 1 if the old one stays valid, 2 for wrong usage or settings, 3 if
    a file cannot be read, 4 if either may be valid.
    """
    new_password = _from_file(new_password_file) if new_password_file is not None else _asked()
    with configuration.client() as client:
        client.change_password(
            new_password, key=configuration.new_password_key or "", vector=configuration.new_password_vector or ""
        )
    click.echo("The password is changed. Put the new one into the settings (service_provider.password) now.")
    return FINE


def _from_file(file: TextIO) -> str:
    path = Path(file.name)
    if path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        click.echo(f"note: {file.name} can be read by other users of this machine: chmod 600 {file.name}", err=True)
    text: str = file.read().removesuffix("\n").removesuffix("\r")
    if not text:
        raise click.UsageError("The file with the new password is empty.")
    return text


def _asked() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked for the new password here: give --new-password-file.")
    text: str = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    return text
