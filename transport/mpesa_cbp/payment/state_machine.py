"""The table of transitions: how each event moves a payment.

What the table keeps to:

* The state follows the money. The core's final result settles a payment; it overrides what the broker or we recorded
  before, and neither ``SUCCEEDED`` nor ``FAILED`` by result is ever left again.
* A state that says "certainly not paid" is given only for evidence about every request that may have left. Where the
  evidence does not agree, the payment counts as one that may have been paid.
* An event that cannot be true together with what was known is marked as contradicting, whether or not it moves.
* A late event of an earlier step, and a repeated one, change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from mpesa_cbp.payment.codes import MORE_FOLLOW, code_key, is_duplicate, response_meaning, result_meaning
from mpesa_cbp.payment.model import EventKind, PaymentState

__all__ = [
    "FINAL_EVIDENCE",
    "GUARDED",
    "TABLE",
    "Evidence",
    "LedgerState",
    "QueryVerdict",
    "Transition",
    "same_code",
    "step_of",
    "transition",
]


class LedgerState(Enum):
    """A payment's state as the journal keeps it: ``PaymentState``, divided by what settled it."""

    CREATED = "created"
    SENT = "sent"
    QUEUED = "queued"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    NOT_TAKEN = "not-taken"
    """FAILED without a result: the broker refused it, or it was never sent."""

    FAILED = "failed"
    """FAILED by the core's final result."""

    SUCCEEDED = "succeeded"
    """SUCCEEDED by the core's final result."""

    OPERATOR_PAID = "said-paid"
    """SUCCEEDED because an operator recorded it, until the core reports something else."""

    DISPUTED = "disputed"
    """UNKNOWN because a result of the core states another payment than this one, or two."""

    OPERATOR_UNPAID = "said-unpaid"
    """FAILED because an operator recorded it: it may be sent again under its id, which the core
    refuses if it has seen it."""

    @property
    def state(self) -> PaymentState:
        """The public state."""
        return _STATES.get(self) or PaymentState(self.value)


_STATES = {
    LedgerState.NOT_TAKEN: PaymentState.FAILED,
    LedgerState.DISPUTED: PaymentState.UNKNOWN,
    LedgerState.OPERATOR_PAID: PaymentState.SUCCEEDED,
    LedgerState.OPERATOR_UNPAID: PaymentState.FAILED,
}


class QueryVerdict(Enum):
    """What a queryTransaction found: the ``detail`` of a QUERIED event, alone or before a colon.

    It speaks of the whole history that the broker keeps of the conversation id, its strongest evidence first: a
    result, an expiry, an acceptance, a caching, a refusal. With ``RESULT`` the event's code is that ResultCode.
    """

    RESULT = "result"
    DIFFERS = "differs"
    """A result that contradicts the payment or itself: ``DIFFERS``, for a result that was delivered too."""

    EXPIRED = "expired"
    ACCEPTED = "accepted"
    QUEUED = "queued"
    REFUSED = "refused"
    NOTHING = "nothing"
    """The answer proves nothing, or the broker does not know the payment, perhaps because the query came too early."""


class Evidence(Enum):
    """What an event says of the payment; several kinds of event may say the same."""

    SENDING = "sending"
    NOT_SENT = "not-sent"
    REFUSED = "refused"
    QUEUED = "queued"
    ACCEPTED = "accepted"
    OUTCOME_UNKNOWN = "outcome-unknown"
    EXPIRED = "expired"
    FOUND_REFUSED = "found-refused"
    PAID = "paid"
    NOT_PAID = "not-paid"
    UNDECIDED = "undecided"
    DIFFERS = "differs"
    OPERATOR_PAID = "said-paid"
    OPERATOR_UNPAID = "said-unpaid"
    NOTHING = "nothing"


FINAL_EVIDENCE = frozenset({Evidence.PAID, Evidence.NOT_PAID})
"""Evidence that settles a payment: a final result, delivered or found by a query."""


GUARDED = frozenset({Evidence.SENDING, Evidence.OPERATOR_PAID, Evidence.OPERATOR_UNPAID})
"""Evidence that needs permission: where the table marks it as contradicting, it is refused and not stored."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One cell of the table: the new state, and whether the event contradicts what was known."""

    ledger_state: LedgerState
    contradicts: bool


