"""Loading: strict, inside the contract's own folders and nowhere else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mpesa_cbp_generator.errors import ContractError
from mpesa_cbp_generator.load import load

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
