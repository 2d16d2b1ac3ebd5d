"""JSON for programs; its schema is ``drift.schema.json`` beside the package's modules."""

from __future__ import annotations

import json
from typing import Any

from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.drift.report.report_view import Shown
from mpesa_cbp_generator.schema.declarations import Place

FORMAT = 1
"""Version of the layout; a new key keeps it, a changed meaning does not."""


def render(shown: Shown) -> str:
    """The report as JSON, keys in a fixed order."""
    report = shown.report
    data = {
        "format": FORMAT,
        "old": report.old,
        "new": report.new,
        "version_step": report.version_step,
        "failed": any(shown.failing(finding) for finding in report.findings),
        "counts": {
            **{severity: report.count(severity) for severity in ("error", "warning", "info")},
            "accepted": report.accepted,
        },
        "findings": [_finding(finding) for finding in report.findings],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    accepted = finding.accepted
    return {
        "rule": finding.rule,
        "wire": finding.wire,
        "source": finding.source,
        "role": finding.role,
        "operation": finding.operation,
        "path": finding.path,
        "also": list(finding.also),
        "old": finding.old,
        "new": finding.new,
        "old_place": _place(finding.old_place),
        "new_place": _place(finding.new_place),
        "message": finding.message,
        "fingerprint": finding.fingerprint,
        "accepted": None
        if accepted is None
        else {"reason": accepted.reason, "by": accepted.by, "until": accepted.until},
    }


def _place(place: Place | None) -> dict[str, str | int] | None:
    return None if place is None or not place.file else {"file": place.file, "line": place.line}
