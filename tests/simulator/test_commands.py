"""``mpesa-cbp simulate`` and ``mpesa-cbp demo``: what they tell, and how they exit."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpesa_cbp import PaymentState
from mpesa_cbp.payment.codes import result_meaning
from mpesa_cbp_service import Journal
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.config import FOR_CLIENT, FOR_JOURNAL, load
from mpesa_cbp_simulator import BAD_DAYS, BadDay, Simulator, State
from mpesa_cbp_simulator.cli.demo_lessons import lesson
from mpesa_cbp_simulator.faults import Description, all_days
from mpesa_cbp_simulator.settings_file import settings_toml
from tests.simulator.test_bad_days import DAYS


@contextlib.contextmanager
def simulating(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A running ``mpesa-cbp simulate`` and the lines with which it began."""
    command = [sys.executable, "-m", "mpesa_cbp_service", "simulate", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if "Ctrl-C stops" in line:
                break
        try:
            yield process, lines
        finally:
            if process.poll() is None:
                process.kill()


def test_start_message_has_all_that_a_newcomer_needs(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with simulating("--directory", str(folder)) as (process, lines):
        text = "\n".join(lines)
        for wanted in ("Watch it at http://127.0.0.1:", "endpoint", "password certificate", "for changePassword"):
            assert wanted in text

        config = tmp_path / "mpesa-cbp.toml"
        begin = next(place for place, line in enumerate(lines) if line.startswith("  endpoint = "))
        config.write_text("\n".join(line.strip() for line in lines[begin:]).partition("\nBad days")[0])
        assert load(config, require=FOR_CLIENT | FOR_JOURNAL).initiator_short_code == "600000"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert "has what it knows" in process.stdout.read()


def test_written_settings_pay_through_it(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    with simulating("--directory", str(tmp_path / "state"), "--write-config", str(config)) as (process, _):
        assert config.stat().st_mode & 0o777 == 0o600
        configuration = load(config, require=FOR_CLIENT | FOR_JOURNAL)
        assert configuration.journal_url is not None
        with Journal(configuration.journal_url) as journal, configuration.client(journal=journal) as client:
            sent = client.pay_customer("254700000000", 100)
            payment = journal.payment(sent.conversation_id)
            assert payment is not None
            assert payment.state is PaymentState.ACCEPTED
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    with Simulator(directory=tmp_path / "state") as simulator:
        assert [each.conversation_id for each in simulator.conversations()] == [sent.conversation_id]
        assert simulator.conversations()[0].state in {State.ACCEPTED, State.COMPLETED}


def test_scenario_file_and_seed_are_taken(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[bad_day]]\nname = "throttled"\n')
    config = tmp_path / "settings.toml"
    options = ["--scenario-file", str(scenario), "--seed", "3", "--directory", str(tmp_path / "state")]
    with simulating(*options, "--write-config", str(config)):
        assert run(["pay", "--msisdn", "254700000000", "--amount", "100", "--yes", "--config", str(config)]) == 1


def test_settings_with_every_character_are_written_as_toml(tmp_path: Path) -> None:
    from mpesa_cbp.identity.profile import ServiceProvider

    odd = 'a"b\\c\x7fdé\N{PILE OF POO}'
    with Simulator(service_provider=ServiceProvider(id="1", password=odd, service_id="2")) as simulator:
        config = tmp_path / "settings.toml"
        config.write_text(settings_toml(simulator), encoding="utf-8")
        assert load(config).service_provider_password == odd


def test_settings_have_a_path_token_of_their_own_and_the_listener_s_port() -> None:
    with Simulator() as simulator:
        first, second = (tomllib.loads(settings_toml(simulator, listener_port=9001)) for _ in range(2))
    token = first["listener"]["path_token"]
    assert token != second["listener"]["path_token"]
    assert len(token) >= 32
    assert first["listener"]["port"] == 9001
    assert first["result_url"] == f"http://127.0.0.1:9001/{token}/result"
    assert first["queue_timeout_url"] == f"http://127.0.0.1:9001/{token}/queue-timeout"


@pytest.mark.parametrize("day", all_days(), ids=lambda day: day.name)
def test_what_a_day_does_agrees_with_what_its_code_settles(day: Description) -> None:
    name, _, number = day.name.partition(":")
    if name == "result-code":
        final = result_meaning(number).final
        assert ("then not paid" in day.what) == final
        assert ("settles nothing" in day.what) == (not final)
        assert ("settles nothing" in lesson(BadDay.parse(day.name))) == (not final)
    elif name in ("throttled", "overloaded"):
        assert "under the same conversation id" in lesson(BadDay.parse(day.name))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--scenario", "thortled"], "did you mean throttled?"),
        (["--scenario-file", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["--scenario", "slow", "--scenario-file", "a.toml"], "either --scenario or --scenario-file"),
        (["--write-config", "a.toml"], "--write-config needs --directory"),
        (["--host", "not an address"], "cannot listen on not an address"),
        (["--port", "70000"], "70000"),
    ],
)
def test_wrong_options_exit_with_2(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--port", "0", *arguments]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err


def test_folder_that_is_none_state_that_is_damaged_and_file_that_is_there_exit_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "simulator.db").write_text("nonsense" * 200)
    (tmp_path / "config.toml").write_text("")
    folder = str(tmp_path / "state")
    for arguments, says in (
        (["--directory", str(tmp_path / "file" / "x")], "cannot keep its key pair"),
        (["--directory", str(tmp_path / "damaged")], "damaged or no state"),
        (["--directory", folder, "--write-config", str(tmp_path / "config.toml")], "is there already"),
        (
            ["--directory", folder, "--write-config", str(tmp_path / "nowhere" / "config.toml")],
            "its folder is not there",
        ),
    ):
        assert run(["simulate", "--port", "0", *arguments]) == 2
        shown = capsys.readouterr()
        assert says in shown.err
        assert shown.out == ""
    assert not (tmp_path / "state").exists()


def test_port_that_is_taken_exits_with_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "mpesa_cbp_service", "simulate", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


_EXITS = {PaymentState.SUCCEEDED: 0, PaymentState.FAILED: 1, PaymentState.EXPIRED: 1}


@pytest.mark.parametrize("day", [*(row.name for row in BAD_DAYS), "good", "dialect:2", "result-code:1"])
def test_demo_tells_each_day_truly(day: str, capsys: pytest.CaptureFixture[str]) -> None:
    ends = DAYS.get(day, DAYS["good"])
    assert run(["demo", "--scenario", day, "--pace", "0.05"]) == _EXITS.get(ends.asked, 4)
    printed = capsys.readouterr().out
    assert f"In our journal the payment is now {ends.asked.name}." in printed
    books = "the money has moved, once" if ends.moved else "no money has moved"
    assert f"In the core's own books {books}." in printed
    assert lesson(BadDay.parse(day)) in printed
    if ends.raises is not None:
        assert f"Our call ends with {ends.raises.__name__}" in printed
    assert ("queryTransaction)" in printed) == (ends.over is not ends.asked or ends.asked not in _EXITS)
    for secret in ("254712345678", "simulator-sp-secret", "simulator-initiator-secret", "Customer 678"):
        assert secret not in printed


@pytest.mark.parametrize(
    ("day", "code", "says"),
    [
        ("dialect:12", 0, "Nothing was odd here: this dialect is one of the answer to queryTransaction."),
        ("response-code:100000004", 4, "The core never saw it, but this code does not say so."),
        ("response-code:100000007", 1, "The broker refused the request at once; the core never saw it."),
    ],
)
def test_lesson_of_a_numbered_day_is_what_was_seen(
    day: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--scenario", day, "--pace", "0.05"]) == code
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("day", ["response-code:0", "response-code:000", "response-code:100000000"])
def test_code_that_is_no_refusal_cannot_be_chosen_as_one(day: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--scenario", day]) == 2
    assert "is no refusal" in capsys.readouterr().err


def test_demo_shows_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--pace", "0.05"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"A result says:\n  ResultCode +0: The transaction is done\.\n  receipt +S\w{9}\n", printed)


def test_demo_lists_every_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--list"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert {row.name for row in BAD_DAYS} < listed
    assert {"result-code:17", "dialect:14"} < listed


def test_demo_of_an_unknown_day_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--scenario", "cached-then-expird"]) == 2
    assert "did you mean cached-then-expired?" in capsys.readouterr().err
