"""Describe certificates: roles, order of the chain, what is missing, expiry.

Partners find this the hardest part of an integration (protocol, section 11). Reading the files is the task of
`reading`, whose names are public here too.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from mpesa_cbp.identity.certificates.reading import (
    Certificate,
    CertificateFile,
    CertificateFileError,
    PassphraseNeeded,
    issued_by,
    key_matches,
    read_certificates,
)

__all__ = [
    "Certificate",
    "CertificateFile",
    "CertificateFileError",
    "CertificateRole",
    "ChainOrder",
    "PassphraseNeeded",
    "chain_order",
    "combine_files",
    "describe",
    "key_matches",
    "read_certificates",
    "role_of",
    "write_pem_files",
]

# Operators take weeks to sign a new certificate, so a month is the last moment to ask.
_WARNING_DAYS = 30


class CertificateRole(Enum):
    """What a certificate is for in this interface; the value is the plain word for it."""

    PASSWORD = "password certificate"
    CLIENT = "client certificate"
    SERVER = "TLS server certificate"
    ISSUING_CA = "issuing CA"
    ROOT = "root CA"
    PASSWORD_OR_CLIENT = "password certificate of the operator, or our client certificate"
    UNKNOWN = "certificate of no clear role"


@dataclass(frozen=True, slots=True)
class ChainOrder:
    """A chain from the leaf to the root, the names of issuers that it lacks, and what is no part of it."""

    chain: tuple[Certificate, ...]
    missing: tuple[str, ...]
    not_belonging: tuple[Certificate, ...]


def combine_files(files: Iterable[CertificateFile]) -> CertificateFile:
    """Return one file that holds what several hold, such as a `.p7b` from the operator and one's own key.

    Raises CertificateFileError when they hold different private keys.
    """
    kept = tuple(files)
    keys = tuple({each.private_key: None for each in kept if each.private_key is not None})
    if len(keys) > 1:
        raise CertificateFileError("the files hold different private keys: give the one that belongs to the chain")
    certificates = tuple(dict.fromkeys(each for file in kept for each in file.certificates))
    return CertificateFile(" and ".join(each.form for each in kept), certificates, keys[0] if keys else None)


def chain_order(certificates: Iterable[Certificate], *, key: bytes | None = None) -> ChainOrder:
    """Sort certificates from the leaf to the root, as TLS wants them.

    The leaf is the certificate that `key` (PEM, not encrypted) belongs to; without a key, or when it belongs to none,
    it is the one at the foot of the longest chain. Raises CertificateFileError when the key cannot be read.
    """
    known = tuple(dict.fromkeys(certificates))
    feet = [each for each in known if key is not None and key_matches(each, key)]
    if not feet:
        feet = [each for each in known if not any(other != each and issued_by(other, each) for other in known)]
    # A ring of certificates that issue each other has no foot; then any of them will do.
    chains = [_chain_from(foot, known) for foot in feet or known]
    chain = max(chains, key=lambda each: (not each[0].is_ca, len(each)), default=())
    missing = () if not chain or chain[-1].is_self_signed or _is_ring(chain) else (chain[-1].issuer,)
    return ChainOrder(chain, missing, tuple(each for each in known if each not in chain))


def role_of(certificate: Certificate, *, key: bytes | None = None) -> CertificateRole:
    """Guess what a certificate is for; `key` (PEM, not encrypted) is one's own private key, if there is one.

    A guess: an operator may hand out a self-signed authority as its password certificate, and one that states no
    purpose is our client certificate as well as its password certificate until our key is there. Raises
    CertificateFileError when the key cannot be read.
    """
    if key is not None and key_matches(certificate, key):
        return CertificateRole.CLIENT
    if certificate.is_ca:
        return CertificateRole.ROOT if certificate.is_self_signed else CertificateRole.ISSUING_CA
    if "server" in certificate.purposes or (certificate.host_names and not certificate.purposes):
        return CertificateRole.SERVER
    if "client" in certificate.purposes:
        return CertificateRole.CLIENT
    if certificate.key_type != "RSA":
        return CertificateRole.UNKNOWN
    # The operator signs ours, so what signs itself is not ours.
    told = key is not None or certificate.is_self_signed
    return CertificateRole.PASSWORD if told else CertificateRole.PASSWORD_OR_CLIENT


def describe(file: CertificateFile, *, now: datetime) -> list[str]:
    """Return lines of plain words about a file: what it holds, roles, order, expiry, what is missing.

    `now` is aware. A private key is mentioned, never shown. Raises ValueError for a naive `now`.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    order = chain_order(file.certificates, key=file.private_key)
    lines = [f"{file.form}: {_count(len(file.certificates), 'certificate')}, {_words_about_key(file)}"]
    for place, certificate in enumerate(order.chain, start=1):
        lines += _words_about(certificate, key=file.private_key, label=f"{place}.", now=now)
    for certificate in order.not_belonging:
        lines += _words_about(certificate, key=file.private_key, label="Apart from this chain:", now=now)
    if len(order.chain) > 1 and file.certificates[: len(order.chain)] != order.chain:
        lines.append("The file has its certificates in another order: TLS wants them as numbered here.")
    lines += [
        f"Missing: the certificate of {issuer}, which issued {order.chain[-1].subject}." for issuer in order.missing
    ]
    if len(file.certificates) == 1 and role_of(file.certificates[0]) is CertificateRole.ROOT:
        lines.append("Alone in a file from the operator, a self-signed certificate may be the password certificate.")
    if any(role_of(each, key=file.private_key) is CertificateRole.PASSWORD_OR_CLIENT for each in file.certificates):
        lines.append("Which of the two it is shows only with our private key: give its file too.")
    return lines


