"""Read certificates as PEM, DER, PKCS#7 and PKCS#12 (protocol, section 11).

Nothing here trusts a certificate: reading says what a file holds, never that it is genuine.
"""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from mpesa_cbp.identity.certificates.facts import Certificate, facts_of, signed_by
from mpesa_cbp.redaction import SecretBytes

__all__ = [
    "Certificate",
    "CertificateFile",
    "CertificateFileError",
    "encrypted_key",
    "issued_by",
    "key_matches",
    "read_certificates",
]

# A PEM block: label, then anything up to the end line with the same label. Text around the blocks (`Bag Attributes`
# as openssl writes it, comments, a byte order mark) is passed over.
# Bare base64 of DER: a SEQUENCE of some hundred bytes at least begins with "MI" (0x30 0x8n).
_BASE64 = re.compile(rb"MI[A-Za-z0-9+/\s]{100,}={0,2}")
_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_PKCS12_VERSION = bytes.fromhex("020103")
# All that the library raises over a damaged certificate; not each of them is a ValueError.
_DAMAGE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_INSTEAD = {
    b"CERTIFICATE REQUEST": "it holds a signing request: send it to the operator, who answers with the certificate",
    b"NEW CERTIFICATE REQUEST": "it holds a signing request: send it to the operator, who answers with the certificate",
    b"PUBLIC KEY": "it holds a bare public key: ask the operator for the certificate",
}


class CertificateFileError(ValueError):
    """A file of certificates that cannot be read or written; the text says what is wrong and what to do."""


class PassphraseNeeded(CertificateFileError):
    """What is encrypted was given without a passphrase."""


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """What one file holds: its form in words, its certificates in the file's order, and perhaps a private key.

    The key is PKCS#8 PEM, not encrypted any more, and never in the repr.
    """

    form: str
    certificates: tuple[Certificate, ...]
    private_key: bytes | None = field(default=None, repr=False)

    @property
    def has_private_key(self) -> bool:
        """Whether a private key was in the file."""
        return self.private_key is not None


def read_certificates(data: bytes, *, passphrase: bytes | None = None) -> CertificateFile:
    """Return what a file of certificates holds; its content decides the form, its name does not matter.

    PEM (any number of certificates, a PKCS#7 block, with or without a key, or a key alone), DER, `.p7b`,
    `.p12`/`.pfx`, and the base64 of one of the last three without PEM's lines around it. Raises CertificateFileError:
    empty, not a certificate, passphrase needed, passphrase wrong. Protocol, section 11.
    """
    data = _hidden(data)
    if not data.strip():
        raise CertificateFileError("the file is empty")
    if b"-----BEGIN " in data:
        return _read_pem(data, passphrase)
    data = _unwrapped(data)
    content = _inside_outer_sequence(data)
    try:
        if content.startswith(_PKCS12_VERSION):
            return _read_pkcs12(data, passphrase)
        if content.startswith(_SIGNED_DATA):
            return CertificateFile("PKCS#7 (.p7b), DER", _facts_of_all(_in_pkcs7(data)))
        return CertificateFile("a single certificate, DER", _facts_of_all([x509.load_der_x509_certificate(data)]))
    except CertificateFileError:
        raise
    except _DAMAGE as problem:
        raise CertificateFileError("the file is not a certificate in PEM, DER, PKCS#7 or PKCS#12 form") from problem


def _unwrapped(data: bytes) -> bytes:
    """DER that came as bare base64; anything else as it is. DER itself is never text: it begins with 0x30 0x8n."""
    text = data.strip()
    if _BASE64.fullmatch(text) is None:
        return data
    try:
        return _hidden(base64.b64decode(b"".join(text.split()), validate=True))
    except binascii.Error:
        return data


def key_matches(certificate: Certificate, key: bytes) -> bool:
    """Whether a private key (PEM, not encrypted) belongs to the certificate.

    Raises CertificateFileError when the key cannot be read.
    """
    public = _load_key(key, None, known=True).public_key()
    spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(*spki) == _load(certificate).public_key().public_bytes(*spki)


