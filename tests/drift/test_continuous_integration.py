"""The ready-made files for CI: they are legal for their host, and their commands are ones that the parser takes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp_generator.cli import main
from tests.drift.contracts import ROOT, Contract, sequence
from tests.drift.test_sources import git, needs_git

WORKFLOW, GITLAB, HOOKS = (
    ROOT / "examples/github-workflow.yml",
    ROOT / "examples/gitlab-ci.yml",
    ROOT / ".pre-commit-hooks.yaml",
)

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def loaded(path: Path) -> Any:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "schema"), [(WORKFLOW, "github-workflows"), (GITLAB, "gitlab-ci")])
def test_the_files_are_what_their_hosts_schemas_say(path: Path, schema: str) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def drift_commands() -> list[list[str]]:
    found = []
    for path in (WORKFLOW, GITLAB, HOOKS):
        for line in re.findall(r"mpesa-cbp-gen drift .*", path.read_text(encoding="utf-8")):
            words = shlex.split(line.partition(" >>")[0])
            if len(words) > 2:
                found.append(words[1:])
    return found


@needs_git
@pytest.mark.parametrize("words", drift_commands(), ids=" ".join)
def test_every_command_runs_and_finds_what_changed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("wsdl", "xsd"):
        (tmp_path / name).mkdir()
    (tmp_path / "wsdl/pay.wsdl").write_text(Contract().text())
    (tmp_path / "drift-accept.toml").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    (tmp_path / "wsdl/pay.wsdl").write_text(Contract(content=sequence("Amount", "Currency")).text())
    monkeypatch.chdir(tmp_path)
    given = ["git:HEAD" if word == "$OLD" else word for word in words]
    assert main(given) == (0 if "never" in given else 1)
    written = [tmp_path / name for name in ("drift.sarif", "drift.html", "drift.xml") if (tmp_path / name).exists()]
    text = written[0].read_text(encoding="utf-8") if written else capsys.readouterr().out
    assert "required-element-added" in text


def test_the_hooks_need_what_the_generator_needs() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    hooks = loaded(HOOKS)
    assert {hook["id"] for hook in hooks} == {"check", "drift"}
    for hook in hooks:
        assert sorted(hook["additional_dependencies"]) == sorted(project["optional-dependencies"]["generator"])
        assert re.search(hook["files"], "wsdl/CBPInterface_Request.wsdl")


def test_the_workflow_gives_no_name_of_a_branch_to_a_shell() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert json.dumps(re.findall(r"\$\{\{.*?\}\}", text)) == '["${{ github.base_ref }}"]'
    assert "OLD: git:origin/${{ github.base_ref }}" in text


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A branch that takes in a longer contract, in a clone of its project as a CI job has it."""
    origin, work = tmp_path / "origin", tmp_path / "work"
    origin.mkdir()
    (origin / "wsdl").mkdir()
    (origin / "bindings.toml").write_text('[contract]\nsources = ["wsdl"]\npackage = "pay"\noutput = "pay"\n')
    (origin / "wsdl/pay.wsdl").write_text(Contract().text())
    generate = [sys.executable, "-m", "mpesa_cbp_generator", "generate"]
    subprocess.run(generate, cwd=origin, check=True, capture_output=True)
    git(origin, "init", "-q", "--initial-branch=main")
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", str(origin), str(work))
    git(work, "switch", "-q", "-c", "new-contract")
    (work / "wsdl/pay.wsdl").write_text(Contract(content=sequence("Amount", "Currency")).text())
    subprocess.run(generate, cwd=work, check=True, capture_output=True)
    git(work, "add", ".")
    git(work, "commit", "-qm", "second")
    return work


def ran(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A script as the hosts' runners start it; the package is installed here already."""
    lines = [line for line in script.splitlines() if not line.startswith("pip install")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_git
@needs_bash
def test_the_github_job_runs_as_it_stands(clone: Path, tmp_path: Path) -> None:
    (job,) = loaded(WORKFLOW)["jobs"].values()
    old = job["env"]["OLD"].replace("${{ github.base_ref }}", "main")
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    done = [ran(script, clone, OLD=old, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md")) for script in scripts]
    assert [step.returncode for step in done] == [0, 0, 0, 1], [step.stderr for step in done]
    assert "required-element-added" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    (result,) = json.loads((clone / "drift.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]
    line = location["region"]["startLine"]
    assert 'name="Currency"' in (clone / location["artifactLocation"]["uri"]).read_text().splitlines()[line - 1]
    assert re.search(
        r"^::error file=wsdl/pay.wsdl,line=\d+,title=required-element-added", done[-1].stdout, re.MULTILINE
    )


@needs_git
@needs_bash
def test_the_gitlab_job_runs_as_it_stands(clone: Path) -> None:
    (job,) = (value for value in loaded(GITLAB).values() if "script" in value)
    done = ran("\n".join(job["script"]), clone, CI_MERGE_REQUEST_DIFF_BASE_SHA="origin/main")
    assert done.returncode == 1, done.stderr
    artifacts = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    assert all("required-element-added" in (clone / name).read_text(encoding="utf-8") for name in artifacts)
