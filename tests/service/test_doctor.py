"""mpesa-cbp doctor: each thing that can be wrong is told with what to do about it, and no payment leaves."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service import Journal
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.doctor import Diagnosis, Level, examine
from mpesa_cbp_service.journal import InboundMessage
from mpesa_cbp_simulator.key_pair import generate_key_pair
from tests.transport.authorities import Certificates
from tests.transport.clients import INITIATOR_PASSWORD, SECRETS, SP_PASSWORD, operator_key
from tests.transport.failing_broker import (
    Behaviour,
    Conversation,
    FailingBroker,
    closes_after_head,
)

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


class Patient:
    """Settings in a folder; ``settings`` are replaced or taken away (None) by the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "broker.cer").write_bytes(operator_key().certificate)
        for name, secret in (("sp", SP_PASSWORD), ("initiator", INITIATOR_PASSWORD)):
            self.write(name, f"{secret}\n")
        self.environ = {
            "MPESA_CBP_ENDPOINT": "http://127.0.0.1:1/mminterface/request",
            "MPESA_CBP_ORGANISATION": "Acme",
            "MPESA_CBP_RESULT_URL": "https://us.example/word/result",
            "MPESA_CBP_QUEUE_TIMEOUT_URL": "https://us.example/word/queue-timeout",
            "MPESA_CBP_SERVICE_PROVIDER_ID": "107031",
            "MPESA_CBP_SERVICE_PROVIDER_PASSWORD_FILE": str(folder / "sp"),
            "MPESA_CBP_INITIATOR_NAME": "api",
            "MPESA_CBP_INITIATOR_PASSWORD_FILE": str(folder / "initiator"),
            "MPESA_CBP_INITIATOR_SHORT_CODE": "600000",
            "MPESA_CBP_INITIATOR_CERTIFICATE": str(folder / "broker.cer"),
            "MPESA_CBP_HTTP_CONNECT_TIMEOUT": "5",
            "MPESA_CBP_HTTP_READ_TIMEOUT": "5",
            "MPESA_CBP_JOURNAL_URL": f"sqlite:///{folder}/payments.db",
        }

    def write(self, name: str, content: str, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.write_text(content)
        path.chmod(mode)
        return path

    def findings(self, **changes: object) -> list[Diagnosis]:
        for name, value in changes.items():
            self.environ[f"MPESA_CBP_{name.upper()}"] = str(value)
        found = list(examine(environ=self.environ, clock=now))
        assert not any(secret in f"{each}" for secret in SECRETS for each in found)
        assert all(bool(each.advice) == (each.level is not Level.OK) for each in found)
        return found

    def of(self, subject: str, **changes: object) -> list[tuple[Level, str]]:
        return [(each.level, each.text) for each in self.findings(**changes) if each.subject == subject]


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    monkeypatch.chdir(tmp_path)
    return Patient(tmp_path)


def now() -> datetime:
    return datetime.now(UTC)


def answers_head(
    ahead: timedelta = timedelta(), *, date: str | None = None, status: str = "405 Method Not Allowed"
) -> Behaviour:
    """As a web server that allows only POST; its clock is so far ahead, or it states that date."""

    def behaviour(conversation: Conversation) -> None:
        conversation.read_head()
        stated = format_datetime(now() + ahead, usegmt=True) if date is None else date
        line = f"Date: {stated}\r\n" if stated else ""
        conversation.send(f"HTTP/1.1 {status}\r\n{line}Content-Length: 0\r\n\r\n".encode())

    return behaviour


def test_all_is_well_over_tls_and_nothing_with_a_body_reaches_the_broker(
    patient: Patient, certificates: Certificates
) -> None:
    with FailingBroker(answers_head(), tls=certificates.demanding()) as broker:
        found = patient.findings(
            endpoint=broker.url("localhost"),
            tls_ca=certificates.certificate("authority"),
            tls_client_certificate=certificates.certificate("partner"),
            tls_client_key=patient.write("partner.key", certificates.pair("partner")[1].read_text()),
        )
        broker.wait_for_ends()
        assert [each for each in found if each.level is not Level.OK and each.subject != "client certificate"] == []
        subjects = list(dict.fromkeys(each.subject for each in found))
        assert subjects == [
            "settings", "signing", "files", "password certificate", "client certificate", "ca", "result_url",
            "queue_timeout_url", "journal", "dns", "tcp", "tls", "http", "clock",
        ]  # fmt: skip
        assert broker.connections == 1
        host = f"localhost:{broker.port}".encode()
        assert broker.conversations[0].received == (
            b"HEAD /mminterface/request HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
        )


def drips_head(conversation: Conversation) -> None:
    """One byte at a time, for ever."""
    conversation.read_head()
    while not conversation.stopped.wait(0.05):
        conversation.send(b"x")


# What the broker does, and the last finding with its level and words.
BROKERS: dict[str, tuple[Behaviour, str, Level, str]] = {
    "states no date": (answers_head(date=""), "clock", Level.WARNING, "was not checked"),
    "states no time": (answers_head(date="soon"), "clock", Level.WARNING, "was not checked"),
    "is two minutes ahead": (answers_head(timedelta(minutes=2)), "clock", Level.WARNING, "s behind"),
    "is an hour behind": (answers_head(timedelta(hours=-1)), "clock", Level.PROBLEM, "s ahead of"),
    "does not know the path": (answers_head(status="404 Not Found"), "http", Level.WARNING, "'404 Not Found' for /mm"),
    "hangs up": (closes_after_head, "http", Level.PROBLEM, "no answer came"),
    "is no web server": (lambda c: c.send(b"220 smtp\r\n\r\n"), "http", Level.PROBLEM, "no web server"),
    "drips": (drips_head, "http", Level.PROBLEM, "no answer in time"),
}


@pytest.mark.parametrize(("behaviour", "subject", "level", "words"), BROKERS.values(), ids=BROKERS)
def test_what_the_broker_does_is_told(
    behaviour: Behaviour, subject: str, level: Level, words: str, patient: Patient
) -> None:
    with FailingBroker(behaviour) as broker:
        timeout = "0.5" if behaviour is drips_head else "20"
        found = patient.findings(endpoint=broker.url(), http_read_timeout=timeout)
        last = next(each for each in reversed(found) if each.subject == subject)
        assert last.level is level
        assert words in last.text
        assert broker.connections == 1


@pytest.mark.parametrize(
    ("shown", "trusted", "words", "advice"),
    [
        ("broker", "stranger", "unable to get local issuer", "Set tls.ca"),
        ("self-signed", "authority", "self-signed", "Set tls.ca"),
        ("expired", "authority", "has expired", "tell the operator"),
        ("elsewhere", "authority", "IP address mismatch", "Use the host name"),
    ],
)
def test_a_wrong_certificate_of_the_broker_is_told_with_what_to_do(
    shown: str, trusted: str, words: str, advice: str, patient: Patient, certificates: Certificates
) -> None:
    with FailingBroker(answers_head(), tls=certificates.for_broker(shown)) as broker:
        last = patient.findings(endpoint=broker.url(), tls_ca=certificates.certificate(trusted))[-1]
    assert (last.subject, last.level) == ("tls", Level.PROBLEM)
    assert words in last.text.replace("self signed", "self-signed")
    assert advice in last.advice


def test_a_client_certificate_that_the_broker_wants_and_we_lack_is_told(
    patient: Patient, certificates: Certificates
) -> None:
    with FailingBroker(answers_head(), tls=certificates.demanding()) as broker:
        last = patient.findings(endpoint=broker.url(), tls_ca=certificates.certificate("authority"))[-1]
    assert last.level is Level.PROBLEM
    assert "client certificate" in last.advice


def test_a_name_that_is_not_known_and_a_port_where_nobody_listens_are_told(patient: Patient) -> None:
    assert patient.of("dns", endpoint="https://broker.invalid/x")[-1][0] is Level.PROBLEM
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        ((level, text),) = patient.of("tcp", endpoint=f"http://127.0.0.1:{bound.getsockname()[1]}/x")
    assert level is Level.PROBLEM
    assert "refused" in text


# What is wrong on this machine: a change, the subject, the level, words.


def other_key_type(patient: Patient, certificates: Certificates) -> dict[str, object]:
    del patient
    return {"initiator_certificate": certificates.certificate("broker")}


def expired_password_certificate(patient: Patient, certificates: Certificates) -> dict[str, object]:
    del certificates
    made = generate_key_pair(common_name="old", not_before=NOW - timedelta(days=400), days=365)
    return {"initiator_certificate": patient.write("old.cer", made.certificate.decode())}


def expiring_password_certificate(patient: Patient, certificates: Certificates) -> dict[str, object]:
    del certificates
    made = generate_key_pair(common_name="soon", not_before=NOW - timedelta(days=350), days=365)
    return {"initiator_certificate": patient.write("soon.cer", made.certificate.decode())}


def long_password(patient: Patient, certificates: Certificates) -> dict[str, object]:
    del certificates
    return {"initiator_password_file": patient.write("long", "x" * 300)}


def readable_secret(patient: Patient, certificates: Certificates) -> dict[str, object]:
    del certificates
    (patient.folder / "sp").chmod(0o644)
    return {}


def readable_toml(patient: Patient, certificates: Certificates) -> dict[str, object]:
    del certificates
    patient.write("mpesa-cbp.toml", '[new_password]\nkey = "x"\nvector = "y"\n', 0o640)
    return {}


def foreign_key(patient: Patient, certificates: Certificates) -> dict[str, object]:
    key = patient.write("other.key", certificates.pair("broker")[1].read_text())
    return {"tls_client_certificate": certificates.certificate("partner"), "tls_client_key": key}


def missing_issuer(patient: Patient, certificates: Certificates) -> dict[str, object]:
    key = patient.write("partner.key", certificates.pair("partner")[1].read_text())
    return {"tls_client_certificate": certificates.certificate("partner"), "tls_client_key": key}


def no_authority(patient: Patient, certificates: Certificates) -> dict[str, object]:
    del certificates
    return {"tls_ca": patient.write("ca.pem", "no certificate")}


def broken_journal(patient: Patient, certificates: Certificates) -> dict[str, object]:
    del certificates
    return {"journal_url": f"sqlite:///{patient.write('broken.db', 'no database' * 100)}"}


def setting(**changes: object) -> Callable[[Patient, Certificates], dict[str, object]]:
    return lambda _, __: changes


TOKEN = "an-unguessable-word"
FAR = "https://broker.invalid/mminterface/request"

WRONG = [
    (other_key_type, "password certificate", Level.PROBLEM, "must be RSA"),
    (expired_password_certificate, "password certificate", Level.PROBLEM, "expired on"),
    (expiring_password_certificate, "password certificate", Level.WARNING, "valid for 14 more days"),
    (long_password, "password certificate", Level.PROBLEM, "too long"),
    (readable_secret, "files", Level.WARNING, "can be read by other users"),
    (
        readable_toml,
        "files",
        Level.WARNING,
        "mpesa-cbp.toml holds what must stay secret (new_password.key, new_password.vector)",
    ),
    (foreign_key, "client certificate", Level.PROBLEM, "belongs to none"),
    (missing_issuer, "client certificate", Level.WARNING, "lacks the certificate of CN=authority"),
    (no_authority, "ca", Level.PROBLEM, "is not a certificate"),
    (setting(result_url="http://us.example/r"), "result_url", Level.WARNING, "plain HTTP"),
    (setting(endpoint=FAR, result_url="https://localhost:8443/r"), "result_url", Level.PROBLEM, "this machine only"),
    (setting(endpoint=FAR, result_url="https://127.0.0.1/r"), "result_url", Level.PROBLEM, "this machine only"),
    (
        setting(endpoint=FAR, queue_timeout_url="http://[::1]/r"),
        "queue_timeout_url",
        Level.PROBLEM,
        "this machine only",
    ),
    (setting(journal_url="sqlite:////nowhere/payments.db"), "journal", Level.PROBLEM, "its folder cannot be written"),
    (broken_journal, "journal", Level.PROBLEM, "no SQLite database"),
    (
        setting(listener_path_token=TOKEN),
        "result_url",
        Level.WARNING,
        "does not hold listener.path_token",
    ),
    (
        setting(listener_path_token=TOKEN, queue_timeout_url=f"https://us.example/{TOKEN}x/queue-timeout"),
        "queue_timeout_url",
        Level.WARNING,
        "does not hold listener.path_token",
    ),
    (
        setting(listener_port=8443, result_url="http://127.0.0.1:8444/result"),
        "result_url",
        Level.WARNING,
        "its port is 8444, and our listener has 8443",
    ),
    (setting(endpoint="http://127.0.0.1:1/wrong"), "endpoint", Level.WARNING, "its path /wrong does not end in"),
    (setting(journal_url="nonsense"), "journal", Level.PROBLEM, "URL"),
]


@pytest.mark.parametrize(("make", "subject", "level", "words"), WRONG, ids=[f"{row[1]}: {row[3]}" for row in WRONG])
def test_what_is_wrong_on_this_machine_is_told(
    make: Callable[[Patient, Certificates], dict[str, object]],
    subject: str,
    level: Level,
    words: str,
    patient: Patient,
    certificates: Certificates,
) -> None:
    found = patient.of(subject, **make(patient, certificates))
    assert any(each is level and words in text for each, text in found), found


def test_a_journal_that_is_not_there_is_not_made_by_the_doctor(patient: Patient) -> None:
    ((level, text),) = patient.of("journal")
    assert (level, (patient.folder / "payments.db").exists()) == (Level.OK, False)
    assert "will be made at the first use" in text
    with Journal(patient.environ["MPESA_CBP_JOURNAL_URL"]):
        ((level, text),) = patient.of("journal")
    assert level is Level.OK
    assert "can be read and written" in text


def test_a_broker_on_this_machine_reaches_a_listener_on_this_machine(patient: Patient) -> None:
    ((level, text),) = patient.of("result_url", result_url="http://127.0.0.1:8443/r")
    assert (level, text) == (Level.OK, "http://127.0.0.1:8443/… is on this machine, and so is the broker")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"https://us.example:8443/{TOKEN}/result", []),
        (f"https://us.example:8443/folder-of-the-proxy/{TOKEN}/result", []),
        (
            f"https://us.example/{TOKEN}/result",
            ["its port is 443, and our listener has 8443: right only where a proxy"],
        ),
    ],
)
def test_urls_of_the_listener_behind_a_proxy_are_right(url: str, words: list[str], patient: Patient) -> None:
    reached, *more = patient.of("result_url", result_url=url, listener_path_token=TOKEN, listener_port=8443)
    assert {level for level, _ in (reached, *more)} == {Level.OK}
    assert [text.startswith(word) for (_, text), word in zip(more, words, strict=True)] == [True] * len(words)


