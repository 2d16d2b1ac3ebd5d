"""No false pass: whatever is changed anywhere in a contract that uses all of XSD is told, in both directions.

Exhaustive where ``test_mutations`` draws by lot: each declaration of one small contract, each attribute that it may have.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Iterator

import pytest
from lxml import etree

from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.errors import ContractError
from mpesa_cbp_generator.plan.model import Plan
from tests.drift.contracts import plan
from tests.drift.rows import header
from tests.drift.test_mutations import backwards, forwards

XS = "{http://www.w3.org/2001/XMLSchema}"

RICH = """
<xs:sequence>
  <xs:choice>
    <xs:element name="Msisdn" type="t:Msisdn"/>
    <xs:element name="Till" type="xs:int" nillable="true"/>
    <xs:sequence><xs:element name="Bank" type="xs:string"/><xs:element name="Branch" type="t:Codes"/></xs:sequence>
  </xs:choice>
  <xs:element name="Kind" type="t:Kind" minOccurs="0"/>
  <xs:element name="Wide" type="t:Wide" maxOccurs="3"/>
  <xs:element name="Part" type="t:Part"/>
  <xs:element name="Short" type="t:ShortNote" minOccurs="0"/>
  <xs:element name="Text" type="t:Text"/>
  <xs:element ref="t:Party"/>
  <xs:group ref="t:Times"/>
  <xs:any namespace="##other" processContents="lax" minOccurs="0"/>
