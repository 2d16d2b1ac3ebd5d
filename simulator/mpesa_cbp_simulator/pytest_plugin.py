"""Fixtures for pytest (docs/simulator.md).

pytest finds this module through the entry point ``pytest11`` wherever mpesa-cbp is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mpesa_cbp_simulator import Partner, Simulator


@pytest.fixture(scope="session")
def mpesa_cbp_simulator_settings() -> dict[str, Any]:
    """Keyword arguments of ``Simulator`` for the fixtures here; override it to have others.

    As it stands results come at once, and what is late or cached waits until a test calls ``advance``.
    """
    from mpesa_cbp_simulator.config import Timing

    timing = Timing(result_delay=0.01, late_delay=3600, slow_delay=0.5, cache_time=3600, retry_delay=0.1)
    return {"timing": timing, "seed": 1}


@pytest.fixture(scope="session")
def _mpesa_cbp_started(mpesa_cbp_simulator_settings: dict[str, Any]) -> Iterator[Simulator]:
    with _simulator_class()(**mpesa_cbp_simulator_settings) as simulator:
        yield simulator


def _simulator_class() -> type[Simulator]:
    """``Simulator``; fails the test where the extra that it needs is not installed."""
    import mpesa_cbp_simulator
    from mpesa_cbp.errors import MissingExtra

    try:
        return mpesa_cbp_simulator.Simulator
    except MissingExtra as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def mpesa_cbp_simulator(_mpesa_cbp_started: Simulator) -> Simulator:
    """A simulated broker on a loopback port, in its first state at the beginning of each test.

    ``mpesa_cbp_simulator.client_settings()`` are the arguments of a ``Client`` that talks to it.
    """
    _mpesa_cbp_started.reset()
    return _mpesa_cbp_started


@pytest.fixture
def mpesa_cbp_partner(mpesa_cbp_simulator: Simulator) -> Iterator[Partner]:
    """A client, a listener and a journal in memory that are wired to the simulated broker, and to each other."""
    with mpesa_cbp_simulator.partner() as partner:
        yield partner
