"""mpesa-cbp change-password, and what all commands that send something have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mpesa_cbp_service.cli import run
from tests.service.commands import Shown, Terminal
from tests.world import World

NEW = "planted-new-password"


def from_file(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    del monkeypatch
    (world.folder / "new").write_text(f"{NEW}\n")
    return ["--new-password-file", "new"]


def from_terminal(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    del world
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: NEW)
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda _: NEW)
    return []


@pytest.mark.parametrize("given", [from_file, from_terminal])
def test_the_password_is_changed_and_the_old_one_refused_afterwards(
    given: Callable[[World, pytest.MonkeyPatch], list[str]],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Shown,
) -> None:
    assert run(["change-password", *given(world, monkeypatch)]) == 0
    shown = capsys.readouterr()
    assert "Put the new one into the settings" in shown.out
    assert NEW not in "".join(shown)
    assert run(["balance"]) == 1
    monkeypatch.setenv("MPESA_CBP_SERVICE_PROVIDER_PASSWORD", NEW)
    assert run(["balance"]) == 0


@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o600, False)])
def test_a_password_file_that_others_can_read_is_warned_of(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: Shown, mode: int, warned: bool
) -> None:
    arguments = from_file(world, monkeypatch)
    (world.folder / "new").chmod(mode)
    assert run(["change-password", *arguments]) == 0
    assert ("new can be read by other users of this machine: chmod 600 new" in capsys.readouterr().err) is warned


@pytest.mark.parametrize(
    ("content", "arguments"), [("\n", ["--new-password-file", "new"]), ("", []), ("x", ["--new-password-file", "none"])]
)
def test_a_new_password_that_is_not_there_exits_with_2(
    content: str, arguments: list[str], world: World, capsys: Shown
) -> None:
    (world.folder / "new").write_text(content)
    assert run(["change-password", *arguments]) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("command", ["pay", "query", "status", "balance", "reverse", "register", "change-password"])
def test_every_command_says_what_it_needs_and_has_an_example(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([command, "--help"]) == 0
    assert f"mpesa-cbp {command} " in capsys.readouterr().out.replace("change-password\n", "change-password \n")
    more = {"pay": ["--amount", "1", "--msisdn", "1"], "query": ["x"], "reverse": ["--receipt", "x"]}
    more["register"] = ["--confirmation-url", "http://u.example/"]
    assert run([command, *more.get(command, [])]) == 2
    assert "initiator.password is missing: set MPESA_CBP_INITIATOR_PASSWORD or" in capsys.readouterr().err
