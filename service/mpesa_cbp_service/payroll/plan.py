"""Decide what to do with each line, by what the journal knows."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mpesa_cbp.client import Client
from mpesa_cbp.errors import InvalidRequest
from mpesa_cbp.payment.model import Payment
from mpesa_cbp_service.journal import BatchLine, Journal
from mpesa_cbp_service.payroll.file import PayrollLine

__all__ = ["PlannedLine", "plan_batch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    """A line with its conversation id, and what the journal knows of it before the run."""

    line: PayrollLine
    conversation_id: str
    known: Payment | None

    @property
    def is_to_be_sent(self) -> bool:
        """Whether it was never sent, or certainly had no effect."""
        return self.known is None or self.known.may_be_sent


def plan_batch(
    client: Client, journal: Journal, lines: Sequence[PayrollLine], *, batch: str, command: str
) -> tuple[list[PlannedLine], list[BatchLine], list[str]]:
    """Find each line in the journal; returns the plan, the lines for the journal, and what keeps it from being run.

    Raises InvalidRequest for a batch without a name: ids would follow from nothing that tells it from another one.
    """
    if not batch.strip():
        raise InvalidRequest(["batch must not be blank"])
    ids = {line.number: client.new_conversation_id(_unique(batch, line)) for line in lines}
    known = journal.payments_of(list(ids.values()))
    planned = [
        PlannedLine(line=line, conversation_id=ids[line.number], known=known.get(ids[line.number])) for line in lines
    ]
    problems = [
        f"line {each.line.number}: its reference {each.line.reference} is in the journal with another {name}: "
        "correct the file, or give the line a new reference"
        for each in planned
        if each.known is not None
        for name in _differences(each.line, each.known, command)
    ]
    rows = [
        BatchLine(
            conversation_id=each.conversation_id,
            batch=batch,
            reference=each.line.reference,
            digest=each.line.digest(command),
        )
        for each in planned
    ]
    return planned, rows, problems


def _unique(batch: str, line: PayrollLine) -> str:
    name = unicodedata.normalize("NFKC", batch).strip().casefold()
    return hashlib.sha256(f"{name}\0{line.key}".encode()).hexdigest()[:32]


def _differences(line: PayrollLine, known: Payment, command: str) -> list[str]:
    pairs = {
        "msisdn": (line.msisdn, known.receiver),
        "amount": (line.amount, known.amount),
        "command": (command, known.command_id),
    }
    return [name for name, (new, old) in pairs.items() if new != old]
