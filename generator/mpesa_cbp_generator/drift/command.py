"""The commands ``drift``, ``rules`` and ``explain``."""

from __future__ import annotations

import argparse
import datetime
import difflib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpesa_cbp_generator.errors import ConfigurationError, GeneratorError

if TYPE_CHECKING:
    from mpesa_cbp_generator.config.bindings import Config
    from mpesa_cbp_generator.drift.report.report_view import Shown

FINE, FINDINGS = 0, 1
FORMATS = ("text", "json", "markdown", "github", "junit", "sarif", "html")
_Plain = argparse.RawDescriptionHelpFormatter
_DRIFT = """\
examples:
  mpesa-cbp-gen drift CBPInterface_1.5.zip
  mpesa-cbp-gen drift git:HEAD . --accept drift-accept.toml
  mpesa-cbp-gen drift old new --format html --output drift.html

Exits with 0, 1 if a finding is as bad as --fail-on says, 2 for wrong usage or settings, 3 if a side cannot be read."""
_RULES = """\
examples:
  mpesa-cbp-gen rules
  mpesa-cbp-gen rules --json

Exits with 0, 2 for wrong usage."""
_EXPLAIN = """\
example:
  mpesa-cbp-gen explain element-renamed

Exits with 0, 2 if there is no such rule."""
_SIDES = "folder, zip, WSDL, contract.lock.json, git:REF or git:REF:PATH"


def add_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the three commands to those of mpesa-cbp-gen."""
    text = "tell what changed between two contracts, what it breaks and for whom"
    drift = commands.add_parser("drift", help=text, description=text, epilog=_DRIFT, formatter_class=_Plain)
    drift.add_argument(
        "sides",
        nargs="+",
        metavar="[OLD] NEW",
        help=f"each a {_SIDES}; without OLD, the lock of the installed bindings",
    )
    drift.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    drift.add_argument(
        "--fail-on",
        choices=("error", "warning", "info", "never"),
        default="error",
        help="mildest severity that makes the exit code 1 (default: error)",
    )
    drift.add_argument("--accept", type=Path, metavar="FILE", help="drift-accept.toml, findings to let pass")
    drift.add_argument("--config", type=Path, help="bindings.toml (default: the one in this folder, if any)")
    drift.add_argument("--output", type=Path, metavar="FILE", help="write there instead of to the terminal")
    drift.set_defaults(run=_drift)
    text = "list the rules of drift"
    rules = commands.add_parser("rules", help=text, description=text, epilog=_RULES, formatter_class=_Plain)
    rules.add_argument("--json", action="store_true", help="as JSON, with everything that explain says")
    rules.set_defaults(run=_rules)
    text = "say what a rule of drift means"
    explain = commands.add_parser("explain", help=text, description=text, epilog=_EXPLAIN, formatter_class=_Plain)
    explain.add_argument("rule", metavar="RULE")
    explain.set_defaults(run=_explain)


def _drift(options: argparse.Namespace) -> int:
    shown = _shown(options)
    text = _renderer(options.format)(shown)
    if options.output is not None:
        _write(options.output, text)
    else:
        _print(text)
    return FINDINGS if any(shown.failing(finding) for finding in shown.report.findings) else FINE


def _shown(options: argparse.Namespace) -> Shown:
    from mpesa_cbp_generator.drift.accept import accept, read_acceptances
    from mpesa_cbp_generator.drift.compare.contracts import compare_with_walk
    from mpesa_cbp_generator.drift.findings import Report
    from mpesa_cbp_generator.drift.report.report_view import Shown
    from mpesa_cbp_generator.drift.sources import installed_lock, resolve

    if len(options.sides) > 2:
        raise ConfigurationError("drift compares two contracts; more than OLD and NEW were given")
    acceptances = read_acceptances(options.accept) if options.accept is not None else ()
    config, settings = _settings(options.config)
    root = options.config.parent if options.config is not None else Path()
    words = options.sides if len(options.sides) == 2 else [str(installed_lock(config)), *options.sides]
    old, new = (resolve(word, settings, root=root) for word in words)
    comparison = compare_with_walk(old.plan, new.plan)
    file = options.accept.as_posix() if options.accept is not None else ""
    findings = accept(comparison.findings, acceptances, today=_today(), file=file)
    return Shown(
        report=Report(old=old.label, new=new.label, findings=findings),
        comparison=comparison,
        old=old,
        new=new,
        threshold=None if options.fail_on == "never" else options.fail_on,
        colour=options.output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        accept_file=file,
        config=config,
    )


def _settings(path: Path | None) -> tuple[Config | None, Config]:
    """The settings of bindings.toml, if there is one, and those to read sides with."""
    from mpesa_cbp_generator.config.bindings import Config, read_config

    if path is not None or Path("bindings.toml").is_file():
        config = read_config(path or Path("bindings.toml"))
        return config, config
    return None, Config(sources=(), package="bindings", output=Path("bindings"))


def _renderer(name: str) -> Callable[[Shown], str]:
    from mpesa_cbp_generator.drift.report import github, html_page, json_format, junit, markdown, sarif, terminal

    return {
        "text": terminal.render,
        "json": json_format.render,
        "markdown": markdown.render,
        "github": github.render,
        "junit": junit.render,
        "sarif": sarif.render,
        "html": html_page.render,
    }[name]


def _rules(options: argparse.Namespace) -> int:
    from mpesa_cbp_generator.drift.rules.all_rules import RULES, rule_as_dict

    if options.json:
        _print(json.dumps([rule_as_dict(rule) for rule in RULES], indent=2, ensure_ascii=False) + "\n")
        return FINE
    width = max(len(rule.id) for rule in RULES)
    lines = [f"{'rule':<{width}}  {'outbound':<14}  {'inbound':<14}  {'source':<18}  what"]
    for rule in RULES:
        columns = f"{'/'.join(rule.outbound):<14}  {'/'.join(rule.inbound):<14}  {'/'.join(rule.source):<18}"
        lines.append(f"{rule.id:<{width}}  {columns}  {rule.title}")
    _print("\n".join(lines) + "\n")
    return FINE


def _explain(options: argparse.Namespace) -> int:
    from mpesa_cbp_generator.drift.rules.all_rules import RULES

    found = next((rule for rule in RULES if rule.id == options.rule), None)
    if found is None:
        near = difflib.get_close_matches(options.rule, [rule.id for rule in RULES], n=1)
        hint = f"did you mean {near[0]}?" if near else "'mpesa-cbp-gen rules' lists them"
        raise ConfigurationError(f"there is no rule {options.rule!r}; {hint}")
    _print(
        f"{found.id}: {found.title}\n\n"
        f"wire, outbound: {' or '.join(found.outbound)}\n"
        f"wire, inbound:  {' or '.join(found.inbound)}\n"
        f"source:         {' or '.join(found.source)}\n\n"
        f"What:    {found.what}\nWhy:     {found.why}\nExample: {found.example}\nTo do:   {found.advice}\n"
    )
    return FINE


def _today() -> datetime.date:
    """The day by which acceptance entries are judged: the UTC one, so that every machine judges alike."""
    return datetime.datetime.now(datetime.UTC).date()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GeneratorError(f"{path} cannot be written: {error.strerror or error}") from error


def _print(text: str) -> None:
    # A terminal or a log that is not UTF-8 shows what it can instead of ending the run.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
