"""help() of the client's methods states limits, formats and commands, and states them as the code has them."""

from __future__ import annotations

import dataclasses
import pydoc
import re
from decimal import Decimal

import pytest

from mpesa_cbp import Client
from mpesa_cbp.commands.builder import MAX_CONVERSATION_ID
from mpesa_cbp.commands.request import RequestOptions, business_payment, customer_payment
from mpesa_cbp.commands.table import COMMANDS
from mpesa_cbp.errors import InvalidRequest
from mpesa_cbp.parsing import normalise_msisdn, parse_amount
from mpesa_cbp_models.request import Transaction
from tests.transport.clients import client_to

NUMBER = "254712345678"
MAX_REMARK = next(each.metadata["max_length"] for each in dataclasses.fields(Transaction) if each.name == "remark")


def text_of(subject: object) -> str:
    """What help() prints, on one line and without the bars that it draws beside a class."""
    return " ".join(pydoc.plain(pydoc.render_doc(subject)).replace("|", " ").split())


PAY_CUSTOMER = text_of(Client.pay_customer)


def argument(name: str) -> str:
    """What the help of pay_customer says of one argument, to the next one's."""
    found = re.search(rf"``{name}``[:,] (.*?)(?= ``[a-z_]+``[:,]|$)", PAY_CUSTOMER)
    assert found is not None, f"help() does not explain {name}"
    return found[1]


def test_every_number_format_of_the_help_is_accepted_and_means_the_same() -> None:
    formats = re.findall(r"\+?\d[\d ]+\d", argument("msisdn").partition("; it is sent as")[0])
    assert len(formats) == 5
    assert {normalise_msisdn(each) for each in formats} == {NUMBER}
    assert f"it is sent as {NUMBER}" in argument("msisdn")


def test_the_amount_s_limits_are_those_of_the_code() -> None:
    found = re.search(r"at most (\d+) digits, two of them after the point", argument("amount"))
    assert found is not None
    largest = Decimal("9" * (int(found[1]) - 2) + ".99")
    assert parse_amount(largest) == largest
    for refused in (largest * 10, f"{largest}9", "0", 1.5):
        with pytest.raises(ValueError, match="the amount"):
            parse_amount(refused)  # type: ignore[arg-type]
    assert [str(parse_amount(each)) for each in re.findall(r"[\d.]+\d", argument("amount"))[1:]] == ["100", "100.50"]


@pytest.mark.parametrize(
    ("method", "family"),
    [(Client.pay_customer, "B2C"), (Client.pay_business, "B2B"), (Client.transfer_own_funds, "own funds")],
)
def test_the_help_lists_the_commands_that_the_method_takes(method: object, family: str) -> None:
    found = re.search(r"``command``: ([\w, ]+)", text_of(method))
    assert found is not None
    listed = re.findall(r"\b(?:[A-Z][a-zA-Z]{9,})\b", found[1])
    assert sorted(listed) == sorted(command.id for command in COMMANDS.values() if command.family == family)


@pytest.mark.parametrize("subject", [Client.pay_customer, RequestOptions])
def test_the_help_states_the_limits_of_remark_and_conversation_id(subject: object) -> None:
    assert f"at most {MAX_REMARK} characters" in text_of(subject)
    assert f"1 to {MAX_CONVERSATION_ID} printable characters" in text_of(subject)


@pytest.mark.parametrize(
    ("name", "limit", "problem"),
    [("remark", MAX_REMARK, "Remark"), ("conversation_id", MAX_CONVERSATION_ID, "conversation_id")],
)
def test_a_limit_is_the_longest_text_that_is_taken(name: str, limit: int, problem: str) -> None:
    def build(length: int) -> None:
        options: RequestOptions = {"conversation_id": "1"}
        options[name] = "x" * length  # type: ignore[literal-required]
        client.builder.build(customer_payment(NUMBER, 100, **options))

    with client_to("http://127.0.0.1:9") as client:
        build(limit)
        with pytest.raises(InvalidRequest, match=problem):
            build(limit + 1)


def test_every_option_of_a_request_is_explained() -> None:
    assert [name for name in RequestOptions.__annotations__ if f"``{name}``" not in PAY_CUSTOMER] == []


def test_the_short_code_s_digits_are_those_of_the_code() -> None:
    found = re.search(r"``short_code``: the receiver's, up to (\d+) digits", text_of(Client.pay_business))
    assert found is not None

    def build(digits: int) -> None:
        wanted = business_payment("1" * digits, 100, command="BusinessBuyGoods", conversation_id="1")
        client.builder.build(wanted)

    with client_to("http://127.0.0.1:9") as client:
        build(int(found[1]))
        with pytest.raises(InvalidRequest, match="short_code"):
            build(int(found[1]) + 1)
