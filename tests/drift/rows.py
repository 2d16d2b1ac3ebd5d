"""The rows of the rules' table: a minimal pair of contracts each, with the one finding that it must give."""

from __future__ import annotations

import dataclasses
from typing import Any

from mpesa_cbp_generator.drift.findings import Severity, SourceEffect
from tests.drift.contracts import Contract, element, sequence, simple


@dataclasses.dataclass(frozen=True)
class Row:
    """Two contracts and the one finding that they must give."""

    rule: str
    old: Contract
    new: Contract
    outbound: Severity
    inbound: Severity
    source: SourceEffect
    path: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)


def content(*elements: str) -> Contract:
    return Contract(content=sequence(*elements))


def with_attribute(attributes: str) -> Contract:
    return Contract(content=sequence("Amount") + (f"<xs:attribute {attributes}/>" if attributes else ""))


def typed(facets: str, base: str = "xs:string") -> Contract:
    return Contract(content=sequence('Amount type="t:Kind"'), types=simple("Kind", facets, base))


def listed(*values: str) -> str:
    return "".join(f'<xs:enumeration value="{value.split()[0]}" id="{value.split()[-1]}"/>' for value in values)


def derived(*names: str, abstract: str = "false", base: str = "Base") -> Contract:
    extension = "".join(
        f'<xs:complexType name="{name}"><xs:complexContent><xs:extension base="t:{base}">{sequence("More")}'
        "</xs:extension></xs:complexContent></xs:complexType>"
        for name in names
    )
    bases = f'<xs:complexType name="Base" abstract="{abstract}">{sequence("Amount")}</xs:complexType>'
    return Contract(content=sequence('Part type="t:Base"'), types=bases + extension)


def header(name: str, namespace: str = "t") -> Contract:
    return Contract(
        types="".join(f'<xs:element name="{n}" type="xs:string"/>' for n in ("Signature", "Ticket")),
        messages=f'<w:message name="Head"><w:part name="head" element="{namespace}:{name}"/></w:message>',
        header='<s:header message="t:Head" part="head" use="literal"/>',
    )


def spare(address: str) -> Contract:
    """A contract with a second port."""
    return Contract(
        further_ports=f'<w:port name="Spare" binding="t:PayBinding"><s:address location="{address}"/></w:port>'
    )


def no_header() -> Contract:
    return dataclasses.replace(header("Signature"), header="")


def fault(*names: str) -> Contract:
    return Contract(
        types="".join(f'<xs:element name="{n}" type="xs:string"/>' for n in ("Denied", "Broken")),
        messages="".join(f'<w:message name="{n}"><w:part name="f" element="t:{n}"/></w:message>' for n in names),
        faults="".join(f'<w:fault name="{n}" message="t:{n}"/>' for n in names),
    )


def second_operation(name: str) -> Contract:
    return Contract(
        further=f'<w:operation name="{name}"><w:input message="t:Ask"/><w:output message="t:Answer"/></w:operation>',
        further_bound=f'<w:operation name="{name}"><s:operation soapAction="{name}"/><w:input><s:body use="literal"/>'
        '</w:input><w:output><s:body use="literal"/></w:output></w:operation>',
    )


def documented(text: str) -> Contract:
    noted = f"<xs:annotation><xs:documentation>{text}</xs:documentation></xs:annotation>"
    return Contract(
        content=f'<xs:sequence><xs:element name="Amount" type="xs:string">{noted}</xs:element></xs:sequence>'
    )


def two_namespaces(prefix: str) -> Contract:
    """The same local name, referred to in one of two namespaces."""
    return Contract(
        schema='elementFormDefault="qualified" xmlns:o="urn:other"',
        content=f'<xs:sequence><xs:element ref="{prefix}:Amount"/></xs:sequence>',
        types='<xs:import namespace="urn:other"/><xs:element name="Amount" type="xs:string"/></xs:schema>'
        '<xs:schema targetNamespace="urn:other"><xs:element name="Amount" type="xs:string"/>',
    )


