"""What queryTransaction's answer says: how far the payment came, message by message (protocol, section 8).

Conclusions rest on what the record contains, never on what is missing from it: a broker that has no record
of a payment does not say that it was not paid. "Not paid" is concluded from a final result of the core, from a queue
timeout of a request that was never passed on, or where every request on record was certainly refused; and only if
every entry of the record could be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from mpesa_cbp.history.entries import EntryKind, HistoryEntry, Leg, read_entries
from mpesa_cbp.payment.codes import CodeMeaning, is_duplicate, is_success, response_meaning, result_meaning
from mpesa_cbp.payment.model import EventKind, PaymentState
from mpesa_cbp.payment.state_machine import LedgerState, QueryVerdict, step_of, transition
from mpesa_cbp.results.statement import statement_of
from mpesa_cbp_models import QueryTransactionResponse, Result

__all__ = ["EntryKind", "History", "HistoryEntry", "Leg", "Reached", "read_history"]


class Reached(Enum):
    """The farthest point that the record shows the payment to have come to."""

    NOTHING_RECORDED = "nothing recorded"
    BROKER = "broker"
    CORE = "core"
    RESULT = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A payment's record at the broker, and what it proves.

    ``entries`` stand in the order of the answer: requests, responses, results, queue timeouts. ``finding`` is what
    they prove, with ``code`` the ResultCode or ResponseCode that it rests on; as the detail and the code of a QUERIED
    event they move a journal. ``problems`` says why nothing more could be concluded. ``answer`` is the
    message itself.
    """

    conversation_id: str | None
    entries: tuple[HistoryEntry, ...] = ()
    finding: QueryVerdict = QueryVerdict.NOTHING
    code: str | None = None
    problems: tuple[str, ...] = ()
    answer: QueryTransactionResponse | None = field(default=None, repr=False)

    @property
    def state(self) -> PaymentState:
        """The state that the record proves of a payment of which nothing else is known; UNKNOWN if it proves none."""
        step = step_of(EventKind.QUERIED, code=self.code, detail=self.finding.value)
        return transition(LedgerState.UNKNOWN, step).ledger_state.state

    @property
    def reached(self) -> Reached:
        """How far the payment provably came."""
        if any(entry.kind is EntryKind.RESULT for entry in _used(self.entries)):
            return Reached.RESULT
        if _reached_core(self.entries):
            return Reached.CORE
        return Reached.BROKER if any(True for _ in _used(self.entries)) else Reached.NOTHING_RECORDED

    @property
    def result(self) -> Result | None:
        """The result that settles the payment, or would if it did not contradict (``QueryVerdict.DIFFERS``)."""
        if self.finding not in (QueryVerdict.RESULT, QueryVerdict.DIFFERS):
            return None
        return next((result for result in self.results if result.result_code == self.code), None)

    @property
    def results(self) -> tuple[Result, ...]:
        """All results on record that could be used."""
        return tuple(_results(self.entries))

    @property
    def summary(self) -> str:
        """What is known now, in one sentence, and what to do where it is not enough."""
        sentence = _SUMMARIES[self.finding]
        if self.finding in (QueryVerdict.RESULT, QueryVerdict.DIFFERS) and self.code is not None:
            sentence = f"{sentence.rstrip('.')}: code {self.code}, {result_meaning(self.code).meaning.rstrip('.')}."
        elif self.code is not None:
            sentence = f"{sentence} Code {self.code}: {response_meaning(self.code).meaning.rstrip('.')}."
        if self.finding is QueryVerdict.NOTHING and self.reached is not Reached.NOTHING_RECORDED:
            sentence = (
                f"The request reached the {self.reached.value}; its outcome is not recorded, so it is still open."
            )
        return " ".join([sentence, *(f"{problem}." for problem in self.problems)])


_SUMMARIES = {
    QueryVerdict.RESULT: "The core has sent a result.",
    QueryVerdict.DIFFERS: "The core sent a result that settles nothing: it contradicts the payment or itself.",
    QueryVerdict.EXPIRED: "The cached request expired at the broker and never reached the core: it had no effect.",
    QueryVerdict.ACCEPTED: "The request was accepted and has no final result yet: it is still open.",
    QueryVerdict.QUEUED: "The broker has cached the request and will pass it on: it is still open.",
    QueryVerdict.REFUSED: "Every request on record was refused: it had no effect.",
    QueryVerdict.NOTHING: "The broker's record proves nothing; the request may have had an effect: ask again later.",
}


