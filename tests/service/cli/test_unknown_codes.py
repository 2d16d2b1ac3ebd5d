"""A result with a code that nobody knows leaves its payment open, shown with what the operator says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpesa_cbp import PaymentState
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.soap import encode
from mpesa_cbp_models import Result
from mpesa_cbp_models.operations import GENERIC_API_RESULT
from mpesa_cbp_service import Journal
from mpesa_cbp_service.cli import run
from mpesa_cbp_service.journal import InboundMessage


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(f"sqlite:///{tmp_path}/payments.db") as opened:
        for number, code in enumerate(["2099", "2099", "X_77", "1", "43"], 1):
            payment_with_result(opened, f"600000_Acme_{number}", code)
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "mpesa-cbp.toml"
    path.write_text(f"[journal]\nurl = {json.dumps(f'sqlite:///{tmp_path}/payments.db')}\n", encoding="utf-8")
    return str(path)


def payment_with_result(journal: Journal, conversation_id: str, code: str) -> None:
    journal.create(
        conversation_id=conversation_id, command_id="BusinessPayment", amount=None, receiver=None, request=b"<request/>"
    )
    journal.record(conversation_id, EventKind.SENDING)
    journal.record(conversation_id, EventKind.ACCEPTED, code="0")
    result = Result(
        result_type=0,
        result_code=code,
        result_desc="The wallet of 254712345678 is on hold.",
        originator_conversation_id=conversation_id,
        conversation_id="AG_1",
        transaction_id="QK1",
    )
    journal.receive(
        InboundMessage(
            kind=EventKind.RESULT,
            identity=conversation_id,
            body=encode(result, operation=GENERIC_API_RESULT, direction="input"),
            conversation_id=conversation_id,
            code=code,
        )
    )


def test_open_payments_with_unknown_codes_are_listed_with_the_masked_description(
    journal: Journal, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["payments", "list", "--unknown-code", "--config", config]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[:2] for line in shown.splitlines()] == [
        ["2099", "600000_Acme_1"],
        ["2099", "600000_Acme_2"],
        ["X_77", "600000_Acme_3"],
    ]
    assert "is on hold" in shown
    assert "254712345678" not in shown
    assert [each.code for each in journal.unknown_codes(code="02099")] == ["2099", "2099"]


def test_all_payments_with_a_code_are_settled_by_one_command_and_no_other(
    journal: Journal, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    word = ["--as", "not-paid", "--reason", "letter of the operator", "--by", "J. Otieno", "--older-than", "0", "--yes"]
    assert run(["settle", "--unknown-code", "2099", *word, "--config", config]) == 0
    assert capsys.readouterr().out.count("stands as FAILED") == 2
    states = {each.conversation_id[-1]: each.state for each in journal.payments()}
    assert (states["1"], states["2"], states["3"]) == (PaymentState.FAILED, PaymentState.FAILED, PaymentState.ACCEPTED)
    assert run(["settle", "--unknown-code", "2099", *word, "--config", config]) == 1


@pytest.mark.parametrize(
    "arguments", [[], ["600000_Acme_1", "--unknown-code", "2099"], ["--unknown-code", "2099", "--receipt", "QK1"]]
)
def test_what_is_to_be_settled_must_be_clear(journal: Journal, config: str, arguments: list[str]) -> None:
    word = ["--as", "paid", "--reason", "letter", "--by", "J. Otieno", "--yes", "--config", config]
    assert run(["settle", *arguments, *word]) == 2
    assert journal.payments({PaymentState.SUCCEEDED}) == []
