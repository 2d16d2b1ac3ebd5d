"""After the answer: the work of the core, the result, and the faults."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from mpesa_cbp.payment.codes import MORE_FOLLOW
from mpesa_cbp.soap import decode
from mpesa_cbp_models import Result
from mpesa_cbp_simulator.config import Timing
from mpesa_cbp_simulator.core import Core, CoreOutcome, failed
from mpesa_cbp_simulator.database import Database
from mpesa_cbp_simulator.delivery import CallbackSender, result_message
from mpesa_cbp_simulator.messages import http_request, result_of
from mpesa_cbp_simulator.outbox import Delivery
from mpesa_cbp_simulator.parsed_request import ParsedRequest, read_order
from mpesa_cbp_simulator.scheduler import Schedule, lane_of
from mpesa_cbp_simulator.store import Conversation, Records, State


class Work:
    """Runs the core for accepted requests, at once or later, and has results delivered."""

    def __init__(
        self,
        database: Database,
        core: Core,
        courier: CallbackSender,
        records: Records,
        schedule: Schedule,
        timing: Timing,
    ) -> None:
        self._database = database
        self._core = core
        self._courier = courier
        self._records = records
        self._schedule = schedule
        self._timing = timing

    def arriving(self) -> AbstractContextManager[None]:
        """While a request is taken: who waits until nothing is planned must wait for what will come of it."""
        return self._schedule.arriving()

    def later(self, conversation: Conversation, order: ParsedRequest) -> None:
        """Do the order after the usual delay, or the long one."""
        late = conversation.bad_day.name == "late-result"
        delay = self._timing.late_delay if late else self._timing.result_delay
        self._schedule.after(delay, lambda: self.now(conversation, order), lane=lane_of(conversation.result_url))

    def cached(self, conversation: Conversation, order: ParsedRequest) -> None:
        """Keep the request for a while, then let it expire or pass it on, as its day has it."""
        number, lane = conversation.number, lane_of(conversation.result_url)
        if conversation.bad_day.name == "cached-then-paid":
            self._schedule.after(self._timing.cache_time, lambda: self._pass_on(number, order), lane=lane)
        else:
            self._expire_after(self._timing.cache_time, conversation)

    def resume(self, conversation: Conversation) -> None:
        """Go on with a request that was open when the simulator was stopped."""
        if conversation.response_code is None:
            self._records.update(conversation.number, state=State.REFUSED)
            self._records.step(conversation, 2, "The simulator was stopped before it answered; nothing was done.", b"")
            return
        order = read_order(decode(conversation.request).message)
        if conversation.state is State.CACHED:
            self.cached(conversation, order)
        else:
            self.later(conversation, order)

    def now(self, conversation: Conversation, order: ParsedRequest) -> None:
        """Let the core do the order and deliver the result.

        The money, what came of the order and the result to be delivered are committed together, or not at all.
        """
        with self._database.transaction():
            earlier = self._records.executed(conversation)
            outcome = _duplicate(order, earlier) if earlier is not None else self._outcome(order, conversation)
            result = result_of(order, conversation, outcome)
            good = outcome.code == "0"
            conversation = self._records.update(
                conversation.number,
                state=State.COMPLETED if good else State.FAILED,
                result_code=outcome.code,
                receipt=outcome.receipt,
                result=result.to_xml(),
            )
            told = "The core has done it" if good else "The core has not done it"
            self._records.step(conversation, 3, f"{told}: {outcome.description}", b"", outcome.code)
            deliveries = self._deliveries(conversation, order, result)
        self._courier.send_off(deliveries)

    def _outcome(self, order: ParsedRequest, conversation: Conversation) -> CoreOutcome:
        day = conversation.bad_day
        if day.name == "unknown-codes":
            return CoreOutcome(code="9999", description="A new reason that no document names.")
        if day.name == "result-code" and day.number:
            return failed(day.number)
        return self._core.work(order, conversation)

    def _deliveries(self, conversation: Conversation, order: ParsedRequest, result: Result) -> list[Delivery]:
        """What is to be posted for a result, on a day like this one."""
        day, again = conversation.bad_day.name, self._timing.retry_delay
        if day == "never-resulted":
            envelope = result_message(conversation, result)
            message = http_request(conversation.result_url or "http://partner.invalid/", envelope)
            self._records.keep(conversation, "submitApiResult", message)
            lost = "The result is lost on its way; only queryTransaction knows it."
            self._records.step(conversation, 4, lost, envelope, result.result_code)
            return []
        deliveries: list[Delivery] = []
        if day == "two-stages" and result.result_code == "0":
            deliveries += self._courier.result(conversation, _announcing(result, "43", "Waits for confirmation."))
        if day == "more-to-follow":
            deliveries += self._courier.result(conversation, _announcing(result, "0", "A further message will follow."))
        if day == "garbled-result":
            whole = result_message(conversation, result)
            deliveries += self._courier.raw(conversation, whole[: len(whole) // 2], "Half a result is posted.")
        deliveries += self._courier.result(conversation, result)
        if day == "result-twice":
            deliveries += self._courier.result(conversation, result, delay=again)
        if day == "contradicting-results":
            other = failed(17) if result.result_code != "17" else failed(1)
            deliveries += self._courier.result(conversation, result_of(order, conversation, other), delay=again)
        return deliveries

    def _pass_on(self, number: int, order: ParsedRequest) -> None:
        conversation = self._records.get(number)
        if conversation.state is State.CACHED:
            self.now(conversation, order)

    def _expire_after(self, delay: float, conversation: Conversation) -> None:
        lane = lane_of(conversation.timeout_url)
        self._schedule.after(delay, lambda: self._expire_if_cached(conversation.number), lane=lane)

    def _expire_if_cached(self, number: int) -> None:
        if self._records.get(number).state is State.CACHED:
            self.expire(number)

    # -- by hand: from the page and the API ---------------------------------------------------------------------

    def expire(self, number: int) -> None:
        """Let a cached request expire now. Raises LookupError where there is none, ValueError for one not cached."""
        with self._database.transaction():
            conversation = self._records.get(number)
            if conversation.state is not State.CACHED:
                raise ValueError("only a cached request can expire")
            conversation = self._records.update(number, state=State.EXPIRED)
            told = "The request expires in the broker's cache; the core never saw it."
            self._records.step(conversation, 3, told, b"")
            deliveries = self._courier.queue_timeout(conversation)
        self._courier.send_off(deliveries)
        if conversation.bad_day.name == "expired-then-paid":
            order = read_order(decode(conversation.request).message)
            lane = lane_of(conversation.result_url)
            self._schedule.after(self._timing.result_delay, lambda: self.now(conversation, order), lane=lane)

    def expire_soon(self, number: int) -> None:
        """As ``expire``, on the schedule's thread; what is wrong is said at once."""
        conversation = self._records.get(number)
        if conversation.state is not State.CACHED:
            raise ValueError("only a cached request can expire")
        self._expire_after(0, conversation)

    def resend(self, number: int) -> None:
        """Deliver a result once more. Raises LookupError or ValueError where there is none."""
        conversation = self._records.get(number)
        if conversation.result is None or conversation.result_url is None:
            raise ValueError("this conversation has no result, or nowhere to send it")
        deliveries = self._courier.result(conversation, Result.from_xml(conversation.result))
        self._schedule.after(0, lambda: self._courier.send_off(deliveries), lane=lane_of(conversation.result_url))


def _announcing(result: Result, code: str, words: str) -> Result:
    """The first of two results: ResultType 1, so it is not final, whatever its code (protocol, section 5)."""
    return replace(
        result,
        result_type=MORE_FOLLOW,
        result_code=code,
        result_desc=words,
        result_parameters=None,
        transaction_id=None,
    )


def _duplicate(order: ParsedRequest, earlier: Conversation) -> CoreOutcome:
    """The same payment again is 15, another one under a used conversation id 41 (protocol, sections 1 and 5)."""
    same = (order.command_id, order.receiver, order.amount) == (earlier.command, earlier.receiver, earlier.amount)
    return failed(15 if same else 41)
