"""A payment against a broker that fails at every point: the error, what the broker saw, and what the journal says.

One row a failure, read as: the broker does this; the payment raises that; so many connections were made, of which so
many carried the beginning of a request and so many a whole one; the journal has the payment in that state.
"""

from __future__ import annotations

import gc
import gzip
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Client, Initiator, PaymentState, ServiceProvider
from mpesa_cbp.commands.request import customer_payment
from mpesa_cbp.errors import (
    AuthenticationFailed,
    CbpError,
    DuplicateConversation,
    FaultOutcomeUnknown,
    FaultRefusal,
    NotSent,
    OutcomeUnknown,
    Refused,
    Sent,
    Throttled,
    ValidationRefused,
)
from mpesa_cbp.http import HttpTransport
from mpesa_cbp.identity.profile import profile_of
from mpesa_cbp.identity.signing import signer
from mpesa_cbp.send.sender import Sender
from mpesa_cbp.soap import encode, encode_fault
from mpesa_cbp_models import Response
from mpesa_cbp_models.operations import GENERIC_API_REQUEST
from mpesa_cbp_service import Journal
from tests.transport.authorities import Certificates
from tests.transport.clients import NOW, SECRETS, client_to, operator_key
from tests.transport.failing_broker import (
    Behaviour,
    Conversation,
    FailingBroker,
    acceptance,
    accepts,
    answers,
    answers_late,
    closes_after_head,
    closes_unread,
    closes_without_answer,
    drips,
    gzip_bomb,
    http_answer,
    sends_hundred_megabytes,
)

ID = "600000_AcmeLtd_November"
NUMBER = "254712345678"
CHUNKS = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
SENT_ONCE, NEVER_SENT, BEGUN, UNREAD = (1, 1, 1), (0, 0, 0), (1, 1, 0), (1, 0, 0)


def envelope(**response: Any) -> bytes:
    return encode(Response(**response), operation=GENERIC_API_REQUEST, direction="output")


def answered(**response: str) -> Behaviour:
    return answers(http_answer(envelope(**response)))


def transformed(change: Callable[[bytes], bytes], **head: str) -> Behaviour:
    """A good answer to the request, changed on its way."""

    def behaviour(conversation: Conversation) -> None:
        body = change(acceptance(conversation.read_request()[1]))
        conversation.send(http_answer(body, **head))

    return behaviour


def closes_inside_body(conversation: Conversation) -> None:
    conversation.read_head(at_once=1)
    conversation.read_body(at_most=100)
    conversation.reset()


def cut(conversation: Conversation) -> None:
    """Half of a good answer, then the end."""
    conversation.send(http_answer(acceptance(conversation.read_request()[1]))[:-200])


@dataclass(frozen=True)
class Row:
    broker: Behaviour
    error: type[CbpError] | None
    seen: tuple[int, int, int]
    state: PaymentState
    settings: dict[str, Any] = field(default_factory=dict)
    words: str = ""


UNKNOWN, FAILED = PaymentState.UNKNOWN, PaymentState.FAILED
ACCEPTED, QUEUED = PaymentState.ACCEPTED, PaymentState.QUEUED
SMALL = {"max_answer_bytes": 1_000_000}

