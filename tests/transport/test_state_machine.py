"""The table of transitions: whole, and true to what stands above it."""

from __future__ import annotations

import pytest

from mpesa_cbp.payment.model import PaymentState
from mpesa_cbp.payment.state_machine import Evidence, LedgerState, Transition, transition

EVERY_STEP = pytest.mark.parametrize("step", Evidence)


@pytest.mark.parametrize("standing", LedgerState)
@EVERY_STEP
def test_every_step_has_a_transition_from_every_standing(standing: LedgerState, step: Evidence) -> None:
    assert isinstance(transition(standing, step), Transition)


@pytest.mark.parametrize("standing", [LedgerState.SUCCEEDED, LedgerState.FAILED])
@EVERY_STEP
def test_a_final_result_is_never_left(standing: LedgerState, step: Evidence) -> None:
    assert transition(standing, step).ledger_state is standing


@EVERY_STEP
def test_nothing_moves_to_succeeded_but_the_core_and_a_person(step: Evidence) -> None:
    before = [each for each in LedgerState if each.state is not PaymentState.SUCCEEDED]
    moving = [each for each in before if transition(each, step).ledger_state.state is PaymentState.SUCCEEDED]
    assert not moving or step in (Evidence.PAID, Evidence.OPERATOR_PAID)


@pytest.mark.parametrize("standing", LedgerState)
def test_leave_to_send_is_given_only_where_nothing_can_be_under_way(standing: LedgerState) -> None:
    leave = transition(standing, Evidence.SENDING) == Transition(LedgerState.SENT, contradicts=False)
    assert leave == (
        standing in (LedgerState.CREATED, LedgerState.EXPIRED, LedgerState.NOT_TAKEN, LedgerState.OPERATOR_UNPAID)
    )
