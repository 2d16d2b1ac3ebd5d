"""Paying many: each line once, whatever happens in between.

A line's conversation id follows from the batch's name and its reference alone, so a second run of the same file finds
in the journal what became of each line, sends what provably never had an effect, and nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mpesa_cbp.client import Client
from mpesa_cbp.errors import (
    AuthenticationFailed,
    CbpError,
    JournalError,
    NotSent,
    OutcomeUnknown,
    SettingsError,
    Throttled,
)
from mpesa_cbp.journal import BatchLine, Journal
from mpesa_cbp.log_events import BATCH_FINISHED, BATCH_STARTED, BATCH_WAITING
from mpesa_cbp.payments import Payment, PaymentState
from mpesa_cbp.payroll.file import PayrollLine
from mpesa_cbp.payroll.pace import Pace

__all__ = ["LineResult", "Outcome", "PlannedLine", "Run", "outcome_of", "plan_batch"]

ATTEMPTS = 8
"""How often a payment that the broker certainly refused for load is sent in one run."""

UNKNOWN_IN_A_ROW = 5
"""After so many unknown outcomes one after the other the run stops: each more would have to be resolved."""

_logger = logging.getLogger("mpesa_cbp.payroll")


class Outcome(Enum):
    """What is known of a line."""

    SUCCEEDED = "succeeded"
    ACCEPTED = "accepted"
    QUEUED = "queued"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    NOT_SENT = "not-sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    """A line with its conversation id, and what the journal knows of it before the run."""

    line: PayrollLine
    conversation_id: str
    known: Payment | None

    @property
    def is_to_be_sent(self) -> bool:
        """Whether it was never sent, or certainly had no effect."""
        return self.known is None or self.known.may_be_sent


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """What became of a line; ``told`` says why and what to do, ``payment`` is its row in the journal."""

    planned: PlannedLine
    outcome: Outcome
    payment: Payment | None
    told: str = ""


def plan_batch(
    client: Client, journal: Journal, lines: Sequence[PayrollLine], *, batch: str, command: str
) -> tuple[list[PlannedLine], list[BatchLine], list[str]]:
    """Find each line in the journal; returns the plan, the lines for the journal, and what keeps it from being run."""
    ids = {line.number: client.new_conversation_id(_unique(batch, line)) for line in lines}
    known = journal.payments_of(list(ids.values()))
    planned = [
        PlannedLine(line=line, conversation_id=ids[line.number], known=known.get(ids[line.number])) for line in lines
    ]
    problems = [
        f"line {each.line.number}: its reference {each.line.reference} is in the journal with another {name}: "
        "correct the file, or give the line a new reference"
        for each in planned
        if each.known is not None
        for name in _differences(each.line, each.known, command)
    ]
    rows = [
        BatchLine(
            conversation_id=each.conversation_id,
            batch=batch,
            reference=each.line.reference,
            digest=each.line.digest(command),
        )
        for each in planned
    ]
    return planned, rows, problems


def _unique(batch: str, line: PayrollLine) -> str:
    name = unicodedata.normalize("NFKC", batch).strip().casefold()
    return hashlib.sha256(f"{name}\0{line.key}".encode()).hexdigest()[:32]


def _differences(line: PayrollLine, known: Payment, command: str) -> list[str]:
    pairs = {
        "msisdn": (line.msisdn, known.receiver),
        "amount": (line.amount, known.amount),
        "command": (command, known.command_id),
    }
    return [name for name, (new, old) in pairs.items() if new != old]


def outcome_of(payment: Payment | None) -> tuple[Outcome, str]:
    """What the journal's row says of a line, and what to do."""
    if payment is None or payment.state is PaymentState.CREATED:
        return Outcome.NOT_SENT, "Nothing left; run the same file again."
    if payment.state is PaymentState.FAILED:
        if payment.result_code is not None:
            told = f"The core did not pay it (code {payment.result_code}); to pay it after all give it a new reference."
            return Outcome.FAILED, told
        if payment.response_code is None:
            return Outcome.NOT_SENT, "It was not paid; run the same file again."
        return Outcome.REFUSED, f"The broker refused it (code {payment.response_code}); correct it, or run it again."
    if payment.state in (PaymentState.SENT, PaymentState.UNKNOWN):
        return Outcome.UNKNOWN, "It may have been paid: run mpesa-cbp reconcile. It is not sent again."
    if payment.state is PaymentState.EXPIRED:
        return Outcome.EXPIRED, "It expired at the broker and was not paid; run the same file again."
    return Outcome(payment.state.value), ""