ROWS: dict[str, Row] = {
    # -- the connection ends
    "closes before it reads": Row(closes_unread, OutcomeUnknown, UNREAD, UNKNOWN, words="connection ended"),
    "closes after the headers": Row(closes_after_head, OutcomeUnknown, BEGUN, UNKNOWN, words="connection ended"),
    "closes inside the body": Row(closes_inside_body, OutcomeUnknown, BEGUN, UNKNOWN, words="connection ended"),
    "closes without an answer": Row(closes_without_answer, OutcomeUnknown, SENT_ONCE, UNKNOWN, words="connection ended"),
    # -- time
    "answers after the timeout": Row(answers_late, OutcomeUnknown, SENT_ONCE, UNKNOWN, {"timeout": (5, 0.2)}, "in time"),
    "drips the answer": Row(
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"),
        OutcomeUnknown, SENT_ONCE, UNKNOWN, {"timeout": (5, 0.4), "answer_deadline": 0.5}, "in time",
    ),
    # -- what comes is no answer
    "answers half": Row(cut, OutcomeUnknown, SENT_ONCE, UNKNOWN, words="not whole"),
    "answers garbage": Row(answers(b"\x16\x03\x01garbage\r\n\r\n"), OutcomeUnknown, SENT_ONCE, UNKNOWN, words="can be read"),
    "answers nothing": Row(answers(http_answer(b"")), OutcomeUnknown, SENT_ONCE, UNKNOWN, words="body is empty"),
    "answers an HTML page": Row(
        answers(http_answer(b"<html><body>Welcome</body></html>", content_type="text/html")),
        OutcomeUnknown, SENT_ONCE, UNKNOWN, words="HTML page",
    ),
    "answers half an envelope": Row(
        transformed(lambda body: body[:-80]), OutcomeUnknown, SENT_ONCE, UNKNOWN, words="cannot be read"
    ),
    "answers an envelope with a DTD": Row(
        transformed(lambda body: body.replace(b"?><", b"?><!DOCTYPE x []><", 1)),
        OutcomeUnknown, SENT_ONCE, UNKNOWN, words="cannot be read",
    ),
    "answers with another message": Row(
        answers(http_answer(encode_fault("", ""))), FaultOutcomeUnknown, SENT_ONCE, UNKNOWN, words="SOAP fault"
    ),
    "sends 100 MB": Row(sends_hundred_megabytes(CHUNKS), OutcomeUnknown, SENT_ONCE, UNKNOWN, SMALL, "larger than"),
    "sends 20 MB as a small gzip": Row(
        answers(http_answer(gzip_bomb(20_000_000), headers="Content-Encoding: gzip\r\n")),
        OutcomeUnknown, SENT_ONCE, UNKNOWN, SMALL, "larger than",
    ),
    # -- statuses
    "500 without SOAP": Row(
        answers(http_answer(b"<html/>", status="500 Oops", content_type="text/html")),
        OutcomeUnknown, SENT_ONCE, UNKNOWN, words="HTTP 500",
    ),
    "503 with an HTML page": Row(
        answers(http_answer(b"<html/>", status="503 Busy", content_type="text/html")),
        OutcomeUnknown, SENT_ONCE, UNKNOWN, words="HTTP 503",
    ),
    "500 with a refusal in SOAP": Row(
        answers(http_answer(envelope(response_code="100000007"), status="500 Oops")),
        AuthenticationFailed, SENT_ONCE, FAILED, words="100000007",
    ),
    "a redirect, which is not followed": Row(
        answers(http_answer(b"", status="307 There", headers="Location: http://127.0.0.1:1/\r\n")),
        OutcomeUnknown, SENT_ONCE, UNKNOWN, words="HTTP 307",
    ),
    # -- faults
    "a fault that refuses": Row(
        answers(http_answer(encode_fault("SVC0901", "Sp password is not accepted!"), status="500 Oops")),
        FaultRefusal, SENT_ONCE, FAILED, words="SVC0901: Sp password is not accepted",
    ),
    "a fault of the server": Row(
        answers(http_answer(encode_fault("soapenv:Server", "database"), status="500 Oops")),
        FaultOutcomeUnknown, SENT_ONCE, UNKNOWN, words="soapenv:Server: database",
    ),
    # -- refusals and doubts in the answer itself
    "throttled": Row(answered(response_code="100000002"), Throttled, SENT_ONCE, FAILED, words="wait"),
    "invalid value": Row(answered(response_code="100000005"), ValidationRefused, SENT_ONCE, FAILED, words="correct it"),
    "insufficient balance": Row(answered(response_code="100000012"), Refused, SENT_ONCE, FAILED, words="100000012"),
    "duplicate": Row(answered(response_code="15"), OutcomeUnknown, SENT_ONCE, UNKNOWN, words="mpesa-cbp query"),
    "internal error": Row(answered(response_code="100000004"), OutcomeUnknown, SENT_ONCE, UNKNOWN, words="100000004"),
    "a code that nobody knows": Row(answered(response_code="987"), OutcomeUnknown, SENT_ONCE, UNKNOWN, words="987"),
    "another conversation": Row(
        answered(response_code="0", originator_conversation_id="600000_AcmeLtd_9999"),
        OutcomeUnknown, SENT_ONCE, UNKNOWN, words="another conversation",
    ),
    # -- no failures
    "accepts": Row(accepts, None, SENT_ONCE, ACCEPTED),
    "accepts, with HTTP 500": Row(transformed(lambda body: body, status="500 Oops"), None, SENT_ONCE, ACCEPTED),
    "accepts, packed with gzip": Row(transformed(gzip.compress, headers="Content-Encoding: gzip\r\n"), None, SENT_ONCE, ACCEPTED),
    "can only cache the request": Row(
        answered(response_code="100000000", originator_conversation_id=ID, conversation_id="AG_1"),
        None, SENT_ONCE, QUEUED,
    ),
}  # fmt: skip

