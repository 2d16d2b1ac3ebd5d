"""One kind of difference, how severe it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from mpesa_cbp_generator.drift.findings import Severity, SourceEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of difference.

    ``outbound``, ``inbound`` and ``source`` list every value that a finding of the rule can have, the usual one
    first; ``what`` says when another one applies.
    """

    id: str
    title: str
    outbound: tuple[Severity, ...]
    inbound: tuple[Severity, ...]
    source: tuple[SourceEffect, ...]
    what: str
    why: str
    example: str
    advice: str
