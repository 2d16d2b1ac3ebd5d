"""Payrolls are paid on SQLite and on PostgreSQL, as the journal's tests run on both."""

from tests.service.journal.conftest import postgres_server, url

__all__ = ["postgres_server", "url"]
