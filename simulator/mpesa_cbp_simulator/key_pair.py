"""A fresh RSA key with a self-signed certificate, for the simulator and for tests."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mpesa_cbp.identity.security import SecurityError

__all__ = ["KeyPair", "generate_key_pair"]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An RSA private key (PKCS#8 PEM, not encrypted, never in the repr) and its self-signed certificate (PEM)."""

    private_key: bytes = field(repr=False)
    certificate: bytes


def generate_key_pair(
    *, common_name: str, not_before: datetime, days: int, host_names: tuple[str, ...] = (), key_bits: int = 2048
) -> KeyPair:
    """Return a fresh RSA key with a self-signed certificate, for the simulator and for tests.

    The certificate encrypts initiator passwords, and with `host_names` (names or IP addresses) it also serves TLS.
    `not_before` is aware; validity ends `days` days later. Raises SecurityError for a naive time, for less than one
    day, for a key under 2048 bits and for a name that a certificate cannot hold.
    """
    if not_before.tzinfo is None:
        raise SecurityError("not_before must be an aware datetime")
    if days < 1:
        raise SecurityError("the certificate must be valid for at least one day")
    if key_bits < 2048:
        raise SecurityError("the key must have at least 2048 bits")
    key = rsa.generate_private_key(public_exponent=65537, key_size=key_bits)
    try:
        builder = _certificate_builder(common_name, key.public_key(), host_names)
        builder = builder.not_valid_before(not_before).not_valid_after(not_before + timedelta(days=days))
        certificate = builder.sign(key, hashes.SHA256())
    except (ValueError, OverflowError) as problem:
        raise SecurityError(f"a certificate cannot hold these names or dates: {problem}") from problem
    return KeyPair(
        private_key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
    )


def _certificate_builder(
    common_name: str, key: rsa.RSAPublicKey, host_names: tuple[str, ...]
) -> x509.CertificateBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    usage = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
    )
    builder = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_encipherment=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        # Python 3.13 verifies strictly, and a strict verifier wants both key identifiers.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)
    )
    if not host_names:
        return builder
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    names = x509.SubjectAlternativeName([_general_name(host_name) for host_name in host_names])
    return builder.add_extension(purposes, critical=False).add_extension(names, critical=False)


def _general_name(host_name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host_name))
    except ValueError:
        return x509.DNSName(host_name)
