"""Acceptance: one finding at a time, with a reason, by somebody, until a day."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from mpesa_cbp_generator.drift.accept import accept, read_acceptances
from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.findings import Finding, Report
from mpesa_cbp_generator.errors import ConfigurationError
from tests.drift.contracts import Contract, plan, sequence

TODAY = datetime.date(2026, 6, 15)
FINDINGS = compare(plan(Contract()), plan(Contract(content=sequence("Amount", "Currency"), address="http://x.example")))
ADDED = next(finding for finding in FINDINGS if finding.rule == "required-element-added")


def entry(fingerprint: str = ADDED.fingerprint, until: str = "", **more: str) -> str:
    lines = [f'fingerprint = "{fingerprint}"', 'reason = "the broker fills it in"', 'by = "Wanjiru"', until]
    lines += [f'{key} = "{value}"' for key, value in more.items()]
    return "[[accept]]\n" + "\n".join(lines) + "\n"


def accepted(tmp_path: Path, text: str) -> tuple[Finding, ...]:
    path = tmp_path / "drift-accept.toml"
    path.write_text(text)
    return accept(FINDINGS, read_acceptances(path), today=TODAY, file="drift-accept.toml")


@pytest.mark.parametrize("until", ["", 'until = "2026-06-15"', "until = 2026-12-31"])
def test_an_accepted_finding_does_not_count_and_is_still_told(tmp_path: Path, until: str) -> None:
    report = Report(old="old", new="new", findings=accepted(tmp_path, entry(until=until)))
    assert (report.count("error"), report.count("warning"), report.accepted) == (0, 1, 1)
    assert len(report.findings) == len(FINDINGS)
    assert report.version_step == "major"


def test_an_expired_entry_is_a_finding_and_the_finding_counts_again(tmp_path: Path) -> None:
    findings = accepted(tmp_path, entry(until='until = "2026-06-14"'))
    assert [f.rule for f in findings if f.wire == "error" and f.accepted is None] == [
        "acceptance-expired",
        "required-element-added",
    ]


def test_a_stale_entry_is_a_finding(tmp_path: Path) -> None:
    findings = accepted(tmp_path, entry("0123456789abcdef"))
    (stale,) = (finding for finding in findings if finding.rule == "acceptance-stale")
    assert (stale.wire, stale.role) == ("warning", "none")
    assert "0123456789abcdef" in stale.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "not a TOML file"),
        ('[rules]\nignore = ["element-removed"]', r"holds \[\[accept\]\] tables and nothing else"),
        ('[[accept]]\nfingerprint = "0123456789abcdef"\nby = "W"', "entry 1: reason is missing"),
        ('[[accept]]\nfingerprint = "0123456789abcdef"\nreason = " "\nby = "W"', "entry 1: reason is missing"),
        (entry(rule="element-removed"), "entry 1: rule is not known"),
        (entry("0123"), "fingerprint must be the 16 digits"),
        (entry("*"), "fingerprint must be the 16 digits"),
        (entry(until='until = "soon"'), "until must be a day"),
        (entry(until="until = 2026-01-01T00:00:00"), "until must be a day"),
        (entry() + entry(), "accepted twice"),
        ("accept = [1]", "entry 1 is not a table"),
    ],
)
def test_an_entry_that_says_too_little_or_too_much_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        accepted(tmp_path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_acceptances(tmp_path / "drift-accept.toml")


def test_fingerprints_hang_on_neither_lines_nor_prose_nor_files() -> None:
    moved = Contract(content="\n\n\n" + sequence("Amount", "Currency"), address="http://x.example")
    again = compare(plan(Contract()), plan(moved))
    assert {f.fingerprint for f in again} == {f.fingerprint for f in FINDINGS}
    assert again[0].new_place != FINDINGS[0].new_place
