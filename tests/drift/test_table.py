"""One minimal pair of contracts a row of the rules' table, each compared outbound and inbound."""

from __future__ import annotations

import pytest

from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.findings import Severity
from mpesa_cbp_generator.drift.rules.all_rules import RULES
from tests.drift.contracts import Role, found, plan
from tests.drift.rows import ROWS, Row


def directions(row: Row) -> list[tuple[Role, Severity]]:
    return [("caller", row.outbound), ("callee", row.inbound)]


CASES = [
    pytest.param(row, role, severity, id=f"{number}-{row.rule}-{role}")
    for number, row in enumerate(ROWS)
    for role, severity in directions(row)
]


@pytest.mark.parametrize(("row", "role", "severity"), CASES)
def test_a_change_is_told_as_the_table_says(row: Row, role: Role, severity: Severity) -> None:
    old, new = plan(row.old, role, **row.settings), plan(row.new, role, **row.settings)
    findings = [finding for finding in found(old, new, row.rule) if finding.path == row.path]
    assert [(f.wire, f.source, f.role) for f in findings] == [
        (severity, row.source, "outbound" if role == "caller" else "inbound")
    ], compare(old, new)


ALSO = {
    "namespace-changed": {"python-name-changed"},
}
"""Rules that a row's pair must break besides its own."""


@pytest.mark.parametrize(("row", "role", "severity"), CASES)
def test_a_minimal_pair_gives_nothing_else(row: Row, role: Role, severity: Severity) -> None:
    findings = compare(plan(row.old, role, **row.settings), plan(row.new, role, **row.settings))
    assert {finding.rule for finding in findings} <= {row.rule} | ALSO.get(row.rule, set()), severity


def test_every_rule_is_met_here_or_in_the_acceptance_tests() -> None:
    elsewhere = {
        "acceptance-stale",
        "acceptance-expired",
        "constraint-changed",
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
