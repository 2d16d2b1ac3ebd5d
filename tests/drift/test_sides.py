"""Every form in which a contract can be named, and what cannot be read."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from mpesa_cbp_generator.config import Config
from mpesa_cbp_generator.drift.compare import compare
from mpesa_cbp_generator.drift.sides import SideError, installed_lock, resolve
from mpesa_cbp_generator.errors import ConfigurationError
from mpesa_cbp_generator.model import to_json
from mpesa_cbp_generator.source import Place
from tests.drift.contracts import Contract, plan, sequence

SETTINGS = Config(sources=(), package="bindings", output=Path("bindings"))
LONGER = Contract(content=sequence("Amount", "Currency"))

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose first commit has the shorter contract in every form, and whose tree has the longer."""
    files = {"wsdl/pay.wsdl": Contract(), "flat/pay.wsdl": Contract()}
    for folder in ("wsdl", "xsd", "flat"):
        (tmp_path / folder).mkdir()
    (tmp_path / "xsd/spare.xsd").write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
    for name, contract in files.items():
        (tmp_path / name).write_text(contract.text())
    # A WSDL that no one wants: a folder with wsdl/ and xsd/ is those two alone.
    (tmp_path / "notes.wsdl").write_text("not a contract")
    (tmp_path / "contract.lock.json").write_text(to_json(plan(Contract())))
    with zipfile.ZipFile(tmp_path / "pay.zip", "w") as archive:
        archive.writestr("pay.wsdl", Contract().text())
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "tag", "v1")
    (tmp_path / "wsdl/pay.wsdl").write_text(LONGER.text())
    return tmp_path


FORMS = ("flat", "flat/pay.wsdl", "pay.zip", "contract.lock.json")


@needs_git
@pytest.mark.parametrize("form", FORMS)
def test_every_form_on_disk_is_the_same_contract(repository: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.chdir(repository)
    assert compare(resolve(form, SETTINGS).plan, plan(Contract())) == ()


@needs_git
@pytest.mark.parametrize("form", ["", *(f":{form}" for form in FORMS), ":wsdl", ":flat/"])
def test_every_form_in_a_commit_is_the_same_contract(
    repository: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.chdir(repository)
    assert compare(resolve(f"git:v1{form}", SETTINGS).plan, plan(Contract())) == ()


@needs_git
def test_a_folder_with_wsdl_and_xsd_is_those_two(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    (finding,) = compare(resolve("git:v1", SETTINGS).plan, resolve(".", SETTINGS).plan)
    assert finding.path == "Pay/PayRequest/Currency"


@needs_git
def test_places_lead_to_files_that_are_there(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository.parent)
    for form, expected in ((".", "wsdl/pay.wsdl"), ("flat", "flat/pay.wsdl"), ("flat/pay.wsdl", "flat/pay.wsdl")):
        side = resolve(f"{repository.name}/{form}", SETTINGS)
        file, line = side.locate(side.plan.operations[0].place)
        assert (file, line > 1) == (f"{repository.name}/{expected}", True)
        assert Path(file).is_file()
    archive = resolve(f"{repository.name}/pay.zip", SETTINGS)
    assert archive.locate(Place("pay.wsdl", 3)) == (f"{repository.name}/pay.zip", 0)
    assert archive.describe(Place("pay.wsdl", 3)) == f"{repository.name}/pay.zip!pay.wsdl:3"


@needs_git
@pytest.mark.parametrize(
    ("side", "said"),
    [
        ("nowhere", "no such file or folder"),
        ("notes.wsdl", "not well-formed"),
        ("empty", "no .wsdl or .xsd file"),
        ("text.txt", "neither a contract file nor a readable zip"),
        ("damaged.json", "not a contract lock"),
        ("other.json", "not a contract lock"),
        ("dangling.json", "bindings.Nothing"),
        ("missing.json", "No such file"),
        ("git:nowhere", "git does not know 'nowhere'"),
        ("git:--help", "git does not know"),
        ("git:v1:nowhere", "nowhere holds no contract at v1"),
        ("git:v1:notes.wsdl", "not well-formed"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch, side: str, said: str
) -> None:
    monkeypatch.chdir(repository)
    (repository / "empty").mkdir()
    (repository / "text.txt").write_text("x")
    (repository / "damaged.json").write_text("{")
    (repository / "other.json").write_text('{"format": 99}')
    lock = json.loads((repository / "contract.lock.json").read_text())
    lock["classes"][0]["base"] = "bindings.Nothing"
    (repository / "dangling.json").write_text(json.dumps(lock))
    with pytest.raises(SideError) as caught:
        resolve(side, SETTINGS)
    assert side in str(caught.value)
    assert said in str(caught.value)


def test_a_contract_in_rpc_style_or_encoded_is_an_error_with_its_line(tmp_path: Path) -> None:
    for old, new in (('style="document"', 'style="rpc"'), ('use="literal"', 'use="encoded"')):
        (tmp_path / "pay.wsdl").write_text(Contract().text().replace(old, new))
        with pytest.raises(SideError, match=r"pay\.wsdl:\d+: soap:"):
            resolve(str(tmp_path), SETTINGS)


def test_outside_a_repository_git_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SideError, match="no git repository"):
        resolve("git:HEAD", SETTINGS)


def test_without_old_the_lock_of_the_bindings_is_meant(tmp_path: Path) -> None:
    config = Config(sources=(), package="no_such_bindings", output=tmp_path)
    with pytest.raises(SideError, match="mpesa-cbp-gen generate"):
        installed_lock(config)
    (tmp_path / "contract.lock.json").write_text("{}")
    assert installed_lock(config) == tmp_path / "contract.lock.json"
    with pytest.raises(ConfigurationError, match="OLD is missing"):
        installed_lock(None)
