"""Billers in Ethiopia are asked what a customer has to pay (protocol, section 12): answered at once, stored never."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import decode
from mpesa_cbp.soap import encode
from mpesa_cbp_models import C2BPaymentQueryRequest, C2BPaymentQueryResult
from mpesa_cbp_models.operations import QUERY_C2B_PAYMENT
from mpesa_cbp_service import Journal, Listener
from tests.service.listener.messages import TOKEN
from tests.service.listener.wsgi import post

QUERY = encode(
    C2BPaymentQueryRequest(
        trans_type="QueryBill",
        trans_id="1463892290097934337",
        trans_time="20261125182814",
        business_short_code="8294",
        bill_ref_number="BILL123",
        msisdn="251911000000",
    ),
    operation=QUERY_C2B_PAYMENT,
    direction="input",
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(f"sqlite:///{tmp_path}/journal.db") as opened:
        yield opened


@pytest.fixture
def listener(journal: Journal) -> Iterator[Listener]:
    listening = Listener(journal=journal, path_token=TOKEN)
    yield listening
    listening.stop()


def answer(listener: Listener) -> C2BPaymentQueryResult:
    status, body = post(listener, QUERY)
    assert status == "200 OK"
    message: C2BPaymentQueryResult = decode(body, strict=True).message
    return message


def test_the_handler_s_bill_is_the_answer_with_the_ids_of_the_question(listener: Listener, journal: Journal) -> None:
    @listener.on_c2b_query
    def bill(request: C2BPaymentQueryRequest) -> C2BPaymentQueryResult:
        assert request.bill_ref_number == "BILL123"
        return C2BPaymentQueryResult(result_code="0", result_desc="OK", customer_name="A B", amount="120.00")

    said = answer(listener)
    assert (said.result_code, said.amount, said.trans_id, said.bill_ref_number) == (
        "0",
        "120.00",
        "1463892290097934337",
        "BILL123",
    )
    assert journal.search() == []


def broken(_: C2BPaymentQueryRequest) -> C2BPaymentQueryResult:
    raise KeyError("planted secret")


def wrong(_: C2BPaymentQueryRequest) -> Any:
    return "120.00"


@pytest.mark.parametrize("handler", [None, lambda _: None, broken, wrong], ids=["none", "no-bill", "broken", "wrong"])
def test_where_nobody_knows_the_bill_the_answer_says_so(listener: Listener, handler: Any) -> None:
    if handler is not None:
        listener.on_c2b_query(handler)
    said = answer(listener)
    assert (said.result_code, said.result_desc, said.amount) == ("1", "No such bill", None)


def test_an_async_handler_is_refused_at_the_start(listener: Listener) -> None:
    @listener.on_c2b_query  # type: ignore[arg-type]
    async def bill(_: C2BPaymentQueryRequest) -> None: ...

    with pytest.raises(TypeError):
        listener.start()
