"""``mpesa-cbp listen`` and ``mpesa-cbp events``, as processes and as commands."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service import Journal
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.cli.listen import who_may_call
from mpesa_cbp_service.config import load
from mpesa_cbp_service.journal import InboundMessage
from mpesa_cbp_service.listener.access_rules import SHORTEST_TOKEN
from tests.service.journal.damage import lose_table
from tests.service.listener.messages import TOKEN, response_code, result
from tests.service.listener.processes import Caller, ListenerProcess

MSISDN = "254712345678"

REQUEST = f"""<request xmlns="http://api-v1.gen.mm.vodafone.com/mminterface/request"><Transaction>
<CommandID>BusinessPayment</CommandID><OriginatorConversationID>600000_B</OriginatorConversationID>
<Parameters><Parameter><Key>Amount</Key><Value>250.00</Value></Parameter></Parameters>
<Timestamp>2026-11-25T08:00:00Z</Timestamp></Transaction><Identity><Caller><CallerType>2</CallerType><ThirdPartyID>107031</ThirdPartyID>
<ResultURL>https://us.example/result</ResultURL></Caller>
<Initiator><IdentifierType>11</IdentifierType><Identifier>api</Identifier><SecurityCredential/>
<ShortCode>600000</ShortCode></Initiator>
<ReceiverParty><IdentifierType>1</IdentifierType><Identifier>{MSISDN}</Identifier></ReceiverParty></Identity>
<KeyOwner>1</KeyOwner></request>""".encode()

HANDLERS = f"""def raises(listener):
    raise ValueError("{TOKEN}")

def takes_nothing():
    pass

def asynchronous(listener):
    @listener.on_result
    async def paid(notification):
        pass
"""


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = f"sqlite:///{tmp_path}/j.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPESA_CBP_JOURNAL_URL", found)
    return found


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    """Events 1 and 2 are results of one payment, 3 is unreadable; 1 is a dead letter."""
    with Journal(url) as opened:
        for identity, code in (("a", "0"), ("b", "1")):
            body = result("600000_A", code, f"{MSISDN} - Jane Doe")
            opened.receive(
                InboundMessage(
                    kind=EventKind.RESULT,
                    identity=identity,
                    conversation_id="600000_A",
                    code=code,
                    receipt="R",
                    body=body,
                )
            )
        opened.receive(InboundMessage(kind=EventKind.UNREADABLE, identity="c", body=b"<unreadable \x1b[31m"))
        opened.failed(1, error="ValueError at app:paid:7", retry_at=None)
        yield opened


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ([], [1, 2, 3]),
        (["--kind", "result"], [1, 2]),
        (["--kind", "unreadable", "--kind", "result"], [1, 2, 3]),
        (["--state", "dead"], [1]),
        (["--state", "pending", "--state", "dead"], [1, 2]),
        (["--conversation-id", "600000_A"], [1, 2]),
        (["--conversation-id", "600000_B"], []),
        (["--contradicting"], [2]),
        (["--since", "2020-01-01"], [1, 2, 3]),
        (["--until", "2020-01-01T00:00:00+03:00"], []),
        (["--limit", "2"], [2, 3]),
        (["--limit", "1", "--kind", "result"], [2]),
    ],
)
def test_list_shows_the_events_that_satisfy_all_filters(
    capsys: pytest.CaptureFixture[str], arguments: list[str], numbers: list[int]
) -> None:
    assert run(["events", "list", *arguments]) == 0
    assert [int(line.split()[0]) for line in lines(capsys)] == numbers


def test_that_the_journal_was_not_there_is_told(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = f"note: the journal {tmp_path}/j.db was not there and has been made\n"
    assert url.endswith(f"{tmp_path}/j.db")
    assert run(["events", "list"]) == 0
    assert capsys.readouterr().err == f"{told}no such event\n"
    assert run(["events", "list"]) == 0
    assert capsys.readouterr().err == "no such event\n"


@pytest.mark.usefixtures("journal")
def test_list_says_how_many_there_are_and_why_a_handler_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "list", "--limit", "2"]) == 0
    assert "the newest 2 of 3 events: --limit 3 shows all" in capsys.readouterr().err
    assert run(["events", "list", "--limit", "3"]) == 0
    shown = capsys.readouterr()
    assert "newest" not in shown.err
    assert shown.out.splitlines()[0].endswith(" ValueError at app:paid:7")


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--since", "0001-01-01T00:00:00+14:00"],
        ["--until", "9999-12-31T23:59:59-12:00"],
        ["--conversation-id", "600000\udcff"],
        ["--kind", "x"],
        ["--state", "x"],
        ["--limit", "0"],
        ["--limit", str(2**63)],
    ],
)
def test_filter_that_is_none_is_wrong_usage(arguments: list[str]) -> None:
    assert run(["events", "list", *arguments]) == 2


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("number", ["x", "0", "-1", str(2**63)])
@pytest.mark.parametrize("command", ["show", "replay"])
def test_number_that_no_event_can_have_is_wrong_usage(command: str, number: str) -> None:
    assert run(["events", command, "--", number]) == 2


@pytest.mark.usefixtures("journal")
def test_show_masks_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "show", "1", "3"]) == 0
    masked = capsys.readouterr().out
    assert "600000_A" in masked
    assert MSISDN not in masked
    assert "Jane Doe" not in masked
    assert "\x1b" not in masked
    assert run(["events", "show", "--unmasked", "1"]) == 0
    assert f"{MSISDN} - Jane Doe" in capsys.readouterr().out


@pytest.mark.usefixtures("journal")
def test_event_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "show", "99"]) == 1
    assert "no event 99" in capsys.readouterr().err


def test_replay_gives_dead_letters_to_the_handlers_again(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "replay", "--dead"]) == 0
    assert lines(capsys) == ["event 1 will be handled anew"]
    assert journal.dead_letters() == []
    assert run(["events", "replay", "3"]) == 1
    assert run(["events", "replay"]) == 2
    assert run(["events", "replay", "--dead", "1"]) == 2
    capsys.readouterr()
    assert run(["events", "replay", "--dead"]) == 0
    assert capsys.readouterr().err == "no dead letter\n"


@pytest.mark.usefixtures("journal")
def test_replay_in_a_broken_journal_is_no_event_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_table(tmp_path / "j.db", "mpesa_cbp_events")
    assert run(["events", "replay", "1"]) == 3
    assert "could not be read or written" in capsys.readouterr().err


@pytest.mark.usefixtures("journal")
def test_export_is_json_a_line_masked_unless_told_otherwise(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["events", "export"]) == 0
    text = capsys.readouterr().out
    exported = [json.loads(line) for line in text.splitlines()]
    assert [event["event"] for event in exported] == [1, 2, 3]
    assert exported[0]["message"]["ResultCode"] == "0"
    assert exported[2]["message"] is None
    assert MSISDN not in text

    file = tmp_path / "export.jsonl"
    assert run(["events", "export", "--unmasked", "--kind", "result", "--output", str(file)]) == 0
    assert MSISDN in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_export_shows_which_stored_results_say_a_thing_twice(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an earlier revision took for a success is found by the message that this one does not read."""
    plain = result("600000_C")
    doubled = plain.replace(b"<ResultType>", b"<ResultCode>1</ResultCode><ResultType>")
    for identity, body in (("c", plain), ("d", doubled)):
        journal.receive(
            InboundMessage(kind=EventKind.RESULT, identity=identity, conversation_id="600000_C", code="0", body=body)
        )
    assert run(["events", "export", "--kind", "result", "--conversation-id", "600000_C"]) == 0
    exported = [json.loads(line) for line in lines(capsys)]
    assert [(event["code"], event["message"] is None) for event in exported] == [("0", False), ("0", True)]


