"""Where the shared contracts lie, and bindings made from them once a run."""

from __future__ import annotations

import functools
import importlib
import sys
import tempfile
from pathlib import Path

import pytest

from mpesa_cbp_generator.config import default_config
from mpesa_cbp_generator.load import load
from mpesa_cbp_generator.model import Plan
from mpesa_cbp_generator.plan import make_plan
from mpesa_cbp_generator.render import render
from mpesa_cbp_generator.write import write

SHARED = Path(__file__).resolve().parents[3] / "shared" / "contracts"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared contracts lie beside the project only in its own workshop"
)


@functools.cache
def workspace() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mpesa-cbp-bindings-"))
    sys.path.insert(0, str(folder))
    return folder


@functools.cache
def bindings(folder: Path) -> tuple[Plan, str]:
    """Plan and importable package name of the bindings of a contract without a toml."""
    package = "b_" + "".join(char if char.isalnum() else "_" for char in f"{folder.parent.name}_{folder.name}")
    config = default_config(folder, package, workspace() / package)
    plan = make_plan(load([folder]), config)
    write(render(plan), config.output)
    importlib.invalidate_caches()
    return plan, package


def index(kind: str) -> list[tuple[str, str]]:
    """Rows of an INDEX.tsv: name of the set and what is expected of it (its last column)."""
    path = SHARED / kind / "INDEX.tsv"
    if not path.exists():
        return []
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [(row[0], row[-1]) for row in rows]
