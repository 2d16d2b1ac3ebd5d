"""Store payments and their events, inside a transaction.

Each function works on the connection that it is given and commits nothing; ``Journal`` does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mpesa_cbp.errors import (
    CredentialRefused,
    DuplicateConversation,
    JournalError,
    JournalRefusal,
    MalformedMessage,
    Sent,
)
from mpesa_cbp.payment.codes import result_meaning
from mpesa_cbp.payment.model import OPEN_STATES, EventKind, Payment, PaymentState
from mpesa_cbp.payment.state_machine import GUARDED, Evidence, LedgerState, step_of
from mpesa_cbp.results.statement import Statement, statement_of
from mpesa_cbp.soap import decode
from mpesa_cbp_models import Result
from mpesa_cbp_service.journal.apply_event import detail_of, move
from mpesa_cbp_service.journal.bulk import pieces
from mpesa_cbp_service.journal.credential_stop import current_stop, note_refusals
from mpesa_cbp_service.journal.events import Event, Handling, event_of
from mpesa_cbp_service.journal.inbound import lock_conversations
from mpesa_cbp_service.journal.tables import apart, events, payments

_RETURNED = ("conversation_id", "command_id", "amount", "receiver", "core_conversation_id", "response_code")
_RETURNED_TOO = ("result_code", "receipt", "created_at", "updated_at", "requests", "queried_at")

# Made once: to build a statement anew takes longer than to run it.
_CORE_SPOKE = (EventKind.REFUSED, EventKind.QUERIED, EventKind.OUTCOME_UNKNOWN)
"""The kinds of event here that bring a code of the broker or the core."""

_EVENTS = select(events).where(events.c.conversation_id == bindparam("which")).order_by(events.c.id)
_INSERT_EVENT = insert(events)
_PAYMENT = select(payments).where(payments.c.conversation_id == bindparam("which"))
_PAYMENT_TO_MOVE = _PAYMENT.with_for_update()
_MOVE_PAYMENT = update(payments).where(payments.c.conversation_id == bindparam("which"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What we did or learnt about a payment, before it is stored."""

    conversation_id: str
    kind: EventKind
    at: datetime
    code: str | None = None
    more_follow: bool = False
    core_conversation_id: str | None = None
    receipt: str | None = None
    detail: str | None = None
    body: bytes | None = None
    origin: str | None = None

    @property
    def step(self) -> Evidence:
        """What it says of the payment."""
        return step_of(self.kind, code=self.code, detail=self.detail, more_follow=self.more_follow)


def create(
    connection: Connection,
    created: NewEvent,
    *,
    conversation_id: str,
    command_id: str,
    amount: Decimal | None,
    receiver: str | None,
) -> None:
    """Store a payment in state CREATED; events that came before join it. Raises DuplicateConversation."""
    lock_conversations(connection, [conversation_id])
    earlier = connection.execute(_EVENTS, {"which": conversation_id}).mappings()
    row = {
        "conversation_id": conversation_id,
        "command_id": command_id,
        "standing": LedgerState.CREATED.value,
        "amount": amount,
        "receiver": receiver,
        "created_at": created.at,
        "updated_at": created.at,
        "requests": 0,
    }
    joining = [(each["id"], replace(_incident(each, row), at=created.at)) for each in earlier]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(payments).on_conflict_do_nothing().returning(payments.c.conversation_id)
    if connection.execute(statement, row).first() is None:
        raise DuplicateConversation(
            "A payment with this conversation id is in the journal already",
            conversation_id=conversation_id,
            sent=Sent.NO,
        )
    _append(connection, created)
    for event_id, incident in joining:
        _, contradicts = _move(connection, incident)
        if contradicts:
            now = {"contradicts": True, "step": incident.step.value, "detail": incident.detail}
            connection.execute(update(events).where(events.c.id == event_id).values(now))


def record(connection: Connection, incident: NewEvent) -> PaymentState:
    """Append an event and move its payment; a sending is stored only where the payment may be sent."""
    conversation_id = incident.conversation_id
    lock_conversations(connection, [conversation_id])
    if incident.step is Evidence.SENDING:
        _require_no_stop(connection, conversation_id)
    standing, contradicts = _move(connection, incident)
    if standing is None:
        raise JournalError("The journal knows no such payment", conversation_id=conversation_id)
    if contradicts and incident.step in GUARDED:
        if incident.step is not Evidence.SENDING:
            raise JournalRefusal(
                f"This payment is in the journal as {standing.state.value} and cannot be settled by hand",
                conversation_id=conversation_id,
                advice="Only a payment whose end is not known can be; see mpesa-cbp query.",
            )
        raise DuplicateConversation(
            f"This payment is in the journal as {standing.state.value} and may not be sent",
            conversation_id=conversation_id,
            sent=Sent.NO,
        )
    _append(connection, incident, contradicts=contradicts)
    if incident.kind in _CORE_SPOKE:
        note_refusals(connection, [(incident.code, conversation_id)], at=incident.at)
    return standing.state


