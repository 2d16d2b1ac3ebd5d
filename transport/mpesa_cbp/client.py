"""Client: one method for each operation towards the broker, each payment stored before its first byte leaves.

The order never changes: check everything, store, mark as sending, send once, store what came of it (protocol,
section 1). A failure after bytes may have left is ``OutcomeUnknown`` and is never followed by a second sending.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from mpesa_cbp.answers import Acknowledgement, acknowledge, outcome_unknown, read_answer
from mpesa_cbp.codes import response_meaning
from mpesa_cbp.commands import COMMANDS, Command, Order, Receiver, without_credentials
from mpesa_cbp.envelope import encode
from mpesa_cbp.errors import (
    CbpError,
    DuplicateConversation,
    InvalidRequest,
    JournalError,
    OutcomeUnknown,
    Refused,
    Sent,
)
from mpesa_cbp.history import History, read_history
from mpesa_cbp.http import HttpTransport
from mpesa_cbp.log_events import QUERY_ANSWERED
from mpesa_cbp.payments import EventKind, PaymentJournal, PaymentState
from mpesa_cbp.resolving import record_history
from mpesa_cbp.security import SecurityError, encrypt_credential, sp_password
from mpesa_cbp.settings import PROFILES, Initiator, Profile, ServiceProvider, reveal
from mpesa_cbp.values import normalise_msisdn, parse_amount
from mpesa_cbp_models import (
    InvalidValue,
    Operation,
    QueryTransaction,
    QueryTransactionResponse,
    Request,
    RequestSOAPHeader,
    Response,
)
from mpesa_cbp_models.operations import GENERIC_API_REQUEST, QUERY_TRANSACTION
from mpesa_cbp_models.query_transaction import QueryTransactionExtensionInfo
from mpesa_cbp_models.result import ParameterType

_logger = logging.getLogger("mpesa_cbp.client")

MAX_CONVERSATION_ID = 128
"""Longest OriginatorConversationID (protocol, section 3)."""


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _unique() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class _Sending:
    operation: Operation
    conversation_id: str
    envelope: bytes


class Client:
    """Talks to the broker; safe to share between threads.

    ``endpoint`` is the broker's URL, ``organisation`` our name as it stands in conversation ids. ``result_url`` is
    where the core's result is to be posted, ``queue_timeout_url`` where the broker tells that a cached request
    expired. ``client_certificate``, ``ca``, ``timeout``, ``answer_deadline``, ``connect_retries`` and ``trust_env``
    are those of ``HttpTransport``. ``journal`` is a ``Journal`` or anything with the same few methods; without one
    the caller keeps the ledger and must give every payment's ``conversation_id``. ``profile`` names one of
    ``PROFILES`` or is a ``Profile``. ``clock`` gives the time as an aware datetime, ``new_id`` the unique part of a
    conversation id.

    Raises SettingsError for settings that cannot work.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        service_provider: ServiceProvider,
        initiator: Initiator,
        organisation: str,
        result_url: str | None = None,
        queue_timeout_url: str | None = None,
        client_certificate: tuple[str | Path, str | Path] | str | Path | None = None,
        ca: str | Path | None = None,
        timeout: tuple[float, float] = (5, 30),
        answer_deadline: float | None = None,
        connect_retries: int = 2,
        trust_env: bool = False,
        journal: PaymentJournal | None = None,
        profile: str | Profile = "contract",
        country_code: str = "254",
        query_url: str | None = None,
        clock: Callable[[], datetime] = _now,
        new_id: Callable[[], str] = _unique,
    ) -> None:
        self._service_provider = service_provider
        self._initiator = initiator
        self._organisation = "".join(char for char in organisation if char.isalnum())
        self._result_url = result_url
        self._queue_timeout_url = queue_timeout_url
        self._journal = journal
        self._profile = PROFILES[profile] if isinstance(profile, str) else profile
        self._country_code = country_code
        self._query_url = query_url
        self._clock = clock
        self._new_id = new_id
        self._http = HttpTransport(
            endpoint,
            client_certificate=client_certificate,
            ca=ca,
            timeout=timeout,
            answer_deadline=answer_deadline,
            connect_retries=connect_retries,
            trust_env=trust_env,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections; the journal stays open, since it may be shared."""
        self._http.close()

    # -- payments -----------------------------------------------------------------------------------------------

    def pay_customer(
        self,
        msisdn: str,
        amount: Decimal | int | str,
        *,
        command: str = "BusinessPayment",
        remark: str | None = None,
        occasion: str | None = None,
        conversation_id: str | None = None,
        resume: bool = False,
    ) -> Acknowledgement:
        """Pay a customer (B2C). ``amount`` is in KES, at most two places; a float is refused.

        ``resume`` sends a payment that may be in the journal already, under the same ``conversation_id``: if it was
        never sent, or certainly not taken (``Payment.may_be_sent``). A DuplicateConversation tells that it may not be.

        Returns when the broker has accepted or queued the request; whether the money moved is known only with the
        result. Raises InvalidRequest, NotSent, OutcomeUnknown, Refused (and its kinds), SoapFault, JournalError.
        """
        references = (("Occasion", occasion),) if occasion is not None else ()
        return self._pay(
            command,
            {Receiver.CUSTOMER},
            msisdn,
            amount,
            remark=remark,
            references=references,
            conversation_id=conversation_id,
            resume=resume,
        )

    def pay_business(
        self,
        short_code: str,
        amount: Decimal | int | str,
        *,
        command: str = "BusinessPayBill",
        account_reference: str | None = None,
        remark: str | None = None,
        conversation_id: str | None = None,
    ) -> Acknowledgement:
        """Pay another organisation (B2B); BusinessPayBill needs ``account_reference``. Else as ``pay_customer``."""
        parameters = (("AccountReference", account_reference),) if account_reference is not None else ()
        return self._pay(
            command,
            {Receiver.ORGANISATION},
            short_code,
            amount,
            remark=remark,
            parameters=parameters,
            conversation_id=conversation_id,
        )

    def transfer_own_funds(
        self,
        amount: Decimal | int | str,
        *,
        command: str,
        remark: str | None = None,
        conversation_id: str | None = None,
    ) -> Acknowledgement:
        """Move money between the organisation's own accounts. Otherwise as ``pay_customer``."""
        return self._pay(command, {Receiver.OWN}, None, amount, remark=remark, conversation_id=conversation_id)

    def account_balance(self, *, remark: str | None = None, conversation_id: str | None = None) -> Acknowledgement:
        """Ask for the balances of the organisation; they come with the result."""
        return self._ask("AccountBalance", (), remark, conversation_id)

    def transaction_status(
        self,
        *,
        receipt: str | None = None,
        of_conversation_id: str | None = None,
        remark: str | None = None,
        conversation_id: str | None = None,
    ) -> Acknowledgement:
        """Ask the core about one transaction, by its receipt or its conversation id; the answer is a result."""
        if (receipt is None) == (of_conversation_id is None):
            raise InvalidRequest(["give either the receipt or the conversation id of the transaction"])
        key = "ReceiptNumber" if receipt is not None else "OriginatorConversationID"
        value = receipt if receipt is not None else of_conversation_id
        return self._ask("TransactionStatusQuery", ((key, value or ""),), remark, conversation_id)

    def reverse(
        self,
        receipt: str,
        *,
        remark: str | None = None,
        conversation_id: str | None = None,
    ) -> Acknowledgement:
        """Ask the core to take a transaction back, by its receipt; whether it did is told by the result."""
        return self._ask("TransactionReversal", (("OriginalReceiptNumber", receipt),), remark, conversation_id)

    def register_urls(
        self,
        *,
        confirmation_url: str,
        validation_url: str | None = None,
        response_type: str = "Cancelled",
        conversation_id: str | None = None,
    ) -> Acknowledgement:
        """Tell where C2B payments are to be validated and confirmed.

        ``response_type`` says what happens to a payment when the validation URL cannot be reached: Completed or
        Cancelled.
        """
        problems = []
        if response_type not in ("Completed", "Cancelled"):
            problems.append("response_type must be Completed or Cancelled")
        for name, url in (("confirmation_url", confirmation_url), ("validation_url", validation_url)):
            if url is not None and not url.startswith(("http://", "https://")):
                problems.append(f"{name} must be an http or https URL")
        if problems:
            raise InvalidRequest(problems)
        references = [("ValidationURL", validation_url)] if validation_url is not None else []
        references.append(("ConfirmationURL", confirmation_url))
        order = self._order(
            COMMANDS["RegisterURL"],
            conversation_id,
            parameters=(("ResponseType", response_type),),
            references=tuple(references),
        )
        return self.send(order.request())

    def send(self, request: Request, *, resume: bool = False) -> Acknowledgement:
        """Send any Request, for commands that have no method here; it is checked, stored and sent as it stands.

        ``resume``, returns and raises as ``pay_customer``.
        """
        try:
            request.validate()
        except InvalidValue as error:
            raise InvalidRequest(error.problems, conversation_id=_conversation_id_of(request)) from None
        conversation_id = request.transaction.originator_conversation_id
        envelope = encode(
            request,
            operation=GENERIC_API_REQUEST,
            direction="input",
            header=self._header(),
            header_namespace=self._profile.header_namespace,
        )
        self._store(request, resume=resume)
        return self._deliver(_Sending(GENERIC_API_REQUEST, conversation_id, envelope))

    # -- what became of a payment ---------------------------------------------------------------------------------

    def query_transaction(self, conversation_id: str, *, query_date: datetime | None = None) -> History:
        """Ask the broker how far a payment came; asking is harmless and may be repeated (protocol, section 8).

        The History says what the broker's record proves. ``query_date`` is when the payment was sent and makes the
        answer faster. What the record proves moves the payment in the journal, if it is there. Raises NotSent or
        OutcomeUnknown where no readable answer came (of the query: the payment is as it was), Refused where the
        broker refused to answer, JournalError where the finding cannot be stored.
        """
        extension = None
        if query_date is not None:
            stamp = query_date.astimezone(self._profile.zone).strftime("%Y%m%d%H%M%S")
            extension = QueryTransactionExtensionInfo(item=[ParameterType(key="queryDate", value=stamp)])
        envelope = encode(
            QueryTransaction(originator_conversation_id=conversation_id, extension_info=extension),
            operation=QUERY_TRANSACTION,
            direction="input",
            header=self._header(),
            header_namespace=self._profile.header_namespace,
        )
        answer = self._http.post(
            envelope, soap_action=QUERY_TRANSACTION.soap_action, url=self._query_url, conversation_id=conversation_id
        )
        decoded = read_answer(answer, conversation_id)
        message = decoded.message
        if isinstance(message, QueryTransactionResponse):
            if response_meaning(message.result.response_code).success:
                history = read_history(message, conversation_id)
                QUERY_ANSWERED.log(
                    _logger,
                    conversation_id=conversation_id,
                    finding=history.finding.value,
                    code=history.code,
                    entries=len(history.entries),
                    problems=len(history.problems),
                )
                if self._journal is not None:
                    record_history(self._journal, history, conversation_id=conversation_id)
                return history
            message = message.result
        if isinstance(message, Response):
            acknowledge(message, decoded, conversation_id=conversation_id)
        raise outcome_unknown("The answer to queryTransaction is of another kind", conversation_id, answer)

    # -- the parts ------------------------------------------------------------------------------------------------

    def _pay(
        self,
        command: str,
        allowed: set[Receiver],
        receiver: str | None,
        amount: Decimal | int | str,
        *,
        remark: str | None,
        parameters: tuple[tuple[str, str], ...] = (),
        references: tuple[tuple[str, str], ...] = (),
        conversation_id: str | None = None,
        resume: bool = False,
    ) -> Acknowledgement:
        problems: list[str] = []
        known = COMMANDS.get(command)
        if known is None or known.receiver not in allowed:
            choices = ", ".join(c.id for c in COMMANDS.values() if c.receiver in allowed)
            problems.append(f"command must be one of {choices} (for any other use send)")
        elif known.account_reference and not any(key == "AccountReference" for key, _ in parameters):
            problems.append(f"{command} needs account_reference")
        exact = _checked(problems, "amount", lambda: parse_amount(amount))
        who = _checked(problems, "receiver", lambda: self._receiver(allowed, receiver))
        problems.extend(self._conversation_id_problems(conversation_id))
        if problems or known is None:
            raise InvalidRequest(problems, conversation_id=conversation_id)
        timeout_url = self._queue_timeout_url
        urls = (("QueueTimeoutURL", timeout_url),) if timeout_url is not None else ()
        order = self._order(
            known,
            conversation_id,
            receiver=who,
            amount=exact,
            parameters=parameters,
            references=urls + references,
            remark=remark,
        )
        return self.send(order.request(), resume=resume)

    def _ask(
        self, command: str, parameters: tuple[tuple[str, str], ...], remark: str | None, conversation_id: str | None
    ) -> Acknowledgement:
        order = self._order(COMMANDS[command], conversation_id, parameters=parameters, remark=remark)
        return self.send(order.request())

    def _receiver(self, allowed: set[Receiver], receiver: str | None) -> str | None:
        if Receiver.CUSTOMER in allowed:
            return normalise_msisdn(receiver or "", country_code=self._country_code)
        if Receiver.ORGANISATION in allowed:
            short_code = (receiver or "").strip()
            if not (short_code.isascii() and short_code.isdigit() and len(short_code) <= 10):
                raise ValueError("the short code must be up to ten digits")
            return short_code
        return None

    def _conversation_id_problems(self, conversation_id: str | None) -> list[str]:
        if conversation_id is None:
            return [] if self._journal is not None else ["conversation_id must be given where there is no journal"]
        if not conversation_id.strip() or len(conversation_id) > MAX_CONVERSATION_ID:
            return [f"conversation_id must have 1 to {MAX_CONVERSATION_ID} characters"]
        return []

    def _order(self, command: Command, conversation_id: str | None, **more: Any) -> Order:
        problems = self._conversation_id_problems(conversation_id)
        if problems:
            raise InvalidRequest(problems)
        service_provider, initiator = self._service_provider, self._initiator
        third_party_password = service_provider.third_party_password
        return Order(
            command=command,
            conversation_id=conversation_id or self._new_conversation_id(),
            timestamp=self._clock().astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            third_party_id=service_provider.third_party_id or service_provider.id,
            third_party_password=reveal(third_party_password) if third_party_password is not None else None,
            initiator_name=initiator.name,
            security_credential=self._credential(),
            short_code=initiator.short_code,
            result_url=self._result_url,
            key_owner=initiator.key_owner,
            **more,
        )

    def _new_conversation_id(self) -> str:
        prefix = f"{self._initiator.short_code}_{self._organisation}_"
        return f"{prefix[: MAX_CONVERSATION_ID - 33]}{self._new_id()}"

    def _credential(self) -> str:
        try:
            return encrypt_credential(
                password=reveal(self._initiator.password), certificate=self._initiator.certificate
            )
        except SecurityError as error:
            raise InvalidRequest([f"initiator: {error}"]) from None

    def _header(self) -> RequestSOAPHeader:
        """The signing header; with no password (SPID and IP authentication) it has no spPassword and no timeStamp."""
        service_provider = self._service_provider
        if service_provider.password is None:
            return RequestSOAPHeader(sp_id=service_provider.id, service_id=service_provider.service_id)
        stamp = self._clock().astimezone(self._profile.zone).strftime("%Y%m%d%H%M%S")
        try:
            signed = sp_password(
                sp_id=service_provider.id,
                password=reveal(service_provider.password),
                time_stamp=stamp,
                reading=self._profile.sp_password_reading,
            )
        except SecurityError as error:
            raise InvalidRequest([f"service_provider: {error}"]) from None
        return RequestSOAPHeader(
            sp_id=service_provider.id, sp_password=signed, service_id=service_provider.service_id, time_stamp=stamp
        )

    def _store(self, request: Request, *, resume: bool) -> None:
        if self._journal is None:
            return
        transaction = request.transaction
        receiver = request.identity.receiver_party
        pairs = transaction.parameters.parameter if transaction.parameters is not None else []
        values: Mapping[str, str] = {pair.key: pair.value for pair in pairs}
        conversation_id, command_id = transaction.originator_conversation_id, transaction.command_id
        amount = _amount_of(values.get("Amount"))
        identifier = receiver.identifier if receiver is not None else None
        try:
            self._journal.create(
                conversation_id=conversation_id,
                command_id=command_id,
                amount=amount,
                receiver=identifier,
                request=without_credentials(request).to_xml(),
            )
        except DuplicateConversation:
            if not resume:
                raise
            self._compare(conversation_id, {"command_id": command_id, "amount": amount, "receiver": identifier})
        except JournalError as error:
            error.conversation_id, error.sent, error.final = conversation_id, Sent.NO, True
            raise

    def _compare(self, conversation_id: str, facts: Mapping[str, object]) -> None:
        """Refuse to send something else under the id of a payment that is known. The journal gives leave to send."""
        known = self._journal.payment(conversation_id) if self._journal is not None else None
        different = [name for name, value in facts.items() if known is None or getattr(known, name) != value]
        if different:
            raise InvalidRequest(
                [f"{name} differs from that of the payment which has this conversation id" for name in different],
                conversation_id=conversation_id,
            )

    def _deliver(self, sending: _Sending) -> Acknowledgement:
        conversation_id = sending.conversation_id
        if self._record(conversation_id, EventKind.SENDING, sent=Sent.NO) is not PaymentState.SENT:
            raise DuplicateConversation(
                "The journal does not give leave to send this payment", conversation_id=conversation_id, sent=Sent.NO
            )
        try:
            answer = self._http.post(
                sending.envelope, soap_action=sending.operation.soap_action, conversation_id=conversation_id
            )
            decoded = read_answer(answer, conversation_id)
            if not isinstance(decoded.message, Response):
                raise outcome_unknown("The answer is of another kind than the contract has it", conversation_id, answer)
            acknowledgement = acknowledge(decoded.message, decoded, conversation_id=conversation_id)
        except CbpError as error:
            self._record_failure(conversation_id, error)
            raise
        self._record(
            conversation_id,
            EventKind.QUEUED if acknowledgement.queued else EventKind.ACCEPTED,
            sent=Sent.YES,
            code=acknowledgement.code,
            core_conversation_id=acknowledgement.core_conversation_id,
            detail=acknowledgement.description,
        )
        return acknowledgement

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
    ) -> PaymentState:
        """Store an event; without a journal the caller's ledger gives leave to send."""
        if self._journal is None:
            return PaymentState.SENT
        try:
            return self._journal.record(
                conversation_id, kind, code=code, core_conversation_id=core_conversation_id, detail=detail
            )
        except JournalError as error:
            error.conversation_id, error.sent, error.final = conversation_id, sent, sent is Sent.NO
            raise


def _checked(problems: list[str], name: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (ValueError, TypeError) as error:
        problems.append(f"{name}: {error}")
        return None


def _amount_of(text: str | None) -> Decimal | None:
    try:
        return parse_amount(text) if text is not None else None
    except (ValueError, TypeError):
        return None


def _conversation_id_of(request: Request) -> str | None:
    found: object = getattr(request.transaction, "originator_conversation_id", None)
    return found if isinstance(found, str) else None
