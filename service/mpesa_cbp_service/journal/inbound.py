"""Store received messages once each and move their payments, many in one transaction.

Two processes may receive the same at the same time, in any order. On SQLite a writer is alone; on PostgreSQL the
conversations concerned are locked first, in one order everywhere, so that a result and the payment that it belongs to
cannot miss each other while both are being stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.payment.state_machine import FINAL_EVIDENCE, Evidence, LedgerState, same_code, step_of
from mpesa_cbp_service.journal.apply_event import detail_of, move
from mpesa_cbp_service.journal.credential_stop import note_refusals
from mpesa_cbp_service.journal.events import Handling, InboundMessage, StoreOutcome
from mpesa_cbp_service.journal.tables import events, payments

__all__ = ["HANDLED_LATER", "lock_conversations", "receive_all"]

HANDLED_LATER = frozenset({EventKind.RESULT, EventKind.QUEUE_TIMEOUT, EventKind.C2B_CONFIRMATION})
"""Kinds that a worker is to handle after they were received; the others are answered at once or are our own steps."""

# The kind with an empty text appended is in no index: SQLite would rather read every result that there is by the index
# of kinds than those of a few conversations.
_FINALS = (events.c.kind + "" == EventKind.RESULT.value) & events.c.step.in_(
    sorted(step.value for step in FINAL_EVIDENCE)
)

# Made once: to build a statement anew takes longer than to run it.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended(id, 0) AS key "
    "FROM unnest(CAST(:ids AS text[])) AS id ORDER BY key) AS ordered"
)
_INSERT = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(events)
    .on_conflict_do_nothing(index_elements=["kind", "identity"])
    .returning(events.c.id, events.c.kind, events.c.identity)
    for dialect in (postgresql, sqlite)
}
_KNOWN = select(events.c.id, events.c.kind, events.c.identity, events.c.contradicts).where(
    events.c.kind.in_(bindparam("kinds", expanding=True)),
    events.c.identity.in_(bindparam("identities", expanding=True)),
)
_PAYMENTS = (
    select(payments)
    .where(payments.c.conversation_id.in_(bindparam("ids", expanding=True)))
    .order_by(payments.c.conversation_id)
    .with_for_update()
)
_PAYMENT_CHANGES = ("standing", "updated_at", "result_code", "receipt", "response_code", "core_conversation_id")
_UPDATE_PAYMENTS = (
    update(payments)
    .where(payments.c.conversation_id == bindparam("which"))
    .values({name: bindparam(f"new_{name}") for name in _PAYMENT_CHANGES})
)
_EARLIEST_FINALS = select(events.c.id, events.c.conversation_id, events.c.code, events.c.receipt).where(
    events.c.id.in_(
        select(func.min(events.c.id))
        .where(events.c.conversation_id.in_(bindparam("ids", expanding=True)), _FINALS)
        .group_by(events.c.conversation_id)
    )
)
_MARK = update(events).where(events.c.id.in_(bindparam("ids", expanding=True))).values(contradicts=True)


@dataclass(slots=True)
class _Stored:
    delivery: InboundMessage
    event_id: int
    is_new: bool
    contradicts: bool = False
    standing: LedgerState | None = None

    def told(self) -> StoreOutcome:
        state = self.standing.state if self.standing is not None else None
        return StoreOutcome(event_id=self.event_id, is_new=self.is_new, contradicts=self.contradicts, state=state)


def receive_all(connection: Connection, deliveries: Sequence[InboundMessage], *, now: datetime) -> list[StoreOutcome]:
    """Store those that are new, move their payments, and say of each in its place what became of it."""
    named = {each.conversation_id for each in deliveries if each.conversation_id is not None}
    lock_conversations(connection, named)
    rows = _payment_rows(connection, named)
    fresh = _insert(connection, deliveries, rows, now)
    known = _known(connection, [each for each in deliveries if _key(each) not in fresh])
    stored = [_placed(each, fresh, known) for each in deliveries]
    changed = {each.delivery.conversation_id for each in stored if _moved(each, rows, now)}
    if changed:
        connection.execute(_UPDATE_PAYMENTS, [_parameters(row) for name, row in rows.items() if name in changed])
    _mark_rivals(connection, [each for each in stored if each.is_new and each.standing is None])
    results = [each.delivery for each in stored if each.is_new and each.delivery.kind is EventKind.RESULT]
    note_refusals(connection, [(each.code, each.conversation_id) for each in results if _is_ours(each, rows)], at=now)
    marked = [each.event_id for each in stored if each.is_new and each.contradicts]
    if marked:
        connection.execute(_MARK, {"ids": marked})
    return [each.told() for each in stored]


def _is_ours(delivery: InboundMessage, rows: _Rows) -> bool:
    return delivery.conversation_id in rows


def lock_conversations(connection: Connection, conversation_ids: Collection[str]) -> None:
    """Keep other processes from storing anything of these conversations until the transaction ends."""
    if connection.dialect.name != "postgresql" or not conversation_ids:
        return
    connection.execute(_LOCK, {"ids": sorted(conversation_ids)})


def _key(delivery: InboundMessage) -> tuple[str, str]:
    return delivery.kind.value, delivery.identity


def _step(delivery: InboundMessage, detail: str | None) -> Evidence:
    return step_of(delivery.kind, code=delivery.code, detail=detail, more_follow=delivery.more_follow)


_Rows = dict[str, dict[str, Any]]


def _insert(
    connection: Connection, deliveries: Sequence[InboundMessage], payment_rows: _Rows, now: datetime
) -> dict[tuple[str, str], int]:
    """Insert what is not there yet, each once; event id by kind and identity."""
    # One order in every process, lest two of them wait for each other's rows.
    first = {_key(each): each for each in reversed(deliveries)}
    rows = [_row(first[key], payment_rows, now) for key in sorted(first)]
    inserted = connection.execute(_INSERT[connection.dialect.name], rows)
    return {(row.kind, row.identity): row.id for row in inserted}


def _row(delivery: InboundMessage, payment_rows: _Rows, now: datetime) -> dict[str, Any]:
    detail = detail_of(delivery.statement, payment_rows.get(delivery.conversation_id or ""))
    later = delivery.kind in HANDLED_LATER and not delivery.contradicts
    return {
        "conversation_id": delivery.conversation_id,
        "kind": delivery.kind.value,
        "step": _step(delivery, detail).value,
        "at": now,
        "code": delivery.code,
        "more_follow": delivery.more_follow,
        "detail": detail,
        "core_conversation_id": delivery.core_conversation_id,
        "receipt": delivery.receipt,
        "origin": delivery.origin,
        "identity": delivery.identity,
        "body": delivery.body,
        "contradicts": delivery.contradicts,
        "handling": (Handling.PENDING if later else Handling.NONE).value,
        "attempts": 0,
        "due_at": now if later else None,
    }


def _known(connection: Connection, deliveries: Sequence[InboundMessage]) -> dict[tuple[str, str], tuple[int, bool]]:
    if not deliveries:
        return {}
    wanted = {
        "kinds": sorted({each.kind.value for each in deliveries}),
        "identities": sorted({each.identity for each in deliveries}),
    }
    found = connection.execute(_KNOWN, wanted)
    return {(row.kind, row.identity): (row.id, row.contradicts) for row in found}


def _placed(
    delivery: InboundMessage, fresh: dict[tuple[str, str], int], known: dict[tuple[str, str], tuple[int, bool]]
) -> _Stored:
    key = _key(delivery)
    if key in known:
        event_id, contradicts = known[key]
        return _Stored(delivery, event_id, is_new=False, contradicts=contradicts)
    # Of several in one batch that say the same, the first is the new one.
    event_id = fresh[key]
    is_new = event_id >= 0
    fresh[key] = event_id if event_id < 0 else -event_id
    return _Stored(delivery, abs(event_id), is_new=is_new, contradicts=delivery.contradicts)


def _payment_rows(connection: Connection, conversation_ids: Collection[str]) -> _Rows:
    if not conversation_ids:
        return {}
    found = connection.execute(_PAYMENTS, {"ids": sorted(conversation_ids)}).mappings()
    return {row["conversation_id"]: dict(row) for row in found}


def _moved(stored: _Stored, rows: _Rows, now: datetime) -> bool:
    """Move the payment's row in memory, if there is one; whether it has changed."""
    delivery = stored.delivery
    row = rows.get(delivery.conversation_id or "")
    detail = detail_of(delivery.statement, row)
    if row is None:
        stored.contradicts = stored.contradicts or detail is not None
        return False
    if not stored.is_new:
        stored.standing = LedgerState(row["standing"])
        return False
    moved = move(
        row,
        kind=delivery.kind,
        now=now,
        code=delivery.code,
        more_follow=delivery.more_follow,
        detail=detail,
        core_conversation_id=delivery.core_conversation_id,
        receipt=delivery.receipt,
    )
    stored.standing = moved.standing
    stored.contradicts = stored.contradicts or moved.contradicts
    row.update(moved.changes)
    return bool(moved.changes)


def _parameters(row: dict[str, Any]) -> dict[str, Any]:
    return {"which": row["conversation_id"], **{f"new_{name}": row[name] for name in _PAYMENT_CHANGES}}


def _mark_rivals(connection: Connection, stored: Sequence[_Stored]) -> None:
    """Of final results for a payment that the journal does not know, each that departs from the first contradicts."""
    final = [each for each in stored if _step(each.delivery, None) in FINAL_EVIDENCE and not each.contradicts]
    if not final:
        return
    conversations = {each.delivery.conversation_id for each in final}
    first = {row.conversation_id: row for row in connection.execute(_EARLIEST_FINALS, {"ids": list(conversations)})}
    for each in final:
        row = first.get(each.delivery.conversation_id)
        if row is not None and row.id != each.event_id:
            other = bool(each.delivery.receipt and row.receipt and each.delivery.receipt != row.receipt)
            each.contradicts = each.contradicts or other or not same_code(row.code, each.delivery.code)
