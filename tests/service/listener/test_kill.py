"""What is acknowledged is in the journal once, and handled, although listeners are killed (the short form)."""

from __future__ import annotations

from pathlib import Path

from tests.service.journal.postgres import url_with_schema
from tests.service.listener import kill


def judge(figures: kill.Figures) -> None:
    assert (figures.lost, figures.doubled, figures.unseen) == ([], [], []), str(figures)


def test_killed_listener_loses_nothing_it_acknowledged_and_doubles_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    judge(kill.run(url, tmp_path, results=300, connections=8, kills=2, processes=1, seed=1))


def test_two_listeners_on_one_postgresql_lose_and_double_nothing(tmp_path: Path, postgres_server: str) -> None:
    url = url_with_schema(postgres_server, f"kill_{tmp_path.name}")
    judge(kill.run(url, tmp_path, results=300, connections=8, kills=2, processes=2, seed=2))
