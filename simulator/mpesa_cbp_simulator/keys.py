"""The simulated operator's key pair and certificate."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_simulator.key_pair import generate_key_pair

CERTIFICATE_NAME = "password-certificate.pem"
KEY_NAME = "password-key.pem"
_DAYS = 3650


def prepare_key_pair(directory: Path, now: datetime) -> tuple[Path, bytes]:
    """Return the certificate's path and the private key (PEM), making both where the directory has none.

    The key's file is readable by its owner alone. Raises SettingsError where they can be neither read nor written, or
    only one of the two is there.
    """
    certificate_path, key_path = directory / CERTIFICATE_NAME, directory / KEY_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if certificate_path.exists() != key_path.exists():
            raise SettingsError(f"{directory} holds only one of {CERTIFICATE_NAME} and {KEY_NAME}: remove it")
        if not key_path.exists():
            # A day of grace, so that a client whose clock is behind does not take it for not valid yet.
            pair = generate_key_pair(common_name="mpesa-cbp simulator", not_before=now - timedelta(days=1), days=_DAYS)
            descriptor = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(pair.private_key)
            certificate_path.write_bytes(pair.certificate)
        return certificate_path, key_path.read_bytes()
    except OSError as error:
        raise SettingsError(f"the simulator cannot keep its key pair in {directory}: {error.strerror}") from None
