"""A caller's own ledger: four methods are enough, and it decides whether a payment may be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.errors import DuplicateConversation
from mpesa_cbp.payment.model import EventKind, Payment
from mpesa_cbp_simulator import Simulator, Timing
from tests.service.journal.simulated import MSISDN


@dataclass
class Ledger:
    """What a bank might have already."""

    gives_leave: bool = True
    seen: list[str] = field(default_factory=list)

    def create(self, *, conversation_id: str, **_: Any) -> None:
        self.seen.append(f"create {conversation_id}")

    def record(self, conversation_id: str, kind: EventKind, **_: Any) -> PaymentState:
        self.seen.append(f"{kind.value} {conversation_id}")
        return PaymentState.SENT if self.gives_leave else PaymentState.ACCEPTED

    def payment(self, conversation_id: str) -> Payment | None:  # noqa: ARG002
        return None

    def request(self, conversation_id: str) -> bytes | None:  # noqa: ARG002
        return None


def requests_seen(simulator: Simulator) -> int:
    return sum(step.number == 1 for step in simulator.steps)


def test_ledger_of_the_caller_is_told_every_step_in_order() -> None:
    ledger = Ledger()
    timing = Timing(result_delay=0.0, retry_delay=0.01, attempts=1)
    with Simulator(timing=timing) as simulator, Client(**simulator.client_settings(), journal=ledger) as client:
        client.pay_customer(MSISDN, 100, conversation_id="mine-1")
    assert ledger.seen == ["create mine-1", "sending mine-1", "accepted mine-1"]


def test_nothing_is_sent_without_leave_of_the_ledger() -> None:
    ledger = Ledger(gives_leave=False)
    with Simulator() as simulator, Client(**simulator.client_settings(), journal=ledger) as client:
        with pytest.raises(DuplicateConversation):
            client.pay_customer(MSISDN, 100, conversation_id="mine-1")
        assert requests_seen(simulator) == 0
