"""docs/simulator.md says what is true: its tables, its example of a scenario, its API."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from mpesa_cbp_simulator import BAD_DAYS, Scenario
from mpesa_cbp_simulator.config import (
    DEFAULT_CUSTOMERS,
    DEFAULT_OPERATORS,
    DEFAULT_ORGANISATIONS,
    DEFAULT_SERVICE_PROVIDER,
    LIMITS,
    Timing,
)
from mpesa_cbp_simulator.faults import DIALECTS
from mpesa_cbp_simulator.web.api import ROUTES

DOCUMENT = Path(__file__).parents[2] / "docs" / "simulator.md"
README = DOCUMENT.parents[1] / "README.md"


def section(title: str) -> str:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"\n## {title}\n" in text
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_table_of_bad_days_is_the_codes() -> None:
    written = [row for row in rows("Bad days") if row[0].startswith("`") and ":" not in row[0]]
    assert written == [[f"`{each.name}`", str(each.magic), each.what] for each in BAD_DAYS]


def test_table_of_dialects_is_the_codes() -> None:
    written = [row for row in rows("Bad days") if row[0].isdigit()]
    assert written == [[str(number), what] for number, what in DIALECTS.items()]


def test_everybody_who_is_named_is_there() -> None:
    text = section("Who it knows")
    provider, operator = DEFAULT_SERVICE_PROVIDER, DEFAULT_OPERATORS[0]
    for value in (provider.id, provider.password, provider.service_id, operator.name, operator.password):
        assert f"`{value}`" in text
    named = set(re.findall(r"`(\d{12})`", text))
    assert named == {each.msisdn for each in DEFAULT_CUSTOMERS}
    assert {each.short_code for each in DEFAULT_ORGANISATIONS} == set(re.findall(r"`(\d{6})`", text)) - {provider.id}


def test_limits_are_those_of_the_specification() -> None:
    limits = LIMITS["2014"]
    assert [[row[1], row[2]] for row in rows("Limits") if row[2].isdigit()] == [
        [f"{limits.minimum}, {limits.unregistered_minimum}", "2"],
        [f"{limits.maximum}, {limits.unregistered_maximum}", "3"],
        [str(limits.daily), "4"],
        [str(limits.balance), "8"],
    ]


def test_example_of_a_scenario_is_one_with_the_usual_timing(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", section("Scenario files"), re.DOTALL)
    path = tmp_path / "scenario.toml"
    path.write_text(example)
    scenario = Scenario.of(path)
    assert len(scenario.rules) == 3
    assert scenario.timing_over(Timing(result_delay=9, late_delay=9, attempts=9)) == Timing()


def test_table_of_the_api_is_the_codes() -> None:
    written = {
        row[0].strip("`"): re.findall("`([a-z_]+)", row[1]) for row in rows("HTTP API") if row[0].startswith("`")
    }
    taken = {f"{method} /api/{path}": names.split() for (path, method), (_, names) in ROUTES.items()}
    assert {path: sorted(names) for path, names in written.items()} == {
        path: sorted(names) for path, names in taken.items()
    }


@pytest.mark.parametrize("day", ["cached-then-expired"])
def test_bad_day_of_the_readme_is_shown_as_it_is(day: str, capsys: pytest.CaptureFixture[str]) -> None:
    from mpesa_cbp_service.cli import run

    text = README.read_text(encoding="utf-8")
    assert f"mpesa-cbp demo --scenario {day}" in text
    assert run(["demo", "--scenario", day, "--pace", "0.05"]) == 1
    printed = capsys.readouterr().out
    block = text.partition(f"--scenario {day}`")[2].partition("    …\n")[2].partition("\n`mpesa-cbp demo --list`")[0]
    parts = textwrap.dedent("    …\n" + block).split("…\n")[1:]
    assert len(parts) == 3
    for part in parts:
        assert part in printed
        printed = printed.partition(part)[2]
