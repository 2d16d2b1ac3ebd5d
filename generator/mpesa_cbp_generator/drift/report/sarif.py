"""SARIF 2.1.0, which code hosts show as alerts at the line and follow from run to run by fingerprint."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any
from urllib.parse import quote

from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.drift.report.report_view import Shown
from mpesa_cbp_generator.drift.rules.all_rules import RULES, Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(shown: Shown) -> str:
    """The report as a SARIF log with one run; all rules are described, whether met or not."""
    driver = {
        "name": "mpesa-cbp-gen drift",
        "version": metadata.version("mpesa-cbp"),
        "rules": [_rule(rule) for rule in RULES],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "results": [_result(shown, finding) for finding in shown.report.findings],
        "properties": {
            "old": shown.report.old,
            "new": shown.report.new,
            "versionStep": shown.report.version_step,
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    words = "".join(word.capitalize() for word in rule.id.split("-"))
    return {
        "id": rule.id,
        "name": words,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.what} {rule.why}"},
        "help": {"text": f"Example: {rule.example}\nTo do: {rule.advice}"},
        "defaultConfiguration": {"level": _LEVELS[rule.outbound[0]]},
    }


def _result(shown: Shown, finding: Finding) -> dict[str, Any]:
    numbers = {rule.id: number for number, rule in enumerate(RULES)}
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": numbers[finding.rule],
        "level": _LEVELS[finding.wire],
        "message": {"text": f"{finding.path}: {finding.message}"},
        "locations": [_location(shown.place(finding), finding.path)],
        "partialFingerprints": {"drift/v1": finding.fingerprint},
        "properties": {
            "role": finding.role,
            "source": finding.source,
            "operation": finding.operation,
            "old": finding.old,
            "new": finding.new,
        },
    }
    old = shown.old_place(finding)
    if old is not None and finding.new_place is not None:
        result["relatedLocations"] = [{**_location(old, finding.path), "message": {"text": "the old contract"}}]
    if finding.accepted is not None:
        until = f" until {finding.accepted.until}" if finding.accepted.until else ""
        reason = f"{finding.accepted.by}{until}: {finding.accepted.reason}"
        result["suppressions"] = [{"kind": "external", "justification": reason}]
    return result


def _location(place: tuple[str, int], path: str) -> dict[str, Any]:
    file, line = place
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": path}]}
    if file:
        # A relative reference: two sides of the same repository stay the same alert on every machine.
        physical: dict[str, Any] = {"artifactLocation": {"uri": quote(file)}}
        if line:
            physical["region"] = {"startLine": line}
        location["physicalLocation"] = physical
    return location
