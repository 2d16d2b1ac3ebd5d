"""What contributors rely on: files that CONTRIBUTING.md names, and versions that are stated in more than one place."""

from __future__ import annotations

import re
import tomllib
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


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_commit_hooks_use_the_ruff_that_formats_the_bindings() -> None:
    pinned = [item for item in PROJECT["project"]["optional-dependencies"]["generator"] if item.startswith("ruff==")]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    used = re.search(r"astral-sh/ruff-pre-commit\n\s+rev: v(\S+)", hooks)
    assert used is not None
    assert pinned == [f"ruff=={used[1]}"]


def test_the_workflow_tests_every_python_that_the_package_claims() -> None:
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    matrix = re.search(r"python: \[(.*)\]", (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    assert matrix is not None
    assert re.findall(r"[\d.]+", matrix[1]) == claimed


def test_the_lock_file_names_no_index_but_pypi() -> None:
    hosts = re.findall(r"(?:registry|url) = \"([^\"]*?//[^/\"]*)", (ROOT / "uv.lock").read_text(encoding="utf-8"))
    assert set(hosts) == {"https://pypi.org", "https://files.pythonhosted.org"}
