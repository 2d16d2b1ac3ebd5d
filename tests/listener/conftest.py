"""What the listener's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journal.postgres import server_url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with server_url() as url:
        yield url
