"""Directions, shared types and what no minimal pair of the table can show."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.findings import Severity
from tests.drift.contracts import Contract, Role, found, plan, sequence
from tests.drift.rows import P, content, derived, fault, header, unique


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


@pytest.mark.parametrize("role", ["caller", "callee"])
def test_what_is_to_be_unique_counts_in_both_directions(role: Role) -> None:
    (finding,) = compare(plan(Contract(), role), plan(unique("Amount"), role))
    assert (finding.rule, finding.wire, finding.role, finding.path) == (
        "constraint-changed",
        "error",
        "both",
        "schema urn:pay",
    )
    assert finding.new == "PayRequest: unique once: selector ., field {urn:pay}Amount"


def test_a_payload_document_that_one_contract_lacks_is_an_error() -> None:
    link: dict[str, Any] = {"payloads": {"{urn:pay}PayRequest": "{urn:pay}doc"}}
    with_document = Contract(
        types=f'<xs:element name="doc"><xs:complexType>{sequence("A")}</xs:complexType></xs:element>'
    )
    (finding,) = found(plan(with_document, **link), plan(Contract(), **link), "payload-changed")
    assert (finding.wire, finding.path, finding.old, finding.new) == ("error", "Pay/PayRequest", "{urn:pay}doc", None)
