"""A refused credential stops every sending from this journal until a person lifts the stop (protocol, section 5).

Each further request with a wrong password brings its lock nearer, and only the operator unlocks it. So the code that
says so is remembered with the event that brought it, in one transaction, and the permission to send is denied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from mpesa_cbp.payment.codes import is_credential_refusal
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.journal.tables import credential_stops, events

__all__ = ["CredentialStop", "current_stop", "lift_stop", "note_refusals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialStop:
    """Why nothing is sent: ``code`` as the core gave it, the payment that met it, and when."""

    code: str
    conversation_id: str
    at: datetime


_CURRENT = (
    select(credential_stops.c.code, credential_stops.c.conversation_id, credential_stops.c.at)
    .where(credential_stops.c.lifted_at.is_(None))
    .order_by(credential_stops.c.id)
    .limit(1)
)
_LIFTED = select(func.max(credential_stops.c.lifted_at))


def current_stop(connection: Connection) -> CredentialStop | None:
    """The stop in force, or None."""
    row = connection.execute(_CURRENT).mappings().first()
    return CredentialStop(**row) if row is not None else None


def note_refusals(connection: Connection, codes: Iterable[tuple[str | None, str | None]], *, at: datetime) -> None:
    """Stop where one of these codes, each with its conversation id, says that the credential is refused.

    A result that comes late for a request sent before the last stop was lifted says nothing of the credential now.
    """
    for code, conversation_id in codes:
        if code is None or conversation_id is None or not is_credential_refusal(code):
            continue
        if current_stop(connection) is None and _was_sent_since_lifted(connection, conversation_id):
            row = {"code": code, "conversation_id": conversation_id, "at": at}
            connection.execute(insert(credential_stops), row)


def lift_stop(connection: Connection, *, because: str, at: datetime) -> CredentialStop | None:
    """Let payments be sent again; returns the stop that was in force, or None."""
    stop = current_stop(connection)
    if stop is not None:
        lifted = {"lifted_at": at, "lifted_because": because}
        connection.execute(update(credential_stops).where(credential_stops.c.lifted_at.is_(None)).values(lifted))
    return stop


def _was_sent_since_lifted(connection: Connection, conversation_id: str) -> bool:
    lifted = connection.execute(_LIFTED).scalar()
    if lifted is None:
        return True
    sent = connection.execute(
        select(func.max(events.c.at)).where(
            events.c.conversation_id == conversation_id, events.c.kind == EventKind.SENDING.value
        )
    ).scalar()
    return sent is None or sent > lifted