def write_pem_files(file: CertificateFile, directory: Path) -> tuple[Path, ...]:
    """Write what TLS needs as PEM files and return their paths.

    client-certificate.pem holds the client certificate and what issued it, leaf first, without the root;
    client-key.pem the private key, readable by its owner alone from the moment it exists; ca.pem the authorities.
    A file for which there is nothing is not written. Raises CertificateFileError when the key belongs to none of the
    certificates, when there is nothing to write, or when a file with other content stands there already (a key that
    is overwritten is lost), and OSError when the directory cannot be written.
    """
    texts = _pem_texts(file)
    if not texts:
        raise CertificateFileError("there is nothing to write: no certificate and no private key")
    for name, text in texts.items():
        path = directory / name
        if path.exists() and path.read_bytes() != text:
            raise CertificateFileError(f"{path} exists with other content: move it away first")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        _write_atomically(directory / name, text, mode=0o600 if name == "client-key.pem" else 0o644)
    return tuple(directory / name for name in texts)


def _pem_texts(file: CertificateFile) -> dict[str, bytes]:
    key = file.private_key
    if key is not None and file.certificates and not any(key_matches(each, key) for each in file.certificates):
        raise CertificateFileError("the private key belongs to none of the certificates")
    order = chain_order(file.certificates, key=key)
    leaf = order.chain[0] if order.chain and (key is not None or not order.chain[0].is_ca) else None
    chain = [each for each in order.chain if each is leaf or not each.is_self_signed] if leaf else []
    authorities = [each for each in (*order.chain, *order.not_belonging) if each.is_ca and each is not leaf]
    texts: dict[str, bytes] = {}
    if chain:
        texts["client-certificate.pem"] = "".join(each.pem for each in chain).encode("ascii")
    if key is not None:
        texts["client-key.pem"] = key
    if authorities:
        texts["ca.pem"] = "".join(each.pem for each in authorities).encode("ascii")
    return texts


def _write_atomically(path: Path, text: bytes, *, mode: int) -> None:
    # The mode is given at creation: a chmod afterwards would leave a moment in which others can open the key.
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _chain_from(leaf: Certificate, known: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    chain = [leaf]
    while not chain[-1].is_self_signed:
        issuers = [each for each in known if each not in chain and issued_by(chain[-1], each)]
        if not issuers:
            break
        # A renewed authority stands in the file with the one that it replaces: the newer one is meant.
        chain.append(max(issuers, key=lambda each: each.not_after))
    return tuple(chain)


def _is_ring(chain: tuple[Certificate, ...]) -> bool:
    return any(issued_by(chain[-1], each) for each in chain)


def _words_about_key(file: CertificateFile) -> str:
    if file.private_key is None:
        return "no private key"
    if not file.certificates:
        return "a private key"
    if any(key_matches(each, file.private_key) for each in file.certificates):
        return "a private key that belongs to one of them"
    return "a private key that belongs to none of them"


def _words_about(certificate: Certificate, *, key: bytes | None, label: str, now: datetime) -> list[str]:
    size = f" {certificate.key_bits} bits" if certificate.key_bits else ""
    lines = [
        f"{label} {role_of(certificate, key=key).value}: {certificate.subject}",
        f"   issued by {'itself' if certificate.is_self_signed else certificate.issuer}",
        f"   {certificate.key_type}{size}, serial number {certificate.serial}, SHA-256 {certificate.sha256}",
        f"   public key SHA-256 {certificate.public_key_sha256}, for {_use(certificate)}",
        f"   {_validity(certificate, now)}",
    ]
    if certificate.host_names:
        lines.append(f"   for {', '.join(certificate.host_names)}")
    return lines


def _validity(certificate: Certificate, now: datetime) -> str:
    first, last = f"{certificate.not_before:%Y-%m-%d}", f"{certificate.not_after:%Y-%m-%d}"
    if now < certificate.not_before:
        return f"WARNING: not valid before {first}"
    if now > certificate.not_after:
        return f"WARNING: expired on {last}, {_count((now - certificate.not_after).days, 'day')} ago"
    left = certificate.not_after - now
    warning = "WARNING: " if left < timedelta(days=_WARNING_DAYS) else ""
    return f"{warning}expires in {_count(left.days, 'day')}, on {last}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _use(certificate: Certificate) -> str:
    """What the certificate says it is for."""
    uses = [f"TLS {purpose}" for purpose in certificate.purposes]
    if certificate.is_ca:
        uses.insert(0, "issuing certificates")
    return " and ".join(uses) or "any use"