def encrypted_key(key: bytes, passphrase: bytes) -> bytes:
    """A private key (PEM, not encrypted) as encrypted PKCS#8 PEM."""
    encryption = serialization.BestAvailableEncryption(passphrase)
    return _load_key(key, None, known=True).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether `issuer` signed `certificate`: the names agree, and the signature verifies where it can be checked."""
    return signed_by(_load(certificate), _load(issuer))


def _read_pem(data: bytes, passphrase: bytes | None) -> CertificateFile:
    certificates: list[x509.Certificate] = []
    key: bytes | None = None
    instead: str | None = None
    form = "PEM"
    for block in _PEM_BLOCK.finditer(data):
        label, text = block.group(1), SecretBytes(block.group(0) + b"\n")
        try:
            if label in {b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"}:
                certificates.append(x509.load_pem_x509_certificate(text))
            elif label in {b"PKCS7", b"CMS"}:
                form = "PKCS#7 (.p7b), PEM"
                certificates += _in_pkcs7(text.replace(b" CMS-", b" PKCS7-"))
        except _DAMAGE as problem:
            raise CertificateFileError("a PEM block in the file is damaged: it is not a certificate") from problem
        if label.endswith(b"PRIVATE KEY"):
            key = _one_key(key, _plain_key(_load_key(text, passphrase)))
        instead = instead or _INSTEAD.get(label)
    if not certificates and key is None:
        raise CertificateFileError(f"the file is not a certificate: {instead or 'no whole PEM block is in it'}")
    return CertificateFile(form, _facts_of_all(certificates), key)


def _in_pkcs7(data: bytes) -> list[x509.Certificate]:
    read = pkcs7.load_pem_pkcs7_certificates if data.startswith(b"-----") else pkcs7.load_der_pkcs7_certificates
    with warnings.catch_warnings():
        # The command openssl writes the certificates in the order given, which DER would sort: BER, and harmless.
        warnings.simplefilter("ignore", UserWarning)
        return read(data)


def _one_key(known: bytes | None, found: bytes) -> bytes:
    if known is not None and known != found:
        raise CertificateFileError("the file holds two private keys: keep the one that belongs to the certificate")
    return found


def _read_pkcs12(data: bytes, passphrase: bytes | None) -> CertificateFile:
    # No passphrase and an empty one are two things in PKCS#12; tools write either when none is asked for.
    attempts = (None, b"") if not passphrase else (passphrase,)
    for attempt in attempts:
        try:
            store = pkcs12.load_pkcs12(data, attempt)
            break
        except UnsupportedAlgorithm as problem:
            raise CertificateFileError(
                "the PKCS#12 file is encrypted with an old algorithm that cannot be read here: "
                "convert it with openssl pkcs12 -legacy"
            ) from problem
        except ValueError:
            continue
    else:
        # The library does not tell a wrong passphrase from a damaged file.
        if passphrase:
            raise CertificateFileError("the PKCS#12 file is damaged or its passphrase is wrong")
        raise PassphraseNeeded("the PKCS#12 file is encrypted: its passphrase is needed")
    found = [store.cert, *store.additional_certs] if store.cert else list(store.additional_certs)
    key = _plain_key(store.key) if store.key is not None else None
    return CertificateFile("PKCS#12 (.p12, .pfx)", _facts_of_all([each.certificate for each in found]), key)


def _load_key(text: bytes, passphrase: bytes | None, *, known: bool = False) -> PrivateKeyTypes:
    """Load a key; ``known`` skips the checks of RSA, a tenth of a second, for one that `read_certificates` gave out."""
    encrypted = b"ENCRYPTED" in text
    if encrypted and not passphrase:
        raise PassphraseNeeded("the private key is encrypted: its passphrase is needed")
    try:
        return serialization.load_pem_private_key(
            text, passphrase if encrypted else None, unsafe_skip_rsa_key_validation=known
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # No cause: the library's text may quote parts of the key file.
        reason = "its passphrase is wrong, or it is damaged" if encrypted else "it is damaged or of an unknown kind"
        raise CertificateFileError(f"the private key cannot be read: {reason}") from None


def _hidden(data: bytes) -> bytes:
    """The content of a file, which may hold a key."""
    return SecretBytes(data)


def _plain_key(key: PrivateKeyTypes) -> bytes:
    return SecretBytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _inside_outer_sequence(data: bytes) -> bytes:
    """Return the first bytes inside the outermost DER (or BER) sequence: they tell the three binary forms apart."""
    if len(data) < 2 or data[0] != 0x30:
        return b""
    length_bytes = data[1] & 0x7F if data[1] & 0x80 else 0
    return data[2 + length_bytes : 32 + length_bytes]


def _load(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.pem.encode("ascii"))


def _facts_of_all(certificates: list[x509.Certificate]) -> tuple[Certificate, ...]:
    """Return the facts of each, once: chains are handed out with the same certificate in them twice."""
    try:
        return tuple(dict.fromkeys(facts_of(certificate) for certificate in certificates))
    except _DAMAGE as problem:
        raise CertificateFileError("a certificate in the file is damaged") from problem
