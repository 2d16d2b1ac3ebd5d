"""Reading certificates in each form in which they are handed out: PEM, DER, PKCS#7 and PKCS#12 (protocol, section 11).

Nothing here trusts a certificate: reading says what a file holds, never that it is genuine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

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


@dataclass(frozen=True, slots=True)
class Certificate:
    """One X.509 certificate.

    Subject and issuer are RFC 4514 texts, serial number and SHA-256 fingerprint lower-case hexadecimal, the times
    aware (UTC). `key_bits` is 0 where the kind of key has no choice of size. `purposes` holds "server" and "client"
    where the certificate names them; an empty one limits nothing.
    """

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    key_type: str
    key_bits: int
    sha256: str
    is_ca: bool
    is_self_signed: bool
    host_names: tuple[str, ...]
    purposes: tuple[str, ...]
    pem: str = field(repr=False)


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

    PEM (any number of certificates, a PKCS#7 block, with or without a key, or a key alone), DER, `.p7b` and
    `.p12`/`.pfx`. Raises CertificateFileError: empty, not a certificate, passphrase needed, passphrase wrong.
    Protocol, section 11.
    """
    if not data.strip():
        raise CertificateFileError("the file is empty")
    if b"-----BEGIN " in data:
        return _read_pem(data, passphrase)
    content = _inside_outer_sequence(data)
    try:
        if content.startswith(_PKCS12_VERSION):
            return _read_pkcs12(data, passphrase)
        if content.startswith(_SIGNED_DATA):
            return CertificateFile("PKCS#7 (.p7b), DER", _facts_of_all(pkcs7.load_der_pkcs7_certificates(data)))
        return CertificateFile("a single certificate, DER", _facts_of_all([x509.load_der_x509_certificate(data)]))
    except CertificateFileError:
        raise
    except _DAMAGE as problem:
        raise CertificateFileError("the file is not a certificate in PEM, DER, PKCS#7 or PKCS#12 form") from problem


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
    return _signed_by(_load(certificate), _load(issuer))


def _read_pem(data: bytes, passphrase: bytes | None) -> CertificateFile:
    certificates: list[x509.Certificate] = []
    key: bytes | None = None
    instead: str | None = None
    form = "PEM"
    for block in _PEM_BLOCK.finditer(data):
        label, text = block.group(1), block.group(0) + b"\n"
        try:
            if label in {b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"}:
                certificates.append(x509.load_pem_x509_certificate(text))
            elif label in {b"PKCS7", b"CMS"}:
                form = "PKCS#7 (.p7b), PEM"
                certificates += pkcs7.load_pem_pkcs7_certificates(text.replace(b" CMS-", b" PKCS7-"))
        except _DAMAGE as problem:
            raise CertificateFileError("a PEM block in the file is damaged: it is not a certificate") from problem
        if label.endswith(b"PRIVATE KEY"):
            key = _one_key(key, _plain_key(_load_key(text, passphrase)))
        instead = instead or _INSTEAD.get(label)
    if not certificates and key is None:
        raise CertificateFileError(f"the file is not a certificate: {instead or 'no whole PEM block is in it'}")
    return CertificateFile(form, _facts_of_all(certificates), key)


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
        raise CertificateFileError(
            "the PKCS#12 file is damaged or its passphrase is wrong"
            if passphrase
            else "the PKCS#12 file is encrypted: its passphrase is needed"
        )
    found = [store.cert, *store.additional_certs] if store.cert else list(store.additional_certs)
    key = _plain_key(store.key) if store.key is not None else None
    return CertificateFile("PKCS#12 (.p12, .pfx)", _facts_of_all([each.certificate for each in found]), key)


def _load_key(text: bytes, passphrase: bytes | None, *, known: bool = False) -> PrivateKeyTypes:
    """Load a key; ``known`` skips the checks of RSA, a tenth of a second, for one that `read_certificates` gave out."""
    encrypted = b"ENCRYPTED" in text
    if encrypted and not passphrase:
        raise CertificateFileError("the private key is encrypted: its passphrase is needed")
    try:
        return serialization.load_pem_private_key(
            text, passphrase if encrypted else None, unsafe_skip_rsa_key_validation=known
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # No cause: the library's text may quote parts of the key file.
        reason = "its passphrase is wrong, or it is damaged" if encrypted else "it is damaged or of an unknown kind"
        raise CertificateFileError(f"the private key cannot be read: {reason}") from None


def _plain_key(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
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
        return tuple(dict.fromkeys(_facts(certificate) for certificate in certificates))
    except _DAMAGE as problem:
        raise CertificateFileError("a certificate in the file is damaged") from problem


def _facts(certificate: x509.Certificate) -> Certificate:
    key_type, key_bits = _kind_of_key(certificate)
    extensions = [extension.value for extension in certificate.extensions]
    constraints = next((each for each in extensions if isinstance(each, x509.BasicConstraints)), None)
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key_type=key_type,
        key_bits=key_bits,
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        is_ca=constraints is not None and constraints.ca,
        is_self_signed=_signed_by(certificate, certificate),
        host_names=_host_names(extensions),
        purposes=_purposes(extensions),
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
    )


def _kind_of_key(certificate: x509.Certificate) -> tuple[str, int]:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    return type(key).__name__.removesuffix("PublicKey"), 0


def _host_names(extensions: list[x509.ExtensionType]) -> tuple[str, ...]:
    names: list[str] = []
    for extension in extensions:
        if isinstance(extension, x509.SubjectAlternativeName):
            names += extension.get_values_for_type(x509.DNSName)
            names += [str(address) for address in extension.get_values_for_type(x509.IPAddress)]
    return tuple(names)


def _purposes(extensions: list[x509.ExtensionType]) -> tuple[str, ...]:
    words = {ExtendedKeyUsageOID.SERVER_AUTH: "server", ExtendedKeyUsageOID.CLIENT_AUTH: "client"}
    usages = [each for each in extensions if isinstance(each, x509.ExtendedKeyUsage)]
    return tuple(words[purpose] for usage in usages for purpose in usage if purpose in words)


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except UnsupportedAlgorithm:
        # Old operators' roots are signed with SHA-1 or MD5, which a library may refuse to check: the names agree.
        return True
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
