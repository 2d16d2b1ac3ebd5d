"""Many payments from a file, each once, whatever happens in between (docs/payroll.md)."""

from __future__ import annotations

from mpesa_cbp.payroll.run import LineResult, Outcome, PlannedLine, Run, outcome_of, plan_batch

__all__ = [
    "LineResult",
    "Outcome",
    "PlannedLine",
    "Run",
    "outcome_of",
    "plan_batch",
]
