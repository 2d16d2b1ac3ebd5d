"""The commands of the core and the parties that each takes, and the Request made from them (protocol, section 4).

CommandID is an open list: a command that is not here goes out through ``Client.send`` with a Request of one's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum

from mpesa_cbp.parsing import format_amount
from mpesa_cbp_models import IdentifierType
from mpesa_cbp_models.request import (
    Caller,
    Identity,
    Initiator,
    Parameter,
    Parameters,
    ParameterType,
    PrimaryParty,
    ReceiverParty,
    ReferenceData,
    Request,
    Transaction,
)

API_CALLER = 2
"""CallerType of a system that calls the interface (protocol, section 3)."""


class Receiver(Enum):
    """Who is on the other side of a command."""

    CUSTOMER = "customer"
    """A customer, by MSISDN."""

    ORGANISATION = "organisation"
    """Another organisation, by short code."""

    OWN = "own"
    """The organisation itself, between its own accounts."""

    NONE = "none"


@dataclass(frozen=True, slots=True)
class Command:
    """One CommandID: what it needs besides the initiator. ``primary`` says whether our short code is a party.

    ``queue_timeout`` says whether it carries QueueTimeoutURL: all that the broker may have to cache for the core.
    """

    id: str
    family: str
    receiver: Receiver
    primary: bool = True
    amount: bool = True
    account_reference: bool = False
    queue_timeout: bool = True


_B2C = (
    "SalaryPayment",
    "BusinessPayment",
    "PromotionPayment",
    "SalaryPaymentWithWithdrawalChargePaid",
    "BusinessPaymentWithWithdrawalChargePaid",
    "TransferFromBankToCustomer",
)
_B2B = (
    "BusinessBuyGoods",
    "DisburseFundsToBusiness",
    "BusinessToBusinessTransfer",
    "MerchantToMerchantTransfer",
    "MerchantServicesMMFAccountTransfer",
    "AgencyFloatAdvance",
)
_OWN_FUNDS = (
    "BusinessTransferFromMMFToUtility",
    "BusinessTransferFromUtilityToMMF",
    "MerchantTransferFromMerchantToWorking",
    "MerchantTransferFromWorkingToMerchant",
    "OrgBankAccountWithdrawal",
    "OrgRevenueSettlement",
)

COMMANDS: dict[str, Command] = {
    command.id: command
    for command in (
        *(Command(name, "B2C", Receiver.CUSTOMER) for name in _B2C),
        Command("BusinessPayBill", "B2B", Receiver.ORGANISATION, account_reference=True),
        *(Command(name, "B2B", Receiver.ORGANISATION) for name in _B2B),
        *(Command(name, "own funds", Receiver.OWN) for name in _OWN_FUNDS),
        Command("AccountBalance", "query", Receiver.NONE, primary=False, amount=False),
        Command("TransactionStatusQuery", "query", Receiver.NONE, primary=False, amount=False),
        Command("TransactionReversal", "reversal", Receiver.ORGANISATION, primary=False, amount=False),
        Command("RegisterURL", "C2B set-up", Receiver.NONE, amount=False, queue_timeout=False),
    )
}
"""Every command of the protocol by its CommandID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a request is to say, in plain values; parameters and references keep their order."""

    command: Command
    conversation_id: str
    timestamp: str
    third_party_id: str
    third_party_password: str | None = field(repr=False)
    initiator_name: str
    security_credential: str = field(repr=False)
    short_code: str
    receiver: str | None = field(default=None, repr=False)
    amount: Decimal | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    references: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    remark: str | None = None
    result_url: str | None = field(default=None, repr=False)
    key_owner: int = 1

    def request(self) -> Request:
        """The Request that says so, every party as the command's family wants it."""
        pairs = ((("Amount", format_amount(self.amount)),) if self.amount is not None else ()) + self.parameters
        parameters = [Parameter(key=key, value=value) for key, value in pairs]
        references = [ParameterType(key=key, value=value) for key, value in self.references]
        return Request(
            transaction=Transaction(
                command_id=self.command.id,
                originator_conversation_id=self.conversation_id,
                remark=self.remark,
                parameters=Parameters(parameter=parameters) if parameters else None,
                reference_data=ReferenceData(reference_item=references) if references else None,
                timestamp=self.timestamp,
            ),
            identity=Identity(
                caller=Caller(
                    caller_type=API_CALLER,
                    third_party_id=self.third_party_id,
                    password=self.third_party_password,
                    result_url=self.result_url,
                ),
                initiator=Initiator(
                    identifier_type=IdentifierType.OrganizationOperatorUserName,
                    identifier=self.initiator_name,
                    security_credential=self.security_credential,
                    short_code=self.short_code,
                ),
                primary_party=self._primary_party(),
                receiver_party=self._receiver_party(),
            ),
            key_owner=self.key_owner,
        )

    def _primary_party(self) -> PrimaryParty | None:
        if not self.command.primary:
            return None
        # RegisterURL is published with the number in ShortCode; Identifier is what the contract demands.
        short_code = self.short_code if self.command.id == "RegisterURL" else None
        return PrimaryParty(
            identifier_type=IdentifierType.OrganizationShortCode, identifier=self.short_code, short_code=short_code
        )

    def _receiver_party(self) -> ReceiverParty | None:
        kind = self.command.receiver
        if kind is Receiver.NONE:
            return None
        identifier = self.short_code if kind is Receiver.OWN or self.receiver is None else self.receiver
        customer = kind is Receiver.CUSTOMER
        identifier_type = IdentifierType.MSISDN if customer else IdentifierType.OrganizationShortCode
        return ReceiverParty(identifier_type=identifier_type, identifier=identifier)


def without_credentials(request: Request) -> Request:
    """A copy of a request that may be stored: the credential and passwords are taken out, all else is kept."""
    identity = request.identity
    return replace(
        request,
        transaction=replace(request.transaction, encrypted_parameters=None),
        identity=replace(
            identity,
            caller=replace(identity.caller, password=None, check_sum=None),
            initiator=replace(identity.initiator, security_credential=""),
        ),
    )