def choice(*elements: str, bounds: str = "") -> Contract:
    return Contract(content=f"<xs:choice {bounds}>{''.join(map(element, elements))}</xs:choice>")


def wildcard(process: str) -> Contract:
    wild = f'<xs:any processContents="{process}" namespace="##other"/>'
    return Contract(content=f"<xs:sequence>{element('A')}{wild}</xs:sequence>")


def united(facets: str) -> Contract:
    union = '<xs:simpleType name="Kind"><xs:union memberTypes="t:Short xs:int"/></xs:simpleType>'
    return Contract(content=sequence('Amount type="t:Kind"'), types=simple("Short", facets) + union)


def referring() -> Contract:
    """An element that is declared for itself; the bindings have a class for it, the message does not change."""
    return Contract(
        content='<xs:sequence><xs:element ref="t:Amount"/></xs:sequence>',
        types='<xs:element name="Amount" type="xs:string"/>',
    )


def unique(field: str) -> Contract:
    text = f'<xs:unique name="once"><xs:selector xpath="."/><xs:field xpath="t:{field}"/></xs:unique>'
    return Contract(request_constraints=text)


P = "Pay/PayRequest"
A = f"{P}/Amount"
MANY = 'Amount type="xs:string" maxOccurs="{}" minOccurs="{}"'
ALIAS = {"aliases": {"PrimaryParty": ("PrimartyParty",)}}
WILD = '<xs:any processContents="lax" minOccurs="0" maxOccurs="unbounded" namespace="##other"/>'
UNION = '<xs:simpleType name="Kind"><xs:union memberTypes="t:Known xs:string"/></xs:simpleType>'


def wild(*elements: str) -> Contract:
    return Contract(content=f"<xs:sequence>{''.join(element(item) for item in elements)}{WILD}</xs:sequence>")


def open_list(*values: str) -> Contract:
    return Contract(content=sequence('Amount type="t:Kind"'), types=simple("Known", listed(*values)) + UNION)