# "-" is no change, "!" a contradiction. Row by row, why:
#
# SENDING is stored before the first byte leaves, so a payment may be sent exactly where it leads to "sent": never
# sent, certainly not taken, expired, or said to be unpaid. Elsewhere it is refused and not stored, so there are never
# two requests of one payment under way.
# NOT_SENT and REFUSED speak of one request. They settle a payment of which nothing else is under way, and nothing
# where an earlier request may still be paid (unknown, queued, accepted).
# QUEUED and ACCEPTED that come late are the answer to a request of which more is known. After a refusal they mean
# that money may move after all.
# EXPIRED (queue timeout, or found by a query) ends what the broker held. It says that the core never saw it, which
# cannot be true after a result; after a refusal both mean "not paid".
# FOUND_REFUSED rests on the broker's whole history of the payment, so unlike REFUSED it settles an unknown one.
# PAID and NOT_PAID are the core's word on the money. Of two different final results the first one stays.
# UNDECIDED is a result that is not final (43, or any code with ResultType 1), speaks of an earlier request (15, 41) or
# has an unknown code. It moves nothing on its way; but it proves that the core knows the payment, so "certainly not
# paid" and "nothing was sent" cannot stand.
# DIFFERS is a result, whatever its code, that states another amount, receiver or receipt than the payment or itself. It
# settles nothing. Since the core has done something, it leaves the payment disputed unless another result settled it or
# a person said that it was paid: no expiry and no refusal makes it one that may be sent again, and a later "not paid"
# does not agree with it either. A later "paid" settles it, marked; else a person must.
# OPERATOR_PAID and OPERATOR_UNPAID are a person's word on a payment that is open; elsewhere it is refused and not
# stored, save that "unpaid" may be withdrawn, which only removes the permission to send. Evidence overrides a
# person's word: the core's result settles the payment, and what shows that the request arrived opens it again.
TABLE = """
                CREATED    SENT            QUEUED          ACCEPTED        UNKNOWN         EXPIRED    NOT_TAKEN
SENDING         SENT       -!              -!              -!              -!              SENT       SENT
NOT_SENT        NOT_TAKEN  NOT_TAKEN       -!              -!              -               -!         -
REFUSED         NOT_TAKEN! NOT_TAKEN       -!              -!              -               -!         -
QUEUED          QUEUED!    QUEUED          -               -               QUEUED          -          QUEUED!
ACCEPTED        ACCEPTED!  ACCEPTED        ACCEPTED        -               ACCEPTED        -          ACCEPTED!
OUTCOME_UNKNOWN UNKNOWN!   UNKNOWN         -               -               -               -          UNKNOWN!
EXPIRED         EXPIRED!   EXPIRED         EXPIRED         EXPIRED         EXPIRED         -          -!
FOUND_REFUSED   NOT_TAKEN! NOT_TAKEN       NOT_TAKEN       -!              NOT_TAKEN       -!         -
PAID            SUCCEEDED! SUCCEEDED       SUCCEEDED       SUCCEEDED       SUCCEEDED       SUCCEEDED! SUCCEEDED!
NOT_PAID        FAILED!    FAILED          FAILED          FAILED          FAILED          FAILED!    FAILED!
UNDECIDED       UNKNOWN!   -               -               -               -               UNKNOWN!   UNKNOWN!
DIFFERS         DISPUTED!  DISPUTED!       DISPUTED!       DISPUTED!       DISPUTED!       DISPUTED!  DISPUTED!
OPERATOR_PAID   -!         OPERATOR_PAID   OPERATOR_PAID   OPERATOR_PAID   OPERATOR_PAID   -!         -!
OPERATOR_UNPAID -!         OPERATOR_UNPAID OPERATOR_UNPAID OPERATOR_UNPAID OPERATOR_UNPAID -!         -!
NOTHING         -          -               -               -               -               -          -

                FAILED SUCCEEDED OPERATOR_PAID OPERATOR_UNPAID DISPUTED
SENDING         -!     -!        -!            SENT            -!
NOT_SENT        -!     -!        -!            -               -
REFUSED         -!     -!        -!            -               -
QUEUED          -      -         -             QUEUED!         -
ACCEPTED        -      -         -             ACCEPTED!       -
OUTCOME_UNKNOWN -      -         -             UNKNOWN!        -
EXPIRED         -!     -!        -!            -               -!
FOUND_REFUSED   -!     -!        -!            -               -!
PAID            -!     -         SUCCEEDED     SUCCEEDED!      SUCCEEDED!
NOT_PAID        -      -!        FAILED!       FAILED          -!
UNDECIDED       -      -         -             UNKNOWN!        -
DIFFERS         -!     -!        -!            DISPUTED!       -!
OPERATOR_PAID   -!     -!        -!            OPERATOR_PAID   OPERATOR_PAID
OPERATOR_UNPAID -!     -!        -!            -!              OPERATOR_UNPAID
NOTHING         -      -         -             -               -
"""


