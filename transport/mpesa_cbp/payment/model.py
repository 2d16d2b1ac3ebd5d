"""Payments, their states and events, and what the client needs of a journal (protocol, section 1).

``Client`` and ``Listener`` need no more of a journal than the protocols here; ``journal.Journal`` is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Protocol


class PaymentState(Enum):
    """How far a payment has come (protocol, section 1)."""

    CREATED = "created"
    """Stored, nothing sent yet. A process that dies now has sent nothing."""

    SENT = "sent"
    """Sending has begun; bytes may have left. Until more is known, only queryTransaction can find out."""

    ACCEPTED = "accepted"
    """The broker has accepted the request; the result will follow."""

    QUEUED = "queued"
    """The broker could only cache the request (ResponseCode 100000000): pending, not failed."""

    SUCCEEDED = "succeeded"
    """The final result says that the money has moved."""

    FAILED = "failed"
    """Certainly not paid: refused by the broker, failed by the core, or provably never sent."""

    EXPIRED = "expired"
    """The cached request expired at the broker (notifyQueueTimeout): it never reached the core."""

    UNKNOWN = "unknown"
    """Bytes may have left and no readable answer came: ask queryTransaction, never send again."""


FINAL_STATES = frozenset({PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.EXPIRED})
"""States in which the outcome is known."""


OPEN_STATES = frozenset({PaymentState.SENT, PaymentState.ACCEPTED, PaymentState.QUEUED, PaymentState.UNKNOWN})
"""States in which the money may have moved or may yet move: only a result or queryTransaction settles it."""


ENQUIRIES = frozenset({"AccountBalance", "TransactionStatusQuery"})
"""CommandIDs that only ask the core: their result is the answer."""


MOVES_NO_MONEY = ENQUIRIES | {"RegisterURL"}
"""CommandIDs of requests that are kept as payments are, and never move money."""


ABOUT_ANOTHER = MOVES_NO_MONEY | {"TransactionReversal"}
"""CommandIDs whose result may state amount, parties and receipt of another transaction than the request itself."""


MAKE_ANEW = "No money depends on it: make a new request, under a new conversation id."
"""Advice where the outcome of a request that moves no money is unknown."""


class EventKind(Enum):
    """What can happen to a payment; every event is kept, whether or not it changes the state."""

    CREATED = "created"
    SENDING = "sending"
    ACCEPTED = "accepted"
    QUEUED = "queued"
    REFUSED = "refused"
    NOT_SENT = "not-sent"
    OUTCOME_UNKNOWN = "outcome-unknown"
    RESULT = "result"
    QUEUE_TIMEOUT = "queue-timeout"
    QUERIED = "queried"
    SETTLED = "settled"
    """A person's word, see ``Journal.settle``."""

    C2B_VALIDATION = "c2b-validation"
    C2B_CONFIRMATION = "c2b-confirmation"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One row of the journal; times are aware, UTC. ``receiver`` is a customer's number or a short code."""

    conversation_id: str
    command_id: str
    state: PaymentState
    amount: Decimal | None
    receiver: str | None = field(repr=False)
    core_conversation_id: str | None
    response_code: str | None
    result_code: str | None
    receipt: str | None
    created_at: datetime
    updated_at: datetime
    requests: int
    """How many requests of it may have left; several where an earlier one was certainly refused or never left."""

    queried_at: datetime | None = None
    """When a reconciliation last took it up to ask the broker about it."""

    @property
    def moves_money(self) -> bool:
        """Whether money may move by it; a command that is not known may move some."""
        return self.command_id not in MOVES_NO_MONEY

    @property
    def may_be_sent(self) -> bool:
        """Whether it may be sent under its conversation id: never sent, certainly refused, or expired.

        A payment that the core failed is not among them: the core knows its id, and refuses it for ever.
        """
        untaken = self.state is PaymentState.FAILED and self.result_code is None
        return untaken or self.state in (PaymentState.CREATED, PaymentState.EXPIRED)


class PaymentJournal(Protocol):
    """What ``Client`` asks of a journal. Each call has committed durably when it returns."""

    def create(
        self,
        *,
        conversation_id: str,
        command_id: str,
        amount: Decimal | None,
        receiver: str | None,
        request: bytes,
    ) -> None:
        """Store a payment in state CREATED; ``request`` is its payload without credentials.

        Raises DuplicateConversation where the conversation id is known already, JournalError where it cannot be
        stored; in both cases nothing must be sent.
        """

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
        """Append an event and move the payment as far as the transition table allows; returns its state now.

        SENDING is the permission to send: of several concurrent callers exactly one gets it and SENT is returned. It
        raises DuplicateConversation and stores nothing where the payment may not be sent (``Payment.may_be_sent``).

        Raises JournalError where it cannot be stored.
        """

    def payment(self, conversation_id: str) -> Payment | None:
        """The payment of that conversation id, or None."""

    def request(self, conversation_id: str) -> bytes | None:
        """What ``create`` was given as its ``request``, or None; only the same may be sent again."""
