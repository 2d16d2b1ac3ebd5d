"""Writing refuses what XML does not allow, wherever a string can stand, and names the place."""

from __future__ import annotations

import functools
import importlib
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.generator.shared_contracts import bindings

CONTRACT = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:c" targetNamespace="urn:c" elementFormDefault="qualified">
  <xs:simpleType name="Words"><xs:list itemType="xs:string"/></xs:simpleType>
  <xs:simpleType name="Either"><xs:union memberTypes="xs:int xs:string"/></xs:simpleType>
  <xs:complexType name="Note"><xs:simpleContent><xs:extension base="xs:string"/></xs:simpleContent></xs:complexType>
  <xs:element name="r">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="text" type="xs:string" minOccurs="0"/>
        <xs:element name="token" type="xs:token" minOccurs="0"/>
        <xs:element name="many" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
        <xs:element name="words" type="t:Words" minOccurs="0"/>
        <xs:element name="either" type="t:Either" minOccurs="0"/>
        <xs:element name="note" type="t:Note" minOccurs="0"/>
      </xs:sequence>
      <xs:attribute name="plain" type="xs:string"/>
      <xs:attribute name="listed" type="t:Words"/>
      <xs:anyAttribute processContents="lax" namespace="##other"/>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""
FORBIDDEN = {
    "NUL": "\0",
    "backspace": "\b",
    "vertical tab": "\v",
    "form feed": "\f",
    "unit separator": "\x1f",
    "high surrogate alone": "\ud800",
    "low surrogate alone": "\udfff",
    "U+FFFE": "\ufffe",
    "U+FFFF": "\uffff",
}
RULE = "character that XML does not allow"
PLACES = {
    "text of an element": ("text", "r/text: ", RULE),
    "text whose blanks mean nothing": ("token", "r/token: ", RULE),
    "one of several elements": ("many", "r/many[2]: ", RULE),
    "item of a list": ("words", "r/words", RULE),
    "union": ("either", "r/either: ", "is of none of the types"),
    "simple content": ("note", "r/note: ", RULE),
    "attribute": ("plain", "r/@plain: ", RULE),
    "item of a list in an attribute": ("listed", "r/@listed", RULE),
}


@functools.cache
def module() -> Any:
    with tempfile.TemporaryDirectory(prefix="characters-") as folder:
        (Path(folder) / "contract.xsd").write_text(CONTRACT, encoding="utf-8")
        plan, package = bindings(Path(folder))
    return importlib.import_module(f"{package}.{plan.modules[0].name}")


def message(field: str, text: str) -> Any:
    value: Any = text
    if field in ("many", "words", "listed"):
        value = ["fine", text]
    elif field == "note":
        value = module().Note(value=text)
    return module().R(**{field: value})


@pytest.mark.parametrize("character", FORBIDDEN.values(), ids=FORBIDDEN)
@pytest.mark.parametrize(("field", "path", "rule"), PLACES.values(), ids=PLACES)
def test_character_that_xml_forbids_is_refused_with_the_path(field: str, path: str, rule: str, character: str) -> None:
    value = message(field, f"secret{character}secret")
    for action in (value.to_xml, value.validate):
        with pytest.raises(ValueError, match=rule) as caught:
            action()
        assert [problem for problem in caught.value.problems if problem.startswith(path)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("character", ["\t", "\n", "\r", "\x7f", "\x85", "\ufffd", "\U0010ffff", "&", "<", '"', "]]>"])
@pytest.mark.parametrize("field", ["text", "plain", "note"])
def test_every_other_character_is_written_and_read_again(field: str, character: str) -> None:
    value = message(field, f"a{character}b")
    assert type(value).from_xml(value.to_xml(), strict=True) == value
