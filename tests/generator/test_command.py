"""mpesa-cbp-gen: what it writes, what it says, how it exits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mpesa_cbp_generator.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """A copy of the project's contract, settings and bindings, free to be changed."""
    for name in ("wsdl", "xsd", "generated"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "bindings.toml", tmp_path)
    return tmp_path


def config(folder: Path) -> list[str]:
    return ["--config", str(folder / "bindings.toml")]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_committed_bindings_are_what_the_contract_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(ROOT / "bindings.toml")]) == 0
    assert "is what the contract gives" in capsys.readouterr().out


def test_generating_twice_and_under_other_hash_seeds_gives_identical_bytes(contract: Path) -> None:
    expected = tree(ROOT / "generated" / "mpesa_cbp_models")
    for seed in ("0", "4711"):
        shutil.rmtree(contract / "generated")
        done = subprocess.run(
            [sys.executable, "-m", "mpesa_cbp_generator", "generate", *config(contract)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert tree(contract / "generated" / "mpesa_cbp_models") == expected


def test_bytes_do_not_depend_on_where_the_generator_runs_or_on_what_lies_there(
    contract: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expected = tree(contract / "generated" / "mpesa_cbp_models")
    inside = contract / "generated" / "mpesa_cbp_models"
    for folder in (inside, contract / "wsdl"):
        monkeypatch.chdir(folder)
        assert main(["check", *config(contract)]) == 0
    for name in ("lxml", "mpesa_cbp_models"):
        (tmp_path / "elsewhere" / name).mkdir(parents=True)
        (tmp_path / "elsewhere" / name / "__init__.py").touch()
    for folder in (contract, inside.parent, tmp_path / "elsewhere"):
        monkeypatch.chdir(folder)
        shutil.rmtree(inside)
        assert main(["generate", *config(contract)]) == 0
        assert main(["check", *config(contract)]) == 0
    assert tree(inside) == expected


def test_one_changed_byte_in_a_schema_fails_the_check_and_names_the_file(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = contract / "xsd" / "CPSInterface_Result.xsd"
    path.write_bytes(path.read_bytes().replace(b'<xs:maxLength value="10"/>', b'<xs:maxLength value="11"/>', 1))
    assert main(["check", *config(contract)]) == 1
    printed = capsys.readouterr().out
    assert "--- mpesa_cbp_models/result.py" in printed
    assert "+++ mpesa_cbp_models/result.py" in printed
    assert "+_FACETS_1 = Facets(max_length=11)" in printed
    assert "xsd/CPSInterface_Result.xsd" in printed


def test_edited_missing_and_stale_files_fail_the_check_and_are_mended_by_generate(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = contract / "generated" / "mpesa_cbp_models"
    (package / "result.py").unlink()
    (package / "stale.py").write_text("old = True\n")
    (package / "py.typed").unlink()
    assert main(["check", *config(contract)]) == 1
    printed = capsys.readouterr().out
    assert "mpesa_cbp_models/stale.py" in printed
    assert "mpesa_cbp_models/py.typed: missing" in printed
    assert main(["generate", *config(contract)]) == 0
    assert tree(package) == tree(ROOT / "generated" / "mpesa_cbp_models")


def test_folder_of_somebody_else_is_left_alone(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = contract / "generated" / "mpesa_cbp_models"
    (package / "contract.lock.json").unlink()
    assert main(["generate", *config(contract)]) == 2
    assert "left as it is" in capsys.readouterr().err
    assert (package / "result.py").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check", "--config", "nowhere.toml"], 2, "nowhere.toml: No such file"),
        (["generate", "--contract", "x"], 2, "give either --config, or --contract with --package and --out"),
        (["generate", "--contract", "x", "--package", "a-b", "--out", "o"], 2, "is not a Python package name"),
        (["generate", "--contract", "nowhere", "--package", "p", "--out", "o"], 3, "nowhere: contract: no such file"),
    ],
)
def test_bad_words_are_answered_with_one_clear_line(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["check", "--no-such-option"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: mpesa-cbp-gen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[contract]", "[contrakt]", "[contrakt] is not known"),
        ("sources =", "sauces =", "sauces is not known"),
        ('GenericAPIRequest = "caller"', 'GenericAPIRequest = "boss"', "must be 'caller' or 'callee'"),
        ('"request:RequestMsg" = "request:request"', '"nope:RequestMsg" = "request:request"', "must be MODULE:ELEMENT"),
        ('CommandID = ["CommandId"]', 'CommandIX = ["CommandId"]', "the contract does not have: CommandIX"),
        ("trim = true", "trim = ", "not a TOML file"),
    ],
)
def test_mistake_in_bindings_toml_is_named(
    contract: Path, old: str, new: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = contract / "bindings.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert main(["check", *config(contract)]) == 2
    assert said in capsys.readouterr().err


def test_broken_contract_exits_with_3_and_names_file_and_line(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = contract / "xsd" / "CPSInterface_Response.xsd"
    path.write_bytes(path.read_bytes()[:900])
    assert main(["check", *config(contract)]) == 3
    assert "xsd/CPSInterface_Response.xsd:" in capsys.readouterr().err
