"""The commands of the core and what each takes (protocol, sections 4 and 12).

CommandID is an open list: a command that is not here goes out through ``Client.order``, or as a Request of your own
through ``Client.send``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal


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
    """One CommandID: what it takes besides the initiator. ``primary`` says whether our short code is a party.

    ``account_reference`` says whether the command takes AccountReference, ``queue_timeout`` whether it carries
    QueueTimeoutURL: everything that the broker may have to cache for the core. ``parameters`` always go with it.
    """

    id: str
    family: str
    receiver: Receiver
    primary: bool = True
    amount: bool = True
    account_reference: Literal["required", "optional"] | None = None
    queue_timeout: bool = True
    parameters: tuple[tuple[str, str], ...] = ()


REGISTER_URL = "RegisterURL"
"""The one command that is posted to a path of its own (protocol, section 12)."""

TRANSACTION_REVERSAL = "TransactionReversal"

REVERSED_RECEIPT = "OriginalTransactionID"
"""The parameter of a reversal that names the receipt (protocol, section 12)."""

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
)

COMMANDS: dict[str, Command] = {
    command.id: command
    for command in (
        *(Command(name, "B2C", Receiver.CUSTOMER) for name in _B2C),
        Command("BusinessPayBill", "B2B", Receiver.ORGANISATION, account_reference="required"),
        *(Command(name, "B2B", Receiver.ORGANISATION) for name in _B2B),
        Command("BusinessPayToBulk", "B2B", Receiver.ORGANISATION, account_reference="optional"),
        Command("PayTaxToKRA", "B2B", Receiver.ORGANISATION, account_reference="required"),
        *(Command(name, "own funds", Receiver.OWN) for name in _OWN_FUNDS),
        # The whole revenue is settled: the head office is named by an empty parameter, and there is no amount.
        Command("OrgRevenueSettlement", "own funds", Receiver.OWN, amount=False, parameters=(("HeadOffice", ""),)),
        Command("AccountBalance", "query", Receiver.NONE, primary=False, amount=False),
        Command("TransactionStatusQuery", "query", Receiver.NONE, primary=False, amount=False),
        Command(TRANSACTION_REVERSAL, "reversal", Receiver.NONE, primary=False, amount=False),
        Command(REGISTER_URL, "C2B set-up", Receiver.NONE, amount=False, queue_timeout=False),
    )
}
"""Every command that is known, by its CommandID."""
