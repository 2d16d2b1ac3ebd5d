"""Nothing planted is ever shown: by logs at DEBUG, errors, tracebacks with locals, reprs, output, error pages."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console
from rich.traceback import Traceback

from mpesa_cbp import Client
from mpesa_cbp.errors import CbpError, SettingsError
from mpesa_cbp.identity.certificates.reading import encrypted_key
from mpesa_cbp.identity.profile import PROFILES
from mpesa_cbp.identity.signing import signer
from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import QueryTransaction, Result
from mpesa_cbp_models.operations import GENERIC_API_RESULT, QUERY_TRANSACTION
from mpesa_cbp_models.result import ParameterType, ResultParameters
from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_service.notifications import ResultNotification
from mpesa_cbp_simulator import Operator, Simulator, Timing
from mpesa_cbp_simulator.key_pair import generate_key_pair
from tests.end_to_end import planted
from tests.end_to_end.planted import everything_logged, found_in, shown_by
from tests.transport.clients import client_to, operator_key
from tests.transport.failing_broker import (
    FailingBroker,
    answers_late,
    closes_after_head,
    closes_at_once,
    closes_without_answer,
)

TIMING = Timing(result_delay=0.02, late_delay=0.05, slow_delay=0.05, cache_time=0.05, retry_delay=0.05)


class World:
    """A simulated broker that knows the planted secrets, a journal, a listener, a client; and all that they show."""

    def __init__(self, folder: Path, simulator: Simulator, journal: Journal, url: str) -> None:
        self.folder, self.simulator, self.journal, self.url = folder, simulator, journal, url
        self.notifications: list[ResultNotification] = []
        self.arrived = threading.Event()
        self.shown: dict[str, str] = {}

    def client(self, **more: Any) -> Client:
        settings = self.simulator.client_settings()
        settings["initiator"] = planted.initiator(self.simulator.certificate)
        urls = {
            "result_url": f"{self.url}/{planted.PATH_TOKEN}/r",
            "queue_timeout_url": f"{self.url}/{planted.PATH_TOKEN}/q",
        }
        return Client(**{**settings, **urls, "journal": self.journal, "timeout": (2, 2), **more})

    def took(self, notification: ResultNotification) -> None:
        self.notifications.append(notification)
        self.arrived.set()
        raise ValueError(f"a handler that fails on {planted.MSISDN}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with (
        Simulator(
            timing=TIMING,
            seed=1,
            service_provider=planted.SERVICE_PROVIDER,
            operators=[_operator()],
            customers=[planted.CUSTOMER],
        ) as simulator,
        Journal(f"sqlite:///{folder}/payments.db") as journal,
    ):
        listener = Listener(journal=journal, path_token=planted.PATH_TOKEN)
        with ListenerServer(listener) as server:
            there = World(folder, simulator, journal, server.url)
            listener.on_result(there.took)
            yield there


def _operator() -> Any:
    return Operator(name="api", password=planted.INITIATOR_PASSWORD, short_code="600000")


def attempt(
    client: Client, *, amount: object = 100, number: str = "MSISDN", shows: Callable[[BaseException], str] = shown_by
) -> str:
    """Pay, and return what is shown of what came of it; no local of this frame holds what is planted."""
    try:
        return repr(client.pay_customer(getattr(planted, number), amount, remark="x"))  # type: ignore[arg-type]
    except CbpError as error:
        return shows(error)


def as_rich_shows(error: BaseException) -> str:
    page = io.StringIO()
    trace = Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True, locals_max_string=100_000, locals_max_length=1000
    )
    Console(file=page, width=4000).print(trace)
    return page.getvalue()


def test_the_search_finds_every_form_of_what_is_planted() -> None:
    for secret in planted.SECRETS.values():
        for text in (
            secret,
            secret.encode().hex(),
            *(base64.b64encode(b"x" * n + secret.encode() + b"y").decode() for n in range(3)),
        ):
            assert found_in(f"before {text} after")
    assert found_in(base64.b64encode(os.urandom(256)).decode())
    assert not found_in("2547****5432 W****** 600000_Acme_1 payment.accepted")


def test_traceback_with_locals_would_show_a_secret_that_is_held_as_plain_text() -> None:
    def holds(secret: str) -> None:
        raise LookupError(len(secret))

    with pytest.raises(LookupError) as caught:
        holds(planted.SP_PASSWORD)
    assert found_in(shown_by(caught.value))
    assert found_in(as_rich_shows(caught.value))


DAYS = [
    "good", "throttled", "internal-error", "cached-then-expired", "reset-before", "fault-refused", "fault-server",
    "html", "html-503", "cut-answer", "garbled-result", "two-stages", "contradicting-results",
]  # fmt: skip


@pytest.mark.parametrize("bad_day", DAYS)
def test_no_day_at_the_broker_shows_anything(world: World, bad_day: str) -> None:
    with everything_logged() as logged, world.client() as client:
        world.simulator.choose(bad_day)
        shown = [attempt(client)]
        if bad_day == "good":
            assert world.arrived.wait(10)
        for payment in world.journal.payments()[-1:]:
            shown.append(repr(payment))
            try:
                history = client.query_transaction(payment.conversation_id)
                shown.append(f"{history!r} {history.summary} {history.entries!r}")
            except CbpError as error:
                shown.append(shown_by(error))
            shown += [repr(event) for event in world.journal.events(payment.conversation_id)]
        shown += [repr(each) for each in (client, client.builder, world.journal, world.simulator, *world.notifications)]
        shown += [f"{notification.parameters!r} {notification.result!r}" for notification in world.notifications]
    assert {what for text in (*shown, *logged.shown) for what in found_in(text)} == set()


@pytest.mark.parametrize(
    "behaviour",
    [closes_at_once, closes_after_head, closes_without_answer, answers_late],
    ids=lambda each: each.__name__,
)
def test_no_failure_of_the_network_shows_anything(world: World, behaviour: Any) -> None:
    with (
        everything_logged() as logged,
        FailingBroker(behaviour) as broker,
        world.client(endpoint=broker.url(), timeout=(1, 0.2), connect_retries=0) as client,
    ):
        shown = [attempt(client)]
        broker.released.set()
    with world.client(endpoint="http://127.0.0.1:1/x", connect_retries=0) as client:
        shown.append(attempt(client))
    assert "sent=" in shown[0]
    assert {what for text in (*shown, *logged.shown) for what in found_in(text)} == set()


def test_no_error_of_our_own_checks_or_of_the_journal_shows_anything(world: World) -> None:
    broken = Journal(f"sqlite:///{world.folder}/broken.db")
    with everything_logged() as logged, world.client(journal=broken) as client:
        shown = [
            attempt(client, amount="1.001"),
            attempt(client, number="MSISDN_TOO_LONG"),
            attempt(client, amount=0.5),
        ]
        try:
            client.change_password(planted.NEW_PASSWORD, key=planted.AES_KEY, vector=planted.AES_VECTOR_TOO_LONG)
        except CbpError as error:
            shown.append(shown_by(error))
        broken.close()
        (world.folder / "broken.db").unlink()
        (world.folder / "broken.db").mkdir()
        shown.append(attempt(client))
    assert all("InvalidRequest" in text for text in shown[:3])
    assert "SettingsError" in shown[3]
    assert "JournalError" in shown[4]
    assert {what for text in (*shown, *logged.shown) for what in found_in(text)} == set()


def made(**files: Any) -> str:
    """Make a client, and return what is shown of why it cannot be made; no local of this frame holds what is planted."""
    settings: dict[str, Any] = {
        "endpoint": "https://broker.example/",
        "organisation": "Acme",
        "service_provider": planted.SERVICE_PROVIDER,
        "initiator": planted.initiator(operator_key().certificate),
    }
    try:
        Client(**settings, **files, client_passphrase=planted.PASSPHRASE, ca_passphrase=planted.PASSPHRASE)
    except CbpError as error:
        return shown_by(error)
    raise AssertionError("the client could be made")


PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z ]*)PRIVATE KEY-----(?:\\\\n|\\n|\\s)*[A-Za-z0-9+/]{32}")


def test_no_error_about_certificates_shows_a_passphrase_or_a_private_key(tmp_path: Path) -> None:
    certificate, other = tmp_path / "client.pem", generate_key_pair(common_name="other", not_before=planted.NOW, days=1)
    certificate.write_bytes(operator_key().certificate)
    stranger, locked, damaged = tmp_path / "stranger.pem", tmp_path / "locked.pem", tmp_path / "damaged.pem"
    stranger.write_bytes(other.private_key)
    locked.write_bytes(encrypted_key(other.private_key, b"another passphrase"))
    damaged.write_bytes(other.private_key.replace(b"A", b"!"))
    with everything_logged() as logged:
        shown = [
            made(client_certificate=(certificate, stranger)),
            made(client_certificate=(certificate, locked)),
            made(client_certificate=(certificate, damaged)),
            made(ca=damaged),
            made(client_certificate=tmp_path / "missing.p12"),
        ]
    assert ["cannot be used" in text for text in shown] == [True] * 5
    assert {what for text in (*shown, *logged.shown) for what in found_in(text)} == set()
    assert not any(PRIVATE_KEY.search(text) for text in (*shown, *logged.shown))
    assert PRIVATE_KEY.search(f"{other.private_key!r}")


def test_passphrase_that_is_no_text_is_refused_without_it(tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_bytes(operator_key().certificate)
    with pytest.raises(SettingsError, match="UTF-8 cannot hold") as caught:
        client_to(
            "https://broker.example/", client_certificate=tmp_path / "client.pem", client_passphrase="geheim\udc80"
        )
    assert "geheim" not in f"{caught.value}{caught.value.__context__}"


def test_no_page_of_rich_shows_anything(world: World) -> None:
    with world.client(endpoint="http://127.0.0.1:1/x", connect_retries=0) as client:
        shown = [attempt(client, shows=as_rich_shows), attempt(client, amount="1.001", shows=as_rich_shows)]
    assert "NotSent" in shown[0]
    assert "InvalidRequest" in shown[1]
    assert {what for text in shown for what in found_in(text)} == set()


def result_envelope() -> bytes:
    pairs = [("ReceiverPartyPublicName", f"{planted.MSISDN} - {planted.NAME}"), ("TransactionAmount", "1.00")]
    result = Result(
        result_code="0",
        originator_conversation_id="600000_Acme_1",
        result_parameters=ResultParameters(result_parameter=[ParameterType(key=k, value=v) for k, v in pairs]),
    )
    return encode(result, operation=GENERIC_API_RESULT, direction="input")


def post(url: str, name: str, kind: str = "text/xml") -> str:
    """What the server answers. urllib logs nothing: the request is the broker's, and its log not ours."""
    request = urllib.request.Request(url, data=BODIES[name], headers={"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return f"{answer.status} {answer.headers} {answer.read().decode()}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.headers} {error.read().decode()}"


BODIES: dict[str, bytes] = {
    "whole": result_envelope(),
    "half": result_envelope()[:-20],
    "unknown message": result_envelope().replace(b"ResultMsg", b"Unknown"),
    "no code": result_envelope().replace(b"ResultCode", b"ResultCod"),
    "no text": b"\xff" + result_envelope(),
}


def strictly(name: str) -> str:
    try:
        return repr(decode(bytes(BODIES[name]).replace(b"?>", b"?>\n"), strict=True))
    except CbpError as error:
        return shown_by(error)


def test_no_error_page_shows_what_was_posted(world: World) -> None:
    with everything_logged() as logged:
        shown = [post(f"{world.url}/{planted.PATH_TOKEN}/r", name) for name in BODIES]
        shown += [post(world.simulator.url, name) for name in BODIES]
        shown += [post(f"{world.url}/{planted.MSISDN}", "whole"), post(f"{world.url}/x", "whole", kind="text/plain")]
        shown += [strictly(name) for name in BODIES]
    assert {what for text in (*shown, *logged.shown) for what in found_in(text)} == set()


@contextmanager
def command(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a command that is set up with the planted secrets."""
    client = world.simulator.client_settings()
    (world.folder / "initiator.password").write_text(planted.INITIATOR_PASSWORD)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MPESA_CBP_")}
    monkeypatch.setenv("COLUMNS", "200")
    yield {
        **environment,
        "MPESA_CBP_ENDPOINT": world.simulator.url,
        "MPESA_CBP_ORGANISATION": "Acme",
        "MPESA_CBP_SERVICE_PROVIDER_ID": client["service_provider"].id,
        "MPESA_CBP_SERVICE_PROVIDER_SERVICE_ID": client["service_provider"].service_id,
        "MPESA_CBP_SERVICE_PROVIDER_PASSWORD": planted.SP_PASSWORD,
        "MPESA_CBP_SERVICE_PROVIDER_THIRD_PARTY_PASSWORD": planted.THIRD_PARTY_PASSWORD,
        "MPESA_CBP_INITIATOR_NAME": "api",
        "MPESA_CBP_INITIATOR_SHORT_CODE": "600000",
        "MPESA_CBP_INITIATOR_PASSWORD_FILE": str(world.folder / "initiator.password"),
        "MPESA_CBP_INITIATOR_CERTIFICATE": str(world.simulator.certificate),
        "MPESA_CBP_NEW_PASSWORD_KEY": planted.AES_KEY,
        "MPESA_CBP_NEW_PASSWORD_VECTOR": planted.AES_VECTOR,
        "MPESA_CBP_RESULT_URL": f"{world.url}/{planted.PATH_TOKEN}/r",
        "MPESA_CBP_JOURNAL_URL": f"sqlite:///{world.folder}/commands.db",
    }


def ran(arguments: list[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mpesa_cbp_service", *arguments],
        capture_output=True, text=True, env=environment, cwd=folder, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"


def test_no_command_shows_anything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.folder / "result.xml").write_bytes(result_envelope())
    (world.folder / "half.xml").write_bytes(result_envelope()[:-20])
    with world.client() as client:
        client.pay_customer(planted.MSISDN, 100, conversation_id="600000_Acme_7")
    history = requests.post(world.simulator.url, data=_query(world), headers={"Content-Type": "text/xml"}, timeout=10)
    (world.folder / "history.xml").write_bytes(history.content)
    with command(world, monkeypatch) as environment:
        outputs = {
            " ".join(arguments): ran(arguments, environment, world.folder)
            for arguments in (
                ["demo", "--show-xml"],
                ["decode", "result.xml", "half.xml", "history.xml"],
                ["decode", "--json", "result.xml", "half.xml", "history.xml"],
                ["query", "600000_Acme_7", "--json"],
            )
        }
    assert "SUCCEEDED" in outputs["demo --show-xml"]
    assert outputs["decode result.xml half.xml history.xml"].startswith("exit 3")
    assert json.loads(outputs["decode --json result.xml half.xml history.xml"].splitlines()[1])
    assert {name: found for name, text in outputs.items() if (found := found_in(text))} == {}


def _query(world: World) -> bytes:

    signs = signer(
        service_provider=planted.SERVICE_PROVIDER,
        initiator=planted.initiator(world.simulator.certificate),
        profile=PROFILES["contract"],
        clock=lambda: datetime.now(UTC),
    )
    message = QueryTransaction(originator_conversation_id="600000_Acme_7")
    return encode(message, operation=QUERY_TRANSACTION, direction="input", header=signs.header())