def test_export_tells_what_was_asked_for_in_a_payment(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    journal.create(
        conversation_id="600000_B", command_id="BusinessPayment", amount=None, receiver=MSISDN, request=REQUEST
    )
    assert run(["events", "export", "--kind", "created"]) == 0
    (exported,) = map(json.loads, lines(capsys))
    assert exported["message"]["Transaction"]["Parameters"]["Parameter"] == [{"Key": "Amount", "Value": "250.00"}]
    assert exported["message"]["Identity"]["ReceiverParty"]["Identifier"] == "2547****5678"


@pytest.mark.usefixtures("journal")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_full_disk_under_the_standard_output_is_told(url: str) -> None:
    command = [sys.executable, "-m", "mpesa_cbp_service", "events", "export", "--unmasked"]
    environment = {**os.environ, "MPESA_CBP_JOURNAL_URL": url}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("journal")
def test_export_replaces_a_file_only_when_told_to(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text("kept")
    assert run(["events", "export", "--output", str(file)]) == 2
    assert file.read_text() == "kept"
    assert run(["events", "export", "--output", str(file), "--overwrite"]) == 0
    assert len(file.read_text().splitlines()) == 3


def test_unreadable_messages_can_be_discarded(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "discard-unreadable", "--until", "2020-01-01", "--yes"]) == 0
    assert run(["events", "discard-unreadable", "--yes"]) == 0
    assert lines(capsys) == ["0 deleted", "1 deleted"]
    assert journal.count(EventKind.UNREADABLE) == 0
    assert journal.count(EventKind.RESULT) == 2


def test_new_token_is_long_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["listen", "--new-token"]) == 0
    assert len(lines(capsys)[0]) > SHORTEST_TOKEN


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "path_token is missing"),
        ({"PATH_TOKEN": "short"}, "at least 16"),
        ({"PATH_TOKEN": TOKEN, "HANDLERS": "nonsense"}, "package.module:function"),
        ({"PATH_TOKEN": TOKEN, "HANDLERS": "not_there:register"}, "not_there"),
        ({"PATH_TOKEN": TOKEN, "HANDLERS": "json:register"}, "no function register"),
        ({"PATH_TOKEN": TOKEN, "HANDLERS": "half_written:register"}, "SyntaxError in "),
        ({"PATH_TOKEN": TOKEN, "HANDLERS": "failing:register"}, "ValueError at failing:<module>:1"),
        ({"PATH_TOKEN": TOKEN, "HANDLERS": "ours:raises"}, "ValueError at ours:raises:2"),
        ({"PATH_TOKEN": TOKEN, "HANDLERS": "ours:takes_nothing"}, "cannot be registered: TypeError"),
        ({"PATH_TOKEN": TOKEN, "HANDLERS": "ours:asynchronous"}, "asynchronous.<locals>.paid is an async def"),
        ({"PATH_TOKEN": TOKEN, "HOST": "0.0.0.0"}, "listener.networks is missing"),
        ({"PATH_TOKEN": TOKEN, "HOST": "0.0.0.0", "NETWORKS": "192.0.2.0/24"}, "listener.certificate is missing"),
        ({"PATH_TOKEN": TOKEN, "CLIENT_CA": "j.db"}, "client_ca is set without"),
        ({"PATH_TOKEN": TOKEN, "CERTIFICATE_NAMES": "x"}, "needs listener.certificate_header"),
        ({"PATH_TOKEN": TOKEN, "WORKERS": "2"}, "journal.url is SQLite"),
        ({"PATH_TOKEN": TOKEN, "CERTIFICATE": "j.db"}, "certificate (j.db) cannot be used"),
        ({"PATH_TOKEN": TOKEN, "HOST": "localhost.invalid", "NETWORKS": "::/0", "PLAIN_HTTP": "yes"}, "cannot listen"),
    ],
)
def test_listener_that_would_be_open_or_cannot_run_says_why(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    said: str,
) -> None:
    (tmp_path / "half_written.py").write_text("def register(listener):\n    if")
    (tmp_path / "failing.py").write_text(f"raise ValueError('{TOKEN}')\n")
    (tmp_path / "ours.py").write_text(HANDLERS)
    monkeypatch.setattr(sys, "path", [*sys.path])  # the command adds the working directory
    for name in ("half_written", "failing", "ours"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(f"MPESA_CBP_LISTENER_{name}", value)
    assert run(["listen"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert TOKEN not in error


@pytest.mark.usefixtures("journal")
def test_port_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MPESA_CBP_LISTENER_PATH_TOKEN", TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["listen", "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1 port {port}" in told
    assert "sent" not in told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "any address, without TLS of our own"),
        ({"listener_networks": ["192.0.2.0/24"]}, "192.0.2.0/24, without TLS of our own"),
        ({"listener_certificate": "us.pem"}, "any address"),
        (
            {"listener_certificate": "us.pem", "listener_client_ca": "ca.pem"},
            "any address, with a client certificate of ca.pem",
        ),
        (
            {
                "listener_trusted_proxies": ["10.0.0.9"],
                "listener_certificate_header": "X-Subject",
                "listener_certificate_names": ["broker.example"],
            },
            "any address, with the client certificate that our proxy names in X-Subject, which must be broker.example, "
            "without TLS of our own",
        ),
    ],
)
def test_listener_says_who_may_call(settings: dict[str, object], told: str, tmp_path: Path) -> None:
    for name in ("us.pem", "ca.pem"):
        (tmp_path / name).write_text("")
    paths: dict[str, Any] = {
        key: tmp_path / str(value) if str(value).endswith(".pem") else value for key, value in settings.items()
    }
    found = who_may_call(load(environ={}, **paths))
    assert found.replace(f"{tmp_path}/", "") == told


