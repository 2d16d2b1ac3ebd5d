"""mpesa-cbp: what it prints and how it exits."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from mpesa_cbp.soap import encode
from mpesa_cbp_models.operations import GENERIC_API_RESULT
from mpesa_cbp_models.result import ParameterType, Result, ResultParameters
from mpesa_cbp_service.cli import commands, run, sentences

NAME = "254712345678 - Jane Doe"


@pytest.fixture
def message(tmp_path: Path) -> Path:
    pairs = [ParameterType(key="ReceiverPartyPublicName", value=NAME), ParameterType(key="Amount", value="100.00")]
    result = Result(
        result_code="0", originator_conversation_id="c1", result_parameters=ResultParameters(result_parameter=pairs)
    )
    path = tmp_path / "result.xml"
    path.write_bytes(encode(result, operation=GENERIC_API_RESULT, direction="input"))
    return path


def test_demo_pays_and_tells_the_five_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--show-xml"]) == 0
    printed = capsys.readouterr().out
    for number in range(1, 6):
        assert f"Step {number}:" in printed
    assert "the payment is now SUCCEEDED" in printed
    assert "254712345678" not in printed
    assert "simulator-sp-secret" not in printed
    assert "<SecurityCredential>********</SecurityCredential>" in printed


@pytest.mark.parametrize(("scenario", "state"), [("cached-then-expired", "EXPIRED"), ("throttled", "FAILED")])
def test_demo_of_a_bad_day_exits_with_1(scenario: str, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--scenario", scenario]) == 1
    assert f"the payment is now {state}" in capsys.readouterr().out


def test_decode_masks_unless_told_otherwise(message: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decode", str(message)]) == 0
    masked = capsys.readouterr().out
    assert "Jane" not in masked
    assert "254712345678" not in masked
    assert "OriginatorConversationID  c1" in masked
    assert run(["decode", "--unmasked", "--json", str(message)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["operation"] == "GenericAPIResult"
    assert facts["message"]["ResultParameters"]["ResultParameter"][0]["Value"] == NAME


def test_decode_reads_what_it_can_and_tells_the_rest(
    message: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "half.xml").write_bytes(message.read_bytes()[:200])
    (tmp_path / "empty.xml").write_bytes(b"")
    files = [str(tmp_path / name) for name in ("half.xml", "empty.xml", "none.xml")]
    assert run(["decode", *files, str(message)]) == 3
    captured = capsys.readouterr()
    assert "GenericAPIResult" in captured.out
    assert "half.xml: The message cannot be read" in captured.err
    assert "empty.xml: The message cannot be read: the body is empty" in captured.err
    assert "none.xml: No such file or directory" in captured.err


def test_code_explains_known_codes_and_says_which_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["code", "100000007", "15"]) == 0
    told = capsys.readouterr().out
    assert "authenticate" in told
    assert "(mpesa-cbp query)" in told
    assert run(["code", "987654"]) == 1
    assert "not known; treat the payment as open and ask (mpesa-cbp query)" in capsys.readouterr().err
    assert run(["code"]) == 0


def test_certificates_of_a_wrong_file_exits_with_3(message: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["certificates", str(message)]) == 3
    assert "result.xml" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["demo", "--scenario", "sunshine"],
        ["demo", "--timeout", "soon"],
        ["demo", "--timeout", "-1"],
        ["demo", "--timeout", "nan"],
        ["demo", "--timeout", "inf"],
        ["pay", "--wait", "nan"],
        ["pay", "--wait", "1e300"],
        ["pay", "--rate", "nan"],
        ["reconcile", "--older-than", "nan"],
        ["reconcile", "--pause", "nan"],
        ["settle", "c1", "--older-than", "nan"],
        ["decode"],
        ["certificates"],
        ["simulate", "--port", "99999"],
        ["simulate", "--scenario", "nowhere.toml", "--port", "0"],
    ],
)
def test_bad_words_exit_with_2_and_no_traceback(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.strip()
    assert "Traceback" not in captured.err


def every_command(group: click.Group = commands, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command, those of its group before them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*before, name))


def command_of(words: Sequence[str]) -> tuple[click.Command, list[str]]:
    """The command that words of a command line name, and what follows it."""
    command: click.Command = commands
    for place, word in enumerate(words):
        found = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        if found is None:
            return command, list(words[place:])
        command = found
    return command, []


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_help_of_every_command_has_an_example_and_its_exit_codes(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: mpesa-cbp {' '.join(words)} ")
    assert re.search(r"Exits\s+with\s+0\b", shown)
    command, _ = command_of(words)
    examples = re.findall(
        r"^ *(?:.* \| )?mpesa-cbp (.+)$", (command.help or "").partition("\b")[2].split("\n\n")[0], re.M
    )
    assert examples
    for example in examples:
        meant, arguments = command_of(shlex.split(example.partition(" > ")[0]))
        assert meant is command or isinstance(command, click.Group)
        # Raises where an option of the example is none.
        meant.make_parser(click.Context(meant)).parse_args(arguments)


def test_list_of_commands_says_what_each_command_says_of_itself() -> None:
    context = click.Context(commands)
    said = {}
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        said[name] = command.get_short_help_str(1000)
    assert said == sentences()


@pytest.mark.parametrize("arguments", [["--help"], ["decode", "--help"], ["code", "0"]])
def test_command_that_needs_neither_database_nor_server_loads_neither(arguments: list[str]) -> None:
    script = (
        "import sys; from mpesa_cbp_service.cli import run; code = run(sys.argv[1:]); "
        "loaded = {'sqlalchemy', 'granian', 'requests'} & sys.modules.keys(); sys.exit(f'{code} {sorted(loaded)}')"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "0 []"
