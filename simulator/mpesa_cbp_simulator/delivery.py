"""Deliver results and queue timeouts until they are acknowledged (protocol, section 5).

What is to be delivered is stored first, so that a simulator that was stopped or killed delivers it when it is back.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from mpesa_cbp.errors import CbpError, MalformedMessage
from mpesa_cbp.http import HttpTransport
from mpesa_cbp.payment.codes import is_success
from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import C2BPaymentConfirmationResult, C2BPaymentValidationResult, Response, Result
from mpesa_cbp_models.operations import GENERIC_API_RESULT, NOTIFY_QUEUE_TIMEOUT
from mpesa_cbp_simulator.config import Timing
from mpesa_cbp_simulator.dialects import result_envelope, speaks_results
from mpesa_cbp_simulator.messages import http_request, queue_timeout
from mpesa_cbp_simulator.outbox import Delivery, Outbox
from mpesa_cbp_simulator.scheduler import Schedule, lane_of
from mpesa_cbp_simulator.store import Conversation, Records

_log = logging.getLogger(__name__)
_AGAIN = "Again: "


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner said: in words, as bytes, its code if there was one, and whether it took the message."""

    said: str
    body: bytes = field(default=b"", repr=False)
    code: str | None = None
    accepted: bool = False
    message: object = field(default=None, repr=False)


class CallbackSender:
    """Posts messages to the partner's listener and notes what it answers."""

    def __init__(
        self, http: HttpTransport, records: Records, outbox: Outbox, schedule: Schedule, timing: Timing
    ) -> None:
        self._http = http
        self._records = records
        self._outbox = outbox
        self._schedule = schedule
        self._timing = timing

    # -- storing what is to be delivered ------------------------------------------------------------------------

    def result(self, conversation: Conversation, result: Result, *, delay: float = 0) -> list[Delivery]:
        """Store a result to be delivered, in the dialect of the conversation's day."""
        envelope = result_message(conversation, result)
        if conversation.result_url is None:
            self._records.step(conversation, 4, "No result is posted: the request named no ResultURL.", envelope)
            return []
        what = f"The result, ResultCode {result.result_code}, is posted to the partner's ResultURL."
        return self.store(
            conversation,
            conversation.result_url,
            envelope,
            what,
            code=result.result_code,
            history="submitApiResult",
            delay=delay,
        )

    def queue_timeout(self, conversation: Conversation) -> list[Delivery]:
        """Store the notification that the cached request expired."""
        envelope = queue_timeout(conversation, misspelt=conversation.bad_day.is_dialect(10))
        if conversation.timeout_url is None:
            self._records.step(conversation, 4, "Nobody is told: the request named no QueueTimeoutURL.", envelope)
            return []
        what = "The broker tells the partner that the cached request expired (notifyQueueTimeout)."
        return self.store(
            conversation,
            conversation.timeout_url,
            envelope,
            what,
            soap_action=NOTIFY_QUEUE_TIMEOUT.soap_action,
            history="queueTimeOut",
        )

    def raw(self, conversation: Conversation, envelope: bytes, what: str) -> list[Delivery]:
        """Store any bytes to be delivered, once."""
        if conversation.result_url is None:
            return []
        return self.store(conversation, conversation.result_url, envelope, what, attempts=1)

    def store(
        self,
        conversation: Conversation,
        url: str,
        envelope: bytes,
        what: str,
        *,
        code: str | None = None,
        soap_action: str = "",
        history: str | None = None,
        attempts: int | None = None,
        delay: float = 0,
    ) -> list[Delivery]:
        """Store a message to be posted ``delay`` seconds from now; nothing is sent before ``send_off``."""
        delivery = self._outbox.add(
            conversation=conversation.number,
            url=url,
            envelope=envelope,
            what=what,
            code=code,
            soap_action=soap_action,
            history=history,
            attempts=attempts or self._timing.attempts,
            delay=delay,
        )
        return [delivery]

    # -- delivering ---------------------------------------------------------------------------------------------

    def send_off(self, deliveries: Sequence[Delivery]) -> None:
        """Post what is to go at once, in its order and on this thread; put the rest on the schedule."""
        for delivery in deliveries:
            if delivery.delay:
                self._later(delivery, delivery.delay)
            else:
                self.post(delivery)

    def resume(self) -> None:
        """Put on the schedule what was not delivered when the simulator was stopped."""
        for delivery in self._outbox.all():
            self._later(delivery, delivery.delay)

    def post(self, delivery: Delivery) -> None:
        """Post once and note the answer; where it is no success, put the next attempt on the schedule."""
        conversation = self._records.get(delivery.conversation)
        if delivery.history is not None:
            message = http_request(delivery.url, delivery.envelope, soap_action=delivery.soap_action)
            self._records.keep(conversation, delivery.history, message)
        self._records.step(conversation, 4, delivery.what, delivery.envelope, delivery.code)
        answer = self.send(conversation, delivery.url, delivery.envelope, soap_action=delivery.soap_action)
        again = not answer.accepted and delivery.attempts > 1
        outcome = f"The partner {answer.said}."
        if not answer.accepted:
            outcome += " It will be posted again." if again else " It is not posted again."
        if again:
            what = delivery.what if delivery.what.startswith(_AGAIN) else f"{_AGAIN}{delivery.what}"
            delay = self._timing.retry_delay
            following = self._outbox.again(delivery, what=what, attempts=delivery.attempts - 1, delay=delay)
            self._later(following, delay)
        else:
            self._outbox.done(delivery)
        self._records.step(conversation, 5, outcome, answer.body, answer.code)

    def _later(self, delivery: Delivery, delay: float) -> None:
        self._schedule.after(delay, lambda: self.post(delivery), lane=lane_of(delivery.url))

    def send(self, conversation: Conversation, url: str, envelope: bytes, *, soap_action: str = "") -> Answer:
        """Post once and read the answer; nothing is noted, nothing raised."""
        try:
            answer = self._http.post(
                envelope, soap_action=soap_action, url=url, conversation_id=conversation.conversation_id
            )
        except CbpError as error:
            _log.info("a delivery to the partner failed: %s", type(error).__name__)
            return Answer(f"could not be reached ({type(error).__name__})")
        try:
            message = decode(answer.body).message
        except MalformedMessage:
            return Answer(f"answered HTTP {answer.status} with something that cannot be read", body=answer.body)
        code = _code_of(message)
        if code is None:
            return Answer(f"answered HTTP {answer.status} with another message than was expected", body=answer.body)
        said = f"answered with {code}"
        return Answer(said, body=answer.body, code=code, accepted=is_success(code), message=message)


def result_message(conversation: Conversation, result: Result) -> bytes:
    """The envelope of a result in the dialect of the conversation's day."""
    day = conversation.bad_day
    if day.name == "dialect" and isinstance(day.number, int) and speaks_results(day.number):
        return result_envelope(result, day.number)
    return encode(result, operation=GENERIC_API_RESULT, direction="input")


def _code_of(message: object) -> str | None:
    if isinstance(message, Response):
        return message.response_code
    if isinstance(message, C2BPaymentValidationResult):
        return message.result_code
    if isinstance(message, C2BPaymentConfirmationResult):
        return "0"  # the answer to a confirmation is one free text (protocol, section 10)
    result = getattr(message, "result", None)
    return result.result_code if isinstance(result, Result) else None
