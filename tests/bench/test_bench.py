"""Each benchmark runs, in a tiny form; nothing here is timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bench.__main__ import SUBJECTS
from bench.measure import TINY, Times, compare
from bench.table import Row, faster, slower

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_benchmark_runs(subject: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--tiny", "--only", subject],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(SUBJECTS[subject].title)
    assert done.stdout.count("×") > 1


def test_contestants_take_turns_and_rotate() -> None:
    calls: list[str] = []
    compare({name: lambda name=name: calls.append(name) for name in "ab"}, TINY)  # type: ignore[misc]
    assert calls[2:] == ["a", "b"]


def test_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    times = Times({"ours": [2.0, 3.0, 40.0], "other": [1.0, 1.0, 10.0]})
    assert slower("x", times, "ours", "other").ratio == 3.0
    assert faster("x", times, "other", "ours").ratio == 3.0


@pytest.mark.parametrize(
    ("ratio", "is_faster", "met"), [(2.0, False, True), (2.1, False, False), (2.0, True, True), (1.9, True, False)]
)
def test_target_is_met_from_the_right_side(ratio: float, is_faster: bool, met: bool) -> None:
    assert Row("x", "", "", "", ratio, limit=2, faster=is_faster).met is met
