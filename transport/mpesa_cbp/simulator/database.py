"""The simulator's SQLite database, in memory or in a file: one connection, one lock, the tables."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mpesa_cbp.errors import SettingsError

_TABLES = """
create table if not exists conversation (
    number integer primary key, conversation_id text not null, core_id text not null, kind text not null,
    command text not null, short_code text not null, receiver text not null, amount text, state text not null,
    bad_day text not null, response_code text, result_code text, receipt text, result_url text, timeout_url text,
    request blob not null, result blob, created text not null
);
create index if not exists conversation_by_id on conversation (conversation_id);
create index if not exists conversation_by_receipt on conversation (receipt);
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
create table if not exists account (
    owner text not null, name text not null, balance integer not null, primary key (owner, name)
);
create table if not exists customer (msisdn text primary key, name text not null, registered integer, active integer);
create table if not exists transfer (
    receipt text primary key, conversation integer not null, debit_owner text not null, debit_name text not null,
    credit_owner text not null, credit_name text not null, cents integer not null, day text not null,
    reversed integer not null default 0
);
create table if not exists setting (name text primary key, value text not null);
create table if not exists url (
    short_code text primary key, validation text, confirmation text not null, response_type text not null
);
"""


class Database:
    """One connection that all threads share, one at a time."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        try:
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path, check_same_thread=False, isolation_level=None
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.executescript(_TABLES)
        except sqlite3.Error as error:
            raise SettingsError(f"the simulator's database {path} cannot be used: {error}") from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and nobody else meanwhile; may be nested, the outermost commits."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._connection.execute("begin")
                yield self._connection
            except BaseException:
                if self._depth == 1:
                    self._connection.execute("rollback")
                raise
            else:
                if self._depth == 1:
                    self._connection.execute("commit")
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Close; a second time does nothing."""
        with self._lock:
            self._connection.close()
