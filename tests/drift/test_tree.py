"""The tree has a place for every finding, whatever rule it is under."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest

from mpesa_cbp_generator.drift.compare.contracts import compare_with_walk
from mpesa_cbp_generator.drift.report.tree import Node, build
from mpesa_cbp_generator.plan.model import Plan
from tests.drift.contracts import Contract, needs_shared, plan, sequence
from tests.drift.rows import ROWS, Row, fault
from tests.drift.test_revisions import CONFIG, shared


def fingerprints(nodes: Iterable[Node]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        found |= {finding.fingerprint for finding in node.findings} | fingerprints(node.children)
    return found


def assert_all_shown(old: Plan, new: Plan) -> None:
    comparison = compare_with_walk(old, new)
    assert comparison.findings
    assert fingerprints(build(comparison, comparison.findings)) == {f.fingerprint for f in comparison.findings}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_every_row_of_the_table_has_a_place(row: Row) -> None:
    old, new = plan(row.old, **row.settings), plan(row.new, **row.settings)
    assert_all_shown(old, new)
    assert_all_shown(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (fault("Denied"), fault("Denied", "Broken")),
        (Contract(), Contract(output="")),
        (Contract(), dataclasses.replace(Contract(), types='<xs:element name="Spare" type="xs:string"/>')),
        (Contract(types=f'<xs:complexType name="Spare">{sequence("A")}</xs:complexType>'), Contract()),
    ],
)
def test_what_stands_at_no_element_has_a_place_too(old: Contract, new: Contract) -> None:
    assert_all_shown(plan(old), plan(new))


@needs_shared
def test_the_revisions_have_a_place_for_everything() -> None:
    assert CONFIG.roles
    assert_all_shown(shared("v1.0-as-shipped"), shared("v1.5-as-documented"))
    assert_all_shown(shared("v1.5-as-documented"), shared("v1.0-as-shipped"))
