"""Many payments from a file, each once, whatever happens in between (docs/payroll.md)."""

from __future__ import annotations

from mpesa_cbp_service.payroll.outcome import LineOutcome, LineResult, outcome_of
from mpesa_cbp_service.payroll.plan import PlannedLine, plan_batch
from mpesa_cbp_service.payroll.run import PATIENCE, Run

__all__ = [
    "PATIENCE",
    "LineOutcome",
    "LineResult",
    "PlannedLine",
    "Run",
    "outcome_of",
    "plan_batch",
]
