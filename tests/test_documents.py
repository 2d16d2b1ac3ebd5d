"""Documents name files that exist, and link to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MODULES = {
    path.relative_to(ROOT).as_posix() for room in ROOT.iterdir() if room.name[0] != "." for path in room.rglob("*.py")
}
# What `nox -s bench` last wrote, of the tree as it was then.
GENERATED = ROOT / "docs" / "benchmarks.md"


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_inside_the_repository_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each != GENERATED], ids=name)
def test_every_python_file_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"`([\w/-]+\.py)`", document.read_text(encoding="utf-8"))
    assert [path for path in named if not any(f"/{module}".endswith(f"/{path}") for module in MODULES)] == []