def _require_no_stop(connection: Connection, conversation_id: str) -> None:
    stop = current_stop(connection)
    if stop is None:
        return
    meaning = result_meaning(stop.code)
    raise CredentialRefused(
        f"Not sent: the core refused the initiator's credential at {stop.at:%Y-%m-%d %H:%M:%S} UTC "
        f"(code {stop.code}, payment {stop.conversation_id})",
        conversation_id=conversation_id,
        sent=Sent.NO,
        code=stop.code,
        meaning=meaning.meaning,
        advice=meaning.advice,
    )


def settle(connection: Connection, settled: NewEvent, *, quiet: timedelta) -> PaymentState:
    """Store a person's word on an open payment of which nothing was heard for ``quiet``."""
    known = find(connection, settled.conversation_id)
    if known is None:
        raise JournalRefusal("The journal knows no such payment", conversation_id=settled.conversation_id)
    if known.state in OPEN_STATES and abs(settled.at - known.updated_at) < quiet:
        raise JournalRefusal(
            f"This payment changed at {known.updated_at:%H:%M:%S} UTC and may be under way: wait, and ask first",
            conversation_id=settled.conversation_id,
            advice="Ask with mpesa-cbp query; settle it when nothing was heard of it for longer.",
        )
    return record(connection, settled)


def _append(connection: Connection, incident: NewEvent, *, contradicts: bool = False) -> None:
    row = {
        "conversation_id": incident.conversation_id,
        "kind": incident.kind.value,
        "step": incident.step.value,
        "at": incident.at,
        "code": incident.code,
        "more_follow": incident.more_follow,
        "core_conversation_id": incident.core_conversation_id,
        "receipt": incident.receipt,
        "detail": incident.detail,
        "body": incident.body,
        "origin": incident.origin,
        "contradicts": contradicts,
        "handling": Handling.NONE.value,
        "attempts": 0,
    }
    connection.execute(_INSERT_EVENT, row)


def _move(connection: Connection, incident: NewEvent) -> tuple[LedgerState | None, bool]:
    """Move a payment by the table; returns where it stands now and whether the event contradicts what was known."""
    row = connection.execute(_PAYMENT_TO_MOVE, {"which": incident.conversation_id}).mappings().first()
    if row is None:
        return None, False
    moved = move(
        row,
        kind=incident.kind,
        now=incident.at,
        code=incident.code,
        more_follow=incident.more_follow,
        detail=incident.detail,
        core_conversation_id=incident.core_conversation_id,
        receipt=incident.receipt,
    )
    if moved.changes and not (moved.contradicts and incident.step in GUARDED):
        connection.execute(_MOVE_PAYMENT, {"which": incident.conversation_id, **moved.changes})
    return moved.standing, moved.contradicts


def find(connection: Connection, conversation_id: str) -> Payment | None:
    """The payment of that conversation id."""
    found = connection.execute(_PAYMENT, {"which": conversation_id}).mappings().first()
    return _payment(found) if found is not None else None


def find_all(connection: Connection, conversation_ids: Collection[str]) -> dict[str, Payment]:
    """Those payments that there are, by conversation id."""
    found = {}
    for piece in pieces(sorted(conversation_ids)):
        rows = connection.execute(select(payments).where(payments.c.conversation_id.in_(piece))).mappings()
        found.update({row["conversation_id"]: _payment(row) for row in rows})
    return found


def search(
    connection: Connection,
    states: Collection[PaymentState] | None,
    limit: int | None,
    *,
    now: datetime,
    quiet: timedelta | None,
    receipt: str | None = None,
) -> list[Payment]:
    """Payments in those states, or of that receipt, that have not changed for ``quiet``, oldest first."""
    query = select(payments).order_by(payments.c.updated_at, payments.c.conversation_id).limit(limit)
    if states is not None:
        query = query.where(payments.c.standing.in_([each.value for each in LedgerState if each.state in states]))
    if receipt is not None:
        query = query.where(payments.c.receipt == receipt)
    if quiet is not None:
        query = query.where(apart(payments.c.updated_at, now=now, span=quiet))
    return [_payment(row) for row in connection.execute(query).mappings()]


def events_of(connection: Connection, conversation_id: str) -> list[Event]:
    """Everything that happened to a payment, in order."""
    return [event_of(row) for row in connection.execute(_EVENTS, {"which": conversation_id}).mappings()]


def request_of(connection: Connection, conversation_id: str) -> bytes | None:
    """The request with which a payment was created, or None."""
    created = (each for each in events_of(connection, conversation_id) if each.kind is EventKind.CREATED)
    return next((event.body for event in created), None)


def _payment(row: RowMapping) -> Payment:
    return Payment(
        state=LedgerState(row["standing"]).state, **{name: row[name] for name in (*_RETURNED, *_RETURNED_TOO)}
    )


def _incident(row: RowMapping, payment: Mapping[str, Any]) -> NewEvent:
    """An event that came before its payment, compared with it."""
    names = ("conversation_id", "at", "code", "more_follow", "core_conversation_id", "receipt")
    kind = EventKind(row["kind"])
    detail = detail_of(_statement(row["body"]), payment) if kind is EventKind.RESULT else row["detail"]
    return NewEvent(kind=kind, detail=detail, **{name: row[name] for name in names})


def _statement(body: bytes | None) -> Statement | None:
    try:
        message = decode(body or b"").message
    except MalformedMessage:
        return None
    return statement_of(message) if isinstance(message, Result) else None
