"""Signing, credentials, password changes and the simulator's key pair."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from mpesa_cbp.identity.security import (
    SecurityError,
    SpPasswordReading,
    decrypt_credential,
    decrypt_new_password,
    encrypt_credential,
    encrypt_new_password,
    sp_password,
    sp_password_digest,
    sp_password_text,
)
from mpesa_cbp_simulator.key_pair import KeyPair, generate_key_pair

NOW = datetime.now(UTC).replace(microsecond=0)
SECRET = "s3cret-Ünique"
KEY, VECTOR = "AAAabcdefghijklm", "abcdefghijklmnop"
ENCODED = st.text(st.characters(codec="utf-8"), min_size=1)


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return generate_key_pair(
        common_name="broker",
        not_before=NOW - timedelta(hours=1),
        days=2,
        host_names=("localhost", "127.0.0.1", "::1"),
    )


def to_der(certificate: bytes) -> bytes:
    return x509.load_pem_x509_certificate(certificate).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("reading", "value"),
    [
        (
            SpPasswordReading.UPPER_HEX,
            base64.b64encode(hashlib.sha256(b"107031Pass123420140930102022").hexdigest().upper().encode()).decode(),
        ),
        (
            SpPasswordReading.LOWER_HEX,
            base64.b64encode(hashlib.sha256(b"107031Pass123420140930102022").hexdigest().encode()).decode(),
        ),
        (
            SpPasswordReading.RAW,
            base64.b64encode(hashlib.sha256(b"107031Pass123420140930102022").digest()).decode(),
        ),
    ],
)
def test_the_sp_password_in_each_reading(reading: SpPasswordReading, value: str) -> None:
    assert sp_password(sp_id="107031", password="Pass1234", time_stamp="20140930102022", reading=reading) == value


def test_upper_hex_is_the_reading_unless_told_otherwise() -> None:
    value = sp_password(sp_id="107031", password="Pass1234", time_stamp="20140930102022")

    text = base64.b64decode(value).decode("ascii")
    assert len(text) == 64
    assert text == text.upper()


def test_each_stage_of_the_sp_password_can_be_looked_at() -> None:
    text = sp_password_text(sp_id="1", password="ü", time_stamp="20140930102022")

    assert text == "1ü20140930102022"
    assert sp_password_digest(sp_id="1", password="ü", time_stamp="20140930102022") == (
        hashlib.sha256(text.encode("utf-8")).digest()
    )


@pytest.mark.parametrize("reading", SpPasswordReading)
def test_a_reading_is_found_by_its_name_in_the_settings(reading: SpPasswordReading) -> None:
    assert SpPasswordReading(reading.value) is reading


@pytest.mark.parametrize(
    ("sp_id", "password", "time_stamp", "problem"),
    [
        ("", SECRET, "20140930102022", "spId is empty"),
        ("107031", "", "20140930102022", "password is empty"),
        ("107031", SECRET, "2014-09-30T10:20:22Z", "14 digits"),
        ("107031", SECRET, "20140930102022\n", "14 digits"),
        ("107031", SECRET, "", "14 digits"),
        ("107031", SECRET + "\ud800", "20140930102022", "UTF-8"),
    ],
)
def test_a_part_that_cannot_be_signed_is_told_without_the_password(
    sp_id: str, password: str, time_stamp: str, problem: str
) -> None:
    with pytest.raises(SecurityError, match=problem) as caught:
        sp_password(sp_id=sp_id, password=password, time_stamp=time_stamp)

    assert SECRET not in str(caught.value)


def test_openssl_decrypts_our_credential(pair: KeyPair, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command line is not installed")
    key, credential = tmp_path / "key.pem", tmp_path / "credential"
    key.write_bytes(pair.private_key)
    credential.write_bytes(base64.b64decode(encrypt_credential(password=SECRET, certificate=pair.certificate)))

    decrypted = subprocess.run(
        [openssl, "pkeyutl", "-decrypt", "-inkey", key, "-in", credential, "-pkeyopt", "rsa_padding_mode:pkcs1"],
        check=True,
        capture_output=True,
    ).stdout

    assert decrypted == SECRET.encode("utf-8")


@pytest.mark.parametrize("form", ["pem", "der", "pem path", "der path", "path as text", "pem as text"])
def test_a_certificate_is_accepted_in_each_form(form: str, pair: KeyPair, tmp_path: Path) -> None:
    content = to_der(pair.certificate) if "der" in form else pair.certificate
    path = tmp_path / "broker.cer"
    path.write_bytes(content)
    certificate: bytes | Path | str = content
    if "path" in form:
        certificate = str(path) if "text" in form else path
    elif "text" in form:
        certificate = content.decode("ascii")

    credential = encrypt_credential(password=SECRET, certificate=certificate)

    assert decrypt_credential(credential=credential, private_key=pair.private_key) == SECRET


def test_a_credential_is_another_one_each_time(pair: KeyPair) -> None:
    assert encrypt_credential(password=SECRET, certificate=pair.certificate) != encrypt_credential(
        password=SECRET, certificate=pair.certificate
    )


@settings(max_examples=25)
@given(password=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_each_password_survives_encryption(pair: KeyPair, password: str) -> None:
    credential = encrypt_credential(password=password, certificate=pair.certificate)

    assert decrypt_credential(credential=credential, private_key=pair.private_key) == password


@pytest.mark.parametrize(("length", "fits"), [(245, True), (246, False)])
def test_the_key_limits_the_password(length: int, fits: bool, pair: KeyPair) -> None:
    password = "p" * length
    if fits:
        assert encrypt_credential(password=password, certificate=pair.certificate)
        return
    with pytest.raises(SecurityError, match="245 bytes") as caught:
        encrypt_credential(password=password, certificate=pair.certificate)
    assert password not in str(caught.value)


def ec_certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elliptic")])
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


@pytest.mark.parametrize(
    ("certificate", "problem"),
    [
        (b"", "file is empty"),
        (b"not a certificate", "not a certificate"),
        (b"\x30\x82\x03\x00", "not a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA", "not a certificate"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "bare public key"),
        (ec_certificate(), "must be RSA"),
        (Path("/nowhere/broker.cer"), "cannot be read"),
        ("nowhere/broker.cer", "cannot be read"),
        ("broker\0.cer", "cannot be read"),
    ],
)
def test_a_certificate_that_cannot_encrypt_is_told_without_the_password(
    certificate: bytes | Path | str, problem: str
) -> None:
    with pytest.raises(SecurityError, match=problem) as caught:
        encrypt_credential(password=SECRET, certificate=certificate)

    assert SECRET not in str(caught.value)


def test_several_certificates_without_a_clear_choice_are_refused(pair: KeyPair) -> None:
    other = generate_key_pair(common_name="other", not_before=NOW, days=1)

    with pytest.raises(SecurityError, match="not clear"):
        encrypt_credential(password=SECRET, certificate=pair.certificate + other.certificate)


def test_an_empty_password_is_refused(pair: KeyPair) -> None:
    with pytest.raises(SecurityError, match="empty"):
        encrypt_credential(password="", certificate=pair.certificate)


@pytest.mark.parametrize(
    ("credential", "problem"),
    [("", "not made with"), ("%%%", "not base64"), ("ü", "not base64"), ("AAAA", "not made with")],
)
def test_a_credential_that_cannot_be_decrypted_is_told(credential: str, problem: str, pair: KeyPair) -> None:
    with pytest.raises(SecurityError, match=problem):
        decrypt_credential(credential=credential, private_key=pair.private_key)


def test_a_credential_may_be_broken_over_lines(pair: KeyPair) -> None:
    credential = encrypt_credential(password=SECRET, certificate=pair.certificate)
    wrapped = f"\n  {credential[:76]}\r\n{credential[76:]}\n"

    assert decrypt_credential(credential=wrapped, private_key=pair.private_key) == SECRET


def test_a_credential_for_another_key_never_gives_the_password(pair: KeyPair) -> None:
    other = generate_key_pair(common_name="other", not_before=NOW, days=1)
    credential = encrypt_credential(password=SECRET, certificate=other.certificate)

    try:
        decrypted = decrypt_credential(credential=credential, private_key=pair.private_key)
    except SecurityError as problem:
        decrypted = str(problem)

    assert SECRET not in decrypted


@pytest.mark.parametrize(
    ("passphrase", "problem"), [(None, "cannot be read"), (b"wrong-phrase", "cannot be read"), (b"right", None)]
)
def test_an_encrypted_private_key_needs_its_passphrase(
    passphrase: bytes | None, problem: str | None, pair: KeyPair
) -> None:
    encrypted = serialization.load_pem_private_key(pair.private_key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"right"),
    )
    credential = encrypt_credential(password=SECRET, certificate=pair.certificate)
    if problem is None:
        assert decrypt_credential(credential=credential, private_key=encrypted, passphrase=passphrase) == SECRET
        return
    with pytest.raises(SecurityError, match=problem) as caught:
        decrypt_credential(credential=credential, private_key=encrypted, passphrase=passphrase)
    assert "wrong-phrase" not in str(caught.value)


def test_the_operators_vector_for_a_new_password() -> None:
    assert encrypt_new_password(new_password="!QAZ2wsx", key=KEY, vector=VECTOR) == "wi2a7BAH0QPd2LRdmcgC9w=="
    assert decrypt_new_password(encrypted="wi2a7BAH0QPd2LRdmcgC9w==", key=KEY, vector=VECTOR) == "!QAZ2wsx"


@given(new_password=ENCODED, key_bytes=st.sampled_from([16, 24, 32]), data=st.data())
def test_each_new_password_survives_encryption(new_password: str, key_bytes: int, data: st.DataObject) -> None:
    key = data.draw(st.binary(min_size=key_bytes, max_size=key_bytes))
    vector = data.draw(st.binary(min_size=16, max_size=16))

    encrypted = encrypt_new_password(new_password=new_password, key=key, vector=vector)

    assert decrypt_new_password(encrypted=encrypted, key=key, vector=vector) == new_password


@pytest.mark.parametrize(
    ("new_password", "key", "vector", "problem"),
    [
        ("", KEY, VECTOR, "empty"),
        (SECRET, KEY[:-1], VECTOR, "16, 24 or 32"),
        (SECRET, "ü" + KEY[1:], VECTOR, "16, 24 or 32"),
        (SECRET, b"", VECTOR, "16, 24 or 32"),
        (SECRET, KEY, VECTOR + "q", "16 bytes"),
        (SECRET + "\ud800", KEY, VECTOR, "UTF-8"),
    ],
)
def test_a_new_password_that_cannot_be_encrypted_is_told_without_secrets(
    new_password: str, key: bytes | str, vector: str, problem: str
) -> None:
    with pytest.raises(SecurityError, match=problem) as caught:
        encrypt_new_password(new_password=new_password, key=key, vector=vector)

    assert SECRET not in str(caught.value)
    assert KEY[:-1] not in str(caught.value)
    assert VECTOR not in str(caught.value)


@pytest.mark.parametrize(
    ("encrypted", "problem"),
    [
        ("", "cannot be decrypted"),
        ("AAAA", "cannot be decrypted"),
        ("A" * 22 + "==", "cannot be decrypted"),
        ("%", "not base64"),
    ],
)
def test_a_new_password_that_cannot_be_decrypted_is_told(encrypted: str, problem: str) -> None:
    with pytest.raises(SecurityError, match=problem):
        decrypt_new_password(encrypted=encrypted, key=KEY, vector=VECTOR)


def test_a_key_pair_never_shows_its_private_key(pair: KeyPair) -> None:
    assert "PRIVATE" not in repr(pair)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"not_before": datetime(2026, 1, 1)}, "aware"),
        ({"days": 0}, "at least one day"),
        ({"days": 10**9}, "names or dates"),
        ({"key_bits": 1024}, "2048 bits"),
        ({"common_name": ""}, "names or dates"),
        ({"common_name": "n" * 65}, "names or dates"),
        ({"host_names": ("bröker",)}, "names or dates"),
    ],
)
def test_a_key_pair_that_cannot_be_made_is_told(changed: dict[str, object], problem: str) -> None:
    arguments: dict[str, object] = {"common_name": "broker", "not_before": NOW, "days": 1} | changed

    with pytest.raises(SecurityError, match=problem):
        generate_key_pair(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("host_name", ["localhost", "127.0.0.1", "::1"])
def test_a_strict_tls_client_trusts_the_key_pair(host_name: str, pair: KeyPair, tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_bytes(pair.certificate)
    (tmp_path / "key.pem").write_bytes(pair.private_key)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    client_side = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with server_side.wrap_socket(theirs, server_side=True) as stream:
            stream.sendall(b"hello")

    server = threading.Thread(target=serve)
    server.start()
    with client_side.wrap_socket(ours, server_hostname=host_name) as stream:
        greeting = stream.recv(5)
    server.join()

    assert greeting == b"hello"
