"""Small contracts for pairs: one operation, whose parts a test says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import pytest

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.contract.load import load_files
from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.plan.build import make_plan
from mpesa_cbp_generator.plan.model import Plan

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "contracts"

Role = Literal["caller", "callee"]

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the folder shared/contracts beside the repository is not there"
)


@dataclasses.dataclass(frozen=True)
class Contract:
    """Parts of a WSDL. ``content`` stands in the type of the request, ``types`` beside it."""

    content: str = '<xs:sequence><xs:element name="Amount" type="xs:string"/></xs:sequence>'
    types: str = ""
    answer: str = '<xs:sequence><xs:element name="Code" type="xs:string"/></xs:sequence>'
    schema: str = 'elementFormDefault="qualified"'
    request_attributes: str = ""
    request_constraints: str = ""
    request: str = "PayRequest"
    operation: str = "Pay"
    action: str = "pay"
    address: str = "http://old.example/pay"
    further_ports: str = ""
    service: str = "PayService"
    documentation: str = ""
    messages: str = ""
    header: str = ""
    output: str = '<w:output message="t:Answer"/>'
    faults: str = ""
    further: str = ""
    further_bound: str = ""

    def text(self) -> str:
        """The WSDL."""
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:pay" targetNamespace="urn:pay">
  <w:types>
    <xs:schema targetNamespace="urn:pay" {self.schema}>
      <xs:element name="{self.request}"><xs:complexType {self.request_attributes}>{self.content}</xs:complexType>{self.request_constraints}</xs:element>
      <xs:element name="PayAnswer"><xs:complexType>{self.answer}</xs:complexType></xs:element>
      {self.types}
    </xs:schema>
  </w:types>
  <w:message name="Ask"><w:part name="body" element="t:{self.request}"/></w:message>
  <w:message name="Answer"><w:part name="body" element="t:PayAnswer"/></w:message>
  {self.messages}
  <w:portType name="PayPort">
    <w:operation name="{self.operation}">
      <w:documentation>{self.documentation}</w:documentation>
      <w:input message="t:Ask"/>{self.output}{self.faults}
    </w:operation>
    {self.further}
  </w:portType>
  <w:binding name="PayBinding" type="t:PayPort">
    <s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <w:operation name="{self.operation}">
      <s:operation soapAction="{self.action}"/>
      <w:input>{self.header}<s:body use="literal"/></w:input>
      {'<w:output><s:body use="literal"/></w:output>' if self.output else ""}
    </w:operation>
    {self.further_bound}
  </w:binding>
  <w:service name="{self.service}">
    <w:port name="PayPort" binding="t:PayBinding"><s:address location="{self.address}"/></w:port>
    {self.further_ports}
  </w:service>
</w:definitions>
"""


def plan(contract: Contract | str, role: Role = "caller", **settings: Any) -> Plan:
    """The plan of a contract under settings that give us that role in its operations."""
    text = contract if isinstance(contract, str) else contract.text()
    names = ("Pay", "Pays", "Refund")
    config = Config(
        sources=(), package="bindings", output=Path("bindings"), roles=dict.fromkeys(names, role), **settings
    )
    return make_plan(load_files({"pay.wsdl": text.encode()}), config, strict_settings=False)


def found(old: Plan, new: Plan, rule: str) -> list[Finding]:
    """The findings of one rule between two plans."""
    return [finding for finding in compare(old, new) if finding.rule == rule]


def sequence(*elements: str) -> str:
    """A sequence of elements given by name and attributes: ``Amount type="xs:string"``."""
    return f"<xs:sequence>{''.join(element(item) for item in elements)}</xs:sequence>"


def element(text: str) -> str:
    """An element declaration from its name and attributes."""
    name, _, attributes = text.partition(" ")
    return f'<xs:element name="{name}" {attributes or STRING}/>'


def simple(name: str, facets: str, base: str = "xs:string") -> str:
    """A simple type by restriction."""
    return f'<xs:simpleType name="{name}"><xs:restriction base="{base}">{facets}</xs:restriction></xs:simpleType>'


STRING = 'type="xs:string"'