</xs:sequence>
<xs:attribute name="version" type="xs:string" default="1"/>
<xs:attributeGroup ref="t:Marks"/>
"""
TYPES = """
<xs:simpleType name="Msisdn"><xs:restriction base="xs:string"><xs:pattern value="2547[0-9]{8}"/><xs:maxLength value="12"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Codes"><xs:list itemType="t:Code"/></xs:simpleType>
<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:length value="4"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Kind"><xs:restriction base="xs:string"><xs:enumeration value="1" id="One"/><xs:enumeration value="2"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Wide"><xs:union memberTypes="t:Code xs:int"/></xs:simpleType>
<xs:complexType name="Part" abstract="true"><xs:sequence><xs:element name="Key" type="xs:string"/></xs:sequence></xs:complexType>
<xs:complexType name="Card"><xs:complexContent><xs:extension base="t:Part"><xs:all><xs:element name="Pan" type="xs:string"/><xs:element name="Expiry" type="xs:date"/></xs:all></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Note"><xs:simpleContent><xs:extension base="xs:string"><xs:attribute name="lang" type="xs:string" use="required"/></xs:extension></xs:simpleContent></xs:complexType>
<xs:complexType name="ShortNote"><xs:simpleContent><xs:restriction base="t:Note"><xs:maxLength value="20"/></xs:restriction></xs:simpleContent></xs:complexType>
<xs:complexType name="Text" mixed="true"><xs:sequence><xs:element name="b" type="t:Bold"/><xs:element name="c" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:complexType name="Bold"><xs:sequence><xs:element name="i" type="xs:string"/></xs:sequence></xs:complexType>
<xs:element name="Party" type="xs:string" abstract="true"/>
<xs:element name="Person" type="xs:string" substitutionGroup="t:Party"/>
<xs:element name="Company" type="xs:string" substitutionGroup="t:Party"/>
<xs:group name="Times"><xs:sequence><xs:element name="From" type="xs:dateTime"/><xs:element name="To" type="xs:dateTime" minOccurs="0"/></xs:sequence></xs:group>
<xs:attributeGroup name="Marks"><xs:attribute name="mark" type="xs:int"/></xs:attributeGroup>
"""


@functools.cache
def contract() -> bytes:
    unique = '<xs:unique name="once"><xs:selector xpath="t:Wide"/><xs:field xpath="."/></xs:unique>'
    signed = header("Signature")
    rich = dataclasses.replace(signed, content=RICH, types=signed.types + TYPES, request_constraints=unique)
    return rich.text().encode()


@functools.cache
def original() -> Plan:
    return plan(contract().decode())


def attributes(node: etree._Element) -> Iterator[tuple[str, str]]:
    """Attributes and values that make another contract of this one."""
    kind = etree.QName(node).localname
    has = node.get
    if kind in ("sequence", "choice", "all", "element", "any", "group") and not is_global(node):
        yield "minOccurs", "1" if has("minOccurs") == "0" else "0"
        if kind != "all" and not within_all(node):
            yield "maxOccurs", "1" if has("maxOccurs", "1") != "1" else "unbounded"
    if kind == "element" and has("name"):
        yield "block", "extension"
        yield "nillable", "false" if has("nillable") == "true" else "true"
        if not is_global(node):
            yield "form", "unqualified"
    if kind in ("element", "attribute", "unique"):
        yield "name", f"{has('name')}X" if has("name") else ""
    if kind == "attribute":
        yield "use", "optional" if has("use") == "required" else "required"
        yield "use", "prohibited"
        yield "form", "qualified"
        yield "fixed", "7"
    if kind == "complexType":
        yield "mixed", "false" if has("mixed") == "true" else "true"
        if has("name"):
            yield "abstract", "false" if has("abstract") == "true" else "true"
    if kind == "any":
        yield "namespace", "##any"
        yield "processContents", "strict"
    if has("type", "").startswith("xs:"):
        yield "type", "xs:token" if has("type") != "xs:token" else "xs:string"
    if has("value"):
        yield "value", "3"
    yield from of_wsdl(kind, node)


def of_wsdl(kind: str, node: etree._Element) -> Iterator[tuple[str, str]]:
    changed = {
        "operation": ("soapAction", "style"),
        "address": ("location",),
        "body": ("use",),
        "header": ("use", "part", "message"),
        "binding": ("transport", "style"),
        "part": ("element",),
        "schema": ("targetNamespace", "elementFormDefault"),
        "field": ("xpath",),
        "selector": ("xpath",),
        "union": ("memberTypes",),
        "list": ("itemType",),
        "message": ("name",),
    }
    for name in changed.get(kind, ()):
        if node.get(name) is not None:
            yield name, "t:Msisdn" if name in ("memberTypes", "itemType") else f"{node.get(name)}x"


def is_global(node: etree._Element) -> bool:
    parent = node.getparent()
    return parent is not None and parent.tag == f"{XS}schema"


def within_all(node: etree._Element) -> bool:
    return any(ancestor.tag == f"{XS}all" for ancestor in node.iterancestors())


REMOVABLE = (
    *("element", "attribute", "any", "choice", "sequence", "group", "attributeGroup", "all", "unique", "enumeration"),
    *("pattern", "maxLength", "length", "header", "address"),
)


def mutations() -> list[tuple[int, str, str]]:
    found = []
    for number, node in enumerate(etree.fromstring(contract()).iter(etree.Element)):
        found += [(number, name, value) for name, value in attributes(node) if value and node.get(name) != value]
        if etree.QName(node).localname in REMOVABLE:
            found.append((number, "", ""))
    return found


def mutated(number: int, name: str, value: str) -> tuple[str, Plan | None]:
    root = copy.deepcopy(etree.fromstring(contract()))
    node = list(root.iter(etree.Element))[number]
    parent = node.getparent()
    told = f"line {node.sourceline}: {etree.QName(node).localname} {sorted(map(str, node.attrib))}: {name or 'removed'} {value}"
    if name:
        node.set(name, value)
    elif parent is not None:
        parent.remove(node)
    try:
        return told, plan(etree.tostring(root).decode())
    except ContractError:
        # A contract that cannot be read is exit code 3: told as well.
        return told, None


@pytest.mark.parametrize("part", range(8))
def test_every_change_of_every_declaration_is_told(part: int) -> None:
    silent, compared = [], 0
    for number, name, value in mutations()[part::8]:
        told, new = mutated(number, name, value)
        if new is None:
            continue
        compared += 1
        there, back = compare(original(), new), compare(new, original())
        if not there or not back:
            silent.append(told)
        assert sorted(map(forwards, there)) == sorted(map(backwards, back)), told
        assert compare(new, new) == ()
    assert silent == []
    assert compared > 10
