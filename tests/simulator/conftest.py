"""A simulator with a partner that is wired to it; quick, and the same in every run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mpesa_cbp_simulator import Partner, Simulator, Timing

# Delays that tests do not sit through: they put the time forward.
TIMING = Timing(result_delay=0.0, late_delay=3600.0, slow_delay=0.3, cache_time=3600.0, retry_delay=0.0)


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Simulator]:
    with Simulator(timing=TIMING, seed=1) as started:
        yield started


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Simulator:
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture
def partner(simulator: Simulator) -> Iterator[Partner]:
    with simulator.partner(timeout=(2, 10)) as started:
        yield started
