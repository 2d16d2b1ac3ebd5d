"""What the listener's tests share."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Journal, Listener
from tests.journal.postgres import server_url
from tests.listener.messages import TOKEN


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with server_url() as url:
        yield url


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(f"sqlite:///{tmp_path}/j.db") as opened:
        yield opened


@pytest.fixture
def seen() -> queue.Queue[tuple[str, Any]]:
    return queue.Queue()


@pytest.fixture
def listener(journal: Journal, seen: queue.Queue[tuple[str, Any]]) -> Iterator[Listener]:
    """One that handles; what its handlers see is in ``seen``."""
    made = Listener(journal=journal, path_token=TOKEN)
    made.on_result(lambda notice: seen.put(("result", notice)))
    made.on_c2b_confirmation(lambda notice: seen.put(("confirmation", notice)))
    made.on_contradiction(lambda notice: seen.put(("contradiction", notice)))
    made.start()
    yield made
    made.stop()
