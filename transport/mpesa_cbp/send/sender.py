"""Send a request once: journal it, mark it sending, POST it, record the outcome (protocol, section 1).

The order of these steps never changes. A failure after bytes may have left is ``OutcomeUnknown``, and the request is
never sent again.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TypeVar

from mpesa_cbp.errors import (
    CbpError,
    DuplicateConversation,
    InvalidRequest,
    JournalError,
    JournalOutcomeUnknown,
    OutcomeUnknown,
    Refused,
    Sent,
)
from mpesa_cbp.http import HttpTransport
from mpesa_cbp.identity.signing import Signer
from mpesa_cbp.log_events import (
    PAYMENT_ACCEPTED,
    PAYMENT_ANSWER_INCOMPLETE,
    PAYMENT_CREATED,
    PAYMENT_NOT_SENT,
    PAYMENT_OUTCOME_UNKNOWN,
    PAYMENT_QUEUED,
    PAYMENT_REFUSED,
    PAYMENT_SENDING,
)
from mpesa_cbp.payment.codes import response_meaning
from mpesa_cbp.payment.model import MAKE_ANEW, MOVES_NO_MONEY, EventKind, PaymentJournal, PaymentState
from mpesa_cbp.redaction import MessageBytes
from mpesa_cbp.send.acknowledgement import Acknowledgement, acknowledge, outcome_unknown, read_answer
from mpesa_cbp.send.broker_call import BrokerCall
from mpesa_cbp.send.stored_request import conversation_id_of, differences, facts_of, without_credentials
from mpesa_cbp.soap import encode
from mpesa_cbp_models import (
    ChangePasswordResponse,
    Operation,
    QueryTransactionResponse,
    Request,
    RequestSOAPHeader,
    Response,
)
from mpesa_cbp_models.operations import GENERIC_API_REQUEST

_logger = logging.getLogger("mpesa_cbp.client")
_LOGGED = {
    EventKind.ACCEPTED: PAYMENT_ACCEPTED,
    EventKind.QUEUED: PAYMENT_QUEUED,
    EventKind.REFUSED: PAYMENT_REFUSED,
    EventKind.NOT_SENT: PAYMENT_NOT_SENT,
    EventKind.OUTCOME_UNKNOWN: PAYMENT_OUTCOME_UNKNOWN,
}
_NEVER_SEEN = (
    "the journal knows no payment with this conversation_id, so there is nothing to resume: look at the id, and at "
    "which journal this is; what was never sent anywhere is sent without resume"
)
_NO_LEDGER = "resume goes with a journal: without one your own ledger says whether it may be sent again"
_Answer = TypeVar("_Answer", ChangePasswordResponse, QueryTransactionResponse)


class Sender:
    """Delivers requests over one transport; ``journal`` may be None where the caller keeps the ledger."""

    def __init__(self, http: HttpTransport, signer: Signer, journal: PaymentJournal | None) -> None:
        self._http = http
        self._signer = signer
        self._journal = journal

    def deliver(self, request: Request, *, url: str | None = None, resume: bool = False) -> Acknowledgement:
        """Store a checked request, sign and send it to the endpoint or ``url``, and store the answer.

        Raises as ``Client.send``.
        """
        conversation_id = conversation_id_of(request)
        self._http.require_open(conversation_id)
        envelope = self._envelope(request, GENERIC_API_REQUEST, self._signer.header())
        self._store(request, resume=resume)
        if self._record(conversation_id, EventKind.SENDING, sent=Sent.NO) is not PaymentState.SENT:
            raise DuplicateConversation(
                "The journal does not permit sending this payment", conversation_id=conversation_id, sent=Sent.NO
            )
        PAYMENT_SENDING.log(_logger, conversation_id=conversation_id)
        try:
            acknowledgement = self._send(envelope, conversation_id, url)
        except CbpError as error:
            if isinstance(error, OutcomeUnknown) and request.transaction.command_id in MOVES_NO_MONEY:
                error.advice = MAKE_ANEW
            self._record_failure(conversation_id, error)
            raise
        except BaseException as error:
            # Ctrl-C while waiting, memory that ran out: the request may be under way, unless the connection was watched
            # and says otherwise. A journal that cannot be written leaves the payment as "sending", which is resolved
            # in the same way.
            unsent = self._http.provably_unsent()
            kind, sent = (EventKind.NOT_SENT, Sent.NO) if unsent else (EventKind.OUTCOME_UNKNOWN, Sent.UNKNOWN)
            with contextlib.suppress(JournalError):
                self._record(conversation_id, kind, sent=sent, detail=type(error).__name__)
            raise
        missing = " and ".join(acknowledgement.missing_ids)
        if missing:
            PAYMENT_ANSWER_INCOMPLETE.log(_logger, conversation_id=conversation_id, missing=missing)
        self._record(
            conversation_id,
            EventKind.QUEUED if acknowledgement.queued else EventKind.ACCEPTED,
            sent=Sent.YES,
            code=acknowledgement.code,
            core_conversation_id=acknowledgement.core_conversation_id,
            detail="; ".join(filter(None, [acknowledgement.description, missing and f"without {missing}"])) or None,
            deviations=acknowledgement.deviations,
        )
        return acknowledgement

    def _send(self, envelope: bytes, conversation_id: str, url: str | None) -> Acknowledgement:
        answer = self._http.post(
            envelope, soap_action=GENERIC_API_REQUEST.soap_action, url=url, conversation_id=conversation_id
        )
        decoded = read_answer(answer, conversation_id)
        if not isinstance(decoded.message, Response):
            raise outcome_unknown("The answer is of another kind than the contract has it", conversation_id, answer)
        return acknowledge(decoded.message, decoded, conversation_id=conversation_id)

    def ask(self, call: BrokerCall, message: object, kind: type[_Answer]) -> _Answer:
        """Send a message that no journal keeps, and give back its answer of that kind; a refusal is raised.

        Raises NotSent, OutcomeUnknown, Refused and its kinds, SoapFault.
        """
        conversation_id = call.conversation_id
        header = self._signer.header() if call.signed else None
        envelope = self._envelope(message, call.operation, header)
        try:
            answer = self._http.post(
                envelope,
                soap_action=call.operation.soap_action,
                url=call.url,
                conversation_id=conversation_id,
            )
            decoded = read_answer(answer, conversation_id)
            found = decoded.message
            if isinstance(found, kind):
                if response_meaning(found.result.response_code).success:
                    return found
                found = found.result
            if isinstance(found, Response):
                acknowledge(found, decoded, conversation_id=conversation_id)
            what = f"The answer to {call.operation.name} is of another kind"
            raise outcome_unknown(what, conversation_id, answer)
        except OutcomeUnknown as error:
            error.advice = call.if_unknown
            raise

    def _envelope(self, message: object, operation: Operation, header: RequestSOAPHeader | None) -> bytes:
        namespace = self._signer.profile.header_namespace
        return encode(message, operation=operation, direction="input", header=header, header_namespace=namespace)

    def _store(self, request: Request, *, resume: bool) -> None:
        conversation_id = conversation_id_of(request)
        if self._journal is None:
            if resume:
                raise InvalidRequest([_NO_LEDGER], conversation_id=conversation_id)
            return
        facts = facts_of(request)
        try:
            if resume:
                self._check_known(self._journal, request)
                return
            self._journal.create(
                conversation_id=conversation_id,
                **facts,
                request=MessageBytes(without_credentials(request).to_xml()),
            )
            PAYMENT_CREATED.log(_logger, conversation_id=conversation_id, command=facts["command_id"])
        except JournalError as error:
            error.nothing_was_sent(conversation_id)
            raise

    def _check_known(self, journal: PaymentJournal, request: Request) -> None:
        """Refuse to resume what is not known or is another request; whether it may be sent the journal says."""
        conversation_id = conversation_id_of(request)
        known = journal.payment(conversation_id)
        problems = [_NEVER_SEEN] if known is None else differences(known, journal.request(conversation_id), request)
        if problems:
            raise InvalidRequest(problems, conversation_id=conversation_id)

    def _record_failure(self, conversation_id: str, error: CbpError) -> None:
        if error.sent is Sent.NO:
            kind, sent = EventKind.NOT_SENT, Sent.NO
        elif isinstance(error, Refused) and not isinstance(error, OutcomeUnknown) and error.final:
            kind, sent = EventKind.REFUSED, Sent.YES
        else:
            kind, sent = EventKind.OUTCOME_UNKNOWN, Sent.UNKNOWN
        self._record(conversation_id, kind, sent=sent, code=error.code, detail=type(error).__name__)

    def _record(
        self,
        conversation_id: str,
        kind: EventKind,
        *,
        sent: Sent,
        code: str | None = None,
        core_conversation_id: str | None = None,
        detail: str | None = None,
        deviations: tuple[str, ...] = (),
    ) -> PaymentState:
        """Log an event and store it; without a journal the caller's ledger gives the permission to send."""
        facts = {
            "code": code,
            "core_conversation_id": core_conversation_id,
            "deviations": " ".join(deviations) or None,
            "error": detail,
        }
        event = _LOGGED.get(kind)
        if event is not None:  # logged first: the outcome of a payment must be known even if it cannot be stored
            event.log(_logger, conversation_id=conversation_id, **{k: v for k, v in facts.items() if k in event.fields})
        if self._journal is None:
            return PaymentState.SENT
        try:
            return self._journal.record(
                conversation_id, kind, code=code, core_conversation_id=core_conversation_id, detail=detail
            )
        except JournalError as error:
            if sent is Sent.NO:
                error.nothing_was_sent(conversation_id)
                raise
            raise JournalOutcomeUnknown(
                error.message, conversation_id=conversation_id, sent=sent, advice=error.advice
            ) from error