EVENTS = {
    UNKNOWN: ["created", "sending", "outcome-unknown"],
    ACCEPTED: ["created", "sending", "accepted"],
    QUEUED: ["created", "sending", "queued"],
}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(f"sqlite:///{tmp_path}/payments.db") as opened:
        yield opened


def pay(endpoint: str, journal: Journal, **settings: Any) -> CbpError | None:
    """One payment with two retries allowed; its error, which shows nothing that it should not."""
    error: CbpError | None = None
    with client_to(endpoint, journal=journal, connect_retries=2, **settings) as client:
        try:
            client.pay_customer(NUMBER, 100, conversation_id=ID)
        except CbpError as raised:
            error = raised
    if error is not None:
        assert error.conversation_id == ID
        assert ID in str(error)
        assert not any(each in f"{error}{error!r}{error.body}" for each in (NUMBER, *SECRETS))
        assert error.__cause__ is None
    return error


def assert_journal(journal: Journal, state: PaymentState, *, events: list[str] | None = None) -> None:
    payment = journal.payment(ID)
    assert payment is not None
    assert payment.state is state
    assert [event.kind.value for event in journal.events(ID)] == (events or EVENTS[state])


@pytest.mark.parametrize("code", ["0", "100000000"])
@pytest.mark.parametrize(
    ("ids", "missing"),
    [
        ({"originator_conversation_id": ID, "conversation_id": ""}, ("ConversationID",)),
        ({"originator_conversation_id": " ", "conversation_id": "AG_1"}, ("OriginatorConversationID",)),
        ({}, ("OriginatorConversationID", "ConversationID")),
    ],
)
def test_acceptance_without_a_conversation_id_is_one_and_says_so(
    journal: Journal, caplog: pytest.LogCaptureFixture, ids: dict[str, str], missing: tuple[str, ...], code: str
) -> None:
    with (
        FailingBroker(answered(response_code=code, **ids)) as broker,
        client_to(broker.url(), journal=journal) as client,
    ):
        acknowledgement = client.pay_customer(NUMBER, 100, conversation_id=ID)
    assert acknowledgement.missing_ids == missing
    assert acknowledgement.queued == (code != "0")
    assert journal.events(ID)[-1].detail == f"without {' and '.join(missing)}"
    assert any(getattr(record, "missing", None) == " and ".join(missing) for record in caplog.records)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_failing_broker_is_told_apart_and_the_request_never_goes_out_twice(
    row: Row, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="mpesa_cbp")
    with FailingBroker(row.broker) as broker:
        error = pay(broker.url(), journal, **row.settings)
        broker.released.set()
        if row.broker is not ROWS["drips the answer"].broker:
            broker.wait_for_ends()
        assert type(error) is (row.error or type(None))
        assert row.words in str(error)
        assert (broker.connections, broker.begun_requests, broker.complete_requests) == row.seen
    if error is not None:
        assert (error.sent is Sent.YES, error.final) == (row.state is FAILED, row.state is FAILED)
        assert error.advice in str(error)
    assert_journal(journal, row.state, events=["created", "sending", "refused"] if row.state is FAILED else None)
    logged = [getattr(record, "event", "").removeprefix("payment.").replace("_", "-") for record in caplog.records]
    assert logged == [event.kind.value for event in journal.events(ID)]
    assert not any(each in caplog.text for each in (NUMBER, *SECRETS))


# Where provably nothing left.

NOT_SENT = ["created", "sending", "not-sent"]


@contextmanager
def silent() -> Iterator[str]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/mminterface/request"


