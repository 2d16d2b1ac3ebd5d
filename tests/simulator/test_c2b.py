"""Customers' payments, begun outside: RegisterURL, validation, confirmation (protocol, section 10)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mpesa_cbp_models import C2BPaymentConfirmationRequest
from mpesa_cbp_service.notifications import C2BNotification
from mpesa_cbp_simulator import Account, Partner, Simulator, State
from tests.simulator.by_hand import Broker

PAYER = "254700000000"
NOWHERE = "http://127.0.0.1:9/validation"


def utility(simulator: Simulator) -> Decimal:
    return simulator.world.ledger.balance(Account("600000", "Utility Account"))


def notification(partner: Partner) -> C2BNotification:
    found = partner.notifications.get(timeout=10)
    while not isinstance(found, C2BNotification):
        found = partner.notifications.get(timeout=10)
    return found


def test_payment_is_validated_then_moves_then_is_confirmed(simulator: Simulator, partner: Partner) -> None:
    asked: list[Decimal] = []

    @partner.listener.on_c2b_validation
    def validate(_: C2BNotification) -> None:
        asked.append(utility(simulator))

    partner.register_urls()
    simulator.settle()
    begun = simulator.pay_in(PAYER, "150.50", reference="INV-7")
    told = notification(partner)
    simulator.settle()
    assert asked == [Decimal(1_000_000)]
    assert utility(simulator) == Decimal("1000150.50")
    assert isinstance(told.message, C2BPaymentConfirmationRequest)
    assert (told.amount, told.account_reference, told.transaction_id) == (Decimal("150.50"), "INV-7", begun.receipt)
    assert told.message.org_account_balance == "1000150.50"
    assert [(each.kyc_name, each.kyc_value) for each in told.message.kyc_info] == [
        ("[Personal Details][First Name]", "Jane"),
        ("[Personal Details][Last Name]", "Doe"),
    ]
    steps = simulator.world.records.steps(begun)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]


def test_refused_payment_moves_nothing_and_is_not_confirmed(simulator: Simulator, partner: Partner) -> None:
    partner.listener.on_c2b_validation(lambda _: "C2B00012")
    partner.register_urls()
    simulator.settle()
    begun = simulator.pay_in(PAYER, 150)
    simulator.settle()
    assert simulator.world.records.get(begun.number).state is State.FAILED
    assert utility(simulator) == Decimal(1_000_000)
    assert [step.number for step in simulator.world.records.steps(begun)] == [1, 2, 3]


@pytest.mark.parametrize(("response_type", "state"), [("Completed", State.COMPLETED), ("Cancelled", State.FAILED)])
def test_what_happens_when_nobody_can_validate_is_what_was_registered(
    simulator: Simulator, partner: Partner, response_type: str, state: State
) -> None:
    partner.client.register_urls(
        validation_url=NOWHERE, confirmation_url=partner.urls["confirmation"], response_type=response_type
    )
    simulator.settle()
    begun = simulator.pay_in(PAYER, 150)
    simulator.settle()
    assert simulator.world.records.get(begun.number).state is state
    assert utility(simulator) == Decimal(1_000_150 if state is State.COMPLETED else 1_000_000)
    confirmed = [step for step in simulator.world.records.steps(begun) if step.number == 4]
    assert len(confirmed) == (1 if state is State.COMPLETED else 0)


def test_without_a_validation_url_nobody_is_asked(simulator: Simulator, partner: Partner) -> None:
    partner.client.register_urls(confirmation_url=partner.urls["confirmation"])
    simulator.settle()
    begun = simulator.pay_in(PAYER, 150)
    simulator.settle()
    assert [step.number for step in simulator.world.records.steps(begun)] == [3, 4, 5]


def test_confirmation_that_nobody_takes_is_posted_again_and_then_given_up(
    simulator: Simulator, partner: Partner
) -> None:
    partner.client.register_urls(confirmation_url="http://127.0.0.1:9/confirmation")
    simulator.settle()
    begun = simulator.pay_in(PAYER, 150)
    simulator.settle()
    told = [step.what for step in simulator.world.records.steps(begun) if step.number == 5]
    assert len(told) == 5
    assert [what.endswith("It is not posted again.") for what in told] == [False] * 4 + [True]
    assert utility(simulator) == Decimal(1_000_150)


def test_confirmation_comes_twice_is_late_or_lost(simulator: Simulator, partner: Partner) -> None:
    partner.register_urls()
    simulator.settle()
    for day, at_once, later in (("result-twice", 2, 2), ("late-result", 0, 1), ("never-resulted", 1, 1)):
        simulator.choose(day)
        begun = simulator.pay_in(PAYER, 100)
        simulator.advance(10)
        steps = simulator.world.records.steps(begun)
        assert sum(step.number == 4 for step in steps) == at_once, day
        simulator.advance(3600)
        assert sum(step.number == 4 for step in simulator.world.records.steps(begun)) == later, day
    assert utility(simulator) == Decimal(1_000_300)


def test_validation_and_confirmation_in_other_dialects_are_read(simulator: Simulator, partner: Partner) -> None:
    partner.register_urls()
    simulator.settle()
    for dialect in (11, 19):
        simulator.choose(f"dialect:{dialect}")
        begun = simulator.pay_in(PAYER, 100)
        told = notification(partner)
        simulator.settle()
        assert simulator.world.records.get(begun.number).state is State.COMPLETED
        assert isinstance(told.message, C2BPaymentConfirmationRequest)
    assert len(told.message.msisdn or "") == 64
    assert [each.kyc_value or "" for each in told.message.kyc_info] == ["", ""]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"short_code": "888888"}, "has registered no URLs"),
        ({"msisdn": "12"}, "is not known"),
        ({"amount": "0"}, "more than zero"),
    ],
)
def test_payment_that_cannot_begin_is_refused(
    simulator: Simulator, partner: Partner, options: dict[str, str], says: str
) -> None:
    partner.register_urls()
    simulator.settle()
    values = {"msisdn": PAYER, "amount": "100", **options}
    with pytest.raises(ValueError, match=says):
        simulator.pay_in(values.pop("msisdn"), values.pop("amount"), **values)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ((("ResponseType", "Completed"),), "24"),
        ((("ConfirmationURL", "http://127.0.0.1:9/"),), "24"),
        ((("ResponseType", "Perhaps"), ("ConfirmationURL", "http://127.0.0.1:9/")), "25"),
    ],
    ids=["no confirmation URL", "no response type", "another response type"],
)
def test_wrong_registration_is_refused(
    simulator: Simulator, parameters: tuple[tuple[str, str], ...], code: str
) -> None:
    broker = Broker(simulator)
    assert broker.response_code(broker.order("RegisterURL", parameters=parameters).request()) == code
    assert simulator.world.registry.registration("600000") is None