ROWS = (
    Row("required-element-added", content("Amount"), content("Amount", "Currency"), "error", "warning", "breaking", f"{P}/Currency"),
    Row("required-element-added", with_attribute(""), with_attribute('name="v" type="xs:string" use="required"'), "error", "warning", "breaking", f"{P}/@v"),
    Row("required-element-added", wild("Amount"), wild("Amount", "Currency"), "error", "info", "breaking", f"{P}/Currency"),
    Row("optional-element-added", content("Amount"), content("Amount", 'Note type="xs:string" minOccurs="0"'), "info", "warning", "additive", f"{P}/Note"),
    Row("optional-element-added", wild("Amount"), wild("Amount", 'Note type="xs:string" minOccurs="0"'), "info", "info", "additive", f"{P}/Note"),
    Row("optional-element-added", with_attribute(""), with_attribute('name="v" type="xs:string"'), "info", "warning", "additive", f"{P}/@v"),
    Row("element-removed", content("Amount", "Currency"), content("Amount"), "error", "error", "breaking", f"{P}/Currency"),
    Row("element-removed", content("Amount", 'Note type="xs:string" minOccurs="0"'), content("Amount"), "error", "warning", "breaking", f"{P}/Note"),
    Row("element-removed", content("Amount", "Note"), content("Amount"), "error", "warning", "breaking", f"{P}/Note", {"absent_on_reading": frozenset({"Note"})}),
    Row("element-renamed", content("Amount", "PrimartyParty"), content("Amount", "PrimaryParty"), "error", "error", "breaking", f"{P}/PrimartyParty"),
    Row("element-renamed", content("Amount", "PrimartyParty"), content("Amount", "PrimaryParty"), "error", "warning", "breaking", f"{P}/PrimartyParty", ALIAS),
    Row("element-renamed", content("ConversationID"), content("ConversationId"), "error", "error", "none", f"{P}/ConversationID"),
    Row("element-renamed", with_attribute('name="versoin" type="xs:string"'), with_attribute('name="version" type="xs:string"'), "error", "error", "breaking", f"{P}/@versoin"),
    Row("element-renamed", Contract(request="PayReqeust"), Contract(), "error", "error", "breaking", "Pay/PayReqeust"),
    Row("element-became-required", content('Amount type="xs:string" minOccurs="0"'), content("Amount"), "error", "info", "breaking", A),
    Row("element-became-required", with_attribute('name="v" type="xs:string"'), with_attribute('name="v" type="xs:string" use="required"'), "error", "info", "breaking", f"{P}/@v"),
    Row("element-became-optional", content("Amount"), content('Amount type="xs:string" minOccurs="0"'), "info", "error", "breaking", A),
    Row("element-became-optional", content("Amount"), content('Amount type="xs:string" minOccurs="0"'), "info", "info", "none", A, {"absent_on_reading": frozenset({"Amount"})}),
    Row("element-became-repeated", content("Amount"), content(MANY.format("unbounded", 1)), "info", "error", "breaking", A),
    Row("element-became-single", content(MANY.format(5, 1)), content("Amount"), "error", "info", "breaking", A),
    Row("occurrence-narrowed", content(MANY.format("unbounded", 1)), content(MANY.format(5, 1)), "error", "info", "none", A),
    Row("occurrence-narrowed", content(MANY.format(5, 1)), content(MANY.format(5, 2)), "error", "info", "none", A),
    Row("occurrence-widened", content(MANY.format(5, 1)), content(MANY.format(6, 1)), "info", "warning", "none", A),
    Row("enumeration-value-added", typed(listed("1 One")), typed(listed("1 One", "2 Two")), "info", "error", "additive", A),
    Row("enumeration-value-added", open_list("One"), open_list("One", "Two"), "info", "warning", "additive", A),
    Row("enumeration-value-removed", typed(listed("1 One", "2 Two")), typed(listed("1 One")), "error", "info", "breaking", A),
    Row("enumeration-id-renamed", typed(listed("1 One")), typed(listed("1 Eins")), "info", "info", "breaking", A),
    Row("facet-tightened", typed('<xs:maxLength value="9"/>'), typed('<xs:maxLength value="5"/>'), "error", "info", "none", A),
    Row("facet-tightened", typed('<xs:minInclusive value="1"/>', "xs:integer"), typed('<xs:minInclusive value="10"/>', "xs:integer"), "error", "info", "none", A),
    Row("facet-tightened", typed(""), typed('<xs:pattern value="[0-9]+"/>'), "error", "info", "none", A),
    Row("facet-loosened", typed('<xs:maxLength value="5"/>'), typed('<xs:maxLength value="9"/>'), "info", "warning", "none", A),
    Row("facet-loosened", typed('<xs:minLength value="1"/>'), typed(""), "info", "warning", "none", A),
    Row("facet-changed", typed('<xs:pattern value="[0-9]+"/>'), typed('<xs:pattern value="[0-8]+"/>'), "error", "warning", "none", A),
    Row("facet-changed", typed('<xs:length value="4"/>'), typed('<xs:length value="5"/>'), "error", "warning", "none", A),
    Row("type-changed", content("Amount"), content('Amount type="xs:int"'), "error", "error", "breaking", A),
    Row("type-changed", content("Amount"), content('Amount type="xs:token"'), "error", "error", "none", A),
    Row("type-changed", content("Amount"), Contract(content=sequence('Amount type="t:Kind"'), types='<xs:simpleType name="Kind"><xs:list itemType="xs:string"/></xs:simpleType>'), "error", "error", "breaking", A),
    Row("namespace-changed", two_namespaces("t"), two_namespaces("o"), "error", "error", "none", A),
    Row("form-changed", content("Amount"), content('Amount type="xs:string" form="unqualified"'), "error", "error", "none", A),
    Row("nillable-changed", content("Amount"), content('Amount type="xs:string" nillable="true"'), "error", "error", "breaking", A),
    Row("nillable-changed", content('Amount type="xs:string" minOccurs="0"'), content('Amount type="xs:string" minOccurs="0" nillable="true"'), "error", "error", "none", A),
    Row("default-changed", content('Amount type="xs:string" default="1"'), content('Amount type="xs:string" default="2"'), "error", "error", "none", A),
    Row("default-changed", with_attribute('name="v" type="xs:string" default="1"'), with_attribute('name="v" type="xs:string"'), "error", "error", "breaking", f"{P}/@v"),
    Row("fixed-changed", content('Amount type="xs:string" fixed="1"'), content('Amount type="xs:string" fixed="2"'), "error", "error", "none", A),
    Row("element-order-changed", content("Amount", "Note"), content("Note", "Amount"), "error", "info", "none", P),
    Row("model-group-tightened", choice("A", "B", bounds='minOccurs="0"'), choice("A", "B"), "error", "info", "none", P),
    Row("model-group-loosened", choice("A", "B"), choice("A", "B", bounds='minOccurs="0"'), "info", "warning", "none", P),
    Row("model-group-loosened", choice("A", "B"), content('A type="xs:string" minOccurs="0"', 'B type="xs:string" minOccurs="0"'), "info", "warning", "none", P),
    Row("model-group-changed", wildcard("lax"), wildcard("skip"), "error", "warning", "none", P),
    Row("facet-changed", united('<xs:maxLength value="5"/>'), united('<xs:maxLength value="3"/>'), "error", "warning", "none", A),
    Row("facet-tightened", typed(listed("A", "B")), typed(listed("A", "B") + '<xs:maxLength value="1"/>'), "error", "info", "none", A),
    Row("type-changed", content("Amount"), referring(), "info", "info", "breaking", A),
    Row("derived-type-added", derived("Card"), derived("Card", "Cash"), "info", "warning", "additive", f"{P}/Part"),
    Row("derived-type-removed", derived("Card", "Cash"), derived("Card"), "error", "warning", "breaking", f"{P}/Part"),
    Row("abstract-changed", derived("Card"), derived("Card", abstract="true"), "error", "error", "breaking", f"{P}/Part"),
    Row("operation-added", Contract(), second_operation("Refund"), "info", "info", "additive", "Refund"),
    Row("operation-removed", second_operation("Refund"), Contract(), "error", "error", "breaking", "Refund"),
    Row("operation-renamed", Contract(), Contract(operation="Pays"), "info", "info", "breaking", "Pay"),
    Row("soap-action-changed", Contract(), Contract(action="other"), "error", "error", "none", "Pay"),
    Row("header-changed", no_header(), header("Signature"), "error", "error", "additive", "Pay"),
    Row("header-changed", header("Signature"), no_header(), "error", "error", "breaking", "Pay"),
    Row("header-changed", header("Signature"), header("Ticket"), "error", "error", "breaking", "Pay"),
    Row("address-changed", Contract(), Contract(address="http://new.example/pay"), "warning", "info", "none", "Pay"),
    Row("address-changed", spare("http://a.example/"), spare("http://b.example/"), "warning", "info", "none", "Pay"),
    Row("service-name-changed", Contract(), spare("http://a.example/"), "info", "info", "none", "Pay"),
    Row("service-name-changed", spare("http://a.example/"), Contract(), "info", "info", "none", "Pay"),
    Row("service-name-changed", Contract(), Contract(service="PaymentService"), "info", "info", "none", "Pay"),
    Row("documentation-changed", documented("Shillings."), documented("Cents."), "info", "info", "none", A),
    Row("message-changed", Contract(), Contract(request="Batch"), "error", "error", "breaking", "Pay"),
)  # fmt: skip