def test_a_refused_connection_is_not_sent(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="mpesa_cbp")
    with silent() as endpoint:
        error = pay(endpoint, journal)
    assert [record.message.split(" ")[0] for record in caplog.records] == ["payment.retried"] * 2 + ["payment.not_sent"]
    assert isinstance(error, NotSent)
    assert "refused the connection" in str(error)
    assert_journal(journal, FAILED, events=NOT_SENT)


def test_an_unknown_host_is_not_sent(journal: Journal) -> None:
    error = pay("http://broker.invalid/mminterface/request", journal)
    assert isinstance(error, NotSent)
    assert "host name was not found" in str(error)
    assert_journal(journal, FAILED, events=NOT_SENT)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize(
    ("shown", "trusted", "words"),
    [
        ("broker", "stranger", "unable to get local issuer"),
        ("self-signed", "authority", "self-signed certificate"),
        ("elsewhere", "authority", "IP address mismatch"),
        ("expired", "authority", "certificate has expired"),
    ],
)
def test_a_wrong_certificate_is_not_sent(
    shown: str, trusted: str, words: str, certificates: Certificates, journal: Journal
) -> None:
    with FailingBroker(accepts, tls=certificates.for_broker(shown)) as broker:
        error = pay(broker.url(), journal, ca=certificates.certificate(trusted))
        broker.wait_for_ends(3)
        assert isinstance(error, NotSent)
        assert words in str(error).replace("self signed", "self-signed")
        assert (broker.begun_requests, broker.complete_requests) == (0, 0)
    assert_journal(journal, FAILED, events=NOT_SENT)


PAYMENTS: dict[str, Callable[[Client, bool], object]] = {
    "customer": lambda client, resume: client.pay_customer(NUMBER, 100, conversation_id=ID, resume=resume),
    "business": lambda client, resume: client.pay_business(
        "888888", 100, account_reference="A", conversation_id=ID, resume=resume
    ),
    "own funds": lambda client, resume: client.transfer_own_funds(
        100, command="OrgBankAccountWithdrawal", conversation_id=ID, resume=resume
    ),
}


@pytest.mark.parametrize("payment", PAYMENTS.values(), ids=PAYMENTS)
def test_what_was_not_sent_goes_out_once_as_soon_as_the_broker_is_there(
    payment: Callable[[Client, bool], object], journal: Journal
) -> None:
    with silent() as endpoint, client_to(endpoint, journal=journal, connect_retries=0) as client:
        with pytest.raises(NotSent):
            payment(client, False)
        with pytest.raises(DuplicateConversation):
            payment(client, False)
    with FailingBroker(accepts) as broker, client_to(broker.url(), journal=journal) as client:
        payment(client, True)
        client.close()
        broker.wait_for_ends()
        assert (broker.connections, broker.complete_requests) == (1, 1)
    assert_journal(journal, ACCEPTED, events=[*NOT_SENT, "sending", "accepted"])


# Connections that are kept between two payments.


def test_a_connection_that_ended_between_two_payments_is_replaced_before_anything_is_written(journal: Journal) -> None:
    def behaviour(conversation: Conversation) -> None:
        conversation.send(http_answer(acceptance(conversation.read_request()[1])))

    with FailingBroker(behaviour) as broker, client_to(broker.url(), journal=journal) as client:
        client.pay_customer(NUMBER, 100)
        broker.wait_for_ends()
        client.pay_customer(NUMBER, 200)
        broker.wait_for_ends()
        assert (broker.connections, broker.begun_requests, broker.complete_requests) == (2, 2, 2)
    assert len(journal.payments([ACCEPTED])) == 2


def test_a_connection_that_ends_under_the_second_payment_leaves_that_one_unknown(journal: Journal) -> None:
    def behaviour(conversation: Conversation) -> None:
        conversation.send(http_answer(acceptance(conversation.read_request()[1])))
        conversation.read_request()

    with FailingBroker(behaviour) as broker, client_to(broker.url(), journal=journal) as client:
        client.pay_customer(NUMBER, 100)
        with pytest.raises(OutcomeUnknown):
            client.pay_customer(NUMBER, 200, conversation_id=ID)
        broker.wait_for_ends()
        assert (broker.connections, broker.complete_requests) == (1, 2)
    assert_journal(journal, UNKNOWN)


