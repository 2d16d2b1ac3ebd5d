"""Where a test run keeps the bindings that it makes."""

from __future__ import annotations

import os

import pytest

from tests.generator.shared_contracts import WORKSPACE


@pytest.fixture(scope="session", autouse=True)
def bindings_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One folder for the run; with pytest-xdist, the one above those of its processes."""
    base = tmp_path_factory.getbasetemp()
    os.environ[WORKSPACE] = str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "bindings")
