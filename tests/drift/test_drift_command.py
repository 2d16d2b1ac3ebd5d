"""The commands as a user types them: output, exit codes, and errors without a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mpesa_cbp_generator.cli import main
from mpesa_cbp_generator.drift.command import FORMATS
from mpesa_cbp_generator.drift.rules.all_rules import RULES
from tests.drift.contracts import ROOT, Contract, sequence


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three contracts: old, one with an optional element more, one with a required element more."""
    contracts = {
        "old": Contract(),
        "info": Contract(content=sequence("Amount", 'Note type="xs:string" minOccurs="0"')),
        "warning": Contract(address="http://new.example/"),
        "error": Contract(content=sequence("Amount", "Currency")),
    }
    for name, contract in contracts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pay.wsdl").write_text(contract.text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("new", "fail_on", "code"),
    [
        ("old", "info", 0),
        ("info", "error", 0),
        ("info", "warning", 0),
        ("info", "info", 1),
        ("warning", "error", 0),
        ("warning", "warning", 1),
        ("error", "error", 1),
        ("error", "never", 0),
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_exit_code_says_whether_anything_reaches_the_threshold(new: str, fail_on: str, code: int) -> None:
    assert main(["drift", "old", new, "--fail-on", fail_on]) == code


@pytest.mark.usefixtures("folder")
def test_an_error_fails_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", "old", "error"]) == 1
    assert "Pay/PayRequest/Currency" in capsys.readouterr().out


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_goes_to_the_terminal_or_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    assert main(["drift", "old", "error", "--format", form]) == 1
    text = capsys.readouterr().out
    assert main(["drift", "old", "error", "--format", form, "--output", "report"]) == 1
    assert (folder / "report").read_text(encoding="utf-8") == text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["drift", "old", "nowhere"], 3, "nowhere cannot be compared:\n  nowhere: contract: no such file or folder"),
        (["drift", "old", "git:nowhere"], 3, "git:nowhere cannot be compared"),
        (["drift", "old"], 2, "OLD is missing"),
        (["drift", "old", "info", "error"], 2, "more than OLD and NEW"),
        (["drift", "old", "info", "--accept", "nowhere.toml"], 2, "nowhere.toml: No such file"),
        (["drift", "old", "info", "--config", "nowhere.toml"], 2, "nowhere.toml: No such file"),
        (["drift", "old", "info", "--output", "no/such/folder"], 3, "no/such/folder cannot be written: No such file"),
        (["explain", "element-remved"], 2, "did you mean element-removed?"),
        (["explain", "zzz"], 2, "'mpesa-cbp-gen rules' lists them"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_mistake_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main(words) == code
    message = capsys.readouterr().err
    assert said in message
    assert message.startswith("mpesa-cbp-gen: ")


@pytest.mark.parametrize("words", [["drift"], ["drift", "a", "b", "--format", "pdf"], ["drift", "a", "--fail-on", "x"]])
def test_wrong_words_are_wrong_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2


def test_an_accepted_finding_lets_the_run_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["drift", "old", "error", "--format", "json"])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    (folder / "drift-accept.toml").write_text(
        f'[[accept]]\nfingerprint = "{finding["fingerprint"]}"\nreason = "agreed"\nby = "Wanjiru"\n'
    )
    assert main(["drift", "old", "error", "--accept", "drift-accept.toml"]) == 0
    assert main(["drift", "old", "old", "--accept", "drift-accept.toml"]) == 0
    assert main(["drift", "old", "old", "--accept", "drift-accept.toml", "--fail-on", "warning"]) == 1
    assert "acceptance-stale" in capsys.readouterr().out


def test_new_alone_is_compared_with_the_lock_of_the_bindings(capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(ROOT / "bindings.toml")]
    assert main(["drift", str(ROOT), *config]) == 0
    assert "nothing changed" in capsys.readouterr().out


def test_roles_come_from_the_settings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bindings.toml").write_text(
        '[contract]\nsources = ["old"]\npackage = "pay"\noutput = "pay"\n[operations]\nPay = "callee"\n'
    )
    assert main(["drift", "old", "error"]) == 0
    assert "warning  required-element-added  inbound" in capsys.readouterr().out


def test_rules_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    listed = capsys.readouterr().out
    assert main(["rules", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [item["id"] for item in data] == [rule.id for rule in RULES]
    for rule in RULES:
        assert f"\n{rule.id} " in listed
        assert main(["explain", rule.id]) == 0
        text = capsys.readouterr().out
        assert all(part in text for part in (rule.title, rule.what, rule.why, rule.example, rule.advice))


def test_the_other_commands_do_not_load_what_drift_needs() -> None:
    code = "import sys, mpesa_cbp_generator.cli; print([n for n in sys.modules if 'drift' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mpesa_cbp_generator.drift', 'mpesa_cbp_generator.drift.command']"


def test_a_terminal_that_is_not_utf8_is_no_obstacle(folder: Path) -> None:
    command = [sys.executable, "-X", "utf8=0", "-m", "mpesa_cbp_generator", "drift", "old", "error"]
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT / "generator")}
    done = subprocess.run(command, capture_output=True, cwd=folder, env=environment, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
