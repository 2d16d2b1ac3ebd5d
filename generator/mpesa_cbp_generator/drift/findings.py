"""Findings as frozen values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mpesa_cbp_generator.schema.declarations import Place

Severity = Literal["error", "warning", "info"]
SourceEffect = Literal["breaking", "additive", "none"]
Direction = Literal["outbound", "inbound", "unused"]
Role = Literal["outbound", "inbound", "both", "unused", "none"]
VersionStep = Literal["major", "minor", "patch", "none"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From the worst to the mildest."""

ROLES: tuple[Role, ...] = ("outbound", "inbound", "both", "unused", "none")

FINGERPRINT_LENGTH = 16
"""Hexadecimal digits of a fingerprint: 64 bits are enough to tell the findings of one contract apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """An entry of ``drift-accept.toml``: who lives with a finding, why, and until when (an ISO date, or None)."""

    fingerprint: str
    reason: str
    by: str
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference between two contracts.

    ``wire`` is how bad it is for messages, ``source`` what it does to Python code that uses the bindings. ``role`` is
    the direction of the messages that it touches as we see them, ``unused`` where no operation leads there, ``none``
    for findings about acceptance entries. ``path`` leads through operation and elements in the old contract's names;
    ``also`` holds further paths to the same declaration. ``accepted`` is the entry that lets it pass.
    """

    rule: str
    wire: Severity
    source: SourceEffect
    role: Role
    operation: str
    path: str
    old: str | None
    new: str | None
    message: str
    also: tuple[str, ...] = ()
    old_place: Place | None = None
    new_place: Place | None = None
    accepted: Acceptance | None = None

    @property
    def fingerprint(self) -> str:
        """Stable name of the finding: over rule, path, old and new value; neither over prose nor over lines."""
        return fingerprint(self.rule, self.path, self.old, self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings of a comparison, the worst first, and what was compared with what."""

    old: str
    new: str
    findings: tuple[Finding, ...]

    @property
    def version_step(self) -> VersionStep:
        """The step that the package's version needs; an accepted finding still changes the package."""
        return version_step(self.findings)

    def count(self, severity: Severity) -> int:
        """Number of findings of a severity that are not accepted."""
        return sum(finding.wire == severity and finding.accepted is None for finding in self.findings)

    @property
    def accepted(self) -> int:
        """Number of findings that an entry of the acceptance file lets pass."""
        return sum(finding.accepted is not None for finding in self.findings)


def fingerprint(rule: str, path: str, old: str | None, new: str | None) -> str:
    """Shortened sha256 over what makes a finding what it is; None and the empty text differ."""
    parts = (rule, path, *("-" if value is None else f"={value}" for value in (old, new)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:FINGERPRINT_LENGTH]


def version_step(findings: Iterable[Finding]) -> VersionStep:
    """Major for what breaks messages or code, minor for what adds or may surprise, patch for the rest."""
    step: VersionStep = "none"
    for finding in findings:
        if finding.role == "none":
            continue
        if finding.wire == "error" or finding.source == "breaking":
            return "major"
        if finding.wire == "warning" or finding.source == "additive":
            step = "minor"
        elif step == "none":
            step = "patch"
    return step


def at_least(severity: Severity, threshold: Severity) -> bool:
    """Whether a severity is as bad as the threshold or worse."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(threshold)


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of some severities, info for none."""
    return min(severities, key=SEVERITIES.index, default="info")


def sort_key(finding: Finding) -> tuple[int, str, str, str, str, str]:
    """Order of findings in a report: the worst first, then by operation and path."""
    values = (finding.operation, finding.path, finding.rule, finding.old or "", finding.new or "")
    return (SEVERITIES.index(finding.wire), *values)
