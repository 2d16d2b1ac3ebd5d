"""The files from which the server reads its certificate, its key, and whose client certificates it lets in."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.http.tls import read_authorities, read_identity
from mpesa_cbp.log_events import CERTIFICATE_KEPT
from mpesa_cbp_service.config import Configuration

__all__ = ["TlsFiles"]

_logger = logging.getLogger("mpesa_cbp.listener")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificate, key and authorities of the settings as PEM in ``folder``, which must be for our user only.

    The settings' own files may have any form in which certificates are handed out; the server reads PEM alone, and the
    key not encrypted.
    """

    configuration: Configuration
    folder: Path

    @classmethod
    def of(cls, configuration: Configuration, folder: Path) -> TlsFiles | None:
        """Write the files; None without TLS. Raises SettingsError that names the file which cannot be used."""
        if configuration.listener_certificate is None:
            return None
        files = cls(configuration, folder)
        files.write()
        return files

    def write(self) -> None:
        """Write the files as the settings' are now. Raises SettingsError that names the one which cannot be used."""
        certificate, key = self.configuration.listener_certificate, self.configuration.listener_key
        if certificate is None:
            raise SettingsError("listener.certificate is missing")
        identity = read_identity(
            certificate if key is None else (certificate, key),
            self.configuration.listener_passphrase,
            what="listener's certificate",
            setting="listener.passphrase",
        )
        chain = [each.pem for each in identity.order.chain if not each.is_self_signed or each is identity.certificate]
        contents = {"chain.pem": "".join(chain).encode("ascii"), "key.pem": identity.key}
        if self.configuration.listener_client_ca is not None:
            authorities = read_authorities(self.configuration.listener_client_ca)
            contents["ca.pem"] = "".join(each.pem for each in authorities).encode("ascii")
        for name, content in contents.items():
            _replace(self.folder / name, content)

    def renew(self) -> None:
        """The same before workers are restarted; where a file cannot be used, log it and keep those from before."""
        try:
            self.write()
        except SettingsError as error:
            CERTIFICATE_KEPT.log(_logger, error=error.message)

    def arguments(self) -> dict[str, Any]:
        """granian's names of them."""
        authorities = self.configuration.listener_client_ca is not None
        return {
            "ssl_cert": self.folder / "chain.pem",
            "ssl_key": self.folder / "key.pem",
            "ssl_ca": self.folder / "ca.pem" if authorities else None,
            "ssl_client_verify": authorities,
        }


def _replace(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    new.replace(path)
