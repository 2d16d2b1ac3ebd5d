"""The HTML page: the contract as a tree with the changes in place."""

from __future__ import annotations

import functools

import jinja2

from mpesa_cbp_generator.drift.findings import ROLES, SEVERITIES
from mpesa_cbp_generator.drift.report.report_view import Shown, advice, next_steps
from mpesa_cbp_generator.drift.report.tree import anchors, build

_ROLE_NAMES = {
    "outbound": "outbound",
    "inbound": "inbound",
    "both": "both ways",
    "unused": "not used",
    "none": "acceptance file",
}


def render(shown: Shown) -> str:
    """The report as a page without a single reference to anything outside it."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mpesa_cbp_generator.drift.report"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    findings = shown.report.findings
    roots = build(shown.comparison, [finding for finding in findings if finding.role != "none"])
    roles = [role for role in ROLES if any(finding.role == role for finding in findings)]

    return environment.get_template("page.html.jinja").render(
        report=shown.report,
        roots=roots,
        severities=SEVERITIES,
        roles=roles,
        role_names=_ROLE_NAMES,
        listed=[finding for finding in findings if finding.role != "none"],
        anchors=anchors(roots),
        steps=next_steps(shown),
        advice=functools.partial(advice, shown),
        places=shown.sides,
        acceptance=[finding for finding in findings if finding.role == "none"],
    )
