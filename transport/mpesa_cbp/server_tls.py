"""TLS of a server that terminates it itself: our certificate, and whose client certificates are let in."""

from __future__ import annotations

import ssl
from pathlib import Path

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.settings import Secret, reveal

__all__ = ["server_context"]


def server_context(
    *,
    certificate: str | Path,
    key: str | Path | None = None,
    passphrase: Secret | None = None,
    client_ca: str | Path | None = None,
) -> ssl.SSLContext:
    """Context of TLS 1.2 or newer; with ``client_ca`` every client must show a certificate of that authority.

    All are PEM files; ``certificate`` holds the chain and, without ``key``, the private key too. Raises SettingsError
    that names the file which cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        # A passphrase that is missing must be an error, not a question at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: reveal(passphrase) if passphrase else "")
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The listener's certificate {certificate} or its key {key or ''} cannot be used: {_reason(error)}",
            advice="Both must be PEM, and the key must be that of the certificate.",
        ) from None
    if client_ca is not None:
        try:
            context.load_verify_locations(cafile=client_ca)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"The authority of client certificates {client_ca} cannot be used: {_reason(error)}",
                advice="It must be a PEM file with the certificates that sign the broker's.",
            ) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "no PEM, a wrong passphrase, or no pair"
    return getattr(error, "strerror", None) or type(error).__name__
