"""mpesa-cbp pay, against the simulator, with our listener: what they print, how they exit, what was sent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from decimal import Decimal

import pytest

from mpesa_cbp import PaymentState
from mpesa_cbp_service.cli import run
from tests.service.commands import ID, NUMBER, OF_ONE, Shown, Terminal, assert_hides
from tests.service.journal.damage import lose_table
from tests.transport.failing_broker import Conversation, FailingBroker, acceptance, http_answer
from tests.waiting import wait_for
from tests.world import World


def test_a_customer_is_paid_and_the_result_waited_for(world: World, capsys: Shown) -> None:
    arguments = ["pay", "--msisdn", "0712345678", "--amount", "100.50", "--remark", "Salary", "--occasion", "November"]
    assert run([*arguments, "--yes", "--wait", "20"]) == 0
    shown = capsys.readouterr()
    assert "SUCCEEDED: The result says that it succeeded." in shown.out
    assert "receipt" in shown.out
    assert "to               customer 2547****5678" in shown.err
    assert "Amount           100.50 KES" in shown.err
    conversation_id = shown.err.split()[2]
    assert world.state(conversation_id) is PaymentState.SUCCEEDED
    assert_hides(shown, world)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["--short-code", "888888", "--account-reference", "INV-7"], "BusinessPayBill"),
        (["--short-code", "888888", "--command", "BusinessBuyGoods"], "BusinessBuyGoods"),
        (["--command", "BusinessTransferFromUtilityToMMF"], "BusinessTransferFromUtilityToMMF"),
        (["--msisdn", "+254 712 345 678", "--command", "SalaryPayment"], "SalaryPayment"),
    ],
)
def test_every_kind_of_payment_is_told_as_json(arguments: list[str], command: str, world: World, capsys: Shown) -> None:
    assert run(["pay", *arguments, "--amount", "100", "--conversation-id", ID, "--yes", "--json"]) == 0
    shown = capsys.readouterr()
    facts = json.loads(shown.out)
    assert facts["conversation_id"] == ID
    assert facts["response_code"].strip("0") == ""
    payment = world.journal.payment(ID)
    assert payment is not None
    assert payment.command_id == command
    assert_hides(shown, world)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--amount", "100"], "Whom to pay?"),
        (["--msisdn", "0712345678", "--short-code", "888888", "--amount", "1"], "either"),
        (["--msisdn", "0712345678", "--amount", "1", "--command", "BusinessPayBill"], "needs --short-code"),
        (["--short-code", "888888", "--amount", "1", "--command", "OrgRevenueSettlement"], "takes no receiver"),
        (["--short-code", "888888", "--amount", "1", "--occasion", "x"], "--occasion"),
        (["--msisdn", "0712345678", "--amount", "1", "--account-reference", "x"], "--account-reference"),
        (["--msisdn", "0712345678", "--amount", "1", "--resume"], "--conversation-id"),
        (["--msisdn", "0712345678", "--amount", "1", "--command", "Gift"], "--command"),
        (
            ["--msisdn", "071234", "--amount", "1.5.0", "--remark", "x" * 256],
            "The request has 3 problems:\n  - amount: ",
        ),
        (["--msisdn", "0712345678", "--amount", "1"], "give --yes"),
    ],
)
def test_what_cannot_be_meant_exits_with_2_and_nothing_is_stored_or_sent(
    arguments: list[str], words: str, world: World, capsys: Shown
) -> None:
    assert run(["pay", *arguments]) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert world.journal.payments() == []
    assert world.requests_seen() == 0
    assert_hides(shown, world)


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize(
    "arguments",
    [
        *([*OF_ONE, option] for option in ("--conversation-id", "--remark", "--occasion", "--config", "--command")),
        [*OF_ONE, "--conversation-id", ID, "--account-reference"],
        ["pay", "--file", "payroll.csv", "--yes", "--batch"],
        ["pay", "--yes", "--file"],
        ["reverse", "--yes", "--receipt"],
        ["reverse", "--receipt", "RKL51ZDR4F", "--yes", "--receiver"],
        ["balance", "--conversation-id"],
        ["status", "--of"],
        ["register", "--confirmation-url", "https://us.example/c", "--yes", "--validation-url"],
        ["query"],
        ["settle", ID, "--as", "paid", "--reason", "a letter", "--by"],
        ["events", "list", "--conversation-id"],
    ],
    ids=" ".join,
)
def test_what_a_variable_that_is_not_set_leaves_empty_is_never_taken_for_not_given(
    arguments: list[str], blank: str, world: World, capsys: Shown
) -> None:
    assert run([*arguments, blank]) == 2
    assert f"What follows {arguments[-1]} is empty" in capsys.readouterr().err
    if arguments[-1].startswith("--"):
        assert run([*arguments[:-1], f"{arguments[-1]}={blank}"]) == 2
        assert f"{arguments[-1]} is empty" in capsys.readouterr().err
    assert world.journal.payments() == []
    assert world.requests_seen() == 0


@pytest.mark.parametrize(("answer", "code", "seen"), [("y\n", 0, 1), ("n\n", 1, 0), ("", 1, 0)])
def test_at_a_terminal_it_is_asked_before_anything_is_stored(
    answer: str, code: int, seen: int, world: World, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert run(["pay", "--msisdn", "0712345678", "--amount", "100"]) == code
    assert "Send it?" in capsys.readouterr().err
    assert len(world.journal.payments()) == world.requests_seen() == seen


@pytest.mark.parametrize(
    ("bad_day", "code", "state", "words"),
    [
        ("throttled", 1, PaymentState.FAILED, "wait before it is sent again"),
        ("html", 4, PaymentState.UNKNOWN, "Do not send it again"),
        ("cached-then-expired", 1, PaymentState.EXPIRED, "the core never saw it"),
    ],
)
def test_a_bad_day_has_its_exit_code_and_its_sentence(
    bad_day: str, code: int, state: PaymentState, words: str, world: World, capsys: Shown
) -> None:
    world.simulator.choose(bad_day)
    arguments = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID, "--wait", "20"]
    assert run(arguments) == code
    shown = capsys.readouterr()
    assert words in shown.out + shown.err
    assert world.state() is state or bad_day == "html"
    assert_hides(shown, world)


def test_an_error_is_told_as_json_too(world: World, capsys: Shown) -> None:
    world.point_to("http://127.0.0.1:1/mminterface/request")
    arguments = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID, "--json"]
    assert run(arguments) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["error"], facts["sent"], facts["final"], facts["state"]) == ("NotSent", "no", True, "FAILED")


def test_what_was_never_sent_is_resumed_and_what_was_sent_is_not(world: World, capsys: Shown) -> None:
    arguments = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID]
    url = world.simulator.url
    world.point_to("http://127.0.0.1:1/mminterface/request")
    assert run(arguments) == 1
    file = world.folder / "mpesa-cbp.toml"
    file.write_text(file.read_text().replace("http://127.0.0.1:1/mminterface/request", url))
    assert run(arguments) == 1
    assert "is in the journal already" in capsys.readouterr().err
    assert run([*arguments, "--resume", "--wait", "20"]) == 0
    assert world.requests_seen() == 1


@pytest.mark.parametrize("more", [[], ["--resume"]])
@pytest.mark.parametrize(
    ("bad_day", "wait", "first", "again", "words"),
    [
        ("good", ["--wait", "20"], 0, 0, "SUCCEEDED: "),
        ("never-resulted", [], 0, 0, "ACCEPTED: "),
        ("html", [], 4, 4, "UNKNOWN: "),
        ("result-code:1", ["--wait", "20"], 1, 1, "FAILED: "),
    ],
)
def test_the_same_payment_again_exits_as_the_journal_knows_it_and_sends_nothing(
    bad_day: str, wait: list[str], first: int, again: int, words: str, more: list[str], world: World, capsys: Shown
) -> None:
    world.simulator.choose(bad_day)
    arguments = [*OF_ONE, "--conversation-id", ID, *wait]
    assert run(arguments) == first
    capsys.readouterr()
    assert run([*arguments, *more]) == again
    shown = capsys.readouterr()
    assert words in shown.out
    assert "Nothing was sent now" in shown.err
    assert run([*arguments, *more, "--json"]) == again
    facts = json.loads(capsys.readouterr().out)
    assert (facts["error"], facts["state"]) == ("DuplicateConversation", words.partition(":")[0])
    assert world.requests_seen() == 1


def test_another_payment_under_a_known_id_is_never_told_as_paid(world: World, capsys: Shown) -> None:
    assert run([*OF_ONE, "--conversation-id", ID, "--wait", "20"]) == 0
    another = ["pay", "--msisdn", "0712345678", "--amount", "101", "--yes", "--conversation-id", ID]
    assert run(another) == 4
    assert "An earlier request has this id" in capsys.readouterr().err
    assert run([*another, "--resume"]) == 2
    assert "amount differs" in capsys.readouterr().err
    assert world.requests_seen() == 1


def test_a_reversal_of_another_receipt_under_a_known_id_is_never_told_as_done(world: World) -> None:
    assert run([*OF_ONE, "--conversation-id", ID, "--wait", "20"]) == 0
    payment = world.journal.payment(ID)
    assert payment is not None
    arguments = ["reverse", "--yes", "--wait", "20", "--conversation-id", f"{ID}_back", "--receipt"]
    assert run([*arguments, str(payment.receipt)]) == 0
    assert run([*arguments, str(payment.receipt)]) == 0
    assert run([*arguments, "RKL51ZDR4F"]) == 4
    assert world.requests_seen() == 2


def test_a_payment_that_is_stored_and_perhaps_about_to_be_sent_exits_with_4(world: World) -> None:
    world.journal.create(
        conversation_id=ID, command_id="BusinessPayment", amount=Decimal(100), receiver=NUMBER, request=b"<request/>"
    )
    assert run([*OF_ONE, "--conversation-id", ID]) == 4
    assert world.requests_seen() == 0


@pytest.mark.parametrize("order", [OF_ONE, ["reverse", "--receipt", "RKL51ZDR4F", "--yes"]], ids=["pay", "reverse"])
def test_what_the_journal_does_not_know_is_not_resumed(order: list[str], world: World, capsys: Shown) -> None:
    assert run([*order, "--conversation-id", ID, "--resume"]) == 2
    assert "knows no payment with this conversation_id, so there is nothing to resume" in capsys.readouterr().err
    assert world.journal.payments() == []
    assert world.requests_seen() == 0


@pytest.mark.parametrize("arguments", [["query", ID], ["status", "--of", ID]], ids=["query", "status"])
def test_a_question_that_was_not_answered_is_never_taken_for_a_payment_that_failed(
    arguments: list[str], world: World, capsys: Shown
) -> None:
    world.point_to("http://127.0.0.1:1/mminterface/request")
    assert run(arguments) == 4
    assert "Nothing was learnt of the payment by this: ask again." in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_journal_that_fails_under_way_exits_with_4_and_says_what_to_do(
    world: World, capsys: Shown, as_json: list[str]
) -> None:
    def behaviour(conversation: Conversation) -> None:
        _, body = conversation.read_request()
        lose_table(world.folder / "payments.db", "mpesa_cbp_payments")
        conversation.send(http_answer(acceptance(body)))

    with FailingBroker(behaviour) as broker:
        world.point_to(broker.url())
        arguments = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID, *as_json]
        assert run(arguments) == 4
        assert broker.complete_requests == 1
    shown = capsys.readouterr()
    assert f"(conversation {ID}). Repair the journal first, then run a reconciliation; do not send" in shown.err
    if as_json:
        facts = json.loads(shown.out)
        assert (facts["error"], facts["sent"], facts["final"]) == ("JournalOutcomeUnknown", "yes", False)
    assert_hides(shown, world)


def test_a_journal_that_fails_before_anything_left_exits_with_3(world: World, capsys: Shown) -> None:
    lose_table(world.folder / "payments.db", "mpesa_cbp_payments")
    assert run(["pay", "--msisdn", "0712345678", "--amount", "100", "--yes"]) == 3
    told = capsys.readouterr().err
    assert "Nothing was sent. Repair the journal first." in told
    assert "reconciliation" not in told
    assert world.requests_seen() == 0


@pytest.mark.parametrize(
    "arguments",
    [OF_ONE, ["balance"], ["query", ID], ["reconcile"], ["pay", "--yes", "--file", "p.csv"], ["doctor"]],
    ids=" ".join,
)
def test_a_journal_that_cannot_be_opened_is_told_with_the_words_that_nothing_was_sent(
    arguments: list[str], world: World, capsys: Shown
) -> None:
    (world.folder / "p.csv").write_text("msisdn,amount,reference\n0712345678,100,E1\n")
    (world.folder / "other.db").write_bytes(b"no database" * 1000)
    settings = world.folder / "mpesa-cbp.toml"
    settings.write_text(settings.read_text().replace("payments.db", "other.db"))
    assert run(arguments) == (1 if arguments == ["doctor"] else 3)
    shown = capsys.readouterr()
    assert "Nothing was sent. Repair the journal first." in " ".join((shown.out + shown.err).split())
    assert "do not send the payment again" not in shown.out + shown.err
    assert world.requests_seen() == 0


def test_a_journal_that_fails_while_the_result_is_waited_for_exits_with_4(world: World, capsys: Shown) -> None:
    world.simulator.choose("never-resulted")
    world.be_patient()
    arguments = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID, "--wait", "60"]

    def lose_it_once_accepted() -> None:
        world.simulator.wait_for(lambda step: step.number == 2, timeout=60)
        wait_for(lambda: world.state() is PaymentState.ACCEPTED)
        lose_table(world.folder / "payments.db", "mpesa_cbp_payments")

    thread = threading.Thread(target=lose_it_once_accepted)
    thread.start()
    assert run(arguments) == 4
    thread.join()
    assert "Repair the journal" in capsys.readouterr().err


def test_ctrl_c_during_the_wait_for_the_answer_exits_with_4_and_says_what_to_do(world: World) -> None:
    heard = threading.Event()

    def behaviour(conversation: Conversation) -> None:
        conversation.read_request()
        heard.set()
        conversation.read_head()

    with FailingBroker(behaviour) as broker:
        world.point_to(broker.url())
        arguments = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes", "--conversation-id", ID]
        world.be_patient()
        with subprocess.Popen(
            [sys.executable, "-m", "mpesa_cbp_service", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert heard.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert process.returncode == 4
        assert "UNKNOWN: What became of it is unknown: ask with mpesa-cbp query, never send it again." in out
        assert ID in err
        assert "Traceback" not in err
        assert broker.complete_requests == 1
    assert world.state() is PaymentState.UNKNOWN
