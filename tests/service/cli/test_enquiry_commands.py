"""mpesa-cbp query, status, balance, reverse and register: what they print, how they exit."""

from __future__ import annotations

import json
import re

import pytest

from mpesa_cbp_service.cli import run
from tests.service.commands import ID, OF_ONE, Shown, assert_hides
from tests.world import World


def test_a_payment_can_be_asked_for_at_the_broker(world: World, capsys: Shown) -> None:
    arguments = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID, "--wait", "20"]
    assert run(arguments) == 0
    capsys.readouterr()
    assert run(["query", ID]) == 0
    shown = capsys.readouterr()
    assert "In our journal the payment is now SUCCEEDED." in shown.out
    assert_hides(shown, world)
    assert run(["query", ID, "--json", "--sent-at", "2026-11-24"]) == 0
    assert json.loads(capsys.readouterr().out)["finding"] == "result"


def test_a_payment_that_nobody_knows_exits_with_4_or_is_refused(world: World, capsys: Shown) -> None:
    assert run(["query", "600000_Acme_never"]) == 4
    shown = capsys.readouterr()
    assert shown.out + shown.err
    assert world.journal.payments() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["balance"], "account"),
        (["status", "--receipt", "RECEIPT"], "ResultCode"),
        (["reverse", "--receipt", "RECEIPT", "--remark", "Paid twice", "--yes"], "ResultCode"),
    ],
)
def test_the_core_is_asked_and_its_result_shown(arguments: list[str], words: str, world: World, capsys: Shown) -> None:
    pay = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID, "--wait", "20"]
    assert run(pay) == 0
    payment = world.journal.payment(ID)
    assert payment is not None
    receipt = payment.receipt or ""
    capsys.readouterr()
    assert run([each.replace("RECEIPT", receipt) for each in arguments] + ["--wait", "20"]) == 0
    shown = capsys.readouterr()
    assert words in shown.out
    assert_hides(shown, world)


def test_the_answer_about_a_reversed_payment_says_reversed_and_no_payment_succeeded(
    world: World, capsys: Shown
) -> None:
    pay = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID, "--wait", "20"]
    assert run(pay) == 0
    payment = world.journal.payment(ID)
    assert payment is not None
    assert payment.receipt
    assert run(["reverse", "--receipt", payment.receipt, "--yes", "--wait", "20"]) == 0
    capsys.readouterr()
    assert run(["status", "--receipt", payment.receipt, "--wait", "20"]) == 0
    shown = capsys.readouterr().out
    assert "ANSWERED: The core answered the enquiry" in shown
    assert re.search(r"ResultCode .*\n  TransactionStatus +Reversed\n", shown)
    assert "SUCCEEDED" not in shown
    assert run(["status", "--receipt", payment.receipt, "--wait", "20", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["state"], facts["transaction_status"]) == ("ANSWERED", "Reversed")
    assert {"key": "TransactionType", "value": "BusinessPayment"} in facts["parameters"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pay", "--msisdn", "0712345678", "--amount", "100"], "Certainly nothing was paid."),
        (["pay", "--command", "OrgRevenueSettlement"], "Certainly no funds were moved."),
        (["reverse", "--receipt", "NOSUCH"], "The transaction was certainly not taken back."),
        (["status", "--receipt", "NOSUCH"], "The core gave no answer to the enquiry."),
        (["register", "--confirmation-url", "https://us.example/c"], "The URLs were certainly not registered."),
    ],
)
def test_what_the_core_failed_is_told_in_the_words_of_its_command(
    arguments: list[str], said: str, world: World, capsys: Shown
) -> None:
    world.simulator.choose("result-code:21")
    asked = [] if arguments[0] == "status" else ["--yes"]
    # An enquiry that failed says nothing of the transaction that was asked about.
    assert run([*arguments, *asked, "--wait", "20"]) == (4 if arguments[0] == "status" else 1)
    assert f"FAILED: {said}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["balance"], ["reverse", "--receipt", "NOSUCH", "--yes"], ["query", ID], ["status", "--receipt", "R"]]
)
def test_what_the_broker_refused_is_never_called_a_payment(arguments: list[str], world: World, capsys: Shown) -> None:
    world.simulator.choose("response-code:100000007")
    assert run(arguments) in (1, 4)
    assert "payment was made" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["balance"], "No money depends on it: make a new request"),
        (["reverse", "--receipt", "NOSUCH", "--yes"], "Do not send it again: look up its outcome with mpesa-cbp query"),
    ],
)
def test_where_the_outcome_is_unknown_it_is_told_whether_money_hangs_on_it(
    arguments: list[str], said: str, world: World, capsys: Shown
) -> None:
    world.simulator.choose("html")
    assert run(arguments) == 4
    assert said in capsys.readouterr().err


