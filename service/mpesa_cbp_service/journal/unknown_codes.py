"""Open payments whose result has a code that no table knows: only the operator can say what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.payment.codes import code_key, result_meaning
from mpesa_cbp.payment.model import OPEN_STATES, EventKind, Payment
from mpesa_cbp.payment.state_machine import Evidence, LedgerState
from mpesa_cbp.redaction import redact
from mpesa_cbp.soap import decode
from mpesa_cbp_models import Result
from mpesa_cbp_service.journal.outbound import find_all
from mpesa_cbp_service.journal.tables import events, payments

__all__ = ["UnknownCode", "unknown_codes"]

_STANDINGS = [each.value for each in LedgerState if each.state in OPEN_STATES]
_UNDECIDED = (
    select(events.c.conversation_id, events.c.code, events.c.body)
    .join(payments, payments.c.conversation_id == events.c.conversation_id)
    .where(
        payments.c.standing.in_(_STANDINGS),
        events.c.kind == EventKind.RESULT.value,
        events.c.step == Evidence.UNDECIDED.value,
        events.c.more_follow.is_(False),
        events.c.code.is_not(None),
    )
    .order_by(events.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCode:
    """An open payment, the code of its last result, and the operator's description of it, numbers masked."""

    payment: Payment
    code: str
    description: str = field(default="", repr=False)


def unknown_codes(connection: Connection, *, code: str | None = None) -> list[UnknownCode]:
    """Open payments whose last result has an unknown code, or this one; oldest result first."""
    last = {row.conversation_id: row for row in connection.execute(_UNDECIDED) if not result_meaning(row.code).known}
    wanted = {name: row for name, row in last.items() if code is None or code_key(row.code) == code_key(code)}
    found = find_all(connection, wanted)
    return [
        UnknownCode(payment=found[name], code=row.code, description=_description(row.body))
        for name, row in wanted.items()
    ]


def _description(body: bytes | None) -> str:
    try:
        message = decode(body or b"").message
    except MalformedMessage:
        return ""
    return redact(message.result_desc or "") if isinstance(message, Result) else ""
