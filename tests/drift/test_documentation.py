"""The pages say what is true of the rules and of the acceptance file."""

from __future__ import annotations

from mpesa_cbp_generator.drift.command import FORMATS
from mpesa_cbp_generator.drift.rules.all_rules import RULES
from tests.drift.contracts import ROOT


def test_the_page_lists_every_rule_as_it_is() -> None:
    text = (ROOT / "docs/drift.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `") and line.count("|") == 6]
    assert rows == [
        f"| `{rule.id}` | {' / '.join(rule.outbound)} | {' / '.join(rule.inbound)} | {' / '.join(rule.source)} | {rule.title} |"
        for rule in RULES
    ]


def test_the_page_names_every_format() -> None:
    text = (ROOT / "docs/drift.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in FORMATS)