def test_no_finding_repeats_the_path_token(patient: Patient) -> None:
    assert TOKEN not in str(patient.findings(listener_path_token=TOKEN, result_url=f"http://127.0.0.1/{TOKEN}-/x"))


def test_urls_that_are_not_set_are_told(patient: Patient) -> None:
    del patient.environ["MPESA_CBP_RESULT_URL"]
    assert patient.of("result_url") == [(Level.WARNING, "is not set: no result reaches us")]


def test_the_command_prints_each_finding_and_exits_by_the_worst(
    patient: Patient, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("MPESA_CBP_")]:
        monkeypatch.delenv(name)
    assert run(["doctor"]) == 2
    assert "problem  settings: initiator.password is missing" in capsys.readouterr().out
    with FailingBroker(answers_head(), tls=certificates.for_broker()) as broker:
        for name, value in patient.environ.items():
            monkeypatch.setenv(name, value)
        assert run(["doctor"]) == 1
        assert "problem  tcp:" in capsys.readouterr().out
        monkeypatch.setenv("MPESA_CBP_ENDPOINT", broker.url())
        monkeypatch.setenv("MPESA_CBP_TLS_CA", str(certificates.certificate("authority")))
        assert run(["doctor", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["level"] for line in lines} == {"ok"}


@pytest.mark.parametrize("damaged", [False, True])
def test_integrity_of_the_journal_is_checked_when_that_is_wanted(patient: Patient, damaged: bool) -> None:
    file = patient.folder / "payments.db"
    with Journal(f"sqlite:///{file}") as journal:
        for number in range(200):
            journal.receive_all([InboundMessage(kind=EventKind.UNREADABLE, identity=str(number), body=b"x" * 1000)])
    if damaged:
        content = bytearray(file.read_bytes())
        page = len(content) // 2 // 4096 * 4096
        content[page : page + 100] = bytes(100)
        file.write_bytes(content)
    without = [each for each in examine(environ=patient.environ, clock=now) if each.subject == "journal"]
    found = [each for each in examine(environ=patient.environ, clock=now, integrity=True) if each.subject == "journal"]
    assert [each.level for each in found[: len(without)]] == [each.level for each in without]
    (integrity,) = found[len(without) :]
    assert (integrity.level is Level.PROBLEM) is damaged
    assert ("put the last backup back" in (integrity.advice or "")) is damaged


def test_new_journal_is_ours_alone_and_one_that_others_can_read_is_told(patient: Patient) -> None:
    url, file = patient.environ["MPESA_CBP_JOURNAL_URL"], patient.folder / "payments.db"
    with Journal(url) as journal:
        journal.check()
        files = sorted(patient.folder.glob("payments.db*"))
        assert [path.name for path in files] == ["payments.db", "payments.db-shm", "payments.db-wal"]
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        assert [level for level, _ in patient.of("journal")] == [Level.OK]
        file.chmod(0o644)
        told = patient.of("journal")
        assert [level for level, _ in told] == [Level.OK, Level.WARNING]
        assert "payments.db holds customers' numbers and can be read by other users" in told[1][1]
    with Journal(url):
        assert file.stat().st_mode & 0o777 == 0o644
