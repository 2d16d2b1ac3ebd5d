"""How hard property tests try: a few examples in the suite, many more in ``nox -s fuzz``."""

from __future__ import annotations

import os

EFFORT = int(os.environ.get("MPESA_CBP_TEST_EFFORT", "1"))


def examples(count: int) -> int:
    """The number of examples, times the effort that the environment asks for."""
    return count * EFFORT
