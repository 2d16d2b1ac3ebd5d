"""Payments by customers: validation, then confirmation (protocol, section 10)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from decimal import Decimal

from mpesa_cbp.identity.profile import NAIROBI
from mpesa_cbp.soap import encode
from mpesa_cbp_models import (
    C2BPaymentConfirmationRequest,
    C2BPaymentConfirmationRequestKYCInfo,
    C2BPaymentValidationRequest,
    C2BPaymentValidationRequestKYCInfo,
    C2BPaymentValidationResult,
)
from mpesa_cbp_models.operations import CONFIRM_C2B_PAYMENT, VALIDATE_C2B_PAYMENT
from mpesa_cbp_simulator.config import Setup
from mpesa_cbp_simulator.database import Database
from mpesa_cbp_simulator.delivery import CallbackSender
from mpesa_cbp_simulator.ledger import UTILITY, WALLET, Account, Ledger
from mpesa_cbp_simulator.outbox import Delivery
from mpesa_cbp_simulator.runtime_settings import Registration, Registry
from mpesa_cbp_simulator.scenario import FaultPlan
from mpesa_cbp_simulator.scheduler import Schedule, lane_of
from mpesa_cbp_simulator.store import Conversation, Records, State

COMMAND = "CustomerPayBill"
"""What the simulator calls such a payment in its records; scenarios may name it."""

_KYC = re.compile(rb"<KYCInfo>.*</KYCInfo>", re.DOTALL)
_KYC_VALUE = re.compile(rb"<KYCValue>[^<]*</KYCValue>")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPayment:
    """A customer pays ``amount`` to a short code, with an account reference; ``msisdn`` in international form."""

    short_code: str
    msisdn: str = field(repr=False)
    amount: Decimal
    reference: str = ""


class CustomerPayments:
    """Carries customers' payments through the registered addresses of the organisation."""

    def __init__(
        self,
        setup: Setup,
        database: Database,
        ledger: Ledger,
        records: Records,
        registry: Registry,
        courier: CallbackSender,
        schedule: Schedule,
        days: FaultPlan,
    ) -> None:
        self._setup = setup
        self._database = database
        self._ledger = ledger
        self._records = records
        self._registry = registry
        self._courier = courier
        self._schedule = schedule
        self._days = days

    def start(self, payment: CustomerPayment) -> Conversation:
        """Begin a payment; the rest happens on the schedule's thread.

        Raises ValueError where the short code has registered no addresses, or payer or payee are not known.
        """
        if self._registry.registration(payment.short_code) is None:
            raise ValueError("this short code has registered no URLs (RegisterURL)")
        if self._ledger.organisation(payment.short_code) is None or self._ledger.customer(payment.msisdn) is None:
            raise ValueError("the short code or the customer's number is not known")
        if payment.amount <= 0:
            raise ValueError("the amount must be more than zero")
        day = self._days.day_for(
            conversation_id=f"{payment.short_code}:{payment.reference}",
            command=COMMAND,
            receiver=payment.short_code,
            amount=payment.amount,
        )
        with self._database.transaction():
            conversation = self._records.open(
                conversation_id="",
                kind="C2B",
                command=COMMAND,
                short_code=payment.short_code,
                receiver=payment.msisdn,
                amount=payment.amount,
                reference=payment.reference,
                bad_day=day,
                result_url=None,
                timeout_url=None,
                request=b"",
            )
            receipt = self._records.receipt(conversation.number)
            conversation = self._records.update(conversation.number, receipt=receipt)
        self.resume(conversation)
        return conversation

    def resume(self, conversation: Conversation) -> None:
        """Begin a payment that is stored, or begin it again where the simulator was stopped before its end."""
        payment = CustomerPayment(
            short_code=conversation.short_code,
            msisdn=conversation.receiver,
            amount=conversation.amount or Decimal(0),
            reference=conversation.reference,
        )
        registration = self._registry.registration(payment.short_code)
        lane = lane_of(registration.confirmation if registration is not None else None)
        self._schedule.after(0, lambda: self._run(conversation, payment), lane=lane)

    def _run(self, conversation: Conversation, payment: CustomerPayment) -> None:
        registration = self._registry.registration(payment.short_code)
        if registration is None:
            self._end(conversation, "The short code has no registered URLs any more; no money has moved.", State.FAILED)
            return
        third_party_id = None
        if registration.validation is not None:
            accepted, third_party_id = self._validate(conversation, payment, registration)
            if not accepted:
                self._end(conversation, "The payment is cancelled; no money has moved.", State.FAILED)
                return
        with self._database.transaction():
            self._move(conversation, payment)
            self._end(conversation, "The money has moved to the organisation.", State.COMPLETED)
            deliveries = self._confirm(conversation, payment, registration, third_party_id)
        self._courier.send_off(deliveries)

    def _move(self, conversation: Conversation, payment: CustomerPayment) -> None:
        debit, credit = Account(payment.msisdn, WALLET), Account(payment.short_code, UTILITY)
        receipt, number, now = conversation.receipt or "", conversation.number, self._setup.clock()
        # The simulator's customers have as much as they want to pay, so that no wallet must be filled first.
        missing = payment.amount - self._ledger.balance(debit)
        if missing > 0:
            source = Account("agent", "Float")
            self._ledger.move(source, debit, missing, receipt=f"{receipt}-IN", conversation=number, now=now)
        self._ledger.move(debit, credit, payment.amount, receipt=receipt, conversation=number, now=now)

    def _end(self, conversation: Conversation, what: str, state: State) -> None:
        code = "0" if state is State.COMPLETED else None
        self._records.update(conversation.number, state=state, result_code=code)
        self._records.step(conversation, 3, what, b"", code)

    def _validate(
        self, conversation: Conversation, payment: CustomerPayment, registration: Registration
    ) -> tuple[bool, str | None]:
        envelope = self._validation(conversation, payment)
        what = "A customer wants to pay; the broker asks the partner whether it may (ValidateC2BPayment)."
        self._records.step(conversation, 1, what, envelope)
        answer = self._courier.send(
            conversation, registration.validation or "", envelope, soap_action=VALIDATE_C2B_PAYMENT.soap_action
        )
        self._records.step(conversation, 2, f"The partner {answer.said}.", answer.body, answer.code)
        if answer.code is None:
            # No usable answer: what then happens is what the partner registered (protocol, section 4).
            return registration.response_type == "Completed", None
        found = answer.message.third_party_trans_id if isinstance(answer.message, C2BPaymentValidationResult) else None
        return answer.accepted, found

    def _confirm(
        self,
        conversation: Conversation,
        payment: CustomerPayment,
        registration: Registration,
        third_party_id: str | None,
    ) -> list[Delivery]:
        envelope = self._confirmation(conversation, payment, third_party_id)
        what = "The broker tells the partner that the customer has paid (ConfirmC2BPayment)."
        day, timing = conversation.bad_day.name, self._setup.timing
        if day == "never-resulted":
            self._records.step(conversation, 4, "The confirmation is lost on its way.", envelope)
            return []

        def stored(delay: float) -> list[Delivery]:
            action = CONFIRM_C2B_PAYMENT.soap_action
            url = registration.confirmation
            return self._courier.store(conversation, url, envelope, what, soap_action=action, delay=delay)

        deliveries = stored(timing.late_delay if day == "late-result" else 0)
        return deliveries + (stored(timing.retry_delay) if day == "result-twice" else [])

    def _validation(self, conversation: Conversation, payment: CustomerPayment) -> bytes:
        names = self._names(payment)
        message = C2BPaymentValidationRequest(
            trans_type="Pay Bill",
            trans_id=conversation.receipt or "",
            trans_time=conversation.created.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S"),
            trans_amount=f"{payment.amount:.2f}",
            business_short_code=payment.short_code,
            bill_ref_number=payment.reference,
            msisdn=payment.msisdn,
            kyc_info=[C2BPaymentValidationRequestKYCInfo(kyc_name=name, kyc_value=value) for name, value in names],
        )
        envelope = encode(message, operation=VALIDATE_C2B_PAYMENT, direction="input")
        if conversation.bad_day.is_dialect(11):
            envelope = _KYC.sub(b"", envelope).replace(b"TransType>", b"TransactionType>")
        return envelope

    def _confirmation(self, conversation: Conversation, payment: CustomerPayment, third_party_id: str | None) -> bytes:
        names = self._names(payment)
        odd = conversation.bad_day.is_dialect(19)
        message = C2BPaymentConfirmationRequest(
            trans_type="Pay Bill",
            trans_id=conversation.receipt or "",
            trans_time=conversation.created.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S"),
            trans_amount=f"{payment.amount:.2f}",
            business_short_code=payment.short_code,
            bill_ref_number=payment.reference,
            org_account_balance=f"{self._ledger.balance(Account(payment.short_code, UTILITY)):.2f}",
            third_party_trans_id=third_party_id,
            msisdn=hashlib.sha256(payment.msisdn.encode()).hexdigest() if odd else payment.msisdn,
            kyc_info=[C2BPaymentConfirmationRequestKYCInfo(kyc_name=name, kyc_value=value) for name, value in names],
        )
        envelope = encode(message, operation=CONFIRM_C2B_PAYMENT, direction="input")
        if odd:
            envelope = _KYC_VALUE.sub(b"<KYCValue></KYCValue>", envelope)
            envelope = envelope.replace(b"ThirdPartyTransID>", b"ThirdPartyTransactionID>")
        return envelope

    def _names(self, payment: CustomerPayment) -> list[tuple[str, str]]:
        customer = self._ledger.customer(payment.msisdn)
        first, _, last = (customer.name if customer is not None else "").partition(" ")
        return [
            ("[Personal Details][First Name]", first),
            ("[Personal Details][Last Name]", last),
        ]
