"""The HTTP API, as a test in another language uses it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from mpesa_cbp import PaymentState
from mpesa_cbp_simulator import BAD_DAYS, Partner, Simulator

PAYEE = "254712345678"


def base(simulator: Simulator) -> str:
    return f"http://{urlsplit(simulator.url).netloc}"


def get(simulator: Simulator, path: str, **query: str) -> Any:
    answer = requests.get(f"{base(simulator)}/api/{path}", params=query, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(simulator: Simulator, path: str, **values: Any) -> Any:
    answer = requests.post(f"{base(simulator)}/api/{path}", json=values, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_payment_is_found_by_its_conversation_id_with_its_steps(simulator: Simulator, partner: Partner) -> None:
    paid = partner.client.pay_customer(PAYEE, 100, conversation_id="600000_Acme_1").conversation_id
    partner.wait_for_end(paid)
    simulator.settle()
    (payment,) = get(simulator, "payments", conversation_id=paid)["payments"]
    assert (payment["state"], payment["amount"], payment["receiver"]) == ("completed", "100.00", PAYEE)
    found = get(simulator, f"payments/{payment['number']}")
    assert [step["number"] for step in found["steps"]] == [1, 2, 3, 4, 5]
    (transfer,) = get(simulator, "transfers", conversation_id=paid)["transfers"]
    assert transfer["receipt"] == payment["receipt"]
    assert (transfer["amount"], transfer["credit"], transfer["reversed"]) == (
        "100.00",
        [PAYEE, "M-PESA Account"],
        False,
    )


def test_messages_are_masked_unless_told_otherwise(simulator: Simulator, partner: Partner) -> None:
    partner.wait_for_end(partner.client.pay_customer(PAYEE, 100).conversation_id)
    number = get(simulator, "payments")["payments"][0]["number"]
    masked = get(simulator, f"payments/{number}")["steps"][0]["message"]
    assert PAYEE not in masked
    assert "<SecurityCredential>********</SecurityCredential>" in masked
    assert PAYEE in get(simulator, f"payments/{number}", masked="no")["steps"][0]["message"]
    perhaps = requests.get(f"{base(simulator)}/api/payments/{number}?masked=perhaps", timeout=10)
    assert (perhaps.status_code, perhaps.json()["error"]) == (400, "masked must be yes or no")


def test_payments_come_in_pages_newest_first(simulator: Simulator, partner: Partner) -> None:
    for _ in range(5):
        partner.client.pay_customer(PAYEE, 100)
    simulator.settle()
    first = [each["number"] for each in get(simulator, "payments", limit="2")["payments"]]
    second = [each["number"] for each in get(simulator, "payments", limit="2", before=str(first[-1]))["payments"]]
    assert (first, second) == ([5, 4], [3, 2])
    assert len(get(simulator, "payments", state="completed")["payments"]) == 5
    assert get(simulator, "payments", state="cached")["payments"] == []


def test_bad_day_is_chosen_for_the_next_requests(simulator: Simulator, partner: Partner) -> None:
    state = post(simulator, "bad-day", name="cached-then-expired", times=1)
    assert state["bad_day"] == {"name": "cached-then-expired", "times": 1}
    queued = partner.client.pay_customer(PAYEE, 100)
    assert queued.queued
    (payment,) = get(simulator, "payments", state="cached")["payments"]
    post(simulator, f"payments/{payment['number']}/expire")
    assert partner.wait_for_end(queued.conversation_id).state is PaymentState.EXPIRED


def test_late_result_comes_when_the_time_is_put_forward(simulator: Simulator, partner: Partner) -> None:
    post(simulator, "bad-day", name="late-result")
    paid = partner.client.pay_customer(PAYEE, 100).conversation_id
    assert post(simulator, "advance", seconds=3599)["planned"] == 1
    assert get(simulator, "transfers", conversation_id=paid)["transfers"] == []
    assert post(simulator, "advance", seconds=1.5)["planned"] == 0
    assert partner.wait_for_end(paid).state is PaymentState.SUCCEEDED


def test_result_is_posted_once_more(simulator: Simulator, partner: Partner) -> None:
    paid = partner.client.pay_customer(PAYEE, 100).conversation_id
    partner.wait_for_end(paid)
    post(simulator, "settle")
    number = get(simulator, "payments")["payments"][0]["number"]
    post(simulator, f"payments/{number}/resend")
    post(simulator, "settle")
    steps = get(simulator, f"payments/{number}")["steps"]
    assert [step["number"] for step in steps] == [1, 2, 3, 4, 5, 4, 5]
    assert [event.kind.value for event in partner.journal.events(paid)].count("result") == 1


def test_customer_pays_in(simulator: Simulator, partner: Partner) -> None:
    partner.register_urls()
    post(simulator, "settle")
    begun = post(simulator, "c2b", msisdn=PAYEE, amount="50.25", reference="A1")
    post(simulator, "settle")
    assert get(simulator, f"payments/{begun['number']}")["state"] == "completed"


def test_accounts_show_who_holds_what(simulator: Simulator, partner: Partner) -> None:
    partner.wait_for_end(partner.client.pay_customer(PAYEE, "100.50").conversation_id)
    accounts = get(simulator, "accounts")
    assert accounts["organisations"][0]["accounts"]["Utility Account"] == "999899.50"
    assert {"100.50"} == {each["balance"] for each in accounts["customers"] if each["msisdn"] == PAYEE}


def test_list_of_bad_days_holds_every_name_and_amount(simulator: Simulator) -> None:
    listed = {each["name"]: each["amount"] for each in get(simulator, "bad-days")["bad_days"]}
    assert {each.name: each.magic for each in BAD_DAYS}.items() <= listed.items()
    assert listed["result-code:17"] == 4017
    assert listed["dialect:14"] == 4214
    assert listed["response-code:100000013"] == 4313


def test_reset_forgets_everything(simulator: Simulator, partner: Partner) -> None:
    partner.client.pay_customer(PAYEE, 100)
    simulator.settle()
    assert post(simulator, "reset")["payments"] == dict.fromkeys(
        ("refused", "accepted", "cached", "completed", "failed", "expired"), 0
    )


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "says"),
    [
        ("GET", "nothing", {}, 404, "docs/simulator.md"),
        ("GET", "payments/1", {}, 404, "no payment of this number"),
        ("GET", "payments/one", {}, 404, "named by its number"),
        ("GET", "payments?state=lost", {}, 400, "state must be one of"),
        ("GET", "payments?limit=-1", {}, 400, "limit must be a whole number"),
        ("GET", "reset", {}, 405, "use POST"),
        ("POST", "state", {"json": {}}, 405, "use GET"),
        ("POST", "reset", {"data": {"a": "b"}}, 415, "application/json"),
        ("POST", "reset", {"data": "{", "headers": {"Content-Type": "application/json"}}, 400, "not JSON"),
        ("POST", "reset", {"json": [1]}, 400, "must be a JSON object"),
        ("POST", "bad-day", {"json": {}}, 400, "name is missing"),
        ("POST", "bad-day", {"json": {"name": "sunny"}}, 400, "There are good"),
        ("POST", "bad-day", {"json": {"name": "slow", "times": True}}, 400, "times must be"),
        ("POST", "advance", {"json": {"seconds": "soon"}}, 400, "seconds must be"),
        ("POST", "advance", {"json": {"seconds": -1}}, 400, "seconds must be"),
        ("POST", "c2b", {"json": {"msisdn": PAYEE, "amount": "ten"}}, 400, "amount"),
        ("POST", "c2b", {"json": {"msisdn": PAYEE, "amount": 10}}, 409, "RegisterURL"),
        (
            "POST",
            "bad-day",
            {"json": {"name": "slow", "tims": 2}},
            400,
            "'tims' is not known here; known are: name, times",
        ),
        ("GET", "transfers?conversationid=a", {}, 400, "'conversationid' is not known here"),
        ("POST", "payments/9/resend", {"json": {}}, 404, "no payment of this number"),
    ],
)
def test_wrong_request_is_refused_with_the_reason(
    simulator: Simulator, method: str, path: str, options: dict[str, Any], status: int, says: str
) -> None:
    answer = requests.request(method, f"{base(simulator)}/api/{path}", timeout=10, **options)
    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_expiring_what_is_not_cached_is_refused(simulator: Simulator, partner: Partner) -> None:
    partner.wait_for_end(partner.client.pay_customer(PAYEE, 100).conversation_id)
    answer = requests.post(f"{base(simulator)}/api/payments/1/expire", json={}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (409, "only a cached request can expire")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "localhost"}, 200),
    ],
    ids=["rebound name", "another page", "a sandboxed page", "said by the browser", "localhost"],
)
def test_other_web_pages_are_kept_out(simulator: Simulator, headers: dict[str, str], status: int) -> None:
    answer = requests.post(f"{base(simulator)}/api/reset", json={}, headers=headers, timeout=10)
    assert answer.status_code == status
