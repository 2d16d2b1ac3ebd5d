"""The formats: each says every finding, and none lets a contract's text write the report."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from lxml import etree

from mpesa_cbp_generator.drift.report import github, html_page, json_format, junit, markdown, sarif, terminal
from mpesa_cbp_generator.drift.report.report_view import Shown
from tests.drift.contracts import ROOT
from tests.drift.reports import HOSTILE, shown, unchanged

SCHEMAS = Path(__file__).parent / "schemas"
RENDERERS: dict[str, Callable[[Shown], str]] = {
    "text": terminal.render,
    "json": json_format.render,
    "markdown": markdown.render,
    "github": github.render,
    "junit": junit.render,
    "sarif": sarif.render,
    "html": html_page.render,
}


@pytest.mark.parametrize("name", RENDERERS)
def test_every_finding_is_in_every_format(name: str) -> None:
    text = RENDERERS[name](shown())
    for finding in shown().report.findings:
        assert finding.rule in text
        # An entry of the acceptance file cannot be accepted itself: people are shown the fingerprint that it names.
        assert (finding.fingerprint in text) or (name == "text" and finding.role == "none")


@pytest.mark.parametrize("name", RENDERERS)
def test_no_change_is_a_report_too(name: str) -> None:
    assert RENDERERS[name](unchanged()).strip()


@pytest.mark.parametrize("name", RENDERERS)
def test_the_same_report_gives_the_same_bytes(name: str) -> None:
    assert RENDERERS[name](shown()) == RENDERERS[name](shown())


def test_text_is_grouped_by_operation_and_says_what_is_next() -> None:
    text = terminal.render(shown())
    assert text.index("\nPay\n") < text.index("\nTypes that no operation uses\n") < text.index("\nAccepted findings\n")
    assert "version step: major" in text
    assert "accepted by Wanjiru | W until 2026-12-31: ours <b>" in text
    assert "old old/pay.wsdl:" in text
    assert "\x1b" not in text
    assert "\n::error" not in text


def test_text_has_colour_where_it_is_wanted() -> None:
    assert "\x1b[31;1merror" in terminal.render(dataclasses.replace(shown(), colour=True))


def test_json_is_what_its_schema_says() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json.loads((ROOT / "docs/drift.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for report in (shown(), unchanged()):
        validator.validate(json.loads(json_format.render(report)))
    data = json.loads(json_format.render(shown()))
    assert data["failed"] is True
    assert data["counts"]["accepted"] == 1
    data["findings"][0]["wire"] = "fatal"
    assert not validator.is_valid(data)


def test_the_published_schema_is_the_shipped_one() -> None:
    shipped = resources.files("mpesa_cbp_generator.drift") / "drift.schema.json"
    assert shipped.read_text(encoding="utf-8") == (ROOT / "docs/drift.schema.json").read_text(encoding="utf-8")


def test_markdown_shows_a_contracts_text_as_text() -> None:
    text = markdown.render(shown())
    assert "<script" not in text
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_github_writes_one_command_a_line_and_no_forged_one() -> None:
    lines = github.render(shown()).splitlines()
    assert len(lines) == len(shown().report.findings) + 1
    assert all(re.match(r"::(error|warning|notice) ", line) for line in lines[:-1])
    assert any("line=" in line and "file=new/pay.wsdl" in line for line in lines)
    accepted = next(line for line in lines if "address-changed" in line)
    assert accepted.startswith("::notice ")


def test_junit_fails_what_fails_the_run_and_skips_what_is_accepted() -> None:
    root = etree.fromstring(junit.render(shown()).encode())
    failing = [finding for finding in shown().report.findings if shown().failing(finding)]
    assert int(str(root.get("failures"))) == len(failing) == len(root.findall(".//failure"))
    assert len(root.findall(".//skipped")) == 1
    assert len(root.findall(".//testcase")) == len(shown().report.findings) == int(str(root.get("tests")))
    never = etree.fromstring(junit.render(dataclasses.replace(shown(), threshold=None)).encode())
    assert never.findall(".//failure") == []
    assert len(etree.fromstring(junit.render(unchanged()).encode()).findall(".//testcase")) == 1


def test_junit_leaves_out_what_xml_cannot_hold() -> None:
    report = dataclasses.replace(shown().report.findings[0], path="a\x00b\x1b[31m\ufffe", message="\ud800")
    odd = dataclasses.replace(shown(), report=dataclasses.replace(shown().report, findings=(report,)))
    case = etree.fromstring(junit.render(odd).encode()).find(".//testcase")
    assert case is not None
    assert str(case.get("name")).endswith("ab[31m")


def test_sarif_is_what_its_schema_says() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft4Validator(schema)
    for report in (shown(), unchanged()):
        log = json.loads(sarif.render(report))
        assert [error.message for error in validator.iter_errors(log)] == []
        log["runs"][0]["surprise"] = 1
        assert not validator.is_valid(log)


def test_sarif_names_rule_place_fingerprint_and_suppression() -> None:
    (run,) = json.loads(sarif.render(shown()))["runs"]
    rules = run["tool"]["driver"]["rules"]
    for finding, result in zip(shown().report.findings, run["results"], strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule
        assert result["partialFingerprints"] == {"drift/v1": finding.fingerprint}
        assert ("suppressions" in result) is (finding.accepted is not None)
    renamed = next(result for result in run["results"] if result["ruleId"] == "element-renamed")
    location = renamed["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "new/pay.wsdl"
    assert location["region"]["startLine"] > 1


def test_html_keeps_a_contracts_text_out_of_its_markup() -> None:
    text = html_page.render(shown())
    assert HOSTILE.partition("\n")[0] not in text
    assert text.count("<script>") == 1
    # Links lead to places on the page itself; nothing is fetched.
    assert not re.search(r"""src\s*=|href\s*=(?!"#)|url\(|@import""", text)
