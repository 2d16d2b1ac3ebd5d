"""Scenario files: which requests have a bad day, and what is said of a file that is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_simulator import BadDay, Scenario, Simulator
from mpesa_cbp_simulator.scenario import FaultPlan


def days_of(text: str, tmp_path: Path, *, seed: int | None = None) -> FaultPlan:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    scenario = Scenario.of(path)
    return FaultPlan(scenario, seed=seed if seed is not None else scenario.seed, magic=scenario.magic is not False)


def ask(
    days: FaultPlan, number: int = 1, command: str = "BusinessPayment", receiver: str = "1", amount: str = "100"
) -> str:
    return str(days.day_for(conversation_id=str(number), command=command, receiver=receiver, amount=Decimal(amount)))


def test_first_rule_that_matches_counts(tmp_path: Path) -> None:
    days = days_of(
        """
        [[bad_day]]
        name = "throttled"
        command = "SalaryPayment"
        [[bad_day]]
        name = "result-code:7"
        receiver = "254700000009"
        [[bad_day]]
        name = "slow"
        amount = "250.00"
        """,
        tmp_path,
    )
    assert ask(days, command="SalaryPayment", receiver="254700000009") == "throttled"
    assert ask(days, receiver="254700000009") == "result-code:7"
    assert ask(days, amount="250") == "slow"
    assert ask(days) == "good"


def test_requests_are_skipped_and_counted(tmp_path: Path) -> None:
    days = days_of('[[bad_day]]\nname = "slow"\nskip = 2\ntimes = 2\n', tmp_path)
    assert [ask(days, number) for number in range(6)] == ["good", "good", "slow", "slow", "good", "good"]
    days.forget()
    assert [ask(days, number) for number in range(3)] == ["good", "good", "slow"]


def test_chance_is_the_same_under_a_seed_in_whatever_order(tmp_path: Path) -> None:
    text = 'seed = 5\n[[bad_day]]\nname = "slow"\nchance = 0.3\n'
    forwards, backwards = days_of(text, tmp_path), days_of(text, tmp_path)
    hit = {number: ask(forwards, number) for number in range(400)}
    assert {number: ask(backwards, number) for number in reversed(range(400))} == hit
    assert 80 < list(hit.values()).count("slow") < 160
    other = days_of(text, tmp_path, seed=6)
    assert {number: ask(other, number) for number in range(400)} != hit


def test_magic_can_be_switched_off(tmp_path: Path) -> None:
    assert ask(days_of("", tmp_path), amount="4101") == "throttled"
    assert ask(days_of("magic = false", tmp_path), amount="4101") == "good"


def test_what_is_chosen_by_hand_comes_first(tmp_path: Path) -> None:
    days = days_of('[[bad_day]]\nname = "slow"\n', tmp_path)
    days.choose(BadDay("html"), 2)
    assert days.chosen == (BadDay("html"), 2)
    assert [ask(days), ask(days), ask(days, amount="4101")] == ["html", "html", "slow"]


def test_timing_of_the_file_is_the_simulators(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text("seed = 3\n[timing]\nresult_delay = 0\nlate_delay = 1.5\nattempts = 2\n")
    with Simulator(scenario=path) as simulator:
        timing = simulator.world.setup.timing
        assert (timing.result_delay, timing.late_delay, timing.attempts) == (0, 1.5, 2)
        assert simulator.world.setup.seed == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[bad_day]", "not TOML"),
        ("colour = 1", "the file has the unknown key 'colour'; known are bad_day, magic, seed, timing"),
        ("seed = 1.5", "seed must be a whole number"),
        ("magic = 1", "magic true or false"),
        ("bad_day = 1", r"must be written as \[\[bad_day\]\]"),
        ("timing = 1", "timing must be a table"),
        ("[timing]\nresult_delay = 'soon'", "timing: result_delay must be a number of seconds"),
        ("[timing]\nresult_delay = true", "timing: result_delay must be a number of seconds"),
        ("[timing]\nresult_delay = -1", "timing: delays must be 0 to 86400 seconds"),
        ("[timing]\nresult_delay = nan", "timing: delays must be"),
        ("[timing]\nattempts = 1.5", "timing: attempts must be a whole number"),
        ("[timing]\nattempts = 0", "attempts 1 to 100"),
        ("[timing]\nlate = 1", "timing has the unknown key 'late'"),
        ("[[bad_day]]\n", "bad_day 1: there is no bad day ''"),
        ("[[bad_day]]\nname = 'slow'\n[[bad_day]]\nname = 'throtled'", "bad_day 2: .*did you mean throttled?"),
        ("[[bad_day]]\nname = 'result-cod:7'", "did you mean result-code:NUMBER?"),
        ("[[bad_day]]\nname = 'dialect:99'", "there is no dialect 99"),
        ("[[bad_day]]\nname = 'slow'\nchance = 2", "chance must be between 0 and 1"),
        ("[[bad_day]]\nname = 'slow'\ntimes = -1", "times must be a whole number"),
        ("[[bad_day]]\nname = 'slow'\nskip = true", "skip must be a whole number"),
        ("[[bad_day]]\nname = 'slow'\namount = 1.5", "bad_day 1: .*a float is not exact"),
        ("[[bad_day]]\nname = 'slow'\ncommand = 7", "command must be text"),
        ("[[bad_day]]\nname = 'slow'\nwhen = 'now'", "bad_day 1 has the unknown key 'when'"),
    ],
)
def test_file_that_is_wrong_is_refused_with_the_place(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says) as caught:
        Scenario.of(path)
    assert "scenario.toml" in str(caught.value)


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for name, says in (("none.toml", "No such file"), ("binary.toml", "UTF-8")):
        with pytest.raises(SettingsError, match=says):
            Scenario.of(tmp_path / name)


def test_unknown_name_is_refused_with_the_nearest(simulator: Simulator) -> None:
    with pytest.raises(SettingsError, match=r"did you mean cached-then-expired\?"):
        Scenario.of("cached-then-expird")
    with pytest.raises(ValueError, match="There are good, throttled"):
        simulator.choose("sunny")