def test_listener_prints_notices_masked_and_ends_in_order(tmp_path: Path, url: str) -> None:
    process = ListenerProcess(tmp_path, url, prints=True, operations_port=0)
    process.start()
    assert any("without TLS" in line for line in process.stderr)
    assert any("(C2B) are refused at their validation" in line for line in process.stderr)
    assert not any(TOKEN in line for line in process.stderr)
    caller = Caller(process.port)
    assert caller.post(result("600000_A", receipt=f"{MSISDN} - Jane Doe"))[0] == 200
    caller.close()
    printed = json.loads(process.read_line())
    assert process.stop() == 0
    assert printed["event_id"] == 1
    assert (printed["conversation_id"], printed["succeeded"]) == ("600000_A", True)
    assert MSISDN not in json.dumps(printed)


def test_listener_that_is_stopped_finishes_what_it_accepted(tmp_path: Path, url: str) -> None:
    process = ListenerProcess(tmp_path, f"{url}?timeout=20", prints=True)
    process.start()
    caller = Caller(process.port)
    # The first delivery shows that the worker is at rest and holds no lock of its own.
    assert response_code(caller.post(result("600000_A"))[1]) == "00000000"
    process.read_line()
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None, timeout=20)) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        other.execute("BEGIN IMMEDIATE")
        caller.sent.clear()
        under_way = pool.submit(caller.post, result("600000_B"))
        assert caller.sent.wait(30)
        process.await_read()
        stopping = pool.submit(process.stop)
        process.await_refusal()
        other.execute("ROLLBACK")
        assert response_code(under_way.result(30)[1]) == "00000000"
        assert stopping.result(30) == 0
    caller.close()
    with Journal(url) as journal:
        assert len(journal.events("600000_B")) == 1
