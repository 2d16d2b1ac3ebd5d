"""The table of transitions: whole, and true to what stands above it."""

from __future__ import annotations

import pytest

from mpesa_cbp.payments import PaymentState
from mpesa_cbp.transitions import Standing, Step, Transition, transition

EVERY_STEP = pytest.mark.parametrize("step", Step)


@pytest.mark.parametrize("standing", Standing)
@EVERY_STEP
def test_every_step_has_a_transition_from_every_standing(standing: Standing, step: Step) -> None:
    assert isinstance(transition(standing, step), Transition)


@pytest.mark.parametrize("standing", [Standing.SUCCEEDED, Standing.FAILED])
@EVERY_STEP
def test_a_final_result_is_never_left(standing: Standing, step: Step) -> None:
    assert transition(standing, step).standing is standing


@EVERY_STEP
def test_nothing_moves_to_succeeded_but_the_core_and_a_person(step: Step) -> None:
    before = [each for each in Standing if each.state is not PaymentState.SUCCEEDED]
    moving = [each for each in before if transition(each, step).standing.state is PaymentState.SUCCEEDED]
    assert not moving or step in (Step.PAID, Step.SAID_PAID)


@pytest.mark.parametrize("standing", Standing)
def test_leave_to_send_is_given_only_where_nothing_can_be_under_way(standing: Standing) -> None:
    leave = transition(standing, Step.SENDING) == Transition(Standing.SENT, contradicts=False)
    assert leave == (standing in (Standing.CREATED, Standing.EXPIRED, Standing.NOT_TAKEN, Standing.SAID_UNPAID))
