"""What the core checks and does: parties, permissions, balances, limits, duplicates, queries, reversals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mpesa_cbp.commands.table import COMMANDS, Receiver
from mpesa_cbp.results.parameters import read_parameters
from mpesa_cbp.results.statement import pairs_of
from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import IdentifierType, Request, Result
from mpesa_cbp_models.operations import GENERIC_API_REQUEST
from mpesa_cbp_simulator import Account, Customer, Operator, Organisation, Simulator, Timing
from tests.requests_by_hand import HandmadeRequest
from tests.simulator.by_hand import INITIATOR_PASSWORD, PAYEE, Broker, header

UNREGISTERED, FROZEN, NEARLY_FULL = "254700000001", "254700000002", "254700000003"


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def town() -> Iterator[Simulator]:
    """A simulator with more organisations and users than usual."""
    with Simulator(
        timing=Timing(result_delay=0, retry_delay=0, attempts=1),
        operators=[
            Operator(name="api", password=INITIATOR_PASSWORD, short_code="600000"),
            Operator(name="teller", password="t", short_code="600000", commands=frozenset({"AccountBalance"})),
            Operator(name="closed", password="c", short_code="777777"),
            Operator(name="poor", password="p", short_code="600001"),
        ],
        organisations=[
            Organisation(short_code="600000", name="Acme"),
            Organisation(short_code="600001", name="Poor", utility=Decimal(120), minimum_balance=Decimal(50)),
            Organisation(short_code="777777", name="Closed", active=False),
            Organisation(short_code="888888", name="Wholesale"),
        ],
    ) as simulator:
        yield simulator


@pytest.fixture
def broker(town: Simulator) -> Broker:
    town.reset()
    return Broker(town)


def primary(request: Request, **changes: Any) -> Request:
    party = request.identity.primary_party
    assert party is not None
    return replace(request, identity=replace(request.identity, primary_party=replace(party, **changes)))


def receiver(request: Request, **changes: Any) -> Request:
    party = request.identity.receiver_party
    assert party is not None
    return replace(request, identity=replace(request.identity, receiver_party=replace(party, **changes)))


def initiator(request: Request, **changes: Any) -> Request:
    identity = request.identity
    return replace(request, identity=replace(identity, initiator=replace(identity.initiator, **changes)))


def without(request: Request, party: str) -> Request:
    changes: Any = {party: None}
    return replace(request, identity=replace(request.identity, **changes))


_PARTIES: list[tuple[str, Callable[[Broker], Request], str]] = [
    ("a blank command", lambda b: b.order(" ").request(), "37"),
    ("an unknown command", lambda b: b.order("BusinessGift").request(), "29"),
    ("a blank initiator", lambda b: initiator(b.order().request(), identifier=" "), "31"),
    (
        "an initiator that is no user name",
        lambda b: initiator(b.order().request(), identifier_type=IdentifierType.MSISDN),
        "32",
    ),
    ("an unknown initiator", lambda b: b.order(initiator_name="nobody").request(), "20"),
    ("a wrong password", lambda b: b.order(security_credential=b.credential("wrong")).request(), "2001"),
    ("a credential of another key", lambda b: b.order(security_credential="AAAA").request(), "2001"),
    (
        "a user who may not",
        lambda b: b.order(initiator_name="teller", security_credential=b.credential("t")).request(),
        "28",
    ),
    (
        "a closed organisation",
        lambda b: b.order(
            initiator_name="closed", security_credential=b.credential("c"), short_code="777777"
        ).request(),
        "50",
    ),
    ("no primary party", lambda b: without(b.order().request(), "primary_party"), "33"),
    (
        "a primary party that is a number",
        lambda b: primary(b.order().request(), identifier_type=IdentifierType.MSISDN),
        "34",
    ),
    ("an unknown primary party", lambda b: primary(b.order().request(), identifier="123456"), "6"),
    ("somebody else's account", lambda b: primary(b.order().request(), identifier="888888"), "21"),
    ("no receiver", lambda b: without(b.order().request(), "receiver_party"), "35"),
    (
        "a receiver of the wrong kind",
        lambda b: receiver(b.order().request(), identifier_type=IdentifierType.TillNumber),
        "36",
    ),
    ("a receiver that is no number", lambda b: b.order(receiver="25471234567x").request(), "36"),
    ("an unknown receiver", lambda b: b.order(receiver="254112").request(), "7"),
    ("an unregistered receiver", lambda b: b.order(receiver=UNREGISTERED).request(), "7"),
    ("a frozen receiver", lambda b: b.order(receiver=FROZEN).request(), "12"),
    ("an unknown business", lambda b: b.order("BusinessPayBill", receiver="123456").request(), "7"),
    ("a closed business", lambda b: b.order("BusinessPayBill", receiver="777777").request(), "12"),
    (
        "a business by its till",
        lambda b: receiver(b.order("BusinessPayBill").request(), identifier_type=IdentifierType.TillNumber),
        "36",
    ),
    (
        "own funds to somebody else",
        lambda b: receiver(b.order("OrgBankAccountWithdrawal").request(), identifier="888888"),
        "22",
    ),
    ("a parameter twice", lambda b: b.order(parameters=(("Amount", "5"),)).request(), "40"),
]


@pytest.mark.parametrize(("request_of", "code"), [row[1:] for row in _PARTIES], ids=[row[0] for row in _PARTIES])
def test_order_that_may_not_be_is_accepted_and_then_failed(
    broker: Broker, request_of: Callable[[Broker], Request], code: str
) -> None:
    assert broker.result_code(request_of(broker)) == code
    assert broker.simulator.transfers() == []


_LIMITS = [
    ("least", "BusinessPayment", PAYEE, "10", "0"),
    ("below the least", "BusinessPayment", PAYEE, "9.99", "2"),
    ("most", "BusinessPayment", PAYEE, "70000", "0"),
    ("above the most", "BusinessPayment", PAYEE, "70000.01", "3"),
    ("least to an unregistered customer", "SalaryPayment", UNREGISTERED, "101", "0"),
    ("below it", "SalaryPayment", UNREGISTERED, "100.99", "2"),
    ("most to an unregistered customer", "PromotionPayment", UNREGISTERED, "35000", "0"),
    ("above it", "PromotionPayment", UNREGISTERED, "35000.01", "3"),
    ("up to the most that a customer holds", "BusinessPayment", NEARLY_FULL, "10", "8"),
    ("more to a business than to a customer", "BusinessPayBill", "888888", "70000.01", "0"),
    ("more than there is", "BusinessPayBill", "888888", "1000000.01", "1"),
]


@pytest.mark.parametrize(
    ("command", "to", "amount", "code"), [row[1:] for row in _LIMITS], ids=[row[0] for row in _LIMITS]
)
def test_limits_hold(broker: Broker, command: str, to: str, amount: str, code: str) -> None:
    assert broker.result_code(broker.order(command, receiver=to, amount=Decimal(amount))) == code
    moved = [each.amount for each in broker.simulator.transfers()]
    assert moved == ([Decimal(amount)] if code == "0" else [])


def test_customer_receives_no_more_than_the_daily_limit_until_the_next_day_in_nairobi() -> None:
    clock = Clock()
    clock.now = clock.now.replace(hour=12, minute=0, second=0)
    rich = [Customer(msisdn=PAYEE, name="Rich", balance=Decimal(-50_000))]
    with Simulator(
        clock=clock, time_stamp_tolerance=3 * 86_400, customers=rich, timing=Timing(result_delay=0, attempts=1)
    ) as simulator:
        broker = Broker(simulator)
        codes = [broker.result_code(broker.order(amount=Decimal(70_000))) for _ in range(2)]
        codes.append(broker.result_code(broker.order(amount=Decimal(10))))
        clock.now += timedelta(hours=8, minutes=59)  # 23:59 in Nairobi
        codes.append(broker.result_code(broker.order(amount=Decimal(10))))
        clock.now += timedelta(minutes=1)
        codes.append(broker.result_code(broker.order(amount=Decimal(10))))
    assert codes == ["0", "0", "4", "4", "0"]


def test_organisation_keeps_its_minimum_balance(broker: Broker) -> None:
    def pay(amount: int) -> str:
        return broker.result_code(
            broker.order(
                initiator_name="poor", security_credential=broker.credential("p"), short_code="600001",
                amount=Decimal(amount),
            )
        )  # fmt: skip

    assert [pay(121), pay(71), pay(70), pay(10)] == ["1", "5", "0", "5"]


def test_same_payment_again_is_15_and_another_under_its_id_41(broker: Broker) -> None:
    first = broker.order()
    assert broker.result_code(first) == "0"
    assert broker.result_code(first) == "15"
    assert broker.result_code(replace(first, amount=Decimal(200))) == "41"
    assert broker.result_code(replace(first, receiver="254700000000")) == "41"
    assert [each.amount for each in broker.simulator.transfers()] == [Decimal("100.00")]


def test_id_of_a_refused_or_expired_request_may_be_used_again(broker: Broker) -> None:
    order = broker.order()
    broker.simulator.choose("throttled")
    assert broker.response_code(order.request()) == "100000002"
    broker.simulator.choose("cached-then-expired")
    assert broker.response_code(order.request()) == "100000000"
    broker.simulator.advance(3600)
    assert broker.result_code(order) == "0"


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS.values() if c.amount and c.receiver is not Receiver.NONE], ids=lambda c: c.id
)
def test_every_payment_command_moves_the_money_once(broker: Broker, command: object) -> None:
    from mpesa_cbp.commands.table import Command

    assert isinstance(command, Command)
    paid = broker.outcome(broker.order(command.id))
    (transfer,) = broker.simulator.transfers()
    assert (transfer.receipt, transfer.amount, paid.result_code) == (paid.receipt, Decimal("100.00"), "0")
    ledger = broker.simulator.world.ledger
    assert transfer.debit.owner == "600000"
    assert ledger.balance(transfer.debit) == Decimal("999900.00")
    assert transfer.debit != transfer.credit


def test_result_of_a_payment_holds_the_balances_after_it(broker: Broker) -> None:
    paid = broker.outcome(broker.order(amount=Decimal("250.50"), receiver="254700000000"))
    assert paid.result is not None
    found = Result.from_xml(paid.result, strict=True)
    assert found.result_parameters is not None
    parameters = read_parameters(pairs_of(found))
    assert (parameters.amount, parameters.receipt) == (Decimal("250.50"), paid.receipt)
    assert (parameters.receiver_number, parameters.receiver_name) == ("254700000000", "Jane Doe")
    assert parameters.registered is True
    assert sorted(parameters.balances.values()) == [Decimal(0), Decimal("999749.50"), Decimal(1_000_000)]


def test_balance_query_tells_the_accounts(broker: Broker) -> None:
    broker.outcome(broker.order())
    asked = broker.outcome(broker.order("AccountBalance"))
    assert asked.result is not None
    assert b"Utility Account|KES|999900.00|999900.00|0.00|0.00" in asked.result


@pytest.mark.parametrize("key", ["ReceiptNumber", "OriginatorConversationID"])
def test_status_query_finds_a_transaction(broker: Broker, key: str) -> None:
    paid = broker.outcome(broker.order())
    value = paid.receipt if key == "ReceiptNumber" else paid.conversation_id
    asked = broker.outcome(broker.order("TransactionStatusQuery", parameters=((key, value),)))
    assert asked.result is not None
    for text in (b"Completed", b"BusinessPayment", (paid.receipt or "").encode(), paid.conversation_id.encode()):
        assert text in asked.result


@pytest.mark.parametrize("asked_for", ["", "SNOSUCHONE"], ids=["nothing", "an unknown receipt"])
def test_status_query_of_what_is_not_there_is_49(broker: Broker, asked_for: str) -> None:
    assert (
        broker.result_code(broker.order("TransactionStatusQuery", parameters=(("ReceiptNumber", asked_for),))) == "49"
    )


def test_reversal_moves_the_money_back_once(broker: Broker) -> None:
    paid = broker.outcome(broker.order("BusinessPayBill"))
    ledger = broker.simulator.world.ledger
    reversal = broker.order("TransactionReversal", parameters=(("OriginalTransactionID", paid.receipt),))
    assert broker.result_code(reversal) == "0"
    assert ledger.balance(Account("600000", "Working Account")) == Decimal(1_000_000)
    assert ledger.balance(Account("888888", "Utility Account")) == Decimal(1_000_000)
    assert [each.reversed for each in broker.simulator.transfers()] == [True]
    again = broker.order("TransactionReversal", parameters=(("OriginalTransactionID", paid.receipt),))
    assert broker.result_code(again) == "15"
    status = broker.outcome(broker.order("TransactionStatusQuery", parameters=(("ReceiptNumber", paid.receipt),)))
    assert b"Reversed" in (status.result or b"")
    assert ledger.balance(Account("600000", "Working Account")) == Decimal(1_000_000)


def test_second_reversal_is_a_duplicate_though_the_customer_has_nothing_left(broker: Broker) -> None:
    paid = broker.outcome(broker.order("BusinessPayment"))
    codes = [
        broker.result_code(broker.order("TransactionReversal", parameters=(("OriginalTransactionID", paid.receipt),)))
        for _ in range(2)
    ]
    assert codes == ["0", "15"]


@pytest.mark.parametrize(("receipt", "code"), [("SNOSUCHONE", "49"), ("not mine", "48"), ("spent", "1")])
def test_reversal_that_cannot_be_is_refused(broker: Broker, receipt: str, code: str) -> None:
    if receipt in {"not mine", "spent"}:
        paid = broker.outcome(broker.order("BusinessPayBill", amount=Decimal(1000)))
        receipt_of, ledger = paid.receipt or "", broker.simulator.world.ledger
        if receipt == "spent":
            everything = ledger.balance(Account("888888", "Utility Account"))
            with broker.simulator.world.database.transaction() as connection:
                connection.execute(
                    "update account set balance = balance - ? where owner = '888888'", (int(everything * 100),)
                )
        order = broker.order("TransactionReversal", parameters=(("OriginalTransactionID", receipt_of),))
        if receipt == "not mine":
            order = replace(
                order, initiator_name="poor", security_credential=broker.credential("p"), short_code="600001"
            )
    else:
        order = broker.order("TransactionReversal", parameters=(("OriginalTransactionID", receipt),))
    before = [each.reversed for each in broker.simulator.transfers()]
    assert broker.result_code(order) == code
    assert [each.reversed for each in broker.simulator.transfers()] == before


def test_reference_data_of_the_request_comes_back_with_the_result(broker: Broker) -> None:
    paid = broker.outcome(broker.order(references=(("Occasion", "Salary & <bonus>"),)))
    found = Result.from_xml(paid.result or b"", strict=True)
    assert found.reference_data is not None
    assert [(each.key, each.value) for each in found.reference_data.reference_item] == [
        ("Occasion", "Salary & <bonus>")
    ]


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda b: b.order("TransactionReversal"), "24"),
        (lambda b: b.order("TransactionReversal", parameters=(("OriginalReceiptNumber", "R1"),)), "24"),
        (lambda b: b.order("OrgRevenueSettlement", amount=Decimal(100)), "25"),
        (lambda b: b.order("PayTaxToKRA", parameters=()), "24"),
    ],
)
def test_what_field_clients_do_not_send_is_refused(
    broker: Broker, request_of: Callable[[Broker], HandmadeRequest], code: str
) -> None:
    assert broker.response_code(request_of(broker).request()) == code


def test_the_whole_revenue_is_settled_without_an_amount(broker: Broker) -> None:
    ledger = broker.simulator.world.ledger
    revenue = ledger.balance(Account("600000", "Utility Account"))
    assert broker.result_code(broker.order("OrgRevenueSettlement")) == "0"
    assert ledger.balance(Account("600000", "Utility Account")) == 0
    assert ledger.balance(Account("600000", "Bank Account")) == revenue


def test_registerurl_goes_to_its_own_path_alone(broker: Broker) -> None:
    parameters = (("ResponseType", "Completed"), ("ConfirmationURL", "http://127.0.0.1:9/c"))
    registration = broker.order("RegisterURL", parameters=parameters).request()
    envelope = encode(registration, operation=GENERIC_API_REQUEST, direction="input", header=header())
    assert decode(broker.raw(envelope, "/mminterface/request").content).message.response_code == "100000013"
    assert decode(broker.raw(envelope, "/mminterface/registerURL").content).message.response_code == "0"
    payment = encode(broker.order().request(), operation=GENERIC_API_REQUEST, direction="input", header=header())
    assert decode(broker.raw(payment, "/mminterface/registerURL").content).message.response_code == "100000013"
