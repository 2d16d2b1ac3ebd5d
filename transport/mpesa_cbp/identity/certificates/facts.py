"""An X.509 certificate in plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

__all__ = ["Certificate", "facts_of", "signed_by"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """One X.509 certificate.

    Subject and issuer are RFC 4514 texts, serial number and SHA-256 fingerprints (of the certificate, and of its public
    key) lower-case hexadecimal, the times aware (UTC). `key_bits` is 0 where the kind of key has no choice of size.
    `purposes` holds "server" and "client" where the certificate names them; an empty one limits nothing.
    """

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    key_type: str
    key_bits: int
    sha256: str
    public_key_sha256: str
    is_ca: bool
    is_self_signed: bool
    host_names: tuple[str, ...]
    purposes: tuple[str, ...]
    pem: str = field(repr=False)


def facts_of(certificate: x509.Certificate) -> Certificate:
    """The facts of one certificate; raises whatever the library raises over a damaged one."""
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
        public_key_sha256=_digest_of_key(certificate),
        is_ca=constraints is not None and constraints.ca,
        is_self_signed=signed_by(certificate, certificate),
        host_names=_host_names(extensions),
        purposes=_purposes(extensions),
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
    )


def _digest_of_key(certificate: x509.Certificate) -> str:
    """SHA-256 of the SubjectPublicKeyInfo: the same for two certificates of one key."""
    spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return sha256(certificate.public_key().public_bytes(*spki)).hexdigest()


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


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the names agree, and the signature verifies where it can be checked."""
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
