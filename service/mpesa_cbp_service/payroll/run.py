"""Pay many lines, each once, whatever happens in between.

A line's conversation id follows from the batch's name and its reference alone, so a second run of the same file finds
in the journal what became of each line, sends what provably never had an effect, and nothing else. Two runs at once
share the lines: the journal gives leave to send to one of them, and the other one tells what came of it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

from mpesa_cbp.client import Client
from mpesa_cbp.errors import (
    AuthenticationFailed,
    CbpError,
    DuplicateConversation,
    JournalError,
    NotSent,
    OutcomeUnknown,
    Sent,
    SettingsError,
    Throttled,
)
from mpesa_cbp.log_events import BATCH_FINISHED, BATCH_STARTED, BATCH_WAITING
from mpesa_cbp.payment.model import Payment
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.payroll.outcome import LineOutcome, LineResult, outcome_of
from mpesa_cbp_service.payroll.plan import PlannedLine
from mpesa_cbp_service.payroll.rate_limiter import Pace

__all__ = ["ATTEMPTS", "PATIENCE", "UNKNOWN_IN_A_ROW", "Run"]

ATTEMPTS = 8
"""How often a payment that the broker certainly refused for load is sent in one run."""

UNKNOWN_IN_A_ROW = 5
"""After so many unknown outcomes one after the other the run stops: each more would have to be resolved."""

PATIENCE = 10.0
"""Seconds for which a run that is done waits for what another one is sending."""

_POLL_SECONDS = 0.1

_logger = logging.getLogger("mpesa_cbp.payroll")


def _now() -> datetime:
    return datetime.now(UTC)


class Run:
    """Sends what is to be sent, with ``threads`` threads, at most ``rate`` requests a second together.

    Iterating gives a ``LineResult`` for each planned line; those that are not to be sent come first, and last, after
    ``patience`` seconds at most, those that another run is sending. Ends early, after what is under way, when ``stop``
    is set, and sets it where going on makes no sense (``stopped_because``). The rows of the batch must be in the
    journal before. ``on_rest`` is called, from any thread, with the seconds that all wait and what the broker does.
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
        patience: float = PATIENCE,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._on_rest = on_rest
        self._client, self._journal, self._command = client, journal, command
        self._planned = planned
        self._threads = threads
        self._patience, self._clock = patience, clock
        self._stop = stop or threading.Event()
        self._pace = Pace(rate, self._stop, first_rest=first_rest)
        self._unknown_in_a_row = 0
        self.stopped_because: str | None = None

    def __iter__(self) -> Iterator[LineResult]:
        counts = dict.fromkeys(LineOutcome, 0)
        BATCH_STARTED.log(_logger, payments=len(self._planned))
        with closing(self._results()) as results:
            for result in results:
                counts[result.outcome] += 1
                yield result
        _log_finished(counts)

    def _results(self) -> Generator[LineResult, None, None]:
        work: queue.SimpleQueue[PlannedLine] = queue.SimpleQueue()
        elsewhere = []
        for each in self._planned:
            if each.is_to_be_sent:
                work.put(each)
                continue
            result = self._known(each, each.known)
            if result.outcome is LineOutcome.UNDER_WAY:
                elsewhere.append(each)
            else:
                yield result
        with closing(self._sent(work)) as sent:
            for result in sent:
                if result.outcome is LineOutcome.UNDER_WAY:
                    elsewhere.append(result.planned)
                else:
                    yield result
        yield from self._left(work)
        yield from self._looked_at_again(elsewhere)

    def _sent(self, work: queue.SimpleQueue[PlannedLine]) -> Generator[LineResult, None, None]:
        """What came of each line that was sent, until all are or the run is stopped."""
        done: queue.SimpleQueue[LineResult | None] = queue.SimpleQueue()
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
                else:
                    yield finished
        finally:
            if running:
                self._stop.set()

    def _left(self, work: queue.SimpleQueue[PlannedLine]) -> Iterator[LineResult]:
        """The lines that this run did not come to; another one may have."""
        left = [work.get() for _ in range(work.qsize())]
        try:
            known = self._journal.payments_of([each.conversation_id for each in left])
        except JournalError:
            known = {each.conversation_id: each.known for each in left if each.known is not None}
        yield from (self._known(each, known.get(each.conversation_id)) for each in left)

    def _looked_at_again(self, elsewhere: list[PlannedLine]) -> Iterator[LineResult]:
        """What came of the lines that another run is sending, after some patience."""
        deadline = time.monotonic() + self._patience
        while elsewhere:
            results = [self._result(each, ours=False) for each in elsewhere]
            left = deadline - time.monotonic()
            if left <= 0 or self._stop.wait(min(_POLL_SECONDS, left)):
                yield from results
                return
            yield from (result for result in results if result.outcome is not LineOutcome.UNDER_WAY)
            elsewhere = [result.planned for result in results if result.outcome is LineOutcome.UNDER_WAY]

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
        try:
            try:
                self._order(planned, resume=planned.known is not None)
            except DuplicateConversation as error:
                if error.sent is not Sent.NO:
                    raise
                # Stored since the plan was made, by an earlier attempt or another run; the journal says who sends it.
                self._order(planned, resume=True)
        except CbpError as error:
            return error
        self._pace.went_well()
        return None

    def _order(self, planned: PlannedLine, *, resume: bool) -> None:
        line = planned.line
        self._client.pay_customer(
            line.msisdn,
            line.amount,
            command=self._command,
            remark=line.remark,
            occasion=line.reference,
            conversation_id=planned.conversation_id,
            resume=resume,
        )

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

    def _result(self, planned: PlannedLine, error: CbpError | None = None, *, ours: bool = True) -> LineResult:
        """What the journal says now; a result may have come before the answer."""
        ours = ours and not isinstance(error, DuplicateConversation)
        try:
            payment = self._journal.payment(planned.conversation_id)
        except JournalError as failure:
            return LineResult(planned=planned, outcome=LineOutcome.UNKNOWN, payment=None, told=str(failure))
        outcome, told = outcome_of(payment, now=self._clock(), ours=ours)
        if (
            ours
            and error is not None
            and outcome not in (LineOutcome.SUCCEEDED, LineOutcome.ACCEPTED, LineOutcome.QUEUED)
        ):
            told = f"{error.message.rstrip('.')}. {told}"
        return LineResult(planned=planned, outcome=outcome, payment=payment, told=told)

    def _known(self, planned: PlannedLine, payment: Payment | None) -> LineResult:
        """A line with which this run had nothing to do."""
        outcome, told = outcome_of(payment, now=self._clock())
        return LineResult(planned=planned, outcome=outcome, payment=payment, told=told)


def _log_finished(counts: dict[LineOutcome, int]) -> None:
    BATCH_FINISHED.log(
        _logger,
        accepted=counts[LineOutcome.ACCEPTED] + counts[LineOutcome.SUCCEEDED],
        queued=counts[LineOutcome.QUEUED],
        refused=counts[LineOutcome.REFUSED] + counts[LineOutcome.FAILED] + counts[LineOutcome.EXPIRED],
        not_sent=counts[LineOutcome.NOT_SENT],
        unknown=counts[LineOutcome.UNKNOWN] + counts[LineOutcome.UNDER_WAY],
    )
