"""The core: carry out an order and return its outcome (protocol, section 6)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from mpesa_cbp.commands.table import REGISTER_URL, REVERSED_RECEIPT, TRANSACTION_REVERSAL, Receiver
from mpesa_cbp.identity.profile import NAIROBI
from mpesa_cbp.payment.codes import result_meaning
from mpesa_cbp_simulator.checks import CoreChecks
from mpesa_cbp_simulator.config import Setup
from mpesa_cbp_simulator.ledger import (
    CHARGES,
    UTILITY,
    WALLET,
    WORKING,
    Account,
    Ledger,
)
from mpesa_cbp_simulator.parsed_request import ParsedRequest, pays
from mpesa_cbp_simulator.runtime_settings import Registration, Registry
from mpesa_cbp_simulator.store import Conversation, Records, State

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreOutcome:
    """What came of an order: the ResultCode, a sentence, and the result's parameters."""

    code: str
    description: str
    receipt: str | None = None
    parameters: Pairs = field(default=(), repr=False)


def failed(code: int | str, why: str = "") -> CoreOutcome:
    """An outcome with that code; the sentence is the code's meaning where none is given."""
    return CoreOutcome(code=str(code), description=why or result_meaning(str(code)).meaning)


# From which account to which, where an organisation moves its own funds.
_OWN_FUNDS = {
    "BusinessTransferFromMMFToUtility": (WORKING, UTILITY),
    "BusinessTransferFromUtilityToMMF": (UTILITY, WORKING),
    "MerchantTransferFromMerchantToWorking": (UTILITY, WORKING),
    "MerchantTransferFromWorkingToMerchant": (WORKING, UTILITY),
    "OrgBankAccountWithdrawal": (WORKING, "Bank Account"),
    "OrgRevenueSettlement": (UTILITY, "Bank Account"),
}