# Interruptions.


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Ctrl-C as a terminal's process has it, whatever those who started us, or commands that ran here, made of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_ctrl_c_while_waiting_leaves_the_payment_unknown_and_the_client_usable(journal: Journal) -> None:
    heard = threading.Event()

    def behaviour(conversation: Conversation) -> None:
        body = conversation.read_request()[1]
        if heard.is_set():
            conversation.send(http_answer(acceptance(body)))
            return
        heard.set()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        conversation.read_head()

    with FailingBroker(behaviour) as broker, client_to(broker.url(), journal=journal) as client:
        with pytest.raises(KeyboardInterrupt):
            client.pay_customer(NUMBER, 100, conversation_id=ID)
        broker.wait_for_ends()
        assert (broker.connections, broker.complete_requests) == (1, 1)
        assert_journal(journal, UNKNOWN)
        client.pay_customer(NUMBER, 200)
        assert broker.connections == 2


# The standard library leaves the socket of an interrupted handshake to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("heard_interrupts")
def test_ctrl_c_before_the_connection_is_made_leaves_the_payment_unsent(
    journal: Journal, certificates: Certificates
) -> None:
    """The TCP connection is there, TLS never comes about: nothing of the request can have left."""
    greeted, over = threading.Event(), threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def mute() -> None:
        with listening, listening.accept()[0] as connection:
            connection.recv(1)
            greeted.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            over.wait(30)

    thread = threading.Thread(target=mute)
    thread.start()
    url = f"https://localhost:{listening.getsockname()[1]}/"
    with client_to(url, journal=journal, ca=certificates.certificate("authority")) as client:
        with pytest.raises(KeyboardInterrupt):
            client.pay_customer(NUMBER, 100, conversation_id=ID)
        over.set()
        thread.join()
        gc.collect()
    assert greeted.is_set()
    payment = journal.payment(ID)
    assert payment is not None
    assert (payment.state, payment.requests, payment.may_be_sent) == (FAILED, 0, True)


@dataclass
class ClockWithoutMemory:
    """The transport asks for the time at every step; one of these calls finds no memory."""

    fails_at: int
    asked: int = 0

    def __call__(self) -> float:
        self.asked += 1
        if self.asked == self.fails_at:
            raise MemoryError
        return time.monotonic()


@pytest.mark.parametrize("step", range(1, 7))
def test_memory_that_runs_out_at_any_step_never_lets_what_may_have_left_be_sent_again(
    journal: Journal, step: int
) -> None:
    clock = ClockWithoutMemory(step)
    signed = signer(
        service_provider=ServiceProvider(id="107031", password="planted-sp-password", service_id="107031000"),
        initiator=Initiator(
            name="api", password="planted", short_code="600000", certificate=operator_key().certificate
        ),
        profile=profile_of("contract"),
        clock=lambda: NOW,
    )
    with FailingBroker(accepts) as broker, client_to(broker.url()) as client:
        request = client.builder.build(customer_payment(NUMBER, 100, conversation_id=ID))
        with HttpTransport(broker.url(), clock=clock, connect_retries=0) as http:
            sender = Sender(http, signed, journal)
            with pytest.raises((OutcomeUnknown, NotSent)) as raised:
                sender.deliver(request)
        broker.wait_for_ends(broker.connections)
        arrived = broker.begun_requests
    payment = journal.payment(ID)
    assert payment is not None
    assert clock.asked >= step
    assert payment.state is (FAILED if isinstance(raised.value, NotSent) else UNKNOWN)
    assert arrived == 0 or not payment.may_be_sent


# Threads.


def test_a_client_is_shared_by_threads_each_with_a_connection_of_its_own(journal: Journal) -> None:
    ready = threading.Barrier(8)
    first = threading.local()

    with FailingBroker(accepts) as broker, client_to(broker.url(), journal=journal, timeout=(5, 30)) as client:

        def pay_one(number: int) -> str:
            if not hasattr(first, "over"):
                first.over = True
                ready.wait(10)
            return client.pay_customer(f"25471234{number:04}", number + 1).conversation_id

        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(pay_one, range(48)))
        assert broker.connections == 8
        assert broker.complete_requests == 48
    assert len(set(made)) == 48
    stored = {payment.conversation_id: payment for payment in journal.payments([ACCEPTED])}
    for number, conversation_id in enumerate(made):
        assert stored[conversation_id].receiver == f"25471234{number:04}"
        assert stored[conversation_id].amount == Decimal(number + 1)
