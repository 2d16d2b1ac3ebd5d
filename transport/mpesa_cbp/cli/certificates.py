"""``mpesa-cbp certificates``: what certificate files hold, in plain words."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import click

from mpesa_cbp.certificates import CertificateFileError, combine_files, describe, read_certificates, write_pem_files
from mpesa_cbp.cli.exit_codes import FINE, UNREADABLE

_PASSPHRASE = "MPESA_CBP_PASSPHRASE"


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--write", type=click.Path(path_type=Path, file_okay=False), help="Write the PEM files into this folder.")
def certificates(*, files: tuple[Path, ...], write: Path | None) -> int:
    """Tell what FILES hold: which certificate plays which role, the chain's order, expiry, what is missing.

    Reads PEM, DER, .p7b and .p12; the passphrase of a .p12 or of a key is taken from MPESA_CBP_PASSPHRASE.
    """
    passphrase = os.environ.get(_PASSPHRASE)
    read = []
    for file in files:
        try:
            read.append(read_certificates(file.read_bytes(), passphrase=passphrase.encode() if passphrase else None))
        except (CertificateFileError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            click.echo(f"mpesa-cbp: {file}: {reason}", err=True)
            return UNREADABLE
    together = combine_files(read) if len(read) > 1 else read[0]
    for line in describe(together, now=datetime.now(timezone.utc)):
        click.echo(line)
    if write is not None:
        try:
            for path in write_pem_files(together, write):
                click.echo(f"written: {path}")
        except CertificateFileError as error:
            click.echo(f"mpesa-cbp: {write}: {error}", err=True)
            return UNREADABLE
    return FINE
