"""Connections of the journal, and its schema kept up to date."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from mpesa_cbp.errors import JournalError, MissingExtra, SettingsError
from mpesa_cbp_service.journal.db_errors import FOREIGN, explain
from mpesa_cbp_service.journal.file_watch import FileWatch
from mpesa_cbp_service.journal.sqlite_files import create_for_us_alone, sqlite_file
from mpesa_cbp_service.journal.tables import SCHEMA_VERSION, VERSION_TABLE, metadata

_BUSY_SECONDS = 30
_PAUSE_SECONDS = 0.02
# Any number will do, as long as every process takes the same lock before it looks at the schema.
_MIGRATION_LOCK = 7_276_401
_BACKENDS = ("sqlite", "postgresql")


class Database:
    """Transactions on SQLite or PostgreSQL, whose schema is made or brought up to date first.

    Raises SettingsError for a URL that cannot be used, MissingExtra without PostgreSQL's driver, JournalError where
    the database cannot be opened.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        # Without user, password and options, any of which may be or hold a secret.
        self._place = parsed.set(
            drivername=parsed.get_backend_name(), username=None, password=None, query={}
        ).render_as_string()
        in_memory = _is_in_memory(parsed)
        file = sqlite_file(url)
        if file is not None:
            # It holds customers' numbers.
            create_for_us_alone(file)
            # Later connections must open the same file, wherever the process works then.
            file = file.absolute()
            parsed = parsed.set(database=str(file))
        self._engine = _engine(parsed)
        # A database in memory has one connection, which threads must not use at the same time. SQLite has one writer;
        # threads that wait for each other here wait less long than in SQLite's own sleeps.
        self._writing = threading.RLock() if parsed.get_backend_name() == "sqlite" else None
        self._reading = self._writing if in_memory else None
        self._process = os.getpid()
        self._inherited: list[object] = []
        self._is_in_memory = in_memory
        self._watch: FileWatch | None = None
        try:
            self._update_schema()
        except BaseException:
            self._engine.dispose()
            raise
        self._watch = None if file is None else self._watch_file(file)

    def __repr__(self) -> str:
        return repr(getattr(self, "_place", None))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that has been committed durably when it ends; foreign errors become JournalError."""
        with self._writing or nullcontext(), self._connection() as connection:
            with _begin(connection, "BEGIN IMMEDIATE"):
                self._require_the_same_files(connection)
                yield connection
            self._require_the_same_files(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment and keeps no writer waiting."""
        with self._reading or nullcontext(), self._connection() as connection, _begin(connection, "BEGIN"):
            yield connection

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        if self._process != os.getpid():
            self._begin_after_fork()
        try:
            with self._engine.connect() as connection:
                yield connection
        except FOREIGN as error:
            raise explain(error, self._place) from None

    def _begin_after_fork(self) -> None:
        """Open connections of our own: those of the process that forked us are its alone, and so are its locks."""
        self._process = os.getpid()
        if self._writing is not None:
            self._writing = threading.RLock()
        if self._is_in_memory:
            return
        # Kept, since a connection that is thrown away is closed, for the other process as well.
        self._inherited.append(self._engine.pool)
        self._engine.dispose(close=False)
        if self._watch is not None:
            self._watch.forget_connections()

    def _watch_file(self, file: Path) -> FileWatch:
        self._engine.dispose()  # of the connections from here on each is counted
        watch = FileWatch(file, self._place)
        event.listen(self._engine, "connect", watch.opened)
        event.listen(self._engine, "close", watch.closed)
        return watch

    def _require_the_same_files(self, connection: Connection) -> None:
        """Raise JournalError where what is stored would be, or was, stored in a file that nobody will open again."""
        if self._watch is not None:
            self._watch.check(connection)

    def _update_schema(self) -> None:
        with self.reading() as connection:
            if _version(connection) == SCHEMA_VERSION:
                return
        with self._connection() as connection, _begin(connection, "BEGIN IMMEDIATE"):
            _migrate(connection)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("The journal's URL is not one of SQLAlchemy, such as sqlite:///payments.db") from None
    backend = parsed.get_backend_name()
    if backend not in _BACKENDS:
        raise SettingsError(f"The journal's URL must begin with one of {' and '.join(_BACKENDS)}")
    if parsed.drivername == "postgresql":
        # SQLAlchemy 2.0 would take psycopg2 here.
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _is_in_memory(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {"hide_parameters": True}
    if _is_in_memory(url):
        options.update(poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        # A server may have been restarted since; a file cannot.
        options["pool_pre_ping"] = url.get_backend_name() != "sqlite"
        if url.get_backend_name() == "sqlite" and "timeout" not in url.query:
            options["connect_args"] = {"timeout": _BUSY_SECONDS}
    try:
        engine = create_engine(url, **options)
    except ModuleNotFoundError:
        raise MissingExtra("A journal on PostgreSQL", extra="postgres") from None
    except (ArgumentError, NoSuchModuleError, ValueError, TypeError):
        raise SettingsError("The journal's URL has a driver or an option that is not known") from None
    event.listen(engine, "connect", _prepare_sqlite if engine.dialect.name == "sqlite" else _prepare_postgres)
    return engine


def _prepare_sqlite(raw: Any, _: object) -> None:
    # The driver's own transactions begin too late for a lock; ours begin with it.
    raw.isolation_level = None
    cursor = raw.cursor()
    _write_ahead(cursor)
    # Each commit is on the disk when it returns; on macOS only with fullfsync.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA fullfsync = 1")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Set the mode, for as long as a lock is waited for: of several who open a new file at once SQLite refuses some."""
    (milliseconds,) = cursor.execute("PRAGMA busy_timeout").fetchone()
    deadline = time.monotonic() + milliseconds / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _prepare_postgres(raw: Any, _: object) -> None:
    # A server may be set to lose the last commits in a crash. Stricter settings than "on" are left as they are.
    with raw.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    raw.commit()


@contextmanager
def _begin(connection: Connection, statement: str) -> Iterator[None]:
    with connection.begin():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(statement)
        yield


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(select(text("version_num")).select_from(text(VERSION_TABLE))).scalar()
    return found


def _migrate(connection: Connection) -> None:
    """Bring the schema up to date, in one transaction, one process at a time."""
    # Both take a while to load, and are needed once in a schema's life.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", "mpesa_cbp_service.journal:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise SettingsError(
            "The journal was written by a newer version of mpesa-cbp", advice="Install that version or a later one."
        ) from None
    missing = {table.name for table in metadata.sorted_tables} - set(inspect(connection).get_table_names())
    if missing:
        raise JournalError(f"The journal's database lacks the table {', '.join(sorted(missing))}")