def read_history(answer: QueryTransactionResponse, conversation_id: str | None = None) -> History:
    """Read the record in a queryTransaction's answer; entries of any content raise no error.

    ``conversation_id`` is the OriginatorConversationID of the query: entries that name another one are kept and not
    used. Where it is None, that of the first request on record counts.
    """
    conversation_id, entries = read_entries(answer, conversation_id)
    finding, code, problems = _conclude(entries)
    return History(
        conversation_id=conversation_id, entries=entries, finding=finding, code=code, problems=problems, answer=answer
    )


_Conclusion = tuple[QueryVerdict, "str | None", tuple[str, ...]]


def _used(entries: Iterable[HistoryEntry]) -> Iterator[HistoryEntry]:
    return (entry for entry in entries if entry.problem is None)


def _results(entries: Iterable[HistoryEntry]) -> list[Result]:
    messages = (entry.decoded.message for entry in _used(entries) if entry.decoded is not None)
    return [message for message in messages if isinstance(message, Result)]


def _reached_core(entries: Iterable[HistoryEntry]) -> bool:
    """Passed on to the core, or accepted, which only the core does."""
    return any(
        entry.leg in (Leg.BROKER_TO_CORE, Leg.CORE_TO_BROKER)
        or (entry.kind is EntryKind.RESPONSE and is_success(entry.code or ""))
        for entry in _used(entries)
    )


def _conclude(entries: tuple[HistoryEntry, ...]) -> _Conclusion:
    problems = tuple(
        f"Entry {number} ({entry.kind.value}) was not used: {entry.problem}"
        for number, entry in enumerate(entries, 1)
        if entry.problem is not None
    )
    results = _results(entries)
    final = [result for result in results if _meaning(result).final]
    paid = [result for result in final if is_success(result.result_code)]
    if any(statement_of(result).contradicts_itself for result in final):
        return QueryVerdict.DIFFERS, (paid or final)[0].result_code, (*problems, "The result names two receipts")
    if paid:
        if len(paid) < len(final) or len({_receipt(result) for result in paid} - {""}) > 1:
            return QueryVerdict.NOTHING, None, (*problems, "The results on record contradict each other")
        return QueryVerdict.RESULT, paid[0].result_code, problems
    if final:
        return (QueryVerdict.NOTHING, None, problems) if problems else (QueryVerdict.RESULT, final[0].result_code, ())
    finding, code = _of_results_to_come(results)
    if finding is None:
        finding, code, more = _of_expiry_and_responses(entries, whole=not problems)
        problems += more
    return finding, code, problems


def _receipt(result: Result) -> str:
    return (result.transaction_id or "").strip()


def _meaning(result: Result) -> CodeMeaning:
    return result_meaning(result.result_code, result_type=result.result_type)


def _of_results_to_come(results: list[Result]) -> tuple[QueryVerdict | None, str | None]:
    """Results that settle nothing: the core works on it, or speaks of an earlier request, or in an unknown code."""
    if not results:
        return None, None
    for result in results:
        if _meaning(result).pending:
            return QueryVerdict.ACCEPTED, None
    return QueryVerdict.RESULT, results[-1].result_code


def _of_expiry_and_responses(entries: tuple[HistoryEntry, ...], *, whole: bool) -> _Conclusion:
    requests = sum(entry.kind is EntryKind.REQUEST for entry in entries)
    timeouts = sum(entry.kind is EntryKind.QUEUE_TIMEOUT for entry in _used(entries))
    if timeouts and _reached_core(entries):
        return (
            QueryVerdict.NOTHING,
            None,
            ("The record shows a queue timeout of a request that was passed on to the core",),
        )
    if timeouts and whole and timeouts >= requests:
        return QueryVerdict.EXPIRED, None, ()
    codes = [entry.code for entry in _used(entries) if entry.kind is EntryKind.RESPONSE and entry.code is not None]
    for code in codes:
        if is_success(code):
            return QueryVerdict.ACCEPTED, code, ()
    for code in codes:
        if response_meaning(code).pending:
            return QueryVerdict.QUEUED, code, ()
    if whole and requests and len(codes) >= requests and all(_refuses(code) for code in codes):
        return QueryVerdict.REFUSED, codes[-1], ()
    return QueryVerdict.NOTHING, None, ()


def _refuses(code: str) -> bool:
    """Whether a ResponseCode refuses with certainty; a duplicate speaks of an earlier request."""
    meaning = response_meaning(code)
    return meaning.known and meaning.final and not is_duplicate(code)
