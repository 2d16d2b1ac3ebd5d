"""The page "Safaricom sent a new zip: what now" is run, step by step: every console block is what the command prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.drift.contracts import ROOT, SHARED, needs_shared
from tests.drift.test_sources import git, needs_git

PAGE = ROOT / "docs/new-contract.md"
OLD, NEW = SHARED / "v1.0-as-shipped", SHARED / "v1.5-as-documented"
CUT = "…"

# The settings of a project that holds revision 1.0; what the page adds to them stands in its diff.
SETTINGS = """\
[contract]
sources = ["wsdl", "xsd"]
package = "mpesa_cbp_models"
output = "mpesa_cbp_models"
[namespaces]
request = "http://api-v1.gen.mm.vodafone.com/mminterface/request"
response = "http://api-v1.gen.mm.vodafone.com/mminterface/response"
result = "http://api-v1.gen.mm.vodafone.com/mminterface/result"
[payloads]
"request:RequestMsg" = "request:request"
"request:ResponseMsg" = "response:response"
"result:ResultMsg" = "result:result"
"result:ResponseMsg" = "response:response"
[operations]
GenericAPIRequest = "caller"
queryTransaction = "caller"
GenericAPIResult = "callee"
notifyQueueTimeout = "callee"
[types]
"Initiator.ShortCode" = "string"
[reading.aliases]
CommandID = ["CommandId"]
[sensitive]
elements = ["originReqeust"]
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def consoles() -> list[tuple[str, str]]:
    """Command and shown output of each console block, a block with several commands taken apart."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output.strip()))
    return found


def run(command: str, folder: Path) -> str:
    """What the command prints, and its exit code, as the page shows them."""
    name, *words = command.split()
    assert name == "mpesa-cbp-gen"
    done = subprocess.run(
        [sys.executable, "-m", "mpesa_cbp_generator", *words],
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return f"{done.stdout}{done.stderr}(exit {done.returncode})"


def assert_shown(shown: str, printed: str) -> None:
    """Each passage between two cuts is printed, in that order; without cuts, nothing else is."""
    passages = [passage.strip("\n") for passage in shown.split(f"\n{CUT}\n")]
    if len(passages) == 1:
        assert printed == shown
    place = 0
    for passage in passages:
        found = printed.find(passage, place)
        assert found >= 0, f"{passage}\n--- is not in ---\n{printed}"
        place = found + len(passage)
    assert printed.endswith(passages[-1])


def settings_after(diff: str, text: str) -> str:
    """The settings with the lines of the page's diff taken away, and added behind the line that stands before."""
    anchor = ""
    for line in diff.splitlines():
        if line.startswith("-"):
            text = text.replace(f"{line[1:]}\n", "", 1)
        elif line.startswith("+"):
            text = text.replace(f"{anchor}\n", f"{anchor}\n{line[1:]}\n", 1)
            anchor = line[1:]
        else:
            anchor = line[1:]
    return text


def unpack(source: Path, folder: Path) -> None:
    for name, suffix in (("wsdl", ".wsdl"), ("xsd", ".xsd")):
        (folder / name).mkdir(exist_ok=True)
        for path in source.iterdir():
            if path.suffix == suffix:
                shutil.copy(path, folder / name)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    unpack(OLD, tmp_path)
    (tmp_path / "bindings.toml").write_text(SETTINGS, encoding="utf-8")
    run("mpesa-cbp-gen generate", tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "1.0")
    with zipfile.ZipFile(tmp_path / "CBPInterface_1.5.zip", "w") as archive:
        for path in sorted(NEW.iterdir()):
            archive.write(path, path.name)
    return tmp_path


@needs_shared
@needs_git
def test_every_step_prints_what_the_page_shows(project: Path) -> None:
    steps = iter(consoles())

    def step() -> None:
        command, shown = next(steps)
        assert_shown(shown, run(command, project))

    step()
    (diff,) = blocks("diff")
    (project / "bindings.toml").write_text(settings_after(diff, SETTINGS), encoding="utf-8")
    step()
    unpack(NEW, project)
    step()
    step()
    step()
    (accepted,) = blocks("toml")
    (project / "drift-accept.toml").write_text(accepted, encoding="utf-8")
    step()
    assert list(steps) == []


def test_the_diff_of_the_page_fits_the_settings() -> None:
    (diff,) = blocks("diff")
    kinds = [line[0] for line in diff.splitlines()]
    assert set(kinds) <= set("+- ")
    grown = kinds.count("+") - kinds.count("-")
    assert settings_after(diff, SETTINGS).count("\n") == SETTINGS.count("\n") + grown


@needs_shared
@needs_git
def test_what_the_page_replaces_would_stop_the_generator(project: Path) -> None:
    unpack(NEW, project)
    printed = run("mpesa-cbp-gen generate", project)
    assert '[sensitive] elements: "originReqeust" (is it originRequest now?)' in printed
    assert printed.endswith("(exit 2)")