class Core:
    """The mobile money platform behind the broker."""

    def __init__(
        self,
        checks: CoreChecks,
        ledger: Ledger,
        records: Records,
        registry: Registry,
        setup: Setup,
    ) -> None:
        self._checks = checks
        self._limits = setup.limits
        self._ledger = ledger
        self._records = records
        self._registry = registry
        self._clock = setup.clock

    def work(self, order: ParsedRequest, conversation: Conversation) -> CoreOutcome:
        """Check the order, do it, and tell what came of it; nothing has moved where the code is not 0."""
        refusal = self._checks.refusal(order)
        if refusal is not None:
            return failed(refusal.code, f"Refused: {refusal.why}.")
        if pays(order):
            return self._pay(order, conversation)
        queries = {
            "AccountBalance": self._account_balance,
            "TransactionStatusQuery": self._transaction_status,
            TRANSACTION_REVERSAL: self._reverse,
            REGISTER_URL: self._register,
            "OrgRevenueSettlement": self._settle_revenue,
        }
        return queries[order.command_id](order, conversation)

    def _pay(self, order: ParsedRequest, conversation: Conversation) -> CoreOutcome:
        debit, credit = _accounts(order)
        amount, now = order.amount or Decimal(0), self._clock()
        if credit.name != WALLET:
            refused = self._ledger.refusal(debit, credit, amount, now=now, minimum=self._limits.minimum, maximum=None)
        else:
            customer = self._ledger.customer(order.receiver)
            registered = customer is not None and customer.registered
            limits = self._limits
            least = limits.minimum if registered else limits.unregistered_minimum
            most = limits.maximum if registered else limits.unregistered_maximum
            refused = self._ledger.refusal(debit, credit, amount, now=now, minimum=least, maximum=most)
        if refused is not None:
            return failed(refused)
        receipt = self._records.receipt(conversation.number)
        self._ledger.move(debit, credit, amount, receipt=receipt, conversation=conversation.number, now=now)
        parameters = self._customer_paid if credit.name == WALLET else self._organisation_paid
        return CoreOutcome(
            code="0",
            description="The service request was processed.",
            receipt=receipt,
            parameters=parameters(order, receipt, now),
        )

    def _settle_revenue(self, order: ParsedRequest, conversation: Conversation) -> CoreOutcome:
        """The whole revenue: the request names no amount (protocol, section 12)."""
        revenue = self._ledger.balance(Account(order.short_code, UTILITY))
        return self._pay(replace(order, amount=revenue), conversation)

    def _customer_paid(self, order: ParsedRequest, receipt: str, now: datetime) -> Pairs:
        customer = self._ledger.customer(order.receiver)
        name = customer.name if customer is not None else ""
        return (
            ("TransactionReceipt", receipt),
            ("TransactionAmount", f"{order.amount:.2f}"),
            ("TransactionCompletedDateTime", _nairobi(now, "%d.%m.%Y %H:%M:%S")),
            ("ReceiverPartyPublicName", f"{order.receiver} - {name}"),
            ("B2CWorkingAccountAvailableFunds", self._funds(order.short_code, WORKING)),
            ("B2CUtilityAccountAvailableFunds", self._funds(order.short_code, UTILITY)),
            ("B2CChargesPaidAccountAvailableFunds", self._funds(order.short_code, CHARGES)),
            ("B2CRecipientIsRegisteredCustomer", "Y" if customer is not None and customer.registered else "N"),
        )

    def _organisation_paid(self, order: ParsedRequest, receipt: str, now: datetime) -> Pairs:
        debit, _ = _accounts(order)
        left = self._funds(order.short_code, debit.name)
        payer, payee = (self._ledger.organisation(code) for code in (order.short_code, order.receiver))
        held = f"{{Amount={{BasicAmount={left}, MinimumAmount={left.replace('.', '')}, CurrencyCode=KES}}}}"
        return (
            ("TransactionReceipt", receipt),
            ("Amount", f"{order.amount:.2f}"),
            ("Currency", "KES"),
            ("TransCompletedTime", _nairobi(now, "%Y%m%d%H%M%S")),
            ("DebitAccountCurrentBalance", held),
            ("InitiatorAccountCurrentBalance", held),
            ("DebitPartyAffectedAccountBalance", f"{debit.name}|KES|{left}|{left}|0.00|0.00"),
            ("DebitPartyPublicName", f"{order.short_code} - {payer.name if payer else ''}"),
            ("ReceiverPartyPublicName", f"{order.receiver} - {payee.name if payee else ''}"),
            ("DebitPartyCharges", ""),
        )

    def _account_balance(self, order: ParsedRequest, _: Conversation) -> CoreOutcome:
        short_code = order.request.identity.initiator.short_code or order.short_code
        organisation = self._ledger.organisation(short_code)
        if organisation is None:
            return failed(6)
        funds = [(name, self._funds(short_code, name)) for name in (WORKING, UTILITY, CHARGES)]
        return CoreOutcome(
            code="0",
            description="The service request was processed.",
            parameters=(
                ("ShortCode", short_code),
                ("AccountBalance", "&".join(f"{name}|KES|{held}|{held}|0.00|0.00" for name, held in funds)),
                *((f"{name} Available Funds", held) for name, held in funds),
                ("BOCompletedTime", _nairobi(self._clock(), "%Y%m%d%H%M%S")),
            ),
        )

    def _transaction_status(self, order: ParsedRequest, _: Conversation) -> CoreOutcome:
        asked = order.value(
            "ReceiptNumber", "ReceiptNo", "TransactionReceipt", "TransactionID", "OriginatorConversationID",
            "ConversationID", "OriginalConversationID",
        )  # fmt: skip
        found = self._records.by_receipt(asked) or next(iter(self._records.find(conversation_id=asked)), None)
        if not asked or found is None or found.state is State.REFUSED:
            return failed(49)
        transfer = self._ledger.transfer(found.receipt or "")
        status = "Reversed" if transfer is not None and transfer.reversed else _STATUS[found.state]
        return CoreOutcome(
            code="0",
            description="The service request was processed.",
            parameters=(
                ("InitiatedTime", _nairobi(found.created, "%d/%m/%Y %H:%M:%S")),
                ("TransactionType", found.command),
                ("ReceiptNo", found.receipt or ""),
                ("TransactionStatus", status),
                ("Amount", f"{found.amount:.2f}" if found.amount is not None else ""),
                ("OriginatorConversationID", found.conversation_id),
                ("ConversationID", found.core_id),
            ),
        )

    def _reverse(self, order: ParsedRequest, conversation: Conversation) -> CoreOutcome:
        transfer = self._ledger.transfer(order.value(REVERSED_RECEIPT))
        if transfer is None:
            return failed(49)
        own = order.request.identity.initiator.short_code or order.short_code
        if own not in {transfer.debit.owner, transfer.credit.owner}:
            return failed(48)
        refused = self._ledger.take_back(transfer)
        if refused is not None:
            return failed(refused)
        return CoreOutcome(
            code="0",
            description="The service request was processed.",
            receipt=self._records.receipt(conversation.number),
            parameters=(
                ("OriginalTransactionID", transfer.receipt),
                ("Amount", f"{transfer.amount:.2f}"),
                ("TransCompletedTime", _nairobi(self._clock(), "%Y%m%d%H%M%S")),
            ),
        )

    def _register(self, order: ParsedRequest, _: Conversation) -> CoreOutcome:
        self._registry.register(
            order.short_code,
            Registration(
                validation=order.value("ValidationURL") or None,
                confirmation=order.value("ConfirmationURL"),
                response_type=order.value("ResponseType"),
            ),
        )
        return CoreOutcome(code="0", description="The addresses were registered.")

    def _funds(self, short_code: str, name: str) -> str:
        return f"{self._ledger.balance(Account(short_code, name)):.2f}"


_STATUS = {
    State.ACCEPTED: "Pending",
    State.CACHED: "Pending",
    State.COMPLETED: "Completed",
    State.FAILED: "Declined",
    State.EXPIRED: "Expired",
    State.REFUSED: "Declined",
}


def _accounts(order: ParsedRequest) -> tuple[Account, Account]:
    """Debit and credit account; B2C is paid from the utility account, B2B from the working account."""
    receiver = order.command.receiver if order.command is not None else Receiver.NONE
    if receiver is Receiver.CUSTOMER:
        return Account(order.short_code, UTILITY), Account(order.receiver, WALLET)
    if receiver is Receiver.OWN:
        debit, credit = _OWN_FUNDS.get(order.command_id, (WORKING, UTILITY))
        return Account(order.short_code, debit), Account(order.short_code, credit)
    return Account(order.short_code, WORKING), Account(order.receiver, UTILITY)


def _nairobi(moment: datetime, form: str) -> str:
    # All times in results are Nairobi's (protocol, section 6).
    return moment.astimezone(NAIROBI).strftime(form)
