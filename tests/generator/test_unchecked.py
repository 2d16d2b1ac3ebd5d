"""What a contract demands and the bindings do not check is said when they are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpesa_cbp_generator.cli import main

CONTRACT = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:c" targetNamespace="urn:c">
  <xs:element name="r">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="item" type="Item" maxOccurs="9"/>
      </xs:sequence>
    </xs:complexType>
    <xs:key name="ByName"><xs:selector xpath="item"/><xs:field xpath="@name"/></xs:key>
    <xs:keyref name="Next" refer="ByName"><xs:selector xpath="item"/><xs:field xpath="@next"/></xs:keyref>
    <xs:unique name="Once"><xs:selector xpath="item"/><xs:field xpath="@next"/></xs:unique>
  </xs:element>
  <xs:complexType name="Item" block="extension">
    <xs:attribute name="name"/>
    <xs:attribute name="next"/>
    <xs:attribute name="id" type="xs:ID"/>
    <xs:attribute name="one" type="xs:IDREF"/>
    <xs:attribute name="many" type="xs:IDREFS"/>
  </xs:complexType>
</xs:schema>
"""


def test_each_is_warned_about_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = tmp_path / "contract.xsd"
    contract.write_text(CONTRACT)
    arguments = ["--contract", str(contract), "--package", "package", "--out", str(tmp_path / "package")]
    assert main(["generate", *arguments]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "mpesa-cbp-gen: warning: contract.xsd:8: xs:key: 'ByName' is not checked by validate()",
        "mpesa-cbp-gen: warning: contract.xsd:9: xs:keyref: 'Next' is not checked by validate()",
        "mpesa-cbp-gen: warning: contract.xsd:10: xs:unique: 'Once' is not checked by validate()",
        "mpesa-cbp-gen: warning: contract.xsd:12: xs:complexType: what it blocks is not checked by validate()",
        "mpesa-cbp-gen: warning: contract.xsd:16: xs:attribute: what an xs:IDREF refers to is not checked by validate()",
        "mpesa-cbp-gen: warning: contract.xsd:17: xs:attribute: what an xs:IDREF refers to is not checked by validate()",
    ]


def test_contract_of_the_family_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().err == ""
