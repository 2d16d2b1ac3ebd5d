"""One minimal pair of contracts a row of the rules' table, each compared outbound and inbound."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mpesa_cbp_generator.drift.compare import compare
from mpesa_cbp_generator.drift.findings import Finding, Severity, SourceEffect
from mpesa_cbp_generator.drift.rules import RULES
from mpesa_cbp_generator.model import Plan
from tests.drift.contracts import Contract, Role, element, plan, sequence, simple


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
    Row("choice-changed", Contract(content="<xs:choice>" + element("A") + element("B") + element("C") + "</xs:choice>"), Contract(content="<xs:sequence>" + element('C type="xs:string" minOccurs="0"') + "<xs:choice>" + element("A") + element("B") + "</xs:choice></xs:sequence>"), "error", "error", "none", P),
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
    Row("service-name-changed", Contract(), Contract(service="PaymentService"), "info", "info", "none", "Pay"),
    Row("documentation-changed", documented("Shillings."), documented("Cents."), "info", "info", "none", A),
    Row("message-changed", Contract(), Contract(request="Batch"), "error", "error", "breaking", "Pay"),
)  # fmt: skip


def directions(row: Row) -> list[tuple[Role, Severity]]:
    return [("caller", row.outbound), ("callee", row.inbound)]


CASES = [
    pytest.param(row, role, severity, id=f"{number}-{row.rule}-{role}")
    for number, row in enumerate(ROWS)
    for role, severity in directions(row)
]


def found(old: Plan, new: Plan, rule: str) -> list[Finding]:
    return [finding for finding in compare(old, new) if finding.rule == rule]


@pytest.mark.parametrize(("row", "role", "severity"), CASES)
def test_a_change_is_told_as_the_table_says(row: Row, role: Role, severity: Severity) -> None:
    old, new = plan(row.old, role, **row.settings), plan(row.new, role, **row.settings)
    findings = [finding for finding in found(old, new, row.rule) if finding.path == row.path]
    assert [(f.wire, f.source, f.role) for f in findings] == [
        (severity, row.source, "outbound" if role == "caller" else "inbound")
    ], compare(old, new)


ALSO = {
    "choice-changed": {"element-order-changed"},
    "namespace-changed": {"python-name-changed"},
}
"""Rules that a row's pair must break besides its own."""


@pytest.mark.parametrize(("row", "role", "severity"), CASES)
def test_a_minimal_pair_gives_nothing_else(row: Row, role: Role, severity: Severity) -> None:
    findings = compare(plan(row.old, role, **row.settings), plan(row.new, role, **row.settings))
    assert {finding.rule for finding in findings} <= {row.rule} | ALSO.get(row.rule, set()), severity


@pytest.mark.parametrize(("role", "severity"), [("caller", "error"), ("callee", "error")])
def test_faults_go_with_the_answer(role: Role, severity: Severity) -> None:
    (finding,) = found(plan(fault("Denied"), role), plan(fault("Denied", "Broken"), role), "fault-changed")
    assert (finding.wire, finding.role) == (severity, "inbound" if role == "caller" else "outbound")


@pytest.mark.parametrize(("role", "severity"), [("caller", "info"), ("callee", "error")])
def test_an_answer_is_inbound_where_we_call_and_outbound_where_we_are_called(role: Role, severity: Severity) -> None:
    """A required element that is gone: inbound an error; added: outbound an error."""
    longer = Contract(answer=sequence("Code", 'Text type="xs:string" minOccurs="0"'))
    strict = Contract(answer=sequence("Code", "Text"))
    (finding,) = compare(plan(longer, role), plan(strict, role))
    assert (finding.rule, finding.wire) == ("element-became-required", severity)


def test_an_operation_that_loses_its_answer_is_another_message() -> None:
    (finding,) = found(plan(Contract()), plan(Contract(output="")), "message-changed")
    assert (finding.wire, finding.path, finding.old, finding.new) == ("error", "Pay/output", "present", None)


@pytest.mark.parametrize("role", ["caller", "callee"])
def test_a_header_in_another_namespace_is_told_at_the_header(role: Role) -> None:
    other = dataclasses.replace(
        header("Signature", "o"),
        schema='xmlns:o="urn:other"',
        types='<xs:import namespace="urn:other"/><xs:element name="Signature" type="xs:string"/></xs:schema>'
        '<xs:schema targetNamespace="urn:other"><xs:element name="Signature" type="xs:string"/>',
        messages='<w:message name="Head"><w:part xmlns:o="urn:other" name="head" element="o:Signature"/></w:message>',
    )
    findings = found(plan(header("Signature"), role), plan(other, role), "namespace-changed")
    assert [(f.path, f.wire) for f in findings] == [("Pay/Signature", "error")]


@pytest.mark.parametrize("role", ["caller", "callee"])
def test_another_style_is_an_error(role: Role) -> None:
    # A contract in rpc style is refused when it is read; only a lock can hold another style.
    old = plan(Contract(), role)
    (operation,) = old.operations
    new = dataclasses.replace(old, operations=(dataclasses.replace(operation, style="rpc"),))
    (finding,) = compare(old, new)
    assert (finding.rule, finding.wire, finding.source) == ("soap-style-changed", "error", "none")


