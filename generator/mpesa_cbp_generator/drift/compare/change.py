"""A difference between two declarations, before it is known where messages reach it."""

from __future__ import annotations

from dataclasses import dataclass

from mpesa_cbp_generator.drift.findings import Direction, Severity, SourceEffect
from mpesa_cbp_generator.drift.rules.all_rules import rule
from mpesa_cbp_generator.schema.declarations import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference, with its severity for either direction.

    ``key`` names the declarations that differ, so that a difference which is reached on many ways is told once.
    ``suffix`` leads from the place of the type to the place of the change. ``inbound_open`` is the inbound severity
    where the value may be something else besides (an enumeration in a union).
    """

    rule: str
    key: tuple[str, ...]
    suffix: str
    old: str | None
    new: str | None
    old_place: Place | None
    new_place: Place | None
    outbound: Severity
    inbound: Severity
    source: SourceEffect
    inbound_open: Severity | None = None

    def severity(self, direction: Direction, *, is_open: bool = False) -> Severity:
        """How bad the change is for messages of a direction."""
        if direction == "unused":
            return "info"
        if direction == "outbound":
            return self.outbound
        return self.inbound_open if is_open and self.inbound_open is not None else self.inbound


def change(
    rule_id: str,
    *,
    key: tuple[str, ...],
    old: str | None,
    new: str | None,
    suffix: str = "",
    old_place: Place | None = None,
    new_place: Place | None = None,
    outbound: Severity | None = None,
    inbound: Severity | None = None,
    source: SourceEffect | None = None,
    inbound_open: Severity | None = None,
) -> Change:
    """A change under a rule; severities that are not given are the rule's first ones.

    Raises ValueError for a severity that the rule does not state, since ``rules`` would then not tell the truth.
    """
    found = rule(rule_id)
    result = Change(
        rule=rule_id,
        key=key,
        suffix=suffix,
        old=old,
        new=new,
        old_place=old_place,
        new_place=new_place,
        outbound=outbound or found.outbound[0],
        inbound=inbound or found.inbound[0],
        source=source or found.source[0],
        inbound_open=inbound_open,
    )
    stated = result.outbound in found.outbound and result.inbound in found.inbound and result.source in found.source
    if not stated or inbound_open not in (None, *found.inbound):
        raise ValueError(f"{rule_id} does not state {result.outbound}, {result.inbound}, {result.source}")
    return result
