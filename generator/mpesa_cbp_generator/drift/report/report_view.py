"""What all output formats share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.config.entries import entries
from mpesa_cbp_generator.drift.compare.contracts import Comparison
from mpesa_cbp_generator.drift.findings import Finding, Report, Severity, at_least
from mpesa_cbp_generator.drift.rules.all_rules import rule
from mpesa_cbp_generator.drift.sources import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A report with the sides that it is about.

    ``threshold`` is the severity from which on a finding fails the run, None where none does. ``accept_file`` is
    where findings about acceptance entries belong. ``config`` holds the entries of bindings.toml that advice names.
    """

    report: Report
    comparison: Comparison
    old: Side
    new: Side
    threshold: Severity | None = "error"
    colour: bool = False
    accept_file: str = ""
    config: Config | None = None

    def failing(self, finding: Finding) -> bool:
        """Whether a finding makes the run fail."""
        return self.threshold is not None and finding.accepted is None and at_least(finding.wire, self.threshold)

    def place(self, finding: Finding) -> tuple[str, int]:
        """File and line to point at: on the new side where the declaration is there, else on the old one."""
        if finding.new_place is not None and finding.new_place.file:
            return self.new.locate(finding.new_place)
        if finding.old_place is not None and finding.old_place.file:
            return self.old.locate(finding.old_place)
        return (self.accept_file, 0) if finding.role == "none" else ("", 0)

    def described(self, finding: Finding) -> str:
        """The same place for people, as exactly as it is known."""
        return self.new.describe(finding.new_place) or self.old.describe(finding.old_place) or self.place(finding)[0]

    def sides(self, finding: Finding) -> dict[str, str]:
        """The places on either side for people; a side without one is left out."""
        texts = {"old": self.old.describe(finding.old_place), "new": self.new.describe(finding.new_place)}
        return {side: text for side, text in texts.items() if text}

    def old_place(self, finding: Finding) -> tuple[str, int] | None:
        """File and line on the old side, if the declaration is there."""
        known = finding.old_place is not None and finding.old_place.file
        return self.old.locate(finding.old_place) if known and finding.old_place is not None else None


def by_operation(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings under the operation that they are told at; those of none behind, in their order."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(group_title(finding), []).append(finding)
    named = sorted(name for name in groups if name not in _NO_OPERATION)
    return {name: groups[name] for name in (*named, *(name for name in _NO_OPERATION if name in groups))}


def group_title(finding: Finding) -> str:
    """Heading that a finding stands under."""
    if finding.operation:
        return finding.operation
    return _NO_OPERATION[1] if finding.role == "none" else _NO_OPERATION[0]


def advice(shown: Shown, finding: Finding) -> str:
    """What to do about a finding, with the entries of bindings.toml that name what was renamed or is gone."""
    general = rule(finding.rule).advice
    if shown.config is None or finding.rule not in _NAMES_VANISH:
        return general
    name = finding.path.rpartition("/")[2].removeprefix("@")
    touched = ", ".join(entry.text for entry in entries(shown.config) if entry.is_about(name))
    return f"{general} In bindings.toml this name stands in {touched}." if touched else general


def summary(report: Report) -> str:
    """One line: how many findings of which severity, and the version step."""
    counts = [_counted(report.count(severity), severity) for severity in ("error", "warning", "info")]
    accepted = f", {report.accepted} accepted" if report.accepted else ""
    return f"{', '.join(counts)}{accepted}; version step: {report.version_step}"


def next_steps(shown: Shown) -> tuple[str, ...]:
    """What to do after reading the report."""
    findings = shown.report.findings
    if not findings:
        return ()
    steps = []
    if any(shown.failing(finding) for finding in findings):
        steps.append("look at what fails the run first; 'mpesa-cbp-gen explain RULE' says more about each")
    steps.append("put the new files into the contract's folders and run: mpesa-cbp-gen generate")
    if shown.report.version_step != "none":
        steps.append(f"raise the {shown.report.version_step} version of the package")
    steps.append("accept what cannot be changed in drift-accept.toml, by fingerprint, with a reason and a day")
    return tuple(steps)


# After these a name of the old contract may be none of the new one's; generate then refuses entries that have it.
_NAMES_VANISH = frozenset(
    {"element-renamed", "element-removed", "operation-renamed", "operation-removed", "type-removed"}
)
_NO_OPERATION = ("Types that no operation uses", "Accepted findings")


def _counted(number: int, severity: Severity) -> str:
    return f"{number} {severity}{'' if number == 1 else 's'}"
