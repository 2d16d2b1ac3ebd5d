"""One method a command family (protocol, section 4); ``Client`` has them all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Unpack

from mpesa_cbp.commands.request import (
    PaymentRequest,
    RequestOptions,
    any_order,
    balance_enquiry,
    business_payment,
    customer_payment,
    own_funds_transfer,
    registration,
    reversal,
    status_enquiry,
)
from mpesa_cbp.redaction import personal
from mpesa_cbp.send.acknowledgement import Acknowledgement


class CommandMethods(ABC):
    """The commands of the core as methods, over one that builds and sends a request."""

    @abstractmethod
    def _order(self, wanted: PaymentRequest, resume: bool = False) -> Acknowledgement: ...

    # -- payments -----------------------------------------------------------------------------------------------

    def pay_customer(
        self,
        msisdn: str,
        amount: Decimal | int | str,
        *,
        command: str = "BusinessPayment",
        occasion: str | None = None,
        resume: bool = False,
        **options: Unpack[RequestOptions],
    ) -> Acknowledgement:
        """Pay a customer (B2C; protocol, section 4).

            client.pay_customer("0712 345 678", "100.00", remark="Salary November", conversation_id="600000_Acme_7")

        ``msisdn``: a mobile number of the client's country, as 0712 345 678, 712345678, +254 712 345678,
        00254 712345678 or 254712345678; it is sent as 254712345678. Blanks, dashes, dots and parentheses may stand
        between groups of digits.

        ``amount``: in KES, more than zero, at most 13 digits, two of them after the point; a Decimal, an int, or text
        in plain digits (100, 100.50). A float is refused.

        ``command``: SalaryPayment, BusinessPayment, PromotionPayment, SalaryPaymentWithWithdrawalChargePaid,
        BusinessPaymentWithWithdrawalChargePaid or TransferFromBankToCustomer.

        ``occasion``: text that goes with it; the contract sets no limit.

        ``options``, as for every request: ``remark``, text of at most 255 characters; ``conversation_id``, your own
        key for the payment, 1 to 128 printable characters, never used before (the client makes one where it has a
        journal, and needs yours where it has none); ``result_url`` and ``queue_timeout_url``, which replace the
        client's for this request.

        ``resume=True`` sends a payment that the journal has under that ``conversation_id``, provided that it was never
        sent or certainly had no effect (``Payment.may_be_sent``); otherwise it raises DuplicateConversation. It raises
        InvalidRequest where the journal has no such payment or a different one, and where there is no journal.

        Returns when the broker has accepted or queued the request; only the result says whether money moved. Raises

        * InvalidRequest, with all problems: nothing was stored or sent
        * NotSent: no byte left; call again with ``resume=True`` and the same id
        * OutcomeUnknown: bytes may have left; never pay again, use ``query_transaction``
        * Refused, or one of its kinds: the request had no effect, but look at ``final`` before you pay again
        * JournalError, SettingsError: ``sent`` says whether bytes may have left
        """
        msisdn = personal(msisdn)
        return self._order(customer_payment(msisdn, amount, command=command, occasion=occasion, **options), resume)

    def pay_business(
        self,
        short_code: str,
        amount: Decimal | int | str,
        *,
        command: str = "BusinessPayBill",
        account_reference: str | None = None,
        receiver_type: int | None = None,
        resume: bool = False,
        **options: Unpack[RequestOptions],
    ) -> Acknowledgement:
        """Pay another organisation (B2B). Otherwise as ``pay_customer``.

            client.pay_business("888888", "7000.00", account_reference="INV-7")

        ``short_code``: the receiver's, up to 10 digits. ``command``: BusinessPayBill, BusinessBuyGoods,
        DisburseFundsToBusiness, BusinessToBusinessTransfer, MerchantToMerchantTransfer,
        MerchantServicesMMFAccountTransfer, AgencyFloatAdvance, BusinessPayToBulk or PayTaxToKRA. BusinessPayBill and
        PayTaxToKRA need ``account_reference``, BusinessPayToBulk may have one, the others take none.
        ``receiver_type``: 2 if the number is a till's (BusinessBuyGoods), 4 if it is a short code (the default).
        """
        wanted = business_payment(
            short_code,
            amount,
            command=command,
            account_reference=account_reference,
            receiver_type=receiver_type,
            **options,
        )
        return self._order(wanted, resume)

    def transfer_own_funds(
        self,
        amount: Decimal | int | str | None = None,
        *,
        command: str,
        resume: bool = False,
        **options: Unpack[RequestOptions],
    ) -> Acknowledgement:
        """Move money between the organisation's own accounts. Otherwise as ``pay_customer``.

            client.transfer_own_funds(50_000, command="BusinessTransferFromUtilityToMMF")

        ``command``: BusinessTransferFromMMFToUtility, BusinessTransferFromUtilityToMMF,
        MerchantTransferFromMerchantToWorking, MerchantTransferFromWorkingToMerchant, OrgBankAccountWithdrawal or
        OrgRevenueSettlement, which settles the whole revenue and takes no ``amount``; the others need one.
        """
        return self._order(own_funds_transfer(amount, command=command, **options), resume)

    def order(
        self,
        command: str,
        *,
        receiver: str | None = None,
        receiver_type: int | None = None,
        amount: Decimal | int | str | None = None,
        parameters: Mapping[str, str] | None = None,
        references: Mapping[str, str] | None = None,
        resume: bool = False,
        **options: Unpack[RequestOptions],
    ) -> Acknowledgement:
        """Order any command, with identity, credential and checks as for the others. Otherwise as ``pay_customer``.

            client.order("NewPayment", receiver="0712345678", receiver_type=1, amount=100, parameters={"Kind": "A"})

        A command of the table is checked by it. For any other, ``receiver_type`` (IdentifierType: 1 MSISDN, 2 till, 4
        short code, …) goes with ``receiver``, our short code is the primary party, and ``parameters`` and
        ``references`` go out in their order.
        """
        wanted = any_order(
            command,
            receiver=personal(receiver) if receiver is not None else None,
            receiver_type=receiver_type,
            amount=amount,
            parameters=parameters,
            references=references,
            **options,
        )
        return self._order(wanted, resume)

    # -- enquiries and set-up -----------------------------------------------------------------------------------

    def account_balance(self, **options: Unpack[RequestOptions]) -> Acknowledgement:
        """Ask for the balances of the organisation; they come with the result."""
        return self._order(balance_enquiry(**options))

    def transaction_status(
        self,
        *,
        receipt: str | None = None,
        of_conversation_id: str | None = None,
        of_core_conversation_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> Acknowledgement:
        """Ask the core about one transaction; the answer is a result.

        Give exactly one of its receipt, our conversation id and the core's (AG_…).
        """
        wanted = status_enquiry(
            receipt=receipt,
            of_conversation_id=of_conversation_id,
            of_core_conversation_id=of_core_conversation_id,
            **options,
        )
        return self._order(wanted)

    def reverse(self, receipt: str, **options: Unpack[RequestOptions]) -> Acknowledgement:
        """Ask the core to reverse a transaction, by its receipt; the result says whether it did."""
        return self._order(reversal(receipt, **options))

    def register_urls(
        self,
        *,
        confirmation_url: str,
        validation_url: str | None = None,
        response_type: str = "Cancelled",
        **options: Unpack[RequestOptions],
    ) -> Acknowledgement:
        """Register where C2B payments are validated and confirmed (protocol, section 10).

        ``response_type`` says what happens to a payment when the validation URL cannot be reached: Completed or
        Cancelled. The request is posted to ``registration_url``.
        """
        wanted = registration(
            confirmation_url=confirmation_url, validation_url=validation_url, response_type=response_type, **options
        )
        return self._order(wanted)
