"""Loading: strict, inside the contract's own folders and nowhere else."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from mpesa_cbp_generator.contract.load import load
from mpesa_cbp_generator.errors import ContractError

XSD = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t">\n'
    '<xs:element name="a" type="xs:string"/>\n</xs:schema>'
)


def importing(location: str, namespace: str = "urn:t") -> str:
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:main">\n'
        f'<xs:import namespace="{namespace}" schemaLocation="{location}"/>\n</xs:schema>'
    )


def problems(path: Path) -> str:
    with pytest.raises(ContractError) as caught:
        load([path])
    return str(caught.value)


def test_folder_with_wsdl_and_xsd_subfolders_resolves_bare_file_names(tmp_path: Path) -> None:
    (tmp_path / "wsdl").mkdir()
    (tmp_path / "xsd").mkdir()
    (tmp_path / "wsdl" / "main.xsd").write_text(importing("t.xsd"))
    (tmp_path / "xsd" / "t.xsd").write_text(XSD)
    assert [schema.target_namespace for schema in load([tmp_path]).schemas] == ["urn:main", "urn:t"]


def test_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("x/main.xsd", importing("t.xsd"))
        archive.writestr("x/t.xsd", XSD)
        archive.writestr("x/readme.txt", "not read")
    assert [document.name for document in load([tmp_path / "c.zip"]).documents] == ["x/main.xsd", "x/t.xsd"]


def test_single_file_brings_in_only_what_it_imports(tmp_path: Path) -> None:
    (tmp_path / "main.xsd").write_text(importing("t.xsd"))
    (tmp_path / "t.xsd").write_text(XSD)
    (tmp_path / "broken.xsd").write_text("<not closed")
    assert [document.name for document in load([tmp_path / "main.xsd"]).documents] == ["main.xsd", "t.xsd"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "main.xsd:1: XML: not well-formed"),
        (XSD[:60], "main.xsd:1: XML: not well-formed"),
        ("<a/>", "main.xsd:1: a: neither wsdl:definitions nor xs:schema"),
        (f"<!DOCTYPE x [<!ENTITY e 'v'>]>{XSD}", "DOCTYPE: a document type declaration is not accepted"),
        (importing("missing.xsd"), "main.xsd:2: xs:import: file 'missing.xsd' is not in the contract"),
        (importing("http://192.0.2.1/t.xsd"), "main.xsd:2: xs:import: only a bare file name"),
        (importing("/etc/passwd"), "main.xsd:2: xs:import: only a bare file name"),
        (importing("../t.xsd"), "main.xsd:2: xs:import: only a bare file name"),
        (importing("t.xsd", "urn:other"), "main.xsd:2: xs:import: namespace mismatch"),
        ("<a>" * 250 + "</a>" * 250, "nested deeper"),
    ],
    ids=["empty", "half", "foreign", "doctype", "missing", "url", "absolute", "parent", "mismatch", "deep"],
)
def test_bad_file_is_named_with_line_and_construct(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "main.xsd").write_text(content)
    (tmp_path / "t.xsd").write_text(XSD)
    found = problems(tmp_path)
    assert expected in found or ("deeper" in expected and "main.xsd:1" in found)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.xsd").write_text("<")
    (tmp_path / "b.xsd").write_text("<b/>")
    found = problems(tmp_path)
    assert "a.xsd" in found
    assert "b.xsd" in found


def test_folder_without_contract_is_refused(tmp_path: Path) -> None:
    assert "no .wsdl or .xsd file" in problems(tmp_path)


def test_missing_path_is_refused(tmp_path: Path) -> None:
    assert "no such file or folder" in problems(tmp_path / "nowhere")


def test_damaged_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 and no more")
    assert "neither a contract file nor a readable zip" in problems(tmp_path / "c.zip")


def test_same_file_name_in_two_folders_is_ambiguous(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.xsd").write_text(XSD)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "main.xsd").write_text(importing("t.xsd"))
    assert "ambiguous: a/t.xsd, b/t.xsd" in problems(tmp_path)


@pytest.mark.parametrize("name", ["contract.xsd", "contract.zip", "folder"])
def test_file_over_the_limit_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / name if name != "folder" else tmp_path / name / "contract.xsd"
    with path.open("wb") as stream:
        stream.truncate(200 * 1024 * 1024)
    tracemalloc.start()
    try:
        assert "larger than" in problems(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


def archive(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in entries:
            opened.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([("bomb.xsd", bytes(200 * 1024 * 1024))], "bomb.xsd: zip entry: larger than"),
        ([(f"{n}.xsd", bytes(7 * 1024 * 1024)) for n in range(6)], "more than 33554432 bytes in all"),
        ([(f"{n}.xsd", XSD.encode()) for n in range(401)], "more than 400 files"),
        ([("../out.xsd", XSD.encode())], "../out.xsd: zip entry: its name leads out of the archive"),
        ([("a/../../out.xsd", XSD.encode())], "its name leads out of the archive"),
        ([("/etc/out.xsd", XSD.encode())], "/etc/out.xsd: zip entry: its name leads out of the archive"),
        ([("C:/out.xsd", XSD.encode())], "C:/out.xsd: zip entry: its name leads out of the archive"),
        ([("readme.txt", b"")], "no .wsdl or .xsd file"),
    ],
    ids=["bomb", "many large files", "many files", "parent", "hidden parent", "absolute", "drive", "no contract"],
)
def test_hostile_archive_is_refused_with_the_entry(entries: list[tuple[str, bytes]], said: str, tmp_path: Path) -> None:
    assert said in problems(archive(tmp_path / "c.zip", entries))


def test_archive_that_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "c.zip", [("bomb.xsd", bytes(20 * 1024 * 1024))])
    stated = (20 * 1024 * 1024).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(stated, (100).to_bytes(4, "little")))
    assert "neither a contract file nor a readable zip" in problems(path)


@pytest.mark.parametrize("target", ["../outside.xsd", "/dev/zero", "nowhere.xsd", "main.xsd"])
def test_link_out_of_the_folder_in_a_circle_or_to_nothing_is_refused(target: str, tmp_path: Path) -> None:
    (tmp_path / "outside.xsd").write_text(XSD)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "main.xsd").symlink_to(target)
    assert problems(tmp_path / "c").startswith("main.xsd: file: ")


def test_link_out_of_the_folder_is_not_followed_from_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "outside.xsd").write_text(XSD)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "main.xsd").write_text(importing("t.xsd"))
    (tmp_path / "c" / "t.xsd").symlink_to("../outside.xsd")
    assert "t.xsd: file: is a link that leads out of the contract" in problems(tmp_path / "c" / "main.xsd")


def test_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "t.xsd.real").write_text(XSD)
    (tmp_path / "t.xsd").symlink_to("other/t.xsd.real")
    assert [document.name for document in load([tmp_path]).documents] == ["t.xsd"]


def test_folder_without_wsdl_is_a_contract_without_operations(tmp_path: Path) -> None:
    (tmp_path / "t.xsd").write_text(XSD)
    assert load([tmp_path]).definitions == ()
