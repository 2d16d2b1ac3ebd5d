"""The journal's outbound half: payments, their events, bulk payments, and the stop of a refused credential."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from mpesa_cbp.log_events import PAYMENT_SETTLED
from mpesa_cbp.payment.model import EventKind, Payment, PaymentState
from mpesa_cbp_service.journal import bulk as batches
from mpesa_cbp_service.journal import outbound
from mpesa_cbp_service.journal.bulk import BatchLine
from mpesa_cbp_service.journal.credential_stop import CredentialStop, current_stop, lift_stop
from mpesa_cbp_service.journal.database import Database
from mpesa_cbp_service.journal.events import Event
from mpesa_cbp_service.journal.outbound import NewEvent
from mpesa_cbp_service.journal.unknown_codes import UnknownCode, unknown_codes

__all__ = ["PaymentLedger"]

_logger = logging.getLogger("mpesa_cbp.reconcile")


def _now() -> datetime:
    return datetime.now(UTC)


class PaymentLedger:
    """Payments in a database; ``Journal`` adds what comes in. Every method raises JournalError where it fails."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._database = database

    def create(
        self, *, conversation_id: str, command_id: str, amount: Decimal | None, receiver: str | None, request: bytes
    ) -> None:
        """Store a payment in state CREATED, see ``PaymentJournal.create``; results that came before join it."""
        key = conversation_id.strip()
        created = NewEvent(conversation_id=key, kind=EventKind.CREATED, at=self._clock(), body=request)
        with self._database.writing() as connection:
            outbound.create(
                connection, created, conversation_id=key, command_id=command_id, amount=amount, receiver=receiver
            )

    def record(
        self,
        conversation_id: str,
        kind: EventKind,
        *,
        code: str | None = None,
        core_conversation_id: str | None = None,
        receipt: str | None = None,
        detail: str | None = None,
        body: bytes | None = None,
    ) -> PaymentState:
        """Append an event and move the payment, see ``PaymentJournal.record``."""
        incident = NewEvent(
            conversation_id=conversation_id.strip(),
            kind=kind,
            at=self._clock(),
            code=code,
            core_conversation_id=core_conversation_id,
            receipt=receipt,
            detail=detail,
            body=body,
        )
        with self._database.writing() as connection:
            return outbound.record(connection, incident)

    def settle(
        self,
        conversation_id: str,
        *,
        paid: bool,
        reason: str,
        by: str,
        receipt: str | None = None,
        quiet: timedelta = timedelta(minutes=10),
    ) -> PaymentState:
        """Store what a person says became of a payment whose end is not known; returns its state now.

        ``reason`` says how they know, ``by`` who says so; both are kept. A result that comes later goes before it. A
        payment said to be unpaid may be sent again, under its conversation id alone.

        Raises ValueError without a reason or a name, or for a receipt of what was not paid; JournalRefusal where the
        payment is not open, is not known, or has changed within ``quiet``: then it may be under way.
        """
        if not reason.strip() or not by.strip():
            raise ValueError("a payment is settled by hand with a reason and a name")
        if receipt and not paid:
            raise ValueError("what was not paid has no receipt")
        settled = NewEvent(
            conversation_id=conversation_id.strip(),
            kind=EventKind.SETTLED,
            at=self._clock(),
            receipt=(receipt or "").strip() or None,
            detail=f"{'paid' if paid else 'not-paid'}: {reason.strip()}",
            origin=by.strip(),
        )
        with self._database.writing() as connection:
            state = outbound.settle(connection, settled, quiet=quiet)
        PAYMENT_SETTLED.log(_logger, conversation_id=settled.conversation_id, state=state.name, by=settled.origin)
        return state

    def credential_stop(self) -> CredentialStop | None:
        """Why nothing is sent: the core refused the initiator's credential. None where sending is allowed."""
        with self._database.reading() as connection:
            return current_stop(connection)

    def lift_credential_stop(self, *, reason: str, by: str) -> CredentialStop | None:
        """Allow sending again, now that the credential is renewed; returns the stop that was in force, or None.

        Raises ValueError without a reason or a name; both are kept.
        """
        if not reason.strip() or not by.strip():
            raise ValueError("a stop is lifted with a reason and a name")
        with self._database.writing() as connection:
            return lift_stop(connection, because=f"{by.strip()}: {reason.strip()}", at=self._clock())

    def unknown_codes(self, *, code: str | None = None) -> list[UnknownCode]:
        """Open payments whose last result has a code that no table knows, or this one."""
        with self._database.reading() as connection:
            return unknown_codes(connection, code=code)

    def payment(self, conversation_id: str) -> Payment | None:
        """The payment of that conversation id, or None."""
        with self._database.reading() as connection:
            return outbound.find(connection, conversation_id.strip())

    def request(self, conversation_id: str) -> bytes | None:
        """The payload that ``create`` stored, or None."""
        with self._database.reading() as connection:
            return outbound.request_of(connection, conversation_id.strip())

    def payments(
        self,
        states: Collection[PaymentState] | None = None,
        *,
        quiet: timedelta | None = None,
        receipt: str | None = None,
        limit: int | None = None,
    ) -> list[Payment]:
        """Payments in those states, or of that receipt, that have not changed for ``quiet``, oldest first."""
        with self._database.reading() as connection:
            return outbound.search(connection, states, limit, now=self._clock(), quiet=quiet, receipt=receipt)

    def events(self, conversation_id: str) -> list[Event]:
        """Everything that happened to a payment, in order."""
        with self._database.reading() as connection:
            return outbound.events_of(connection, conversation_id.strip())

    def payments_of(self, conversation_ids: Collection[str]) -> dict[str, Payment]:
        """Those of these payments that are known, by conversation id."""
        with self._database.reading() as connection:
            return outbound.find_all(connection, conversation_ids)

    def claim_query(self, conversation_id: str, *, pause: timedelta) -> bool:
        """Take up an open payment to ask the broker about it; False where somebody did so less than ``pause`` ago.

        Of several processes that claim the same payment at once, one gets it.
        """
        with self._database.writing() as connection:
            return batches.claim_query(connection, conversation_id, now=self._clock(), pause=pause)

    # -- bulk payments --------------------------------------------------------------------------------------------

    def add_batch(self, lines: Sequence[BatchLine]) -> None:
        """Keep the lines of a bulk payment, before any of them is paid."""
        with self._database.writing() as connection:
            batches.add_lines(connection, lines)

    def other_batches(self, lines: Sequence[BatchLine]) -> dict[str, int]:
        """Batches that have the same lines under other conversation ids, with the number of such lines."""
        with self._database.reading() as connection:
            return batches.other_batches(connection, lines)

    def batch_lines(self, conversation_ids: Collection[str]) -> dict[str, BatchLine]:
        """The lines that these payments were made for, by conversation id."""
        with self._database.reading() as connection:
            return batches.references(connection, conversation_ids)
