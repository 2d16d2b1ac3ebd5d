"""Every snippet of README and docs/client.md runs, against the simulator, with our listener."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mpesa_cbp import errors
from mpesa_cbp.cli import COMMANDS, run
from mpesa_cbp.errors import CbpError
from mpesa_cbp.payments import PaymentState
from mpesa_cbp.settings import reveal
from tests.transport.conftest import World

ROOT = Path(__file__).parents[2]
CLIENT = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found


def test_every_python_snippet_of_the_client_s_documentation_runs(
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, object] = {}
    for number, snippet in enumerate(blocks(CLIENT, "python"), 1):
        exec(compile(snippet, f"docs/client.md, snippet {number}", "exec"), names)
    assert "600000_Acme_" in capsys.readouterr().out
    assert len(world.journal.payments()) == world.requests_seen() == 10


def test_the_readme_s_table_names_every_command_and_no_other() -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## The command\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`mpesa-cbp ([a-z-]+)`", row)]
    assert sorted(named) == sorted(COMMANDS)


def test_every_python_snippet_of_the_settings_documentation_runs(world: World) -> None:
    for number, snippet in enumerate(blocks((ROOT / "docs" / "settings.md").read_text("utf-8"), "python"), 1):
        exec(compile(snippet, f"docs/settings.md, snippet {number}", "exec"), {})
    assert world.requests_seen() > 0


def test_every_command_of_the_client_s_documentation_exits_with_0(
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (lines,) = blocks(CLIENT, "console")
    for line in lines.splitlines():
        command, *arguments = shlex.split(line)
        assert command == "mpesa-cbp"
        assert run(arguments) == 0, f"{line}\n{capsys.readouterr().err}"
    assert world.requests_seen() == 4


def test_the_readme_s_payment_runs_with_the_simulator_s_names_in_place_of_the_broker_s(
    world: World,
) -> None:
    settings = world.simulator.client_settings()
    snippet = next(each for each in blocks((ROOT / "README.md").read_text("utf-8"), "python") if "pay_customer" in each)
    for broker, simulator in (
        ("https://broker.example/mminterface/request", world.simulator.url),
        ('"broker.cer"', f'"{world.simulator.certificate}"'),
        ("port=8443", "port=0"),
    ):
        assert broker in snippet
        snippet = snippet.replace(broker, simulator)
    names: dict[str, object] = {
        "sp_password": reveal(settings["service_provider"].password),
        "password": reveal(settings["initiator"].password),
    }
    exec(compile(snippet, "README.md", "exec"), names)
    assert world.requests_seen() == 1


def test_the_documentation_names_every_error_and_every_state() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CbpError)]
    elsewhere = {"CbpError", "FaultOutcomeUnknown", "FaultRefusal", "MalformedMessage", "MissingExtra"}
    for kind in kinds:
        assert kind.__name__ in elsewhere or f"| `{kind.__name__}` |" in CLIENT
    for state in PaymentState:
        assert f"| {state.name} |" in CLIENT
