"""Where the shared contracts lie, and bindings made from them once a test run."""

from __future__ import annotations

import fcntl
import functools
import importlib
import os
import sys
from pathlib import Path

import pytest

from mpesa_cbp_generator.config.bindings import default_config
from mpesa_cbp_generator.contract.load import load
from mpesa_cbp_generator.output.write import LOCK, write
from mpesa_cbp_generator.plan.build import make_plan
from mpesa_cbp_generator.plan.lock import from_json
from mpesa_cbp_generator.plan.model import Plan
from mpesa_cbp_generator.render.package import render

WORKSPACE = "MPESA_CBP_TEST_BINDINGS"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "contracts"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared contracts lie beside the project only in its own workshop"
)


@functools.cache
def workspace() -> Path:
    """Folder of all bindings of this test run, shared by its processes; ``conftest.py`` says which one it is."""
    folder = Path(os.environ[WORKSPACE])
    folder.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(folder))
    return folder


@functools.cache
def bindings(folder: Path) -> tuple[Plan, str]:
    """Plan and importable package name of the bindings of a contract without a toml."""
    package = "b_" + "".join(char if char.isalnum() else "_" for char in f"{folder.parent.name}_{folder.name}")
    config = default_config(folder, package, workspace() / package)
    with (workspace() / f"{package}.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not config.output.exists():
            write(render(make_plan(load([folder]), config)), config.output)
    importlib.invalidate_caches()
    return from_json((config.output / LOCK).read_text(encoding="utf-8")), package


def index(kind: str) -> list[tuple[str, str]]:
    """Rows of an INDEX.tsv: name of the set and what is expected of it (its last column)."""
    path = SHARED / kind / "INDEX.tsv"
    if not path.exists():
        return []
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [(row[0], row[-1]) for row in rows]
