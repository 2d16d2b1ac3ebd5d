"""queryTransaction and changePassword (protocol, sections 8 and 9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mpesa_cbp import Client, encrypt_new_password
from mpesa_cbp.errors import AuthenticationFailed
from mpesa_cbp.identity.profile import ServiceProvider
from mpesa_cbp.identity.security import sp_password
from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import ChangePassword, ChangePasswordResponse, Response
from mpesa_cbp_models.operations import CHANGE_PASSWORD
from mpesa_cbp_simulator import Partner, Simulator
from tests.simulator.by_hand import PAYEE, SP_PASSWORD, Broker, header, opened


def lists(partner: Partner, conversation_id: str) -> dict[str, list[bytes]]:
    answer = partner.client.query_transaction(conversation_id).answer
    assert answer is not None
    requests, responses = answer.submit_api_request_list, answer.submit_api_response_list
    results, timeouts = answer.submit_api_result_list, answer.queue_time_out_list
    assert requests is not None
    assert responses is not None
    assert results is not None
    assert timeouts is not None
    return {
        "request": opened(requests.submit_api_request),
        "response": opened(responses.submit_api_response),
        "result": opened(results.submit_api_result),
        "timeout": opened(timeouts.queue_time_out),
    }


def test_history_holds_whole_http_messages_of_every_leg(simulator: Simulator, partner: Partner) -> None:
    paid = partner.client.pay_customer(PAYEE, 100).conversation_id
    partner.wait_for_end(paid)
    found = lists(partner, paid)
    assert {name: len(messages) for name, messages in found.items()} == {
        "request": 2, "response": 2, "result": 1, "timeout": 0,
    }  # fmt: skip
    for name, messages in found.items():
        for message in messages:
            head, _, body = message.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            assert lines[0] == "HTTP/1.1 200 OK" if name == "response" else lines[0].startswith("POST /")
            assert f"Content-Length: {len(body)}" in lines
            assert decode(body).message is not None
    to_broker, to_core = found["request"]
    assert b"RequestSOAPHeader" in to_broker
    assert b"RequestSOAPHeader" not in to_core
    assert decode(found["result"][0].partition(b"\r\n\r\n")[2]).message.result_code == "0"
    assert simulator.transfers(paid)[0].receipt.encode() in found["result"][0]


def test_history_of_a_cached_request_shows_that_it_never_reached_the_core(
    simulator: Simulator, partner: Partner
) -> None:
    simulator.choose("cached-then-expired")
    cached = partner.client.pay_customer(PAYEE, 100).conversation_id
    assert {name: len(messages) for name, messages in lists(partner, cached).items()} == {
        "request": 1, "response": 1, "result": 0, "timeout": 0,
    }  # fmt: skip
    simulator.advance(3600)
    partner.wait_for_end(cached)
    assert len(lists(partner, cached)["timeout"]) == 1


def test_history_of_a_lost_result_holds_the_result(simulator: Simulator, partner: Partner) -> None:
    simulator.choose("never-resulted")
    paid = partner.client.pay_customer(PAYEE, 100).conversation_id
    simulator.settle()
    (result,) = lists(partner, paid)["result"]
    assert decode(result.partition(b"\r\n\r\n")[2]).message.result_code == "0"


def test_what_was_never_heard_of_has_an_empty_history(partner: Partner) -> None:
    assert not any(lists(partner, "600000_Acme_never").values())


def test_query_with_a_wrong_signature_is_refused(simulator: Simulator, partner: Partner) -> None:
    settings = {**simulator.client_settings(), "service_provider": ServiceProvider(id="107031", password="wrong")}
    with Client(**settings, journal=partner.journal) as client, pytest.raises(AuthenticationFailed):
        client.query_transaction("600000_Acme_1")


@pytest.fixture
def broker(simulator: Simulator) -> Iterator[Broker]:
    yield Broker(simulator)
    simulator.reset()


def change(
    broker: Broker, new: str, *, sp_id: str = "107031", password: str = SP_PASSWORD, encrypted: str | None = None
) -> str:
    """The ResponseCode of changePassword."""
    stamp = header().time_stamp or ""
    message = ChangePassword(
        sp_id=sp_id,
        sp_password=sp_password(sp_id=sp_id, password=password, time_stamp=stamp),
        time_stamp=stamp,
        new_password=encrypted
        if encrypted is not None
        else encrypt_new_password(
            new_password=new, key=broker.simulator.new_password_key, vector=broker.simulator.new_password_vector
        ),
    )
    answer = decode(broker.raw(encode(message, operation=CHANGE_PASSWORD, direction="input")).content).message
    found = answer.result if isinstance(answer, ChangePasswordResponse) else answer
    assert isinstance(found, Response)
    return found.response_code


def test_changed_password_counts_from_then_on(broker: Broker) -> None:
    assert change(broker, "n3w-Pässword") == "00000000"
    assert broker.response_code(broker.order().request()) == "100000007"
    assert broker.response_code(broker.order().request(), header(password="n3w-Pässword")) == "0"
    assert change(broker, "other") == "100000007"
    assert change(broker, "other", password="n3w-Pässword") == "00000000"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"password": "wrong"}, "100000007"),
        ({"sp_id": "999"}, "100000022"),
        ({"encrypted": "bm90IGVuY3J5cHRlZA=="}, "100000005"),
        ({"encrypted": "%%%"}, "100000005"),
    ],
    ids=["signature", "spId", "not encrypted", "no base64"],
)
def test_wrong_change_of_password_changes_nothing(broker: Broker, options: dict[str, str], code: str) -> None:
    assert change(broker, "new", **options) == code
    assert broker.response_code(broker.order().request()) == "0"
