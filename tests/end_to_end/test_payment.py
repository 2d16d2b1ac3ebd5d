"""One payment, end to end: client, simulated broker, listener and journal over real HTTP, good days and bad ones."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.errors import (
    AuthenticationFailed,
    DuplicateConversation,
    InvalidRequest,
    JournalError,
    NotSent,
    OutcomeUnknown,
    Refused,
    Sent,
    SettingsError,
    SoapFault,
    Throttled,
)
from mpesa_cbp.identity.profile import PROFILES, ServiceProvider
from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_service.notifications import QueueTimeoutNotification, ResultNotification
from mpesa_cbp_simulator import Simulator, Timing
from tests.service.journal.damage import lose_table
from tests.transport.clients import client_to

MSISDN = "254712345678"
TIMING = Timing(result_delay=0.05)


@dataclass
class Bench:
    simulator: Simulator
    journal: Journal
    client: Client
    notifications: queue.Queue[ResultNotification | QueueTimeoutNotification]
    urls: dict[str, Any]

    def state(self, conversation_id: str) -> PaymentState:
        payment = self.journal.payment(conversation_id)
        assert payment is not None
        return payment.state

    def requests_seen(self) -> int:
        return sum(step.number == 1 for step in self.simulator.steps)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    notifications: queue.Queue[ResultNotification | QueueTimeoutNotification] = queue.Queue()
    with Simulator(timing=TIMING, seed=1) as simulator, Journal(f"sqlite:///{tmp_path}/payments.db") as journal:
        listener = Listener(journal=journal, path_token="an-unguessable-word")
        listener.on_result(notifications.put)
        listener.on_queue_timeout(notifications.put)
        listener.on_contradiction(notifications.put)
        with ListenerServer(listener) as server:
            urls: dict[str, Any] = {
                "result_url": f"{server.url}/an-unguessable-word/r",
                "queue_timeout_url": f"{server.url}/an-unguessable-word/q",
            }
            with Client(**simulator.client_settings(), **urls, journal=journal, timeout=(2, 3)) as client:
                yield Bench(simulator, journal, client, notifications, urls)


def test_payment_is_accepted_then_paid_and_its_result_is_typed(bench: Bench) -> None:
    acknowledgement = bench.client.pay_customer("0712 345 678", "100.00", remark="Salary & <bonus>", occasion="x")
    notification = bench.notifications.get(timeout=10)

    assert isinstance(notification, ResultNotification)
    assert notification.conversation_id == acknowledgement.conversation_id
    assert acknowledgement.conversation_id.startswith("600000_Acme_")
    assert notification.succeeded
    assert notification.parameters.receiver_number == MSISDN
    assert str(notification.parameters.amount) == "100.00"
    assert MSISDN not in repr(notification)
    kinds = [event.kind.value for event in bench.journal.events(acknowledgement.conversation_id)]
    assert kinds == ["created", "sending", "accepted", "result"]
    assert bench.state(acknowledgement.conversation_id) is PaymentState.SUCCEEDED


@pytest.mark.parametrize("profile", [name for name, each in sorted(PROFILES.items()) if each.signed])
def test_both_profiles_of_the_signing_header_are_accepted(bench: Bench, profile: str) -> None:
    with Client(**bench.simulator.client_settings(), **bench.urls, journal=bench.journal, profile=profile) as client:
        assert client.pay_customer(MSISDN, 100).code.strip("0") == ""


@pytest.mark.parametrize(
    ("bad_day", "error", "state"),
    [
        ("throttled", Throttled, PaymentState.FAILED),
        ("overloaded", Throttled, PaymentState.FAILED),
        ("internal-error", OutcomeUnknown, PaymentState.UNKNOWN),
        ("reset-before", OutcomeUnknown, PaymentState.UNKNOWN),
        ("fault-refused", SoapFault, PaymentState.FAILED),
        ("fault-server", OutcomeUnknown, PaymentState.UNKNOWN),
        ("html", OutcomeUnknown, PaymentState.UNKNOWN),
        ("html-503", OutcomeUnknown, PaymentState.UNKNOWN),
        ("cut-answer", OutcomeUnknown, PaymentState.UNKNOWN),
    ],
)
def test_bad_answer_is_the_right_error_and_the_request_goes_out_once(
    bench: Bench, bad_day: str, error: type[Exception], state: PaymentState
) -> None:
    bench.simulator.choose(bad_day)
    with pytest.raises(error) as caught:
        bench.client.pay_customer(MSISDN, 100, conversation_id="600000_Acme_1")
    assert MSISDN not in f"{caught.value}{caught.value!r}"
    assert "simulator-" not in f"{caught.value}{caught.value!r}"
    kinds = [event.kind.value for event in bench.journal.events("600000_Acme_1")]
    assert kinds[:2] == ["created", "sending"]
    assert state is bench.state("600000_Acme_1") or bench.state("600000_Acme_1") is PaymentState.SUCCEEDED
    assert bench.requests_seen() <= 1


def test_cached_request_is_queued_and_its_expiry_is_told(bench: Bench) -> None:
    bench.simulator.choose("cached-then-expired")
    acknowledgement = bench.client.pay_customer(MSISDN, 100)
    assert acknowledgement.queued
    notification = bench.notifications.get(timeout=20)
    assert isinstance(notification, QueueTimeoutNotification)
    assert bench.state(acknowledgement.conversation_id) is PaymentState.EXPIRED


def test_result_delivered_twice_is_handled_once(bench: Bench) -> None:
    bench.simulator.choose("result-twice")
    acknowledgement = bench.client.pay_customer(MSISDN, 100)
    bench.notifications.get(timeout=10)
    bench.simulator.settle(10)
    assert bench.notifications.empty()
    results = [e for e in bench.journal.events(acknowledgement.conversation_id) if e.kind.value == "result"]
    assert len(results) == 1


def test_contradicting_result_is_kept_and_changes_nothing(bench: Bench) -> None:
    bench.simulator.choose("contradicting-results")
    acknowledgement = bench.client.pay_customer(MSISDN, 100)
    codes = {_result_code(bench.notifications.get(timeout=10)), _result_code(bench.notifications.get(timeout=10))}
    assert codes == {"0", "17"}
    assert bench.state(acknowledgement.conversation_id) is PaymentState.SUCCEEDED
    assert [e.contradicts for e in bench.journal.events(acknowledgement.conversation_id)][-1]


def _result_code(notification: ResultNotification | QueueTimeoutNotification) -> str:
    assert isinstance(notification, ResultNotification)
    return notification.result.result_code


def test_unknown_outcome_can_be_asked_for(bench: Bench) -> None:
    acknowledgement = bench.client.pay_customer(MSISDN, 100)
    bench.notifications.get(timeout=10)
    history = bench.client.query_transaction(acknowledgement.conversation_id)
    assert (history.state, history.code) == (PaymentState.SUCCEEDED, "0")


def test_wrong_password_is_an_authentication_failure(bench: Bench) -> None:
    settings = bench.simulator.client_settings()
    settings["service_provider"] = ServiceProvider(id="107031", password="wrong", service_id="107031000")
    with Client(**settings, **bench.urls, journal=bench.journal) as client, pytest.raises(AuthenticationFailed):
        client.pay_customer(MSISDN, 100)


def test_nothing_listens_so_nothing_is_sent(bench: Bench) -> None:
    settings = {**bench.simulator.client_settings(), "endpoint": "http://127.0.0.1:1/mminterface/request"}
    with Client(**settings, journal=bench.journal, connect_retries=0) as client, pytest.raises(NotSent):
        client.pay_customer(MSISDN, 100, conversation_id="600000_Acme_2")
    assert bench.state("600000_Acme_2") is PaymentState.FAILED


def test_known_conversation_id_is_refused_before_anything_is_sent(bench: Bench) -> None:
    bench.client.pay_customer(MSISDN, 100, conversation_id="600000_Acme_3")
    seen = bench.requests_seen()
    with pytest.raises(DuplicateConversation):
        bench.client.pay_customer(MSISDN, 100, conversation_id="600000_Acme_3")
    assert bench.requests_seen() == seen


def test_payment_that_cannot_be_stored_is_not_sent(bench: Bench, tmp_path: Path) -> None:
    lose_table(tmp_path / "payments.db", "mpesa_cbp_payments")
    with pytest.raises(JournalError) as caught:
        bench.client.pay_customer(MSISDN, 100)
    assert caught.value.sent is Sent.NO
    assert bench.requests_seen() == 0


def test_all_problems_of_a_payment_are_told_at_once_and_nothing_is_stored(bench: Bench) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bench.client.pay_customer("12", 1.5, command="Gift", conversation_id="600000_Acme_4")  # type: ignore[arg-type]
    assert len(caught.value.problems) == 3
    assert bench.journal.payment("600000_Acme_4") is None
    assert bench.requests_seen() == 0


@pytest.mark.parametrize("name", ["result_url", "queue_timeout_url", "query_url", "management_url"])
@pytest.mark.parametrize("url", ["not a url", "ftp://x", "", "http://us.example/a b/r", "http://"])
def test_client_refuses_an_address_at_which_nothing_can_arrive(name: str, url: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not an http or https URL") as caught:
        client_to("https://broker.example/", **{name: url})
    assert caught.value.problems == (f"{name} is not an http or https URL with a host name",)


def test_closed_client_pays_nothing_more_and_stores_nothing(bench: Bench) -> None:
    with bench.client as client:
        client.pay_customer(MSISDN, 100)
    with pytest.raises(NotSent, match="was closed"):
        client.pay_customer(MSISDN, 100, conversation_id="600000_Acme_6")
    with pytest.raises(NotSent, match="was closed"):
        client.query_transaction("600000_Acme_6")
    assert bench.journal.payment("600000_Acme_6") is None
    assert bench.requests_seen() == 1


def test_too_long_a_remark_is_told_without_its_text(bench: Bench) -> None:
    with pytest.raises(InvalidRequest, match="Remark: must be at most 255 long, not 256") as caught:
        bench.client.pay_customer(MSISDN, 100, remark="Jane Doe" * 32, conversation_id="600000_Acme_7")
    assert "Jane" not in str(caught.value)


def test_amount_in_scientific_notation_is_refused_and_nothing_is_stored(bench: Bench) -> None:
    with pytest.raises(InvalidRequest, match="not in plain digits"):
        bench.client.pay_customer(MSISDN, "1e3", conversation_id="600000_Acme_5")
    assert bench.journal.payment("600000_Acme_5") is None
    assert bench.requests_seen() == 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.pay_business("600001", 100, account_reference="A1"),
        lambda client: client.transfer_own_funds(100, command="BusinessTransferFromUtilityToMMF"),
        lambda client: client.account_balance(),
        lambda client: client.transaction_status(receipt="ABC"),
        lambda client: client.reverse("ABC"),
        lambda client: client.register_urls(confirmation_url="http://127.0.0.1:1/c"),
    ],
    ids=["pay_business", "transfer_own_funds", "account_balance", "transaction_status", "reverse", "register_urls"],
)
def test_every_other_command_is_understood_by_the_broker(bench: Bench, ask: object) -> None:
    try:
        acknowledgement = ask(bench.client)  # type: ignore[operator]
    except Refused as error:
        pytest.fail(f"refused: {error}")
    assert acknowledgement.code.strip("0") == ""


def test_without_a_journal_the_caller_must_give_the_conversation_id(bench: Bench) -> None:
    with Client(**bench.simulator.client_settings(), **bench.urls) as client:
        with pytest.raises(InvalidRequest, match="conversation_id must be given"):
            client.pay_customer(MSISDN, 100)
        assert client.pay_customer(MSISDN, 100, conversation_id="mine-1").conversation_id == "mine-1"
