"""An argument of a wrong type is refused as everything else is: by a CbpError, before anything leaves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from mpesa_cbp import Client
from mpesa_cbp.commands.request import RequestOptions
from mpesa_cbp.errors import CbpError, NotSent
from tests.transport.clients import client_to

# Each method with arguments that are right.
RIGHT: dict[str, dict[str, Any]] = {
    "pay_customer": {"msisdn": "0712345678", "amount": 1, "conversation_id": "a"},
    "pay_business": {"short_code": "1", "amount": 1, "account_reference": "x", "conversation_id": "a"},
    "transfer_own_funds": {"amount": 1, "command": "BusinessTransferFromMMFToUtility", "conversation_id": "a"},
    "account_balance": {"conversation_id": "a"},
    "transaction_status": {"receipt": "R", "conversation_id": "a"},
    "reverse": {"receipt": "R", "conversation_id": "a"},
    "register_urls": {"confirmation_url": "https://us.example/c", "conversation_id": "a"},
    "query_transaction": {"conversation_id": "a"},
    "change_password": {"new_password": "x" * 8, "key": "k" * 16, "vector": "v" * 16},
    "order": {"command": "NewCommand", "receiver": "0712345678", "receiver_type": 1, "conversation_id": "a"},
    "send": {},
    "new_conversation_id": {},
}
WRONG: tuple[object, ...] = (5, 1.5, b"bytes", [], {}, object())
ALLOWED = [("order", "receiver_type", 5), ("order", "parameters", {}), ("order", "references", {})]


def arguments() -> Iterator[tuple[str, str]]:
    for method in RIGHT:
        for name, parameter in inspect.signature(getattr(Client, method)).parameters.items():
            # An amount may be a number, and resume is asked for its truth.
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                yield from ((method, option) for option in RequestOptions.__annotations__)
            elif name not in {"self", "resume", "amount"}:
                yield method, parameter.name


@pytest.mark.parametrize(("method", "name"), list(arguments()))
def test_argument_of_a_wrong_type_is_refused_before_anything_leaves(method: str, name: str) -> None:
    # Nobody listens there: what would be sent is a NotSent.
    with client_to("http://127.0.0.1:1/mminterface/request", connect_retries=0) as client:
        for wrong in WRONG:
            if (method, name, wrong) in ALLOWED:
                continue
            with pytest.raises(CbpError) as caught:
                getattr(client, method)(**{**RIGHT[method], name: wrong})
            assert not isinstance(caught.value, NotSent), wrong


def test_every_method_that_takes_arguments_is_tried() -> None:
    methods = {name for name, found in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert {name for name in methods if len(inspect.signature(getattr(Client, name)).parameters) > 1} == set(RIGHT)


@pytest.mark.parametrize("method", ["pay_customer", "pay_business", "query_transaction", "change_password"])
def test_right_arguments_of_the_table_come_as_far_as_the_network(method: str) -> None:
    with client_to("http://127.0.0.1:1/mminterface/request", connect_retries=0) as client, pytest.raises(NotSent):
        getattr(client, method)(**RIGHT[method])
