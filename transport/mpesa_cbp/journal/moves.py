"""How one event moves one payment's row: computed here from the transition table, written by whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from mpesa_cbp.payments import MOVES_NO_MONEY, EventKind
from mpesa_cbp.statement import Statement
from mpesa_cbp.transitions import FINAL_STEPS, Finding, Standing, Step, same_code, step_of, transition

__all__ = ["Move", "detail_of", "move"]

_SETTLED = (Standing.FAILED, Standing.SUCCEEDED)
_SAID = (Step.SAID_PAID, Step.SAID_UNPAID)
_REQUESTS = {Step.SENDING: 1, Step.NOT_SENT: -1}
_ANSWERS = (EventKind.ACCEPTED, EventKind.QUEUED, EventKind.REFUSED)


@dataclass(frozen=True, slots=True)
class Move:
    """Where the payment stands after an event, whether the event contradicts what was known, and the new values.

    ``changes`` is empty where the event says nothing about the payment.
    """

    standing: Standing
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
    return f"{Finding.DIFFERS.value}: {', '.join(differing)}" if differing else None


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
    standing, step = Standing(row["standing"]), step_of(kind, code=code, detail=detail, more_follow=more_follow)
    if step is Step.UNDECIDED and not more_follow and row["command_id"] in MOVES_NO_MONEY:
        # No money hangs on it, so whatever the core says ends it.
        step = Step.NOT_PAID
    moved = transition(standing, step)
    contradicts = moved.contradicts
    final = step in FINAL_STEPS
    if final and standing in (*_SETTLED, Standing.SAID_PAID):
        contradicts = contradicts or bool(receipt and row["receipt"] and receipt != row["receipt"])
    if final and standing in _SETTLED:
        contradicts = contradicts or not same_code(row["result_code"], code)
    if step is Step.NOTHING:
        return Move(moved.standing, contradicts, {})
    changes: dict[str, Any] = {"updated_at": now, "standing": moved.standing.value}
    if step in _REQUESTS and not contradicts:
        changes["requests"] = max(0, row["requests"] + _REQUESTS[step])
    if final and moved.standing in _SETTLED and not row["result_code"]:
        changes.update(result_code=code, receipt=receipt)
    if step in _SAID and not contradicts:
        changes["receipt"] = receipt
    if kind in _ANSWERS and code is not None:
        changes["response_code"] = code
    if core_conversation_id and not row["core_conversation_id"] and step is not Step.DIFFERS:
        changes["core_conversation_id"] = core_conversation_id
    return Move(moved.standing, contradicts, changes)
