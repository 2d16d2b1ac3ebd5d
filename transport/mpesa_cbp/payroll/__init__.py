"""Many payments from a file, each once, whatever happens in between (docs/payroll.md)."""

from __future__ import annotations

from mpesa_cbp.payroll.outcome import LineResult, Outcome, outcome_of
from mpesa_cbp.payroll.plan import PlannedLine, plan_batch
from mpesa_cbp.payroll.run import PATIENCE, Run

__all__ = [
    "PATIENCE",
    "LineResult",
    "Outcome",
    "PlannedLine",
    "Run",
    "outcome_of",
    "plan_batch",
]