class Run:
    """Sends what is to be sent, with ``threads`` threads, at most ``rate`` requests a second together.

    Iterating gives a ``LineResult`` for each planned line; those that are not to be sent come first. Ends early, after
    what is under way, when ``stop`` is set, and sets it where going on makes no sense (``stopped_because``). The rows
    of the batch must be in the journal before. ``on_rest`` is called, from any thread, with the seconds that all wait
    and what the broker does.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        planned: Sequence[PlannedLine],
        *,
        command: str,
        threads: int = 4,
        rate: float = 10.0,
        stop: threading.Event | None = None,
        first_rest: float = 1.0,
        on_rest: Callable[[float, str], None] = lambda _seconds, _reason: None,
    ) -> None:
        self._on_rest = on_rest
        self._client, self._journal, self._command = client, journal, command
        self._planned = planned
        self._threads = threads
        self._stop = stop or threading.Event()
        self._pace = Pace(rate, self._stop, first_rest=first_rest)
        self._unknown_in_a_row = 0
        self.stopped_because: str | None = None

    def __iter__(self) -> Iterator[LineResult]:
        work: queue.SimpleQueue[PlannedLine] = queue.SimpleQueue()
        done: queue.SimpleQueue[LineResult | None] = queue.SimpleQueue()
        counts = dict.fromkeys(Outcome, 0)
        BATCH_STARTED.log(_logger, payments=len(self._planned))
        for each in self._planned:
            if each.is_to_be_sent:
                work.put(each)
            else:
                result = _as_known(each)
                counts[result.outcome] += 1
                yield result
        threads = [
            threading.Thread(target=self._work, args=(work, done), name=f"mpesa-cbp-payroll-{number}")
            for number in range(min(self._threads, work.qsize()))
        ]
        for thread in threads:
            thread.start()
        running = len(threads)
        try:
            while running:
                finished = done.get()
                if finished is None:
                    running -= 1
                    continue
                counts[finished.outcome] += 1
                yield finished
        finally:
            if running:
                self._stop.set()
        while not work.empty():
            result = _as_known(work.get())
            counts[result.outcome] += 1
            yield result
        _log_finished(counts)

    def _work(self, work: queue.SimpleQueue[PlannedLine], done: queue.SimpleQueue[LineResult | None]) -> None:
        try:
            while self._pace.wait():
                try:
                    planned = work.get_nowait()
                except queue.Empty:
                    return
                try:
                    done.put(self._pay(planned))
                except BaseException as error:
                    # Not foreseen: nothing more is sent, and what the journal knows of this payment is told.
                    self._end(f"an unexpected {type(error).__name__}")
                    done.put(self._result(planned))
                    raise
        finally:
            done.put(None)

    def _pay(self, planned: PlannedLine) -> LineResult:
        error = None
        for attempt in range(1, ATTEMPTS + 1):
            error = self._send(planned)
            if not isinstance(error, Throttled | NotSent) or attempt == ATTEMPTS:
                break
            seconds = self._pace.rest()
            name = type(error).__name__
            BATCH_WAITING.log(
                _logger, conversation_id=planned.conversation_id, code=error.code, error=name, seconds=round(seconds)
            )
            self._on_rest(seconds, "cannot be reached" if isinstance(error, NotSent) else "is overloaded")
            if not self._pace.wait():
                break
        self._judge(error)
        return self._result(planned, error)

    def _send(self, planned: PlannedLine) -> CbpError | None:
        line = planned.line
        try:
            self._client.pay_customer(
                line.msisdn,
                line.amount,
                command=self._command,
                remark=line.remark,
                occasion=line.reference,
                conversation_id=planned.conversation_id,
                resume=True,
            )
        except CbpError as error:
            return error
        self._pace.went_well()
        return None

    def _judge(self, error: CbpError | None) -> None:
        """Stop where the next payment would fare no better."""
        self._unknown_in_a_row = self._unknown_in_a_row + 1 if isinstance(error, OutcomeUnknown) else 0
        if self._stop.is_set():
            return
        if isinstance(error, AuthenticationFailed | SettingsError | JournalError | NotSent | Throttled):
            self._end(str(error))
        elif self._unknown_in_a_row >= UNKNOWN_IN_A_ROW:
            self._end(f"{UNKNOWN_IN_A_ROW} payments one after the other have an unknown outcome")

    def _end(self, reason: str) -> None:
        self.stopped_because = self.stopped_because or reason
        self._stop.set()

    def _result(self, planned: PlannedLine, error: CbpError | None = None) -> LineResult:
        """What the journal says now; a result may have come before the answer."""
        try:
            payment = self._journal.payment(planned.conversation_id)
        except JournalError as failure:
            return LineResult(planned=planned, outcome=Outcome.UNKNOWN, payment=None, told=str(failure))
        outcome, told = outcome_of(payment)
        if error is not None and outcome not in (Outcome.SUCCEEDED, Outcome.ACCEPTED, Outcome.QUEUED):
            told = f"{error.message.rstrip('.')}. {told}"
        return LineResult(planned=planned, outcome=outcome, payment=payment, told=told)


def _as_known(planned: PlannedLine) -> LineResult:
    """A line with which this run had nothing to do."""
    outcome, told = outcome_of(planned.known)
    return LineResult(planned=planned, outcome=outcome, payment=planned.known, told=told)


def _log_finished(counts: dict[Outcome, int]) -> None:
    BATCH_FINISHED.log(
        _logger,
        accepted=counts[Outcome.ACCEPTED] + counts[Outcome.SUCCEEDED],
        queued=counts[Outcome.QUEUED],
        refused=counts[Outcome.REFUSED] + counts[Outcome.FAILED] + counts[Outcome.EXPIRED],
        not_sent=counts[Outcome.NOT_SENT],
        unknown=counts[Outcome.UNKNOWN],
    )
