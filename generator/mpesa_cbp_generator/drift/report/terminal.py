"""Text for a terminal, grouped by operation."""

from __future__ import annotations

from collections.abc import Iterator

from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.drift.report.report_view import Shown, advice, by_operation, next_steps, summary

_COLOURS = {"error": "31;1", "warning": "33;1", "info": "36", "heading": "1", "quiet": "2"}


def render(shown: Shown) -> str:
    """The report as text, with colour where the terminal takes it."""
    return "\n".join(_lines(shown)) + "\n"


def _lines(shown: Shown) -> Iterator[str]:
    yield f"drift: {_safe(shown.report.old)} → {_safe(shown.report.new)}"
    if not shown.report.findings:
        yield "nothing changed"
        return
    for operation, findings in by_operation(shown.report.findings).items():
        yield ""
        yield _paint(shown, "heading", _safe(operation))
        for finding in findings:
            yield from _finding(shown, finding)
    yield ""
    yield _paint(shown, "heading", summary(shown.report))
    for step in next_steps(shown):
        yield f"- {step}"


def _finding(shown: Shown, finding: Finding) -> Iterator[str]:
    severity = _paint(shown, finding.wire, f"{finding.wire:<7}")
    role = "" if finding.role == "none" else f"  {finding.role}, source {finding.source}"
    yield f"  {severity}  {finding.rule}{role}"
    yield f"    {_safe(finding.path)}"
    yield f"    {_safe(finding.message)}"
    if finding.also:
        yield f"    also at {', '.join(_safe(path) for path in finding.also)}"
    told = [f"{side} {_safe(text)}" for side, text in shown.sides(finding).items()]
    if told:
        yield _paint(shown, "quiet", f"    {', '.join(told)}")
    if finding.accepted is not None:
        until = f" until {finding.accepted.until}" if finding.accepted.until else ""
        yield f"    accepted by {_safe(finding.accepted.by)}{until}: {_safe(finding.accepted.reason)}"
    else:
        yield f"    to do: {advice(shown, finding)}"
    if finding.role != "none":
        yield _paint(shown, "quiet", f"    fingerprint {finding.fingerprint}")


def _paint(shown: Shown, what: str, text: str) -> str:
    return f"\x1b[{_COLOURS[what]}m{text}\x1b[0m" if shown.colour else text


def _safe(text: str) -> str:
    """A contract's text without control characters, which could move the cursor or forge a line."""
    return "".join(char if char.isprintable() else "�" for char in text)
