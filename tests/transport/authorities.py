"""Certificates for tests, made when they are needed: two authorities and what the first of them has issued."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Issued = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    ca: bool = False,
    hosts: tuple[str, ...] = (),
    until: datetime.datetime = NOW + 90 * DAY,
) -> Issued:
    """A certificate with its key; self-signed without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 9 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if hosts:
        names = [_general_name(host) for host in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def key_text(key: ec.EllipticCurvePrivateKey, passphrase: str | None = None) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


class Certificates:
    """PEM files of two authorities, and of what the first one has issued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = self._write("authority", issue("authority", ca=True))
        self._write("stranger", issue("stranger", ca=True))
        self._write("broker", issue("broker", authority, hosts=("127.0.0.1", "localhost")))
        self._write("self-signed", issue("self-signed", hosts=("127.0.0.1",)))
        self._write("elsewhere", issue("elsewhere", authority, hosts=("192.0.2.1",)))
        self._write("expired", issue("expired", authority, hosts=("127.0.0.1",), until=NOW - DAY))
        self._write("partner", issue("partner", authority))

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def pair(self, name: str) -> tuple[Path, Path]:
        return self.certificate(name), self.folder / f"{name}.key"

    def for_broker(self, name: str = "broker") -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.pair(name))
        return context

    def demanding(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """A broker that wants to see a certificate of the first authority."""
        context = self.for_broker()
        context.minimum_version = context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.certificate("authority"))
        return context

    def _write(self, name: str, issued: Issued) -> Issued:
        self.certificate(name).write_bytes(pem(issued[0]))
        self.pair(name)[1].write_bytes(key_text(issued[1]))
        return issued


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
