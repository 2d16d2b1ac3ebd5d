"""Every snippet of README and docs/client.md runs, against the simulator, with our listener."""

from __future__ import annotations

import re
import shlex
import socket
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp_service.cli import run, sentences
from tests.world import World

ROOT = Path(__file__).parents[2]
CLIENT = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")


@pytest.fixture
def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def blocks(text: str, language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found


def test_every_python_snippet_of_the_client_s_documentation_runs(
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, Any] = {}
    for number, snippet in enumerate(blocks(CLIENT, "python"), 1):
        exec(compile(snippet, f"docs/client.md, snippet {number}", "exec"), names)
    names["client"].close()
    names["journal"].close()
    assert "600000_Acme_" in capsys.readouterr().out
    assert len(world.journal.payments()) == world.requests_seen() == 11


def test_the_readme_s_table_names_every_command_and_no_other() -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## The command\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`mpesa-cbp ([a-z-]+)`", row)]
    assert sorted(named) == sorted(sentences())


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


def test_the_readme_s_payment_is_paid_and_its_result_told(
    world: World, free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = world.folder / "mpesa-cbp.toml"
    text = re.sub(r"http://127.0.0.1:[0-9]+/an-", f"http://127.0.0.1:{free_port}/an-", file.read_text("utf-8"))
    text = text.replace("payments.db", "readme.db")
    file.write_text(f'{text}\n[listener]\nport = {free_port}\npath_token = "an-unguessable-word"\n')
    (snippet,) = blocks((ROOT / "README.md").read_text("utf-8"), "python")
    exec(compile(snippet, "README.md", "exec"), {})
    assert re.fullmatch(r"paid \w{10} 100\.00\n", capsys.readouterr().out)
