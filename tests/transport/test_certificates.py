"""Certificates as operators hand them out: read, put in order, told in plain words, written as PEM."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import shutil
import stat
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from mpesa_cbp.identity.certificates import (
    Certificate,
    CertificateFile,
    CertificateFileError,
    CertificateRole,
    chain_order,
    combine_files,
    describe,
    key_matches,
    read_certificates,
    role_of,
    write_pem_files,
)
from mpesa_cbp.identity.security import decrypt_credential, encrypt_credential

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PASSPHRASE = b"open-sesame"
ENCODING, PLAIN = serialization.Encoding, serialization.NoEncryption()


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(ENCODING.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(ENCODING.DER)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(ENCODING.PEM, serialization.PrivateFormat.PKCS8, PLAIN)

    @property
    def encrypted_key_pem(self) -> bytes:
        encryption = serialization.BestAvailableEncryption(PASSPHRASE)
        return self.key.private_bytes(ENCODING.PEM, serialization.PrivateFormat.PKCS8, encryption)

    @property
    def read(self) -> Certificate:
        return read_certificates(self.pem).certificates[0]


def issue(
    name: str,
    *,
    by: Issued | None = None,
    ca: bool = False,
    days: int = 365,
    purpose: x509.ObjectIdentifier | None = None,
    host_name: str | None = None,
    elliptic: bool = False,
) -> Issued:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = (
        ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = by.certificate.subject if by else subject
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), 0xC0FFEE, NOW - timedelta(days=100), NOW + timedelta(days=days)
    ).add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if host_name:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host_name)]), critical=False)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


ROOT = issue("Policy CA", ca=True, days=3000)
ISSUING = issue("Issuing CA", by=ROOT, ca=True, days=1000)
PARTNER = issue("partner.example", by=ISSUING, days=20, host_name="partner.example")
BROKER = issue("Broker Passwords", days=-3)
UNMARKED = issue("acme", by=ISSUING)
STRANGER = issue("Stranger", ca=True)
CHAIN = (PARTNER, ISSUING, ROOT)


def p7b(*issued: Issued, encoding: serialization.Encoding = ENCODING.DER) -> bytes:
    return pkcs7.serialize_certificates([each.certificate for each in issued], encoding)


def p12(passphrase: bytes | None = PASSPHRASE) -> bytes:
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else PLAIN
    others = [ISSUING.certificate, ROOT.certificate]
    return pkcs12.serialize_key_and_certificates(b"partner", PARTNER.key, PARTNER.certificate, others, encryption)


def subjects(file: CertificateFile) -> set[str]:
    return {each.subject for each in file.certificates}


ALL_THREE = {"CN=Policy CA", "CN=Issuing CA", "CN=partner.example"}


@pytest.mark.parametrize(
    ("data", "passphrase", "form", "names", "has_key"),
    [
        (ROOT.pem, None, "PEM", {"CN=Policy CA"}, False),
        (b"\xef\xbb\xbfBag Attributes\r\n" + ROOT.pem.replace(b"\n", b"\r\n"), None, "PEM", {"CN=Policy CA"}, False),
        (b"".join(each.pem for each in CHAIN), None, "PEM", ALL_THREE, False),
        (PARTNER.key_pem + PARTNER.pem, None, "PEM", {"CN=partner.example"}, True),
        (PARTNER.pem + PARTNER.encrypted_key_pem, PASSPHRASE, "PEM", {"CN=partner.example"}, True),
        (PARTNER.key_pem, None, "PEM", set(), True),
        (ROOT.der, None, "DER", {"CN=Policy CA"}, False),
        (base64.b64encode(ROOT.der), None, "DER", {"CN=Policy CA"}, False),
        (base64.encodebytes(ROOT.der), None, "DER", {"CN=Policy CA"}, False),
        (base64.encodebytes(p7b(*CHAIN)), None, "PKCS#7", ALL_THREE, False),
        (p7b(*CHAIN), None, "PKCS#7", ALL_THREE, False),
        (p7b(*CHAIN, encoding=ENCODING.PEM), None, "PKCS#7", ALL_THREE, False),
        (p12(), PASSPHRASE, "PKCS#12", ALL_THREE, True),
        (p12(None), None, "PKCS#12", ALL_THREE, True),
    ],
)
def test_each_form_is_known_by_its_content(
    data: bytes, passphrase: bytes | None, form: str, names: set[str], has_key: bool
) -> None:
    file = read_certificates(data, passphrase=passphrase)

    assert form in file.form
    assert subjects(file) == names
    assert file.has_private_key is has_key
    assert "PRIVATE" not in repr(file)


def test_a_certificate_is_read_with_all_that_matters() -> None:
    certificate = PARTNER.read

    assert (certificate.subject, certificate.issuer) == ("CN=partner.example", "CN=Issuing CA")
    assert certificate.serial == "c0ffee"
    assert (certificate.not_before, certificate.not_after) == (NOW - timedelta(days=100), NOW + timedelta(days=20))
    assert (certificate.key_type, certificate.key_bits) == ("RSA", 2048)
    assert certificate.sha256 == PARTNER.certificate.fingerprint(hashes.SHA256()).hex()
    spki = PARTNER.certificate.public_key().public_bytes(ENCODING.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert certificate.public_key_sha256 == hashlib.sha256(spki).hexdigest()
    assert (certificate.is_ca, certificate.is_self_signed) == (False, False)
    assert certificate.host_names == ("partner.example",)
    assert certificate.pem.encode() == PARTNER.pem


def test_an_authority_is_known_as_one() -> None:
    assert (ROOT.read.is_ca, ROOT.read.is_self_signed) == (True, True)
    assert (ISSUING.read.is_ca, ISSUING.read.is_self_signed) == (True, False)


def test_the_same_certificate_twice_counts_once() -> None:
    assert len(read_certificates(ROOT.pem + ROOT.pem).certificates) == 1


REQUEST = (
    x509.CertificateSigningRequestBuilder(PARTNER.certificate.subject)
    .sign(PARTNER.key, hashes.SHA256())
    .public_bytes(ENCODING.PEM)
)


@pytest.mark.parametrize(
    ("data", "passphrase", "problem"),
    [
        (b"", None, "file is empty"),
        (b" \r\n", None, "file is empty"),
        (b"hello", None, "not a certificate"),
        (b"<html>Request Rejected</html>", None, "not a certificate"),
        (b"\x30", None, "not a certificate"),
        (ROOT.der[:-1], None, "not a certificate"),
        (p7b(ROOT)[:-1], None, "not a certificate"),
        (ROOT.pem[:-20], None, "not a certificate: no whole PEM block"),
        (ROOT.pem.replace(b"MII", b"MIJ", 1), None, "damaged"),
        (REQUEST, None, "signing request"),
        (PARTNER.pem + PARTNER.encrypted_key_pem, None, "passphrase is needed"),
        (PARTNER.pem + PARTNER.encrypted_key_pem, b"guess-work", "passphrase is wrong"),
        (PARTNER.key_pem + ROOT.key_pem + ROOT.pem, None, "two private keys"),
        (p12(), None, "passphrase is needed"),
        (p12(), b"guess-work", "passphrase is wrong"),
        (p12()[:-1], PASSPHRASE, "damaged"),
    ],
)
def test_what_cannot_be_read_is_told_without_the_passphrase(
    data: bytes, passphrase: bytes | None, problem: str
) -> None:
    with pytest.raises(CertificateFileError, match=problem) as caught:
        read_certificates(data, passphrase=passphrase)

    assert "guess-work" not in str(caught.value)


@settings(max_examples=150)
@given(
    whole=st.sampled_from([ROOT.der, p7b(*CHAIN), p12(None), PARTNER.pem + PARTNER.key_pem]),
    place=st.integers(0, 10_000),
    byte=st.integers(0, 255),
)
@pytest.mark.filterwarnings("ignore:.*(serial number|parsed as DER)")
def test_a_damaged_file_is_refused_in_words_or_read(whole: bytes, place: int, byte: int) -> None:
    damaged = bytearray(whole)
    damaged[place % len(whole)] = byte
    with contextlib.suppress(CertificateFileError):
        describe(read_certificates(bytes(damaged)), now=NOW)


@pytest.mark.parametrize("legacy", [False, True])
def test_an_identity_made_by_openssl_is_read_or_refused_in_words(legacy: bool, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command line is not installed")
    (tmp_path / "both.pem").write_bytes(PARTNER.key_pem + PARTNER.pem)
    command = [openssl, "pkcs12", "-export", "-in", str(tmp_path / "both.pem"), "-passout", "pass:open-sesame"]
    made = subprocess.run(command + ["-legacy"] * legacy, check=False, capture_output=True)
    if made.returncode:
        pytest.skip("this openssl cannot write the old algorithms")

    try:
        file = read_certificates(made.stdout, passphrase=PASSPHRASE)
    except CertificateFileError:
        with pytest.raises(CertificateFileError, match="-legacy"):
            read_certificates(made.stdout, passphrase=PASSPHRASE)
        assert legacy
        return
    assert subjects(file) == {"CN=partner.example"}
    assert file.has_private_key


@pytest.mark.parametrize("issued", [CHAIN, CHAIN[::-1], (ISSUING, ROOT, PARTNER), (ROOT, PARTNER, ISSUING)])
def test_a_chain_is_ordered_from_the_leaf_to_the_root(issued: tuple[Issued, ...]) -> None:
    order = chain_order([each.read for each in issued])

    assert [each.subject for each in order.chain] == ["CN=partner.example", "CN=Issuing CA", "CN=Policy CA"]
    assert order.missing == ()
    assert order.not_belonging == ()


@pytest.mark.parametrize(
    ("issued", "chain", "missing", "not_belonging"),
    [
        ((PARTNER, ROOT), ["CN=partner.example"], ("CN=Issuing CA",), ["CN=Policy CA"]),
        ((ISSUING, PARTNER), ["CN=partner.example", "CN=Issuing CA"], ("CN=Policy CA",), []),
        ((ROOT, STRANGER, ISSUING), ["CN=Issuing CA", "CN=Policy CA"], (), ["CN=Stranger"]),
        ((BROKER,), ["CN=Broker Passwords"], (), []),
        ((), [], (), []),
    ],
)
def test_what_a_chain_lacks_and_what_is_no_part_of_it_are_told(
    issued: tuple[Issued, ...], chain: list[str], missing: tuple[str, ...], not_belonging: list[str]
) -> None:
    order = chain_order([each.read for each in issued])

    assert [each.subject for each in order.chain] == chain
    assert order.missing == missing
    assert [each.subject for each in order.not_belonging] == not_belonging


def test_the_private_key_decides_which_certificate_is_the_leaf() -> None:
    order = chain_order([each.read for each in (BROKER, *CHAIN)], key=BROKER.key_pem)

    assert [each.subject for each in order.chain] == ["CN=Broker Passwords"]


def test_of_two_issuers_of_one_name_the_one_that_signed_is_taken() -> None:
    impostor = issue("Issuing CA", ca=True, days=2000)

    order = chain_order([each.read for each in (impostor, *CHAIN)])

    assert order.chain == tuple(each.read for each in CHAIN)
    assert order.not_belonging == (impostor.read,)


@pytest.mark.parametrize(
    ("issued", "key", "role"),
    [
        (ROOT, None, CertificateRole.ROOT),
        (ISSUING, None, CertificateRole.ISSUING_CA),
        (BROKER, None, CertificateRole.PASSWORD),
        (PARTNER, PARTNER, CertificateRole.CLIENT),
        (PARTNER, ROOT, CertificateRole.SERVER),
        (UNMARKED, None, CertificateRole.PASSWORD_OR_CLIENT),
        (UNMARKED, UNMARKED, CertificateRole.CLIENT),
        (UNMARKED, ROOT, CertificateRole.PASSWORD),
        (issue("s", purpose=ExtendedKeyUsageOID.SERVER_AUTH), None, CertificateRole.SERVER),
        (issue("c", purpose=ExtendedKeyUsageOID.CLIENT_AUTH), None, CertificateRole.CLIENT),
        (issue("e", elliptic=True), None, CertificateRole.UNKNOWN),
    ],
)
def test_the_role_of_a_certificate_is_guessed(issued: Issued, key: Issued | None, role: CertificateRole) -> None:
    assert role_of(issued.read, key=key.key_pem if key else None) is role


def test_a_key_matches_its_own_certificate_alone() -> None:
    assert key_matches(PARTNER.read, PARTNER.key_pem)
    assert not key_matches(ROOT.read, PARTNER.key_pem)
    with pytest.raises(CertificateFileError, match="private key cannot be read"):
        key_matches(ROOT.read, b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")


def test_a_file_is_described_in_plain_words() -> None:
    lines = describe(read_certificates(p12(), passphrase=PASSPHRASE), now=NOW)

    assert lines[0] == "PKCS#12 (.p12, .pfx): 3 certificates, a private key that belongs to one of them"
    assert [line for line in lines if line[0].isdigit()] == [
        "1. client certificate: CN=partner.example",
        "2. issuing CA: CN=Issuing CA",
        "3. root CA: CN=Policy CA",
    ]
    assert "   for partner.example" in lines
    assert "   WARNING: expires in 20 days, on 2026-06-21" in lines
    assert not any("Missing" in line or "PRIVATE" in line for line in lines)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (NOW - timedelta(days=101), "WARNING: not valid before 2026-02-21"),
        (NOW - timedelta(days=10), "   expires in 30 days, on 2026-06-21"),
        (NOW - timedelta(days=9, hours=23), "WARNING: expires in 29 days, on 2026-06-21"),
        (NOW + timedelta(days=19), "WARNING: expires in 1 day, on 2026-06-21"),
        (NOW + timedelta(days=25), "WARNING: expired on 2026-06-21, 5 days ago"),
    ],
)
def test_expiry_is_told_in_time(now: datetime, words: str) -> None:
    assert any(words in line for line in describe(read_certificates(PARTNER.pem), now=now))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (PARTNER.pem, "Missing: the certificate of CN=Issuing CA, which issued CN=partner.example."),
        (ROOT.pem + PARTNER.pem + ISSUING.pem, "another order"),
        (PARTNER.pem + ISSUING.pem + ROOT.pem + BROKER.pem, "Apart from this chain: password certificate"),
        (ROOT.pem, "may be the password certificate"),
        (UNMARKED.pem + ISSUING.pem, "1. password certificate of the operator, or our client certificate: CN=acme"),
        (UNMARKED.pem + ISSUING.pem, "shows only with our private key"),
        (ROOT.pem + PARTNER.key_pem, "a private key that belongs to none of them"),
        (PARTNER.key_pem, "PEM: 0 certificates, a private key"),
    ],
)
def test_what_is_odd_about_a_file_is_told(data: bytes, words: str) -> None:
    assert any(words in line for line in describe(read_certificates(data), now=NOW))


def test_a_description_wants_an_aware_time() -> None:
    with pytest.raises(ValueError, match="aware"):
        describe(read_certificates(ROOT.pem), now=datetime(2026, 6, 1))


def test_the_operators_chain_and_ones_own_key_are_written_as_tls_wants_them(tmp_path: Path) -> None:
    file = combine_files([read_certificates(p7b(ROOT, PARTNER, ISSUING)), read_certificates(PARTNER.key_pem)])

    written = write_pem_files(file, tmp_path / "tls")

    assert [path.name for path in written] == ["client-certificate.pem", "client-key.pem", "ca.pem"]
    certificate, key, authorities = written
    assert certificate.read_bytes() == PARTNER.pem + ISSUING.pem
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_bytes() == PARTNER.key_pem
    assert authorities.read_bytes() == ISSUING.pem + ROOT.pem
    assert sorted(path.name for path in (tmp_path / "tls").iterdir()) == sorted(path.name for path in written)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (p7b(ROOT, ISSUING), ["ca.pem"]),
        (PARTNER.pem, ["client-certificate.pem"]),
        (PARTNER.key_pem, ["client-key.pem"]),
        (BROKER.pem + BROKER.key_pem, ["client-certificate.pem", "client-key.pem"]),
    ],
)
def test_only_what_a_file_holds_is_written(data: bytes, names: list[str], tmp_path: Path) -> None:
    assert [path.name for path in write_pem_files(read_certificates(data), tmp_path)] == names


def test_writing_again_is_harmless_but_no_other_key_is_overwritten(tmp_path: Path) -> None:
    write_pem_files(read_certificates(BROKER.pem + BROKER.key_pem), tmp_path)
    write_pem_files(read_certificates(BROKER.pem + BROKER.key_pem), tmp_path)

    with pytest.raises(CertificateFileError, match="move it away"):
        write_pem_files(read_certificates(PARTNER.key_pem), tmp_path)
    assert (tmp_path / "client-key.pem").read_bytes() == BROKER.key_pem


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (read_certificates(ROOT.pem + PARTNER.key_pem), "belongs to none"),
        (CertificateFile("PEM", ()), "nothing to write"),
    ],
)
def test_what_cannot_be_written_is_told_and_nothing_is_written(
    file: CertificateFile, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(CertificateFileError, match=problem):
        write_pem_files(file, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_files_with_different_keys_are_not_combined() -> None:
    with pytest.raises(CertificateFileError, match="different private keys"):
        combine_files([read_certificates(PARTNER.key_pem), read_certificates(ROOT.key_pem)])


@pytest.mark.parametrize("data", [p7b(BROKER), p7b(ROOT, BROKER), ROOT.pem + BROKER.pem])
def test_the_password_certificate_may_come_in_a_chain(data: bytes) -> None:
    credential = encrypt_credential(password="hidden", certificate=data)

    assert decrypt_credential(credential=credential, private_key=BROKER.key_pem) == "hidden"
