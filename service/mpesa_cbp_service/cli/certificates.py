"""``mpesa-cbp certificates``: describe certificate files."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from mpesa_cbp.identity.certificates import (
    CertificateFile,
    CertificateFileError,
    PassphraseNeeded,
    combine_files,
    describe,
    read_certificates,
    write_pem_files,
)
from mpesa_cbp.identity.profile import passphrase_bytes
from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE, UNREADABLE

_PASSPHRASE = "MPESA_CBP_PASSPHRASE"
_WARNING = "WARNING: "


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--write", type=click.Path(path_type=Path, file_okay=False), help="Write the PEM files into this folder.")
def certificates(*, files: tuple[Path, ...], write: Path | None) -> int:
    """Tell what FILES hold: which certificate plays which role, the chain's order, expiry, what is missing.

    \b
    mpesa-cbp certificates operator-chain.p7b
    mpesa-cbp certificates operator-chain.p7b our.key --write tls

    Reads PEM, DER, .p7b and .p12; the passphrase of a .p12 or of a key is taken from MPESA_CBP_PASSPHRASE. Several
    files are described one by one and together. --write makes client-certificate.pem, client-key.pem (mode 0600) and
    ca.pem, and never overwrites anything else. Exits with 0, 1 if a certificate is expired or soon will be,
    2 for wrong usage, 3 if a file cannot be read or written.
    """
    read: list[CertificateFile] = []
    for file in files:
        try:
            read.append(_read(file))
        except (CertificateFileError, OSError) as error:
            return _complain(file, error)
    try:
        together = combine_files(read) if len(read) > 1 else read[0]
        lines = describe(together, now=datetime.now(UTC))
        if len(read) > 1:
            lines = [*map(_summary, files, read), "Together:", *lines]
        for line in lines:
            click.echo(line)
        if write is not None:
            for path in write_pem_files(together, write):
                click.echo(f"written: {path}")
    except (CertificateFileError, OSError) as error:
        return _complain(write or files[0], error)
    return FINDINGS if any(_WARNING in line for line in lines) else FINE


def _summary(path: Path, file: CertificateFile) -> str:
    names = "; ".join(each.subject for each in file.certificates) or "no certificate"
    return f"{path}: {file.form}: {names}{', and a private key' if file.has_private_key else ''}"


def _read(file: Path) -> CertificateFile:
    return read_certificates(file.read_bytes(), passphrase=passphrase_bytes(os.environ.get(_PASSPHRASE)))


def _complain(place: Path, error: CertificateFileError | OSError) -> int:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    if isinstance(error, PassphraseNeeded):
        reason = f"{reason}: set {_PASSPHRASE} in the environment"
    click.echo(f"mpesa-cbp: {place}: {reason}", err=True)
    return UNREADABLE
