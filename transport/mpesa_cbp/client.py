"""Client: one method for each operation towards the broker, each payment stored before its first byte leaves.

What a request holds is checked in ``ordering``, signed in ``signing``, and sent in ``delivery``; here they meet.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from mpesa_cbp import wishes
from mpesa_cbp.answers import Acknowledgement
from mpesa_cbp.delivery import Delivery
from mpesa_cbp.enquiries import Question, logged_change, logged_history, transaction_query
from mpesa_cbp.errors import InvalidRequest
from mpesa_cbp.history import History
from mpesa_cbp.http import ConnectionOptions, HttpTransport, hidden_options
from mpesa_cbp.ordering import OrderBook, check_schema, name_for_ids, require_texts
from mpesa_cbp.payments import PaymentJournal
from mpesa_cbp.redaction import personal
from mpesa_cbp.resolving import record_history
from mpesa_cbp.settings import Initiator, Profile, Secret, ServiceProvider, check_urls, hidden, profile_of, reveal
from mpesa_cbp.signing import signer
from mpesa_cbp.wishes import Wish
from mpesa_cbp_models import ChangePasswordResponse, QueryTransactionResponse, Request
from mpesa_cbp_models.operations import CHANGE_PASSWORD, QUERY_TRANSACTION

if TYPE_CHECKING:
    from typing_extensions import Unpack


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _unique() -> str:
    return uuid.uuid4().hex


class Client:
    """Talks to the broker; safe to share between threads.

    ``endpoint`` is the broker's URL, ``organisation`` our name as it stands in conversation ids. ``result_url`` is
    where the core's result is to be posted, ``queue_timeout_url`` where the broker tells that a cached request
    expired. ``connection`` is what ``HttpTransport`` takes: ``client_certificate``, ``client_passphrase``, ``ca``,
    ``timeout``, ``connect_retries`` and others. ``journal`` is a ``Journal`` or anything with the same few methods;
    without one the caller keeps the ledger and must give every payment's ``conversation_id``. ``profile`` names one of
    ``PROFILES`` or is a ``Profile``. ``query_url`` and ``management_url`` are other addresses for queryTransaction and
    changePassword. ``clock`` gives the time as an aware datetime, ``new_id`` the unique part of a conversation id.
    ``orders`` makes checked requests without sending them.

    Raises SettingsError for settings that cannot work. A client that was closed raises NotSent and stores nothing.
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
        journal: PaymentJournal | None = None,
        profile: str | Profile = "contract",
        country_code: str = "254",
        query_url: str | None = None,
        management_url: str | None = None,
        clock: Callable[[], datetime] = _now,
        new_id: Callable[[], str] = _unique,
        **connection: Unpack[ConnectionOptions],
    ) -> None:
        connection = hidden_options(connection)
        check_urls(result_url=result_url, queue_timeout_url=queue_timeout_url)
        check_urls(query_url=query_url, management_url=management_url)
        self._http = HttpTransport(endpoint, **connection)
        self._query_url, self._management_url = query_url, management_url
        self._signer = signer(
            service_provider=service_provider, initiator=initiator, profile=profile_of(profile), clock=clock
        )
        self.orders = OrderBook(
            signer=self._signer,
            organisation=name_for_ids(organisation),
            country_code=country_code,
            result_url=result_url,
            queue_timeout_url=queue_timeout_url,
            has_ledger=journal is not None,
            new_id=new_id,
        )
        self._journal = journal
        self._delivery = Delivery(self._http, self._signer, journal)

    def __repr__(self) -> str:
        # Of one that could not be made, too: a traceback with locals shows it.
        whole = hasattr(self, "_delivery")
        return f"Client({self._http!r}, short_code={self._signer.initiator.short_code!r})" if whole else "Client()"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections and send nothing more; the journal stays open, since it may be shared."""
        self._http.close()

    def new_conversation_id(self, unique: str | None = None) -> str:
        """A conversation id that was never used, for whoever wants to know it before the payment is sent.

        ``unique`` is its last part, at most 32 characters, for whoever must come to the same id again; a
        blank one raises InvalidRequest, since it would be another id each time.
        """
        return self.orders.new_conversation_id(unique)

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

        ``resume`` sends a payment that is in the journal already, under its ``conversation_id``: if it was never sent,
        or certainly not taken (``Payment.may_be_sent``). A DuplicateConversation tells that it may not be, an
        InvalidRequest that the journal knows no such payment, or another one; or that there is no journal.

        Returns when the broker has accepted or queued the request; whether the money moved is known only with the
        result. Raises InvalidRequest, NotSent, OutcomeUnknown, Refused (and its kinds), SoapFault, JournalError.
        """
        msisdn = personal(msisdn)
        wish = wishes.customer_payment(
            msisdn, amount, command=command, remark=remark, occasion=occasion, conversation_id=conversation_id
        )
        return self._order(wish, resume=resume)

    def pay_business(
        self,
        short_code: str,
        amount: Decimal | int | str,
        *,
        command: str = "BusinessPayBill",
        account_reference: str | None = None,
        remark: str | None = None,
        conversation_id: str | None = None,
        resume: bool = False,
    ) -> Acknowledgement:
        """Pay another organisation (B2B); BusinessPayBill needs ``account_reference``. Else as ``pay_customer``."""
        wish = wishes.business_payment(
            short_code,
            amount,
            command=command,
            account_reference=account_reference,
            remark=remark,
            conversation_id=conversation_id,
        )
        return self._order(wish, resume=resume)

    def transfer_own_funds(
        self,
        amount: Decimal | int | str,
        *,
        command: str,
        remark: str | None = None,
        conversation_id: str | None = None,
        resume: bool = False,
    ) -> Acknowledgement:
        """Move money between the organisation's own accounts. Otherwise as ``pay_customer``."""
        wish = wishes.own_funds_transfer(amount, command=command, remark=remark, conversation_id=conversation_id)
        return self._order(wish, resume=resume)

    # -- enquiries and set-up -----------------------------------------------------------------------------------

    def account_balance(self, *, remark: str | None = None, conversation_id: str | None = None) -> Acknowledgement:
        """Ask for the balances of the organisation; they come with the result."""
        return self._order(wishes.balance_enquiry(remark=remark, conversation_id=conversation_id))

    def transaction_status(
        self,
        *,
        receipt: str | None = None,
        of_conversation_id: str | None = None,
        remark: str | None = None,
        conversation_id: str | None = None,
    ) -> Acknowledgement:
        """Ask the core about one transaction, by its receipt or its conversation id; the answer is a result."""
        wish = wishes.status_enquiry(
            receipt=receipt, of_conversation_id=of_conversation_id, remark=remark, conversation_id=conversation_id
        )
        return self._order(wish)

    def reverse(
        self,
        receipt: str,
        *,
        receiver: str | None = None,
        remark: str | None = None,
        conversation_id: str | None = None,
    ) -> Acknowledgement:
        """Ask the core to take a transaction back, by its receipt; whether it did is told by the result.

        ``receiver`` is the short code that the transaction is taken back to, our own if not given.
        """
        wish = wishes.reversal(receipt, receiver=receiver, remark=remark, conversation_id=conversation_id)
        return self._order(wish)

    def register_urls(
        self,
        *,
        confirmation_url: str,
        validation_url: str | None = None,
        response_type: str = "Cancelled",
        remark: str | None = None,
        conversation_id: str | None = None,
    ) -> Acknowledgement:
        """Tell where C2B payments are to be validated and confirmed.

        ``response_type`` says what happens to a payment when the validation URL cannot be reached: Completed or
        Cancelled.
        """
        wish = wishes.registration(
            confirmation_url=confirmation_url,
            validation_url=validation_url,
            response_type=response_type,
            remark=remark,
            conversation_id=conversation_id,
        )
        return self._order(wish)

    def send(self, request: Request, *, resume: bool = False) -> Acknowledgement:
        """Send any Request, for commands that have no method here; it is checked, stored and sent as it stands.

        ``resume``, returns and raises as ``pay_customer``.
        """
        check_schema(request)
        return self._delivery.deliver(request, resume=resume)

    # -- what the broker answers by itself ------------------------------------------------------------------------

    def query_transaction(self, conversation_id: str, *, query_date: datetime | None = None) -> History:
        """Ask the broker how far a payment came; asking is harmless and may be repeated (protocol, section 8).

        The History says what the broker's record proves. ``query_date`` is when the payment was sent and makes the
        answer faster. What the record proves moves the payment in the journal, if it is there; a result that states
        another amount, receiver or receipt than that payment settles nothing (``Finding.DIFFERS``). Raises NotSent or
        OutcomeUnknown where no readable answer came (of the query: the payment is as it was), Refused where the
        broker refused to answer, JournalError where the finding cannot be stored.
        """
        require_texts(conversation_id=conversation_id)
        moment: object = query_date
        if not isinstance(moment, datetime | None):
            raise InvalidRequest([f"query_date: must be a datetime, not {type(moment).__name__}"])
        question = Question(
            operation=QUERY_TRANSACTION,
            url=self._query_url,
            conversation_id=conversation_id,
            if_unknown="Asking changes nothing and may be repeated; the payment is as it was.",
        )
        message = transaction_query(conversation_id, self._signer.time_stamp(query_date) if query_date else None)
        history = logged_history(self._delivery.ask(question, message, QueryTransactionResponse), conversation_id)
        if self._journal is not None:
            return record_history(self._journal, history, conversation_id=conversation_id)
        return history

    def change_password(self, new_password: Secret, *, key: Secret, vector: Secret) -> ChangePasswordResponse:
        """Replace the service provider's password (protocol, section 9); ``key`` and ``vector`` are the AES ones.

        The client goes on signing with the password that it was made with: make a new one afterwards. Raises Refused
        where the old password stays valid, OutcomeUnknown where either may be, NotSent, SettingsError.
        """
        new_password, key, vector = hidden(new_password), hidden(key), hidden(vector)
        question = Question(
            operation=CHANGE_PASSWORD,
            url=self._management_url,
            signed=False,
            if_unknown="Either password may be the valid one now: keep both until one of them is refused.",
        )
        message = self._signer.change_of_password(reveal(new_password), key=key, vector=vector)
        return logged_change(self._delivery.ask(question, message, ChangePasswordResponse))

    # -- the parts ------------------------------------------------------------------------------------------------

    def _order(self, wish: Wish, *, resume: bool = False) -> Acknowledgement:
        if resume and wish.conversation_id is None:
            raise InvalidRequest(["resume needs the conversation_id of the payment that is to be sent"])
        return self._delivery.deliver(self.orders.request(wish), resume=resume)
