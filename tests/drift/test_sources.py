"""Every form in which a contract can be named, and what cannot be read."""

from __future__ import annotations

import json
import shutil
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.sources import SideError, installed_lock, resolve
from mpesa_cbp_generator.errors import ConfigurationError
from mpesa_cbp_generator.plan.lock import to_json
from mpesa_cbp_generator.schema.declarations import Place
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


def zipped(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../pay.wsdl", "its name leads out of the archive"),
        ("/etc/pay.wsdl", "its name leads out of the archive"),
        ("a\\..\\..\\pay.wsdl", "its name leads out of the archive"),
        ("C:/pay.wsdl", "its name leads out of the archive"),
    ],
)
def test_a_name_that_leaves_the_archive_is_refused(tmp_path: Path, name: str, said: str) -> None:
    path = zipped(tmp_path / "pay.zip", **{name: Contract().text().encode()})
    with pytest.raises(SideError, match=said):
        resolve(str(path), SETTINGS)


def test_an_archive_that_swells_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    one = zipped(tmp_path / "one.zip", **{"big.wsdl": b" " * (9 * 1024 * 1024)})
    with pytest.raises(SideError, match=r"big\.wsdl: zip entry: larger than 8388608 bytes"):
        resolve(str(one), SETTINGS)
    many = zipped(tmp_path / "many.zip", **{f"{n}.xsd": b" " * (7 * 1024 * 1024) for n in range(40)})
    tracemalloc.start()
    try:
        with pytest.raises(SideError, match="more than 33554432 bytes in all"):
            resolve(str(many), SETTINGS)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_suffixes_in_capitals_count_and_what_macos_adds_does_not(tmp_path: Path) -> None:
    entries = {"PAY.WSDL": Contract().text().encode(), "__MACOSX/._PAY.WSDL": b"\0\5\x16\7", "readme.txt": b"hello"}
    path = zipped(tmp_path / "pay.zip", **entries)
    assert compare(resolve(str(path), SETTINGS).plan, plan(Contract())) == ()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/PAY.WSDL").write_text(Contract().text())
    for side in ("folder", "folder/PAY.WSDL"):
        assert compare(resolve(str(tmp_path / side), SETTINGS).plan, plan(Contract())) == ()


def test_half_a_zip_and_half_a_file_are_refused(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "pay.zip", **{"pay.wsdl": Contract().text().encode()}).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "half.wsdl").write_text(Contract().text()[:900])
    for name in ("half.zip", "half.wsdl"):
        with pytest.raises(SideError, match=name):
            resolve(str(tmp_path / name), SETTINGS)


@needs_git
def test_blanks_and_letters_of_any_language_are_legal_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mkataba mpya č").mkdir()
    (tmp_path / "mkataba mpya č/malipo ö.wsdl").write_text(Contract().text())
    zipped(tmp_path / "mkataba ü.zip", **{"malipo ö.wsdl": Contract().text().encode()})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    for form in ("mkataba mpya č", "mkataba mpya č/malipo ö.wsdl", "mkataba ü.zip"):
        for side in (form, f"git:HEAD:{form}"):
            assert compare(resolve(side, SETTINGS).plan, plan(Contract())) == (), side


Damage = Callable[[dict[str, Any]], object]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "another version": (lambda lock: lock.update(format=1), "not a contract lock of format 2; regenerate it"),
    "a number for a name": (lambda lock: lock["classes"][0].update(name=5), "5 is no str"),
    "a word for a number": (lambda lock: lock["classes"][0]["fields"][0].update(min_occurs="x"), "'x' is no int"),
    "a role that is none": (lambda lock: lock["operations"][0].update(role="boss"), "'boss' is none of"),
    "a list that is none": (lambda lock: lock.update(classes=7), "7 is no list"),
    "a key that is not known": (lambda lock: lock.update(more=1), "more"),
    "a key that is missing": (lambda lock: lock.pop("operations"), "operations"),
    "a class that is its own base": (
        lambda lock: lock["classes"][0].update(base=f"{lock['classes'][0]['module']}.{lock['classes'][0]['name']}"),
        "is derived from itself",
    ),
    "an element that is nowhere": (
        lambda lock: lock["operations"][0]["input"].update(body="{urn:pay}Nothing"),
        "no type is known of the elements {urn:pay}Nothing",
    ),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES)
def test_a_lock_that_is_damaged_or_of_another_version_is_refused(tmp_path: Path, damage: Damage, said: str) -> None:
    lock = json.loads(to_json(plan(Contract())))
    damage(lock)
    path = tmp_path / "contract.lock.json"
    path.write_text(json.dumps(lock))
    with pytest.raises(SideError) as caught:
        resolve(str(path), SETTINGS)
    assert said in str(caught.value)


def test_a_missing_git_and_a_killed_one_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SideError, match="git is not installed"):
        resolve("git:HEAD", SETTINGS)
    (tmp_path / "git").write_text("#!/bin/sh\nkill -9 $$\n")
    (tmp_path / "git").chmod(0o755)
    with pytest.raises(SideError, match="git rev-parse was ended by signal 9"):
        resolve("git:HEAD", SETTINGS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('element="t:PayAnswer"', 'element="t:Nothing"', "element {urn:pay}Nothing is not declared"),
        ("soap/http", "soap/smtp", "transport 'http://schemas.xmlsoap.org/soap/smtp' is not supported"),
        ("qualified", "sometimes", "xs:schema"),
    ],
)
def test_what_a_comparison_would_have_to_guess_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "pay.wsdl").write_text(Contract().text().replace(old, new))
    with pytest.raises(SideError) as caught:
        resolve(str(tmp_path), SETTINGS)
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
