"""The journal's tests run on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mpesa_cbp_service.journal import Journal
from tests.service.journal.postgres import server_url, url_with_schema

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with server_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, on each of the two."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.db"
    server: str = request.getfixturevalue("postgres_server")
    return url_with_schema(server, f"t{uuid.uuid4().hex}")


@pytest.fixture
def journal(url: str, clock: Clock) -> Iterator[Journal]:
    with Journal(url, clock=clock) as opened:
        yield opened
