"""Checks on this machine: files, permissions, certificates, journal."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mpesa_cbp.errors import CbpError, JournalError, SettingsError
from mpesa_cbp.http.tls import CA_PASSPHRASE, ClientCertificate, read_authorities, read_identity
from mpesa_cbp.identity.profile import passphrase_bytes, reveal
from mpesa_cbp.identity.security import SecurityError, credential_key, password_certificate
from mpesa_cbp_service.config import Configuration
from mpesa_cbp_service.doctor.diagnosis import Diagnosis, ok, problem, validity, warning
from mpesa_cbp_service.journal.sqlite_files import files_beside, sqlite_file

_LEAST_KEY_BITS = 2048
_OTHERS = stat.S_IRGRP | stat.S_IROTH


def check_files(configuration: Configuration) -> Iterator[Diagnosis]:
    """Whether files with secrets can be read by others."""
    found = _secret_files(configuration)
    open_to_others = [path for path in found if _mode(path) & _OTHERS]
    for path in open_to_others:
        held = ", ".join(found[path])
        text = f"{path} holds what must stay secret ({held}) and can be read by other users of this machine"
        yield warning("files", text, f"chmod 600 {path}")
    if found and not open_to_others:
        yield ok("files", f"{len(found)} file(s) with secrets can be read by us alone")


def check_password_certificate(configuration: Configuration, now: datetime) -> Iterator[Diagnosis]:
    """The operator's certificate under which the initiator's password is encrypted."""
    subject, path = "password certificate", configuration.initiator_certificate
    ask = "Ask the operator for its current password certificate, and set initiator.certificate."
    try:
        passphrase = passphrase_bytes(configuration.initiator_certificate_passphrase)
        certificate = password_certificate(path or "", passphrase=passphrase)
        key = credential_key(path or "", passphrase=passphrase)
    except (SecurityError, SettingsError) as error:
        yield problem(subject, str(error), ask)
        return
    bits = key.public_key.key_size
    text = f"RSA, {bits} bits: {certificate.subject}"
    yield ok(subject, text) if bits >= _LEAST_KEY_BITS else warning(subject, text, ask)
    yield validity(subject, "it", certificate, now, ask)
    if configuration.initiator_password is not None:
        try:
            key.encrypt(reveal(configuration.initiator_password))
            yield ok(subject, "the initiator's password fits its key")
        except (SecurityError, SettingsError) as error:
            yield problem(subject, str(error), "Correct initiator.password.")


def check_client_identity(configuration: Configuration, now: datetime) -> Iterator[Diagnosis]:
    """Our own certificate and key, and the authorities that we trust."""
    certificate: ClientCertificate | None = configuration.tls_client_certificate
    if configuration.tls_client_certificate is not None and configuration.tls_client_key is not None:
        certificate = (configuration.tls_client_certificate, configuration.tls_client_key)
    renew = "Have a new one signed by the operator in time."
    if certificate is not None:
        try:
            identity = read_identity(certificate, configuration.tls_client_passphrase)
        except SettingsError as error:
            yield problem("client certificate", error.message, "See what the files hold: mpesa-cbp certificates FILE…")
        else:
            chain = " <- ".join(each.subject for each in identity.order.chain)
            yield ok("client certificate", f"key and certificate belong together: {chain}")
            for missing in identity.order.missing:
                yield warning(
                    "client certificate",
                    f"the chain lacks the certificate of {missing}",
                    "Add the operator's chain (.p7b), in case the broker does not know the issuer.",
                )
            for each in identity.order.chain:
                yield validity("client certificate", each.subject, each, now, renew)
    if configuration.tls_ca is not None:
        try:
            for each in read_authorities(configuration.tls_ca, configuration.tls_ca_passphrase, setting=CA_PASSPHRASE):
                yield validity("ca", each.subject, each, now, "Ask the operator for its current chain, and set tls.ca.")
        except SettingsError as error:
            yield problem("ca", error.message, "See what the file holds: mpesa-cbp certificates FILE…")


def check_journal(configuration: Configuration, *, integrity: bool = False) -> Iterator[Diagnosis]:
    """Whether the journal opens, has its schema, and can be written; with ``integrity`` whether all of it is whole."""
    from mpesa_cbp_service.journal import Journal

    missing = _missing_sqlite_file(configuration.journal_url or "")
    if missing is not None:
        # It is not made here: a database that an administrator has made cannot be written by the user that pays.
        yield _check_folder(missing)
        return
    try:
        with Journal(configuration.journal_url or "") as journal:
            journal.check()
            yield ok("journal", f"{journal!r} can be read and written")
            if integrity:
                yield _integrity(journal.damage())
            file = sqlite_file(configuration.journal_url or "")
            for path in files_beside(file) if file is not None else ():
                if _mode(path) & _OTHERS:
                    text = f"{path} holds customers' numbers and can be read by other users of this machine"
                    yield warning("journal", text, f"chmod 600 {path}")
    except CbpError as error:
        if isinstance(error, JournalError):
            error.nothing_was_sent()
        yield problem("journal", error.message, error.advice or "Correct journal.url.")


def _integrity(damage: list[str] | None) -> Diagnosis:
    if damage is None:
        return warning("journal", "whether it is whole its own server knows", "PostgreSQL: pg_amcheck.")
    if not damage:
        return ok("journal", "all of it was read, and is whole")
    advice = "Stop all writers, put the last backup back, and run a reconciliation (docs/journal.md)."
    return problem("journal", f"it is damaged in {len(damage)} place(s): {damage[0]}", advice)


def _missing_sqlite_file(url: str) -> Path | None:
    file = sqlite_file(url)
    return None if file is None or file.exists() else file


def _check_folder(missing: Path) -> Diagnosis:
    if os.access(missing.parent, os.W_OK | os.X_OK):
        return ok("journal", f"{missing} is not there yet and will be made at the first use")
    return problem(
        "journal", f"{missing} is not there, and its folder cannot be written", "Make the folder, or set journal.url."
    )


def _secret_files(configuration: Configuration) -> dict[Path, list[str]]:
    """Files with secrets, and what is secret in each of them."""
    held = {path: list(names) for path, names in configuration.secret_files.items()}
    for path in (configuration.tls_client_key, configuration.tls_client_certificate):
        if path is not None and (path.suffix in {".p12", ".pfx"} or b"PRIVATE KEY-----" in path.read_bytes()):
            held.setdefault(path, []).append("a private key")
    return held


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
