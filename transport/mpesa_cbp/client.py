"""The client: each payment is stored before its first byte leaves, and sent once.

One method a command is in ``commands.methods``; ``commands.builder`` checks and builds the request, ``send.sender``
signs and sends it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Unpack

from mpesa_cbp.commands.builder import RequestBuilder, name_for_ids
from mpesa_cbp.commands.methods import CommandMethods
from mpesa_cbp.commands.request import PaymentRequest
from mpesa_cbp.commands.table import REGISTER_URL
from mpesa_cbp.commands.validation import check_schema, require_texts
from mpesa_cbp.errors import InvalidRequest
from mpesa_cbp.history import History
from mpesa_cbp.history.apply import record_history
from mpesa_cbp.http import ConnectionOptions, HttpTransport, hidden_options
from mpesa_cbp.identity.profile import (
    Initiator,
    Profile,
    Secret,
    ServiceProvider,
    check_urls,
    hidden,
    profile_of,
    reveal,
)
from mpesa_cbp.identity.signing import signer
from mpesa_cbp.payment.model import PaymentJournal
from mpesa_cbp.redaction import SecretText
from mpesa_cbp.send.acknowledgement import Acknowledgement
from mpesa_cbp.send.broker_call import BrokerCall, logged_change, logged_history, transaction_query
from mpesa_cbp.send.sender import Sender
from mpesa_cbp_models import ChangePasswordResponse, QueryTransactionResponse, Request
from mpesa_cbp_models.operations import CHANGE_PASSWORD, QUERY_TRANSACTION


def _now() -> datetime:
    return datetime.now(UTC)


def _unique() -> str:
    return uuid.uuid4().hex


class Client(CommandMethods):
    """Talks to the broker; safe to share between threads.

    ``endpoint`` is the broker's URL, ``organisation`` your name, a part of conversation ids. ``result_url`` is where
    the core posts its result, ``queue_timeout_url`` where the broker reports that a cached request expired.
    ``connection`` is what ``HttpTransport`` takes: ``client_certificate``, ``client_passphrase``, ``ca``, ``timeout``,
    ``connect_retries`` and others. ``journal`` is a ``Journal`` or any object with the methods of ``PaymentJournal``;
    without one you keep the ledger and must give every payment's ``conversation_id``. ``profile`` names one of
    ``PROFILES`` or is a ``Profile``. ``country_code`` completes phone numbers. ``query_url`` and ``management_url`` are
    other addresses for queryTransaction and changePassword, ``registration_url`` that for RegisterURL
    (``/mminterface/registerURL`` beside the endpoint by default). ``clock`` gives the time as an aware datetime,
    ``new_id`` the unique part of a conversation id. ``builder`` makes checked requests without sending them.

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
        registration_url: str | None = None,
        clock: Callable[[], datetime] = _now,
        new_id: Callable[[], str] = _unique,
        **connection: Unpack[ConnectionOptions],
    ) -> None:
        connection = hidden_options(connection)
        check_urls(result_url=result_url, queue_timeout_url=queue_timeout_url)
        check_urls(query_url=query_url, management_url=management_url, registration_url=registration_url)
        self._http = HttpTransport(endpoint, **connection)
        self._query_url, self._management_url = _masked(query_url), _masked(management_url)
        self._registration_url = _masked(registration_url or registration_url_of(endpoint))
        self._signer = signer(
            service_provider=service_provider, initiator=initiator, profile=profile_of(profile), clock=clock
        )
        self.builder: RequestBuilder = RequestBuilder(
            signer=self._signer,
            organisation=name_for_ids(organisation),
            country_code=country_code,
            result_url=result_url,
            queue_timeout_url=queue_timeout_url,
            has_ledger=journal is not None,
            new_id=new_id,
        )
        self._journal = journal
        self._sender = Sender(self._http, self._signer, journal)

    def __repr__(self) -> str:
        # Of one that could not be made, too: a traceback with locals shows it.
        whole = hasattr(self, "_sender")
        return f"Client({self._http!r}, short_code={self._signer.initiator.short_code!r})" if whole else "Client()"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections and send nothing more; the journal stays open, since it may be shared."""
        self._http.close()

    def new_conversation_id(self, unique: str | None = None) -> str:
        """Return a conversation id that was never used, to store before you send the payment under it.

        ``unique``, at most 32 characters, becomes its last part: the same text gives the same id. A blank one raises
        InvalidRequest, since it would be another id each time.
        """
        return self.builder.new_conversation_id(unique)

    # -- requests ------------------------------------------------------------------------------------------------

    def send(self, request: Request, *, resume: bool = False) -> Acknowledgement:
        """Send a Request of your own as it stands, once it is checked against the contract and stored.

        ``resume``, returns and raises as ``pay_customer``.
        """
        check_schema(request)
        return self._deliver(request, resume)

    # -- what the broker answers itself ------------------------------------------------------------------------

    def query_transaction(self, conversation_id: str, *, query_date: datetime | None = None) -> History:
        """Ask the broker how far a payment came; the query is harmless and may be repeated (protocol, section 8).

        The History says what the broker's record proves. ``query_date`` is when the payment was sent and makes the
        answer faster. What the record proves moves the payment in the journal, if it is there; a result that states
        another amount, receiver or receipt than that payment settles nothing (``QueryVerdict.DIFFERS``). Raises
        NotSent or OutcomeUnknown where no readable answer came (of the query: the payment is as it was), Refused where
        the broker refused to answer, JournalError where the finding cannot be stored.
        """
        require_texts(conversation_id=conversation_id)
        moment: object = query_date
        if not isinstance(moment, datetime | None):
            raise InvalidRequest([f"query_date: must be a datetime, not {type(moment).__name__}"])
        call = BrokerCall(
            operation=QUERY_TRANSACTION,
            url=self._query_url,
            conversation_id=conversation_id,
            if_unknown="The query changes nothing and may be repeated; the payment is as it was.",
        )
        message = transaction_query(conversation_id, self._signer.time_stamp(query_date) if query_date else None)
        history = logged_history(self._sender.ask(call, message, QueryTransactionResponse), conversation_id)
        if self._journal is not None:
            return record_history(self._journal, history, conversation_id=conversation_id)
        return history

    def change_password(self, new_password: Secret, *, key: Secret, vector: Secret) -> ChangePasswordResponse:
        """Replace the service provider's password (protocol, section 9); ``key`` and ``vector`` are the AES ones.

        The client goes on signing with the password that it was made with: make a new one afterwards. Raises Refused
        where the old password stays valid, OutcomeUnknown where either may be, NotSent, SettingsError.
        """
        new_password, key, vector = hidden(new_password), hidden(key), hidden(vector)
        call = BrokerCall(
            operation=CHANGE_PASSWORD,
            url=self._management_url,
            signed=False,
            if_unknown="Either password may be the valid one now: keep both until one of them is refused.",
        )
        message = self._signer.change_of_password(reveal(new_password), key=key, vector=vector)
        return logged_change(self._sender.ask(call, message, ChangePasswordResponse))

    # -- the parts ------------------------------------------------------------------------------------------------

    def _order(self, wanted: PaymentRequest, resume: bool = False) -> Acknowledgement:
        if resume and wanted.conversation_id is None:
            raise InvalidRequest(["resume needs the conversation_id of the payment that is to be sent"])
        return self._deliver(self.builder.build(wanted), resume)

    def _deliver(self, request: Request, resume: bool) -> Acknowledgement:
        url = self._registration_url if request.transaction.command_id == REGISTER_URL else None
        return self._sender.deliver(request, url=url, resume=resume)


def _masked(url: str | None) -> SecretText | None:
    """An address whose user info and tokens no traceback shows."""
    return SecretText(url) if url is not None else None


def registration_url_of(endpoint: str) -> str:
    """Where RegisterURL is posted: beside the endpoint, ``/mminterface/registerURL`` (protocol, section 12)."""
    path, slash, _ = endpoint.rpartition("/mminterface/request")
    return f"{path}/mminterface/registerURL" if slash else endpoint