def test_another_role_is_an_error_and_touches_both_directions() -> None:
    findings = compare(plan(Contract(), "caller"), plan(content("Amount", "Currency"), "callee"))
    assert [(f.rule, f.wire, f.role) for f in findings] == [
        ("operation-role-changed", "error", "both"),
        ("required-element-added", "error", "both"),
    ]


def test_a_payload_link_that_one_side_lacks_is_an_error() -> None:
    text = Contract(content=sequence("Amount"), types='<xs:element name="Text" type="xs:string"/>')
    text = dataclasses.replace(
        text, types=text.types + f'<xs:element name="doc"><xs:complexType>{sequence("A")}</xs:complexType></xs:element>'
    )
    linked = plan(text, payloads={"{urn:pay}PayRequest": "{urn:pay}doc"})
    (finding,) = [f for f in compare(plan(text), linked) if f.rule == "payload-changed"]
    assert (finding.wire, finding.source, finding.path) == ("error", "breaking", "Pay/PayRequest")


def test_what_lies_inside_the_text_belongs_to_its_operation() -> None:
    def carrying(*elements: str) -> Contract:
        inner = f'<xs:element name="doc"><xs:complexType>{sequence(*elements)}</xs:complexType></xs:element>'
        return Contract(types=inner)

    link: dict[str, Any] = {"payloads": {"{urn:pay}PayRequest": "{urn:pay}doc"}}
    (finding,) = compare(plan(carrying("A"), **link), plan(carrying("A", "B"), **link))
    assert (finding.path, finding.role) == ("Pay/PayRequest/doc/B", "outbound")


def test_a_type_reached_from_both_directions_takes_the_worse() -> None:
    def shared(occurs: str) -> Contract:
        part = f'<xs:complexType name="Part">{sequence(f"Key {occurs}")}</xs:complexType>'
        return Contract(content=sequence('Part type="t:Part"'), answer=sequence('Part type="t:Part"'), types=part)

    optional = 'type="xs:string" minOccurs="0"'
    (finding,) = compare(plan(shared('type="xs:string"')), plan(shared(optional)))
    assert (finding.wire, finding.role) == ("error", "both")
    assert (finding.path, finding.also) == (f"{P}/Part/Key", ("Pay/PayAnswer/Part/Key",))


@pytest.mark.parametrize("role", ["caller", "callee"])
def test_types_that_nothing_uses_are_compared_and_never_worse_than_info(role: Role) -> None:
    def unused(name: str, *elements: str) -> Contract:
        return Contract(types=f'<xs:complexType name="{name}">{sequence(*elements)}</xs:complexType>')

    (added,) = compare(plan(unused("Spare", "A"), role), plan(unused("Spare", "A", "B"), role))
    assert (added.rule, added.wire, added.role, added.source) == (
        "required-element-added",
        "info",
        "unused",
        "breaking",
    )
    (gone,) = compare(plan(unused("Spare", "A"), role), plan(Contract(), role))
    assert (gone.rule, gone.wire, gone.role, gone.source) == ("type-removed", "info", "unused", "breaking")
    (came,) = compare(plan(Contract(), role), plan(unused("Spare", "A"), role))
    assert (came.rule, came.wire, came.role, came.source) == ("type-added", "info", "unused", "additive")


@pytest.mark.parametrize("role", ["caller", "callee"])
def test_a_type_with_another_name_is_no_change_on_the_wire(role: Role) -> None:
    def named(name: str) -> Contract:
        part = f'<xs:complexType name="{name}">{sequence("Key")}</xs:complexType>'
        return Contract(content=sequence(f'Part type="t:{name}"'), types=part)

    (finding,) = compare(plan(named("Part"), role), plan(named("Piece"), role))
    assert (finding.rule, finding.wire, finding.source) == ("python-name-changed", "info", "breaking")


@pytest.mark.parametrize("role", ["caller", "callee"])
def test_another_base_breaks_code_and_no_message(role: Role) -> None:
    flat = Contract(
        content=sequence('Part type="t:Card"'),
        types=f'<xs:complexType name="Base">{sequence("Amount")}</xs:complexType>'
        f'<xs:complexType name="Card">{sequence("Amount", "More")}</xs:complexType>',
    )
    extended = dataclasses.replace(derived("Card"), content=sequence('Part type="t:Card"'))
    findings = compare(plan(extended, role), plan(flat, role))
    assert {(f.rule, f.wire, f.source) for f in findings if f.role != "unused"} == {
        ("base-type-changed", "info", "breaking")
    }


def test_recursive_types_come_to_an_end() -> None:
    def recursive(*more: str) -> Contract:
        inner = sequence("Key", 'Next type="t:Link" minOccurs="0"', *more)
        return Contract(
            content=sequence('Link type="t:Link"'), types=f'<xs:complexType name="Link">{inner}</xs:complexType>'
        )

    (finding,) = compare(plan(recursive()), plan(recursive("Extra")))
    assert finding.path == f"{P}/Link/Extra"


def test_every_rule_is_met_here_or_in_the_acceptance_tests() -> None:
    elsewhere = {
        "acceptance-stale",
        "acceptance-expired",
        "fault-changed",
        "soap-style-changed",
        "operation-role-changed",
        "payload-changed",
        "type-added",
        "type-removed",
        "python-name-changed",
        "base-type-changed",
    }
    assert {row.rule for row in ROWS} | elsewhere == {rule.id for rule in RULES}
    assert not {row.rule for row in ROWS} & elsewhere
