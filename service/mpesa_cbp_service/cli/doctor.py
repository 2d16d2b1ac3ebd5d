"""``mpesa-cbp doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE, USAGE
from mpesa_cbp_service.cli.options import config_option
from mpesa_cbp_service.doctor import Diagnosis, Level, examine, worst

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of words.")
@click.option(
    "--integrity", is_flag=True, help="Read the whole journal, and find damage (SQLite); a large one takes minutes."
)
@config_option
def doctor(*, config: str | None, as_json: bool, integrity: bool) -> int:
    """Check settings, certificates, journal, clock and the way to the broker, and say what to do.

    \b
    mpesa-cbp doctor
    mpesa-cbp doctor --config /etc/mpesa-cbp.toml --json
    mpesa-cbp doctor --integrity

    No payment is sent: nothing but a HEAD without a body goes to the broker. Exits with 0 if all is well, 1 if there
    are warnings or problems, 2 if the settings are wrong.
    """
    findings = []
    for finding in examine(config, clock=lambda: datetime.now(UTC), integrity=integrity):
        findings.append(finding)
        _print(finding, as_json=as_json)
    if any(each.subject == "settings" and each.level is Level.PROBLEM for each in findings):
        return USAGE
    return FINE if worst(findings) is Level.OK else FINDINGS


def _print(finding: Diagnosis, *, as_json: bool) -> None:
    if as_json:
        facts = {"level": finding.level.value, "subject": finding.subject, "text": finding.text}
        click.echo(json.dumps({**facts, "advice": finding.advice} if finding.advice else facts))
        return
    click.secho(f"{finding.level.value:8}", fg=_COLOURS[finding.level], nl=False)
    click.echo(f" {finding.subject}: {finding.text}")
    if finding.advice:
        click.echo(f"         -> {finding.advice}")
