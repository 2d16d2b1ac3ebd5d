"""What the listener's tests share."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp_service import Journal, Listener
from tests.service.journal.postgres import server_url
from tests.service.listener.messages import TOKEN


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
    made.on_result(lambda notification: seen.put(("result", notification)))
    made.on_c2b_confirmation(lambda notification: seen.put(("confirmation", notification)))
    made.on_contradiction(lambda notification: seen.put(("contradiction", notification)))
    made.start()
    yield made
    made.stop()
