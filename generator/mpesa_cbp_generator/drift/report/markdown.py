"""Markdown for a comment on a pull request: a summary, then a table an operation."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.drift.report.report_view import Shown, advice, by_operation, next_steps, summary

# Characters that could start markup inside a table cell. Text of a contract must not write the comment.
_MARKUP = re.compile(r"([\\`*_\[\]#!|~@<>])")


def render(shown: Shown) -> str:
    """The report as GitHub-flavoured Markdown."""
    return "\n".join(_lines(shown)) + "\n"


def _lines(shown: Shown) -> Iterator[str]:
    yield f"## Contract drift: {_code(shown.report.old)} → {_code(shown.report.new)}"
    yield ""
    if not shown.report.findings:
        yield "Nothing changed."
        return
    yield f"**{summary(shown.report)}**"
    for operation, findings in by_operation(shown.report.findings).items():
        yield ""
        yield f"### {_text(operation)}"
        yield ""
        yield "| wire | role | source | where | what | rule |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for finding in findings:
            yield _row(shown, finding)
    yield ""
    yield "<details><summary>What to do</summary>"
    yield ""
    for rule_id, text in dict.fromkeys((finding.rule, advice(shown, finding)) for finding in shown.report.findings):
        yield f"- `{rule_id}`: {_text(text)}"
    for step in next_steps(shown):
        yield f"- {_text(step)}"
    yield ""
    yield "</details>"


def _row(shown: Shown, finding: Finding) -> str:
    place = shown.described(finding)
    where = _code(finding.path) + (f"<br>{_code(place)}" if place else "")
    what = _text(finding.message)
    if finding.accepted is not None:
        until = f" until {finding.accepted.until}" if finding.accepted.until else ""
        what += f"<br>accepted by {_text(finding.accepted.by)}{until}: {_text(finding.accepted.reason)}"
    severity = finding.wire if finding.accepted is None else f"~~{finding.wire}~~"
    rule = f"`{finding.rule}`<br>`{finding.fingerprint}`"
    return f"| {severity} | {finding.role} | {finding.source} | {where} | {what} | {rule} |"


def _code(text: str) -> str:
    """Code in a cell; HTML's element instead of backticks, since the text may hold backticks and pipes."""
    escaped = html.escape(" ".join(text.split())).replace("|", "&#124;")
    return f"<code>{escaped}</code>"


def _text(text: str) -> str:
    return _MARKUP.sub(lambda found: f"&#{ord(found.group())};", " ".join(text.replace("&", "&amp;").split()))
