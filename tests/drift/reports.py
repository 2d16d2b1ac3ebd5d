"""A report with every kind of finding, accepted ones and hostile texts among them, for the tests of the formats."""

from __future__ import annotations

import datetime
import functools

from mpesa_cbp_generator.drift.accept import accept
from mpesa_cbp_generator.drift.compare.contracts import compare_with_walk
from mpesa_cbp_generator.drift.findings import Acceptance, Report
from mpesa_cbp_generator.drift.report.report_view import Shown
from mpesa_cbp_generator.drift.sources import Side
from tests.drift.contracts import Contract, plan, sequence

HOSTILE = "</script><script>alert(1)</script>\n::error::forged | `x` <b>"

OLD = Contract(
    content=sequence("Amount", "PrimartyParty", 'Part type="t:Part"'),
    answer=sequence("Code", 'Part type="t:Part"'),
    types=f'<xs:complexType name="Part">{sequence("Key")}</xs:complexType>'
    f'<xs:complexType name="Spare">{sequence("A")}</xs:complexType>',
)
NEW = Contract(
    content=sequence("Amount", "PrimaryParty", 'Part type="t:Part"', "Currency"),
    answer=sequence("Code", 'Part type="t:Part"', 'Note type="xs:string" minOccurs="0"'),
    types=f'<xs:complexType name="Part">{sequence("Key", "Value")}</xs:complexType>'
    f'<xs:complexType name="Spare">{sequence("A", "B")}</xs:complexType>',
    action="&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#10;::error::forged | `x` &lt;b&gt;",
    address="http://new.example/pay",
)


@functools.cache
def shown() -> Shown:
    """Drift of two contracts that differ in many ways; the address is accepted, one entry is stale."""
    old, new = Side("old", plan(OLD), "old"), Side("new <i>", plan(NEW), "new")
    comparison = compare_with_walk(old.plan, new.plan)
    address = next(finding for finding in comparison.findings if finding.rule == "address-changed")
    entries = (
        Acceptance(fingerprint=address.fingerprint, reason="ours <b>", by="Wanjiru | W", until="2026-12-31"),
        Acceptance(fingerprint="0" * 16, reason="gone", by="Otieno"),
    )
    findings = accept(comparison.findings, entries, today=datetime.date(2026, 6, 15), file="drift-accept.toml")
    report = Report(old=old.label, new=new.label, findings=findings)
    return Shown(report=report, comparison=comparison, old=old, new=new, accept_file="drift-accept.toml")


@functools.cache
def unchanged() -> Shown:
    """Drift of a contract against itself."""
    side = Side("same", plan(OLD), "same")
    comparison = compare_with_walk(side.plan, side.plan)
    return Shown(report=Report(old="same", new="same", findings=()), comparison=comparison, old=side, new=side)
