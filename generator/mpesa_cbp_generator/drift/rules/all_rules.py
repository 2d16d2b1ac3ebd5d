"""Every rule under an id that never changes its meaning."""

from __future__ import annotations

from mpesa_cbp_generator.drift.findings import Severity, SourceEffect
from mpesa_cbp_generator.drift.rules.members import MEMBER_RULES
from mpesa_cbp_generator.drift.rules.operations import OPERATION_RULES
from mpesa_cbp_generator.drift.rules.rule import Rule
from mpesa_cbp_generator.drift.rules.types import TYPE_RULES

__all__ = ["RULES", "Rule", "rule", "rule_as_dict"]

RULES: tuple[Rule, ...] = tuple(sorted((*MEMBER_RULES, *TYPE_RULES, *OPERATION_RULES), key=lambda item: item.id))
"""All rules by id."""

_BY_ID = {item.id: item for item in RULES}


def rule(rule_id: str) -> Rule:
    """The rule of that id; raises KeyError where there is none."""
    return _BY_ID[rule_id]


def rule_as_dict(item: Rule) -> dict[str, str | list[Severity] | list[SourceEffect]]:
    """A rule as ``rules --json`` shows it."""
    return {
        "id": item.id,
        "title": item.title,
        "outbound": list(item.outbound),
        "inbound": list(item.inbound),
        "source": list(item.source),
        "what": item.what,
        "why": item.why,
        "example": item.example,
        "advice": item.advice,
    }
