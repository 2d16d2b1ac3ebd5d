"""Who we are and whom we trust in TLS, from files in every form in which they are handed out."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.http import HttpTransport
from mpesa_cbp.http.tls import ClientCertificate, read_identity, tls_context
from mpesa_cbp.identity.security import SecurityError, credential_key
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.config import load, settings
from mpesa_cbp_service.listener.tls_files import TlsFiles
from tests.transport.authorities import DAY, NOW, issue, key_text, pem
from tests.transport.clients import operator_key
from tests.transport.failing_broker import FailingBroker, echoes

PASSPHRASE = "planted-word"


class Handed:
    """What an operator hands out, in every form: root and issuing CA, the partner's and the broker's certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = issue("Root", ca=True)
        issuing = issue("Issuing", root, ca=True)
        partner, stranger = issue("partner", issuing), issue("stranger")
        broker = issue("broker", issuing, hosts=("localhost",))
        everything = [root[0], issuing[0], partner[0]]
        packed = pkcs12.serialize_key_and_certificates
        locked = serialization.BestAvailableEncryption(PASSPHRASE.encode())
        files = {
            "root.pem": pem(root[0]),
            "issuing.pem": pem(issuing[0]),
            "root.cer": root[0].public_bytes(serialization.Encoding.DER),
            "chain.p7b": pkcs7.serialize_certificates(everything, serialization.Encoding.DER),
            "chain-pem.p7b": pkcs7.serialize_certificates(everything, serialization.Encoding.PEM),
            "wrong-order.pem": pem(*everything),
            "partner.cer": partner[0].public_bytes(serialization.Encoding.DER),
            "both.pem": key_text(partner[1]) + pem(partner[0], issuing[0]),
            "partner.key": key_text(partner[1]),
            "locked.key": key_text(partner[1], PASSPHRASE),
            "partner.p12": packed(b"partner", partner[1], partner[0], [issuing[0], root[0]], locked),
            "open.p12": packed(b"partner", partner[1], partner[0], [issuing[0]], serialization.NoEncryption()),
            "authorities.p12": packed(None, None, None, [root[0]], serialization.NoEncryption()),
            "password.p12": packed(
                None, None, None, [x509.load_pem_x509_certificate(operator_key().certificate)], locked
            ),
            "broker.pem": key_text(broker[1]) + pem(broker[0], issuing[0]),
            "stranger.key": key_text(stranger[1]),
            "expired.pem": pem(issue("expired", issuing, until=NOW - DAY)[0]),
            "empty.pem": b"",
            "half.p12": packed(b"partner", partner[1], partner[0], None, locked)[:900],
            "text.pem": b"no certificate",
        }
        for name, content in files.items():
            (folder / name).write_bytes(content)

    def demanding(self) -> ssl.SSLContext:
        """A broker that wants to see a certificate of the operator's, and trusts only the root."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "broker.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.folder / "root.pem")
        return context


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Handed:
    return Handed(tmp_path_factory.mktemp("handed"))


@pytest.mark.parametrize("ca", ["root.pem", "issuing.pem", "root.cer", "chain.p7b", "chain-pem.p7b", "authorities.p12"])
@pytest.mark.parametrize(
    "client",
    [
        ("chain.p7b", "partner.key"),
        ("chain-pem.p7b", "locked.key"),
        ("wrong-order.pem", "partner.key"),
        ("both.pem",),
        ("partner.p12",),
    ],
    ids="+".join,
)
def test_a_broker_is_spoken_to_with_files_of_every_form(handed: Handed, client: tuple[str, ...], ca: str) -> None:
    files = [handed.folder / name for name in client]
    certificate: ClientCertificate = (files[0], files[1]) if len(files) == 2 else files[0]
    with (
        FailingBroker(echoes, tls=handed.demanding()) as broker,
        HttpTransport(
            broker.url("localhost"),
            client_certificate=certificate,
            client_passphrase=lambda: PASSPHRASE,
            ca=handed.folder / ca,
        ) as transport,
    ):
        assert transport.post(b"<e/>").body == b"<e/>"


@pytest.mark.parametrize(
    ("client", "passphrase", "words"),
    [
        (("partner.cer", "partner.key"), None, None),
        (("open.p12",), None, None),
        (("partner.cer",), None, "no private key"),
        (("chain.p7b",), None, "no private key"),
        (("partner.key",), None, "no certificate beside"),
        (("partner.cer", "stranger.key"), None, "belongs to none"),
        (("both.pem", "stranger.key"), None, "different private keys"),
        (("partner.cer", "locked.key"), None, r"its passphrase is needed \(setting tls.client_passphrase\)"),
        (("partner.cer", "locked.key"), "wrong", "passphrase is wrong"),
        (("partner.p12",), None, "its passphrase is needed"),
        (("partner.p12",), "wrong", "passphrase is wrong"),
        (("half.p12",), PASSPHRASE, "damaged or its passphrase is wrong"),
        (("empty.pem",), None, "is empty"),
        (("text.pem",), None, "is not a certificate"),
        (("nowhere.pem",), None, "cannot be read"),
    ],
)
def test_an_identity_is_whole_or_says_what_is_missing(
    handed: Handed, client: tuple[str, ...], passphrase: str | None, words: str | None
) -> None:
    files = [handed.folder / name for name in client]
    certificate: ClientCertificate = (files[0], files[1]) if len(files) == 2 else files[0]
    if words is None:
        assert read_identity(certificate, passphrase).certificate.subject == "CN=partner"
        return
    with pytest.raises(SettingsError, match=words) as caught:
        HttpTransport("https://broker.example/", client_certificate=certificate, client_passphrase=passphrase)
    assert client[0] in str(caught.value)
    assert PASSPHRASE not in str(caught.value)


def test_authorities_and_the_password_certificate_may_be_in_a_p12_with_a_passphrase(handed: Handed) -> None:
    context = tls_context(ca=handed.folder / "partner.p12", ca_passphrase=lambda: PASSPHRASE)
    assert {each["subject"] for each in context.get_ca_certs()} >= {((("commonName", "Root"),),)}
    key = credential_key(handed.folder / "password.p12", passphrase=PASSPHRASE.encode())
    assert key.longest_password == 245
    with pytest.raises(SecurityError, match=r"its passphrase is needed \(setting initiator.certificate_passphrase\)"):
        credential_key(handed.folder / "password.p12")


def test_passphrase_that_authorities_need_is_named_by_its_setting(handed: Handed) -> None:
    with pytest.raises(SettingsError, match=r"its passphrase is needed \(setting tls.ca_passphrase\)"):
        tls_context(ca=handed.folder / "partner.p12")
    with pytest.raises(SettingsError, match="no setting has it: give a file that is not encrypted"):
        TlsFiles.of(
            load(
                environ={},
                listener_certificate=handed.folder / "open.p12",
                listener_client_ca=handed.folder / "partner.p12",
            ),
            handed.folder,
        )


@pytest.mark.parametrize("name", ["partner.key", "empty.pem", "text.pem", "nowhere.pem", "partner.p12"])
def test_a_file_without_authorities_is_refused(handed: Handed, name: str) -> None:
    with pytest.raises(SettingsError, match=f"The CA file .*{name} cannot be used"):
        tls_context(ca=handed.folder / name)


def test_no_private_key_stays_on_the_disk(handed: Handed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tls_context(client_certificate=handed.folder / "partner.p12", client_passphrase=PASSPHRASE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")
@pytest.mark.parametrize("packing", [[], ["-legacy"]], ids=["modern", "legacy"])
def test_what_the_openssl_command_packs_is_read(handed: Handed, tmp_path: Path, packing: list[str]) -> None:
    made = tmp_path / "made.p12"
    command = ["openssl", "pkcs12", "-export", *packing, "-in", str(handed.folder / "both.pem"), "-out", str(made)]
    subprocess.run([*command, "-passout", f"pass:{PASSPHRASE}"], check=True, capture_output=True)
    assert read_identity(made, PASSPHRASE).certificate.subject == "CN=partner"
    chain = tmp_path / "made.p7b"
    command = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", str(handed.folder / "wrong-order.pem"), "-outform", "DER"]
    subprocess.run([*command, "-out", str(chain)], check=True, capture_output=True)
    identity = read_identity((chain, handed.folder / "partner.key"))
    assert [each.subject for each in identity.order.chain] == ["CN=partner", "CN=Issuing", "CN=Root"]


# The command.


def test_the_command_tells_what_each_file_holds_and_writes_what_tls_needs(
    handed: Handed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain, key, made = handed.folder / "chain.p7b", handed.folder / "partner.key", tmp_path / "made"
    assert run(["certificates", str(chain), str(key), "--write", str(made)]) == 0
    told = capsys.readouterr().out
    assert f"{chain}: PKCS#7 (.p7b), DER: " in told
    assert f"{key}: PEM: no certificate, and a private key" in told
    for words in ("1. client certificate: CN=partner", "2. issuing CA: CN=Issuing", "3. root CA: CN=Root"):
        assert words in told
    assert "PRIVATE KEY" not in told
    assert (made / "client-key.pem").stat().st_mode & 0o777 == 0o600
    tls_context(client_certificate=(made / "client-certificate.pem", made / "client-key.pem"), ca=made / "ca.pem")
    assert run(["certificates", str(chain), str(key), "--write", str(made)]) == 0
    before = (made / "client-key.pem").read_bytes()
    assert run(["certificates", str(handed.folder / "stranger.key"), "--write", str(made)]) == 3
    assert "exists with other content" in capsys.readouterr().err
    assert (made / "client-key.pem").read_bytes() == before


def test_the_command_takes_the_passphrase_from_the_environment_alone(
    handed: Handed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(handed.folder / "partner.p12")
    assert run(["certificates", file]) == 3
    assert "its passphrase is needed: set MPESA_CBP_PASSPHRASE" in capsys.readouterr().err
    monkeypatch.setenv("MPESA_CBP_PASSPHRASE", PASSPHRASE)
    assert run(["certificates", file]) == 0
    shown = capsys.readouterr()
    assert "a private key that belongs to one of them" in shown.out
    assert PASSPHRASE not in "".join(shown)


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("expired.pem", 1, "WARNING: expired on"),
        ("empty.pem", 3, "the file is empty"),
        ("text.pem", 3, "is not a certificate"),
        ("half.p12", 3, "its passphrase is needed"),
        ("nowhere.pem", 3, "No such file"),
    ],
)
def test_the_command_exits_by_what_it_found(
    name: str, code: int, words: str, handed: Handed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["certificates", str(handed.folder / name)]) == code
    assert words in "".join(capsys.readouterr())


def test_the_commands_of_the_documentation_run(
    handed: Handed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "certificates.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shutil.copy(handed.folder / "chain.p7b", "operator-chain.p7b")
    shutil.copy(handed.folder / "partner.key", "our.key")
    (lines,) = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    for line in lines.splitlines():
        assert run(line.split()[1:]) == 0
        assert "CN=partner" in capsys.readouterr().out
    written = sorted(path.name for path in Path("tls").iterdir())
    assert all(f"tls/{name}`" in text for name in written)
    assert written == ["ca.pem", "client-certificate.pem", "client-key.pem"]
    for name in re.findall(r"`((?:tls|initiator)\.[a-z_]+)`", text):
        assert name.replace(".", "_") in settings()