def test_what_is_taken_back_is_shown_by_its_receipt_before_it_is_asked_for(world: World, capsys: Shown) -> None:
    assert run([*OF_ONE, "--conversation-id", ID, "--wait", "20"]) == 0
    payment = world.journal.payment(ID)
    assert payment is not None
    capsys.readouterr()
    assert run(["reverse", "--receipt", str(payment.receipt)]) == 2
    shown = capsys.readouterr()
    assert f"takes back       100 KES to 2547****5678, SUCCEEDED, {ID}" in shown.err
    assert_hides(shown, world)
    assert run(["reverse", "--receipt", "NOSUCH"]) == 2
    assert "no payment of ours in the journal has this receipt: see that it is right" in capsys.readouterr().err


def test_a_reversal_that_never_left_is_sent_again_under_its_id(world: World, capsys: Shown) -> None:
    arguments = ["reverse", "--receipt", "NOSUCH", "--yes", "--conversation-id", ID]
    url = world.simulator.url
    world.point_to("http://127.0.0.1:1/mminterface/request")
    assert run(arguments) == 1
    file = world.folder / "mpesa-cbp.toml"
    file.write_text(file.read_text().replace("http://127.0.0.1:1/mminterface/request", url))
    assert run(["reverse", "--receipt", "NOSUCH", "--yes", "--resume"]) == 2
    assert "--conversation-id" in capsys.readouterr().err
    assert run([*arguments, "--resume"]) == 0
    assert world.requests_seen() == 1


@pytest.mark.usefixtures("world")
def test_a_transaction_that_is_not_there_ends_the_enquiry(capsys: Shown) -> None:
    assert run(["status", "--receipt", "NOSUCH", "--wait", "20"]) == 1
    shown = capsys.readouterr().out
    assert "FAILED: The core gave no answer to the enquiry." in shown
    assert "49: No such transaction was found." in shown


def test_urls_are_registered(world: World, capsys: Shown) -> None:
    urls = ["--confirmation-url", "https://us.example/c", "--validation-url", "https://us.example/v"]
    assert run(["register", *urls, "--response-type", "Completed", "--yes"]) == 0
    assert "ResponseType     Completed" in capsys.readouterr().err
    assert run(["register", "--confirmation-url", "us.example", "--yes"]) == 2
    assert world.requests_seen() == 1


def test_the_summary_shows_the_urls_of_the_request_without_the_path_token(world: World, capsys: Shown) -> None:
    assert run(["pay", "--msisdn", "0712345678", "--amount", "100", "--yes"]) == 0
    shown = capsys.readouterr()
    assert re.search(r"ResultURL        http://127.0.0.1:[0-9]+/\*{8}/result\n", shown.err)
    assert re.search(r"QueueTimeoutURL  http://127.0.0.1:[0-9]+/\*{8}/queue-timeout\n", shown.err)
    urls = ["--confirmation-url", "https://us.example/a-secret-word/confirmation?word=hidden"]
    assert run(["register", *urls, "--yes"]) == 0
    registered = capsys.readouterr()
    assert "ConfirmationURL  https://us.example/********/confirmation?********\n" in registered.err
    assert "ResultURL        http://127.0.0.1:" in registered.err
    for text in (*shown, *registered):
        assert not {"an-unguessable-word", "a-secret-word", "hidden"} & set(re.split("[/?=\\s]", text))
    assert_hides(shown, world)