def _read(table: str) -> dict[tuple[LedgerState, Evidence], Transition]:
    read = {}
    for part in table.split("\n\n"):
        head, *rows = (line.split() for line in part.strip().splitlines())
        for name, *cells in rows:
            for column, cell in zip(head, cells, strict=True):
                before, target = LedgerState[column], cell.rstrip("!")
                after = before if target == "-" else LedgerState[target]
                read[before, Evidence[name]] = Transition(after, contradicts=cell.endswith("!"))
    return read


_TRANSITIONS = MappingProxyType(_read(TABLE))


def transition(before: LedgerState, evidence: Evidence) -> Transition:
    """Look up how evidence moves a payment that is in state ``before``."""
    return _TRANSITIONS[before, evidence]


def step_of(kind: EventKind, *, code: str | None, detail: str | None, more_follow: bool = False) -> Evidence:
    """Classify an event; ``code`` is a ResultCode for results, else a ResponseCode (protocol, section 5).

    ``more_follow`` is a result's ResultType 1. One with ``QueryVerdict.DIFFERS`` in ``detail`` settles nothing.
    """
    if kind in _RESULTS and _word(detail) == QueryVerdict.DIFFERS.value:
        return Evidence.DIFFERS
    if kind is EventKind.RESULT:
        return _step_of_result(code, more_follow=more_follow)
    if kind is EventKind.QUERIED:
        return _step_of_query(code, detail)
    if kind is EventKind.SETTLED:
        return _WORDS.get(_word(detail), Evidence.NOTHING)
    if kind is EventKind.REFUSED:
        return Evidence.OUTCOME_UNKNOWN if code is not None and _refusal_is_doubtful(code) else Evidence.REFUSED
    return _STEPS.get(kind, Evidence.NOTHING)


def same_code(one: str | None, other: str | None) -> bool:
    """Whether two codes are the same number, as ``0`` and ``00000000`` are, or else the same text."""
    if one is None or other is None:
        return one is other
    return code_key(one) == code_key(other)


_RESULTS = (EventKind.RESULT, EventKind.QUERIED)
"""The kinds of event that bring a result."""

_STEPS = {
    EventKind.SENDING: Evidence.SENDING,
    EventKind.NOT_SENT: Evidence.NOT_SENT,
    EventKind.QUEUED: Evidence.QUEUED,
    EventKind.ACCEPTED: Evidence.ACCEPTED,
    EventKind.OUTCOME_UNKNOWN: Evidence.OUTCOME_UNKNOWN,
    EventKind.QUEUE_TIMEOUT: Evidence.EXPIRED,
}

_FINDINGS = {
    QueryVerdict.EXPIRED: Evidence.EXPIRED,
    QueryVerdict.ACCEPTED: Evidence.ACCEPTED,
    QueryVerdict.QUEUED: Evidence.QUEUED,
    QueryVerdict.REFUSED: Evidence.FOUND_REFUSED,
    QueryVerdict.NOTHING: Evidence.NOTHING,
}


_WORDS = {"paid": Evidence.OPERATOR_PAID, "not-paid": Evidence.OPERATOR_UNPAID}


def _step_of_result(code: str | None, *, more_follow: bool = False) -> Evidence:
    if code is None:
        return Evidence.UNDECIDED
    meaning = result_meaning(code, result_type=MORE_FOLLOW if more_follow else None)
    if not meaning.final:
        return Evidence.UNDECIDED
    return Evidence.PAID if meaning.success else Evidence.NOT_PAID


def _step_of_query(code: str | None, detail: str | None) -> Evidence:
    # A code alone moves nothing: 0 is "accepted" in a response and "paid" in a result.
    word = _word(detail)
    finding = QueryVerdict(word) if word in {each.value for each in QueryVerdict} else QueryVerdict.NOTHING
    return _step_of_result(code) if finding is QueryVerdict.RESULT else _FINDINGS[finding]


def _word(detail: str | None) -> str:
    return (detail or "").partition(":")[0].strip()


def _refusal_is_doubtful(code: str) -> bool:
    """Whether the code itself says that the payment may yet be, or was already, made (section 5).

    A duplicate speaks of the earlier request; 0, 100000000 and 100000004 are no refusals at all.
    """
    meaning = response_meaning(code)
    return is_duplicate(code) or (meaning.known and not meaning.final)
