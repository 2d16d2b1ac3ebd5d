"""The journal's database: connections that are safe to trust, and a schema that is up to date."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from mpesa_cbp.errors import JournalError, SettingsError

_BUSY_MILLISECONDS = 10_000
# Any number will do, as long as every process takes the same lock before it looks at the schema.
_MIGRATION_LOCK = 7_276_401


def open_engine(url: str) -> Engine:
    """An engine with the schema in place. Raises SettingsError or JournalError."""
    try:
        parsed = make_url(url)
        in_memory = parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")
        options: dict[str, Any] = {"hide_parameters": True}
        if in_memory:
            options.update(poolclass=StaticPool, connect_args={"check_same_thread": False})
        else:
            options["pool_pre_ping"] = True
        engine = create_engine(parsed, **options)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError):
        raise SettingsError("The journal's URL is not one of SQLAlchemy, or its driver is not installed") from None
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    try:
        with engine.connect() as connection, begin(connection):
            _migrate(connection)
    except CommandError:
        engine.dispose()
        raise SettingsError(
            "The journal was written by a newer version of mpesa-cbp", advice="Install that version or a later one."
        ) from None
    except SQLAlchemyError as error:
        engine.dispose()
        raise JournalError(f"The journal cannot be opened ({type(error).__name__})") from None
    return engine


def begin(connection: Connection) -> AbstractContextManager[Any]:
    """Start a transaction that will be committed or rolled back."""
    return connection.begin()


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(raw: Any, _: object) -> None:
        # The driver's own transactions begin too late for a lock; ours begin with it.
        raw.isolation_level = None
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", "mpesa_cbp:journal_migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
