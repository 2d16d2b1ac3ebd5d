"""Brings results and queue timeouts to the partner, and again until they are acknowledged (protocol, section 5)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from mpesa_cbp.codes import is_success
from mpesa_cbp.envelope import decode, encode
from mpesa_cbp.errors import CbpError, MalformedMessage
from mpesa_cbp.http import HttpTransport
from mpesa_cbp.simulator.dialects import result_envelope, speaks_results
from mpesa_cbp.simulator.messages import http_request, queue_timeout
from mpesa_cbp.simulator.records import Conversation, Records
from mpesa_cbp.simulator.schedule import Schedule
from mpesa_cbp.simulator.setup import Timing
from mpesa_cbp_models import C2BPaymentConfirmationResult, C2BPaymentValidationResult, Response, Result
from mpesa_cbp_models.operations import NOTIFY_QUEUE_TIMEOUT, Operation

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner said: in words, as bytes, its code if there was one, and whether it took the message."""

    said: str
    body: bytes = field(default=b"", repr=False)
    code: str | None = None
    accepted: bool = False
    message: object = field(default=None, repr=False)


class Courier:
    """Posts messages to the partner's listener and notes what it answers."""

    def __init__(self, http: HttpTransport, records: Records, schedule: Schedule, timing: Timing) -> None:
        self._http = http
        self._records = records
        self._schedule = schedule
        self._timing = timing

    def result(
        self, conversation: Conversation, result: Result, operation: Operation, *, attempts: int | None = None
    ) -> None:
        """Deliver a result now, in the dialect of the conversation's day; failed deliveries are repeated later."""
        day = conversation.bad_day
        if day.name == "dialect" and day.number is not None and speaks_results(day.number):
            envelope = result_envelope(result, day.number)
        else:
            envelope = encode(result, operation=operation, direction="input")
        url = conversation.result_url
        if url is None:
            self._records.step(conversation, 4, "No result is posted: the request named no ResultURL.", envelope)
            return
        self._records.keep(conversation, "submitApiResult", http_request(url, envelope))
        what = f"The result, ResultCode {result.result_code}, is posted to the partner's ResultURL."
        self.post(
            conversation, url, envelope, what, code=result.result_code, attempts=attempts or self._timing.attempts
        )

    def queue_timeout(self, conversation: Conversation) -> None:
        """Tell the partner that the cached request expired."""
        url = conversation.timeout_url
        envelope = queue_timeout(conversation, misspelt=conversation.bad_day.number == 10)
        if url is None:
            self._records.step(conversation, 4, "Nobody is told: the request named no QueueTimeoutURL.", envelope)
            return
        action = NOTIFY_QUEUE_TIMEOUT.soap_action
        self._records.keep(conversation, "queueTimeOut", http_request(url, envelope, soap_action=action))
        what = "The broker tells the partner that the cached request expired (notifyQueueTimeout)."
        self.post(conversation, url, envelope, what, attempts=self._timing.attempts)

    def raw(self, conversation: Conversation, envelope: bytes, what: str) -> None:
        """Deliver any bytes once."""
        if conversation.result_url is not None:
            self.post(conversation, conversation.result_url, envelope, what, attempts=1)

    def post(
        self,
        conversation: Conversation,
        url: str,
        envelope: bytes,
        what: str,
        *,
        code: str | None = None,
        attempts: int,
        soap_action: str = "",
    ) -> None:
        """Post once and note the answer; where it is no success, put the next attempt on the schedule."""
        self._records.step(conversation, 4, what, envelope, code)
        answer = self.send(conversation, url, envelope, soap_action=soap_action)
        again = not answer.accepted and attempts > 1
        outcome = f"The partner {answer.said}."
        if not answer.accepted:
            outcome += " It will be posted again." if again else " It is not posted again."
        self._records.step(conversation, 5, outcome, answer.body, answer.code)
        if again:
            self._schedule.after(
                self._timing.retry_delay,
                lambda: self.post(
                    conversation,
                    url,
                    envelope,
                    what if what.startswith("Again: ") else f"Again: {what}",
                    code=code,
                    attempts=attempts - 1,
                    soap_action=soap_action,
                ),
            )

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


def _code_of(message: object) -> str | None:
    if isinstance(message, Response):
        return message.response_code
    if isinstance(message, C2BPaymentValidationResult):
        return message.result_code
    if isinstance(message, C2BPaymentConfirmationResult):
        return "0"  # the answer to a confirmation is one free text (protocol, section 10)
    result = getattr(message, "result", None)
    return result.result_code if isinstance(result, Result) else None
