"""The small form of the kill loop; ``nox -s kill`` runs the long one."""

from __future__ import annotations

from pathlib import Path

from tests.service.payroll.kill_loop import KINDS, kill_loop


def test_payer_killed_at_every_step_pays_each_line_once_and_loses_none(url: str, tmp_path: Path) -> None:
    figures = kill_loop(url, tmp_path, payments=40, kills=len(KINDS), seed=1, at_most=2)
    assert set(figures.kills) == set(KINDS), str(figures)
    assert figures.problems == []
    assert figures.executed == figures.arrived == 40
    assert figures.executed_twice == figures.arrived_twice == 0
    assert figures.answered + figures.resolved_by_query + figures.settled_by_word == 40
    assert figures.settled_by_word > 0
