"""CONTRIBUTING.md sends people to files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`([\w./-]+(?:/|\.md|\.toml|\.py|\.lock))`", TEXT)))
TASKS = re.findall(r"^\| (an? .*?) \| `(.*?)` \|", TEXT, re.MULTILINE)


@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_each_of_the_ten_tasks_has_one_file_to_begin_with() -> None:
    assert len(TASKS) == 10
    assert {path for _, path in TASKS} <= set(PATHS)
