"""JUnit XML: a test case a finding, failed where it fails the run, skipped where it is accepted."""

from __future__ import annotations

from lxml import etree

from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.drift.report.report_view import Shown, advice, group_title, summary


def render(shown: Shown) -> str:
    """The report as JUnit XML; without findings one case that passes, so that the run is seen."""
    findings = shown.report.findings
    failed = sum(shown.failing(finding) for finding in findings)
    counts = {"tests": str(max(len(findings), 1)), "failures": str(failed), "errors": "0"}
    root = etree.Element("testsuites", attrib=counts)
    suite = etree.SubElement(
        root, "testsuite", attrib={"name": "drift", **counts, "skipped": str(shown.report.accepted)}
    )
    for finding in findings:
        _case(suite, shown, finding)
    if not findings:
        etree.SubElement(suite, "testcase", attrib={"classname": "drift", "name": "nothing changed"})
    etree.SubElement(suite, "system-out").text = _legal(summary(shown.report))
    text: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return text.decode("utf-8")


def _case(suite: etree._Element, shown: Shown, finding: Finding) -> None:
    file, line = shown.place(finding)
    names = {"classname": _legal(group_title(finding)), "name": _legal(f"{finding.rule} {finding.path}")}
    if file:
        names["file"] = _legal(file)
    if line:
        names["line"] = str(line)
    case = etree.SubElement(suite, "testcase", attrib=names)
    text = "\n".join(
        (
            f"{finding.message}",
            f"wire {finding.wire}, source {finding.source}, role {finding.role}",
            shown.described(finding),
            f"to do: {advice(shown, finding)}",
            f"fingerprint {finding.fingerprint}",
        )
    )
    if finding.accepted is not None:
        reason = _legal(f"accepted by {finding.accepted.by}: {finding.accepted.reason}")
        etree.SubElement(case, "skipped", attrib={"message": reason})
    elif shown.failing(finding):
        attributes = {"message": _legal(finding.message), "type": finding.rule}
        etree.SubElement(case, "failure", attrib=attributes).text = _legal(text)
        return
    etree.SubElement(case, "system-out").text = _legal(text)


def _legal(text: str) -> str:
    """Text with what XML cannot hold taken out (XML 1.0, section 2.2); command line words may hold anything."""
    kept = (char for char in text if char in "\t\n\r" or (char >= " " and not "\ud800" <= char <= "\udfff"))
    return "".join(char for char in kept if char not in "\ufffe\uffff")
