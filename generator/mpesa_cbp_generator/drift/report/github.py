"""Annotations of GitHub Actions."""

from __future__ import annotations

from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.drift.report.report_view import Shown, advice, summary

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(shown: Shown) -> str:
    """The report as workflow commands; accepted findings are notices."""
    lines = [_line(shown, finding) for finding in shown.report.findings]
    lines.append(f"drift: {_data(summary(shown.report))}")
    return "\n".join(lines) + "\n"


def _line(shown: Shown, finding: Finding) -> str:
    file, number = shown.place(finding)
    command = "notice" if finding.accepted is not None else _COMMANDS[finding.wire]
    properties = {"file": file, "line": str(number) if number else "", "title": f"{finding.rule} ({finding.role})"}
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    end = (
        f"Accepted by {finding.accepted.by}: {finding.accepted.reason}" if finding.accepted else advice(shown, finding)
    )
    text = f"{finding.path}: {finding.message}\n{end}\nfingerprint {finding.fingerprint}"
    return f"::{command} {told}::{_data(text)}"


def _data(text: str) -> str:
    """Text of a command; a raw line break would end it and let a contract give commands of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
