"""The simulator's SQLite database."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.journal.sqlite_files import create_for_us_alone

_VERSION = 1
_TABLES = """
create table if not exists conversation (
    number integer primary key, conversation_id text not null, core_id text not null, kind text not null,
    command text not null, short_code text not null, receiver text not null, amount text, reference text not null,
    state text not null, bad_day text not null, response_code text, result_code text, receipt text, result_url text,
    timeout_url text, request blob not null, result blob, created text not null
);
create index if not exists conversation_by_id on conversation (conversation_id);
create index if not exists conversation_by_core_id on conversation (core_id);
create index if not exists conversation_by_receipt on conversation (receipt);
create index if not exists conversation_by_state on conversation (state);
create table if not exists step (
    conversation integer not null references conversation (number), place integer primary key, number integer not null,
    what text not null, code text, xml blob not null, at text not null
);
create index if not exists step_by_conversation on step (conversation);
create table if not exists history (
    conversation integer not null references conversation (number), place integer primary key, list text not null,
    message blob not null
);
create index if not exists history_by_conversation on history (conversation);
create table if not exists delivery (
    number integer primary key autoincrement, conversation integer not null references conversation (number),
    url text not null, envelope blob not null, what text not null, code text, soap_action text not null, history text,
    attempts integer not null, delay real not null
);
create table if not exists account (
    owner text not null, name text not null, balance integer not null, primary key (owner, name)
);
create table if not exists customer (msisdn text primary key, name text not null, registered integer, active integer);
create table if not exists transfer (
    number integer primary key, receipt text not null unique, conversation integer not null, debit_owner text not null,
    debit_name text not null, credit_owner text not null, credit_name text not null, cents integer not null,
    day text not null, reversed integer not null default 0
);
create index if not exists transfer_by_conversation on transfer (conversation);
create index if not exists transfer_by_credit on transfer (credit_owner, credit_name, day);
create table if not exists setting (name text primary key, value text not null);
create table if not exists url (
    short_code text primary key, validation text, confirmation text not null, response_type text not null
);
"""
_NAMES = ("history", "step", "delivery", "transfer", "conversation", "account", "customer", "setting", "url")


class Database:
    """One connection that all threads share, one at a time.

    A file belongs to one simulator: a second one that opens it is refused. Raises SettingsError for a file that is no
    database of ours, is damaged, is in use, or cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._after: list[Callable[[], None]] = []
        self._connection: sqlite3.Connection | None = None
        if path is not None:
            create_for_us_alone(path)  # it keeps what partners send, as their journals do
        try:
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path, check_same_thread=False, isolation_level=None, timeout=0.5
            )
            self._open()
        except sqlite3.Error as error:
            self.close()
            raise SettingsError(_explained(path, error)) from None
        except SettingsError as error:
            self.close()
            raise SettingsError(f"{path}: {error}") from None

    def _open(self) -> None:
        connection = self._connected()
        connection.row_factory = sqlite3.Row
        # The lock is the operating system's: it ends with the process, however that ends.
        connection.execute("pragma locking_mode = exclusive")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        found = int(connection.execute("pragma user_version").fetchone()[0])
        tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
        if found != _VERSION and tables:
            raise SettingsError("this state is of another version of the simulator: move it away or remove it")
        if connection.execute("pragma quick_check(1)").fetchone()[0] != "ok":
            raise SettingsError("this state is damaged: move it away or remove it")
        connection.executescript(f"begin immediate; {_TABLES} pragma user_version = {_VERSION}; commit;")

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the database is closed")
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and nobody else meanwhile; may be nested, the outermost commits."""
        calls: list[Callable[[], None]] = []
        with self._lock:
            connection = self._connected()
            self._depth += 1
            try:
                if self._depth == 1:
                    connection.execute("begin")
                yield connection
                if self._depth == 1:
                    connection.execute("commit")
                    calls, self._after = self._after, []
            except BaseException:
                if self._depth == 1:
                    self._after.clear()
                    if connection.in_transaction:
                        connection.execute("rollback")
                raise
            finally:
                self._depth -= 1
        for call in calls:
            call()

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call when the transaction at hand is committed, and not if it is rolled back; at once where there is none."""
        with self._lock:
            if self._depth:
                self._after.append(call)
                return
        call()

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction() as connection:
            for name in _NAMES:
                connection.execute(f"delete from {name}")  # noqa: S608 - names of our own

    def close(self) -> None:
        """Close; a second time does nothing."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


def _explained(path: Path | None, error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"{path} is in use by another simulator: stop that one, or give this one a directory of its own"
    if "not a database" in text or "malformed" in text:
        return f"{path} is damaged or no state of a simulator: move it away or remove it"
    return f"the simulator's state {path} cannot be used: {text}"
