"""TLS towards the broker: trusted authorities and our client certificate (protocol, section 11)."""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from requests.adapters import DEFAULT_CA_BUNDLE_PATH

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.identity.certificates import (
    CertificateFile,
    CertificateFileError,
    ChainOrder,
    PassphraseNeeded,
    chain_order,
    combine_files,
    key_matches,
    read_certificates,
)
from mpesa_cbp.identity.certificates.reading import Certificate, encrypted_key
from mpesa_cbp.identity.profile import Secret, passphrase_bytes
from mpesa_cbp.redaction import SecretText

Source: TypeAlias = "str | Path"
"""A file of certificates in any form: PEM, DER, `.p7b`, `.p12`."""

CA_PASSPHRASE = "tls.ca_passphrase"
"""The setting that opens the file of the authorities that we trust."""

ClientCertificate: TypeAlias = "tuple[Source, Source] | Source"
"""One file with our certificate and key, or two: certificates, key."""


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """Who we are in TLS: the chain from our certificate upwards, and our private key (PEM, not encrypted)."""

    order: ChainOrder
    key: bytes = field(repr=False)

    @property
    def certificate(self) -> Certificate:
        """Our own certificate."""
        return self.order.chain[0]


def tls_context(
    *,
    client_certificate: ClientCertificate | None = None,
    client_passphrase: Secret | None = None,
    ca: Source | None = None,
    ca_passphrase: Secret | None = None,
) -> ssl.SSLContext:
    """A context that checks certificate and host name, TLS 1.2 at least.

    ``ca`` replaces the public authorities. Raises SettingsError for files that cannot be used.
    """
    # Not ssl.create_default_context: its checks differ between Python 3.12 and 3.13, and it obeys SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an operator's issuing CA alone, without its root, will do
    context.post_handshake_auth = True
    _trust(context, ca, ca_passphrase)
    if client_certificate is not None:
        show_identity(context, read_identity(client_certificate, client_passphrase))
    return context


def read_identity(
    client_certificate: ClientCertificate,
    passphrase: Secret | None = None,
    *,
    what: str = "client certificate",
    setting: str = "tls.client_passphrase",
) -> ClientIdentity:
    """Our certificate with its chain, and our key; ``what`` and ``setting``, its passphrase's, are names in errors.

    Raises SettingsError that says what is missing or does not fit.
    """
    files = client_certificate if isinstance(client_certificate, tuple) else (client_certificate,)
    named = " and ".join(str(file) for file in files)
    try:
        together = combine_files(_read(file, passphrase_bytes(passphrase)) for file in files)
        key = together.private_key
        if key is None:
            raise CertificateFileError("there is no private key: give a .p12, or certificate and key")
        if not together.certificates:
            raise CertificateFileError("there is no certificate beside the private key")
        if not any(key_matches(each, key) for each in together.certificates):
            raise CertificateFileError("the private key belongs to none of the certificates")
        return ClientIdentity(chain_order(together.certificates, key=key), key)
    except CertificateFileError as error:
        raise SettingsError(f"The {what} ({named}) cannot be used: {error}{_remedy(error, setting)}") from None


def read_authorities(
    ca: Source, passphrase: Secret | None = None, *, setting: str | None = None
) -> tuple[Certificate, ...]:
    """The certificates that a file of authorities holds; ``setting`` is the name of its passphrase's, if it has one.

    Raises SettingsError.
    """
    try:
        found = _read(ca, passphrase_bytes(passphrase)).certificates
        if not found:
            raise CertificateFileError("there is no certificate in it")
    except CertificateFileError as error:
        raise SettingsError(f"The CA file {ca} cannot be used: {error}{_remedy(error, setting)}") from None
    return found


def _remedy(error: CertificateFileError, setting: str | None) -> str:
    if not isinstance(error, PassphraseNeeded):
        return ""
    return f" (setting {setting})" if setting else " (no setting has it: give a file that is not encrypted)"


def _read(file: Source, passphrase: bytes | None) -> CertificateFile:
    try:
        return read_certificates(Path(file).read_bytes(), passphrase=passphrase)
    except OSError as error:
        raise CertificateFileError(f"{file} cannot be read ({error.strerror})") from None


def _trust(context: ssl.SSLContext, ca: Source | None, passphrase: Secret | None) -> None:
    try:
        # OpenSSL itself first: it takes certificates in PEM that are too odd for the stricter reader.
        context.load_verify_locations(cafile=ca or DEFAULT_CA_BUNDLE_PATH)
    except (OSError, ValueError):
        texts = [each.pem for each in read_authorities(ca or DEFAULT_CA_BUNDLE_PATH, passphrase, setting=CA_PASSPHRASE)]
        context.load_verify_locations(cadata="".join(texts))


def show_identity(context: ssl.SSLContext, identity: ClientIdentity, *, what: str = "client certificate") -> None:
    """Have a context show our certificate. Raises SettingsError where OpenSSL does not take it."""
    # The ssl module takes a key from a file alone: it lies there for a moment, encrypted, and for our user only.
    passphrase = SecretText(secrets.token_hex(32))
    chain = [each.pem for each in identity.order.chain if not each.is_self_signed or each is identity.certificate]
    with tempfile.TemporaryDirectory(prefix="mpesa-cbp-") as folder:  # made with mode 0700
        certificates, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        _write(certificates, "".join(chain).encode("ascii"))
        _write(key, encrypted_key(identity.key, passphrase.encode("ascii")))
        try:
            context.load_cert_chain(certificates, key, passphrase)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise SettingsError(f"OpenSSL does not take the {what}: {reason}") from None


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
