"""Compute how one event changes the row of its payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from mpesa_cbp.payment.model import MOVES_NO_MONEY, EventKind
from mpesa_cbp.payment.state_machine import (
    FINAL_EVIDENCE,
    Evidence,
    LedgerState,
    QueryVerdict,
    same_code,
    step_of,
    transition,
)
from mpesa_cbp.results.statement import Statement

__all__ = ["Move", "detail_of", "move"]

_SETTLED = (LedgerState.FAILED, LedgerState.SUCCEEDED)
_SAID = (Evidence.OPERATOR_PAID, Evidence.OPERATOR_UNPAID)
_REQUESTS = {Evidence.SENDING: 1, Evidence.NOT_SENT: -1}
_ANSWERS = (EventKind.ACCEPTED, EventKind.QUEUED, EventKind.REFUSED)


@dataclass(frozen=True, slots=True)
class Move:
    """Where the payment stands after an event, whether the event contradicts what was known, and the new values.

    ``changes`` is empty where the event says nothing about the payment.
    """

    standing: LedgerState
    contradicts: bool
    changes: dict[str, Any]


def detail_of(statement: Statement | None, row: RowMapping | Mapping[str, Any] | None) -> str | None:
    """The detail of a result's event: where it differs from its payment, if there is one, or from itself."""
    if statement is None:
        return None
    if row is None:
        differing = statement.contradicts_itself
    else:
        differing = statement.differs_from(row["command_id"], row["amount"], row["receiver"])
    return f"{QueryVerdict.DIFFERS.value}: {', '.join(differing)}" if differing else None


def move(
    row: RowMapping | Mapping[str, Any],
    *,
    kind: EventKind,
    now: datetime,
    code: str | None,
    more_follow: bool = False,
    detail: str | None = None,
    core_conversation_id: str | None = None,
    receipt: str | None = None,
) -> Move:
    """Look the event up in the table. A second final result with another code or receipt contradicts the first."""
    standing, step = LedgerState(row["standing"]), step_of(kind, code=code, detail=detail, more_follow=more_follow)
    if step is Evidence.UNDECIDED and not more_follow and row["command_id"] in MOVES_NO_MONEY:
        # No money hangs on it, so whatever the core says ends it.
        step = Evidence.NOT_PAID
    moved = transition(standing, step)
    contradicts = moved.contradicts
    final = step in FINAL_EVIDENCE
    if final and standing in (*_SETTLED, LedgerState.OPERATOR_PAID):
        contradicts = contradicts or bool(receipt and row["receipt"] and receipt != row["receipt"])
    if final and standing in _SETTLED:
        contradicts = contradicts or not same_code(row["result_code"], code)
    if step is Evidence.NOTHING:
        return Move(moved.ledger_state, contradicts, {})
    changes: dict[str, Any] = {"updated_at": now, "standing": moved.ledger_state.value}
    if step in _REQUESTS and not contradicts:
        changes["requests"] = max(0, row["requests"] + _REQUESTS[step])
    if final and moved.ledger_state in _SETTLED and not row["result_code"]:
        changes.update(result_code=code, receipt=receipt)
    if step in _SAID and not contradicts:
        changes["receipt"] = receipt
    if kind in _ANSWERS and code is not None:
        changes["response_code"] = code
    if core_conversation_id and not row["core_conversation_id"] and step is not Evidence.DIFFERS:
        changes["core_conversation_id"] = core_conversation_id
    return Move(moved.ledger_state, contradicts, changes)
