"""The journal's database: durable, brought up to date, and clear about what is wrong with it."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text

from mpesa_cbp.errors import JournalError, MissingExtra, SettingsError
from mpesa_cbp.payment.model import EventKind, PaymentState
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.journal.tables import SCHEMA_VERSION, VERSION_TABLE, metadata
from tests.service.journal.damage import small_disk
from tests.service.journal.postgres import own_server

MSISDN = "254712345678"


def create(journal: Journal, conversation_id: str = "c1", body: bytes = b"<request/>") -> None:
    journal.create(
        conversation_id=conversation_id,
        command_id="BusinessPayment",
        amount=Decimal("100.10"),
        receiver=MSISDN,
        request=body,
    )


# -- durability ---------------------------------------------------------------------------------------------------


def test_every_commit_is_on_the_disk_before_it_returns(journal: Journal) -> None:
    with journal._database.writing() as connection:
        if connection.dialect.name == "sqlite":
            pragmas = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode")
            ]
            assert pragmas == [2, "wal"]
        else:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_server_that_may_lose_commits_is_told_not_to(postgres_server: str) -> None:
    separator = "&" if "?" in postgres_server else "?"
    options = f"{separator}options=-csearch_path%3Dpublic%20-csynchronous_commit%3Doff"
    with Journal(postgres_server + options) as journal, journal._database.reading() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_reader_does_not_wait_for_a_writer(url: str) -> None:
    with Journal(url) as writer, Journal(url) as reader:
        create(writer)
        with writer._database.writing() as connection:
            connection.execute(text("UPDATE mpesa_cbp_payments SET receipt = 'R'"))
            payment = reader.payment("c1")
        assert payment is not None
        assert payment.receipt is None


# -- schema -------------------------------------------------------------------------------------------------------


@contextmanager
def alembic_on(url: str) -> Iterator[tuple[Config, Connection]]:
    engine: Engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", "mpesa_cbp_service.journal:migrations")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            yield config, connection
    finally:
        engine.dispose()


def test_migrations_make_what_the_tables_say(url: str) -> None:
    Journal(url).close()
    with alembic_on(url) as (_, connection):
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_newest_version_is_the_one_that_the_tables_name() -> None:
    config = Config()
    config.set_main_option("script_location", "mpesa_cbp_service.journal:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


def test_journal_of_the_first_version_is_brought_up_to_date_with_all_that_it_holds(url: str) -> None:
    with alembic_on(url) as (config, connection):
        command.upgrade(config, "0001")
        now = datetime(2026, 1, 2, tzinfo=UTC)
        connection.execute(
            text(
                "INSERT INTO mpesa_cbp_payments (conversation_id, command_id, standing, amount, receiver, created_at,"
                " updated_at) VALUES ('old', 'BusinessPayment', 'sent', '100.10', :receiver, :now, :now)"
            ),
            {"now": now.isoformat(sep=" "), "receiver": MSISDN},
        )
        for kind in ("created", "sending", "not-sent", "sending", "refused", "sending"):
            connection.execute(
                text(
                    "INSERT INTO mpesa_cbp_events (conversation_id, kind, step, at, contradicts, handling, attempts)"
                    " VALUES ('old', :kind, :kind, :now, false, 'none', 0)"
                ),
                {"kind": kind, "now": now.isoformat(sep=" ")},
            )
    with Journal(url) as journal:
        payment = journal.payment("old")
        assert payment is not None
        assert (payment.state, payment.amount, payment.receiver) == (PaymentState.SENT, Decimal("100.10"), MSISDN)
        assert payment.created_at == now
        assert payment.requests == 2
        assert len(journal.events("old")) == 6
        assert journal.record("old", EventKind.ACCEPTED, code="0") is PaymentState.ACCEPTED


def test_journal_of_a_newer_version_is_refused_and_not_touched(url: str) -> None:
    Journal(url).close()
    with alembic_on(url) as (_, connection):
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(SettingsError, match="newer version"):
        Journal(url)
    with alembic_on(url) as (_, connection):
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() == "9999"


OPENER = "import sys; from mpesa_cbp_service.journal import Journal; Journal(sys.argv[1]).payments()"


def test_processes_that_open_a_new_journal_at_the_same_time_make_one_schema(url: str) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", OPENER, url], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [(child.communicate()[1], child.returncode) for child in children] == [("", 0)] * 2


# -- what can be wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["nonsense", "", "oracle9://x", "mysql://u:geheim@h/d", "sqlite+nodriver:///x"])
def test_url_that_cannot_be_used_is_a_wrong_setting(url: str) -> None:
    with pytest.raises((SettingsError, MissingExtra)) as caught:
        Journal(url)
    assert "journal" in str(caught.value)
    assert "geheim" not in f"{caught.value}{caught.value!r}"


def damaged(file: Path) -> None:
    with Journal(f"sqlite:///{file}") as journal:
        for number in range(50):
            create(journal, f"c{number}", b"x" * 2000)
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    file.write_bytes(content)


def not_a_database(file: Path) -> None:
    file.write_bytes(b"msisdn,amount\n" * 100)


def a_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "name", "said"),
    [
        (damaged, "j.db", "damaged|no SQLite database"),
        (not_a_database, "j.db", "no SQLite database"),
        (a_folder, "j.db", "cannot be opened"),
        (None, "missing/j.db", "cannot be opened"),
    ],
)
def test_file_that_is_no_journal_is_told_with_what_to_do(tmp_path: Path, spoil: object, name: str, said: str) -> None:
    file = tmp_path / name
    if callable(spoil):
        spoil(file)
    with pytest.raises(JournalError, match=said) as caught, Journal(f"sqlite:///{file}") as journal:
        create(journal)
    assert str(file) in str(caught.value)
    assert MSISDN not in str(caught.value)


def test_file_that_may_only_be_read_can_be_read_and_says_so_when_written(tmp_path: Path) -> None:
    with Journal(f"sqlite:///{tmp_path}/j.db") as journal:
        create(journal)
        with Journal(f"sqlite:///file:{tmp_path}/j.db?mode=ro&uri=true") as readonly:
            assert len(readonly.payments()) == 1
            with pytest.raises(JournalError, match="may not be written"):
                create(readonly, "c2")


@pytest.mark.parametrize("what", ["moved", "deleted", "replaced", "-wal deleted", "-shm deleted"])
def test_file_that_is_no_longer_in_its_place_takes_nothing_more(tmp_path: Path, what: str) -> None:
    file = tmp_path / "j.db"
    with Journal(f"sqlite:///{tmp_path}/backup.db") as backup:
        create(backup, "earlier")
    with Journal(f"sqlite:///{file}") as journal:
        create(journal)
        if what.endswith("deleted"):
            file.with_name(f"j.db{what.removesuffix('deleted').strip()}").unlink()
        else:
            file.rename(tmp_path / "elsewhere.db")
        if what == "replaced":
            shutil.copy(tmp_path / "backup.db", file)
        with pytest.raises(JournalError, match="was moved, replaced or deleted"):
            create(journal, "c2")
        assert [payment.conversation_id for payment in journal.payments()] == ["c1"]


def checkpoint(file: Path) -> None:
    """Have SQLite write all that is in the -wal into the file."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def backup(file: Path, copy: Path) -> None:
    """What docs/journal.md says of backups."""
    with closing(sqlite3.connect(file)) as connection, closing(sqlite3.connect(copy)) as target:
        connection.backup(target)


@pytest.mark.parametrize("checkpointed_last", [True, False])
def test_older_copy_that_is_written_over_the_file_takes_nothing_more(tmp_path: Path, checkpointed_last: bool) -> None:
    file = tmp_path / "j.db"
    with Journal(f"sqlite:///{file}") as journal:
        create(journal, "c1")
        backup(file, tmp_path / "copy.db")
        create(journal, "c2")
        checkpoint(file)
        create(journal, "c3")
        if checkpointed_last:
            checkpoint(file)
            create(journal, "c4")
        (tmp_path / "j.db").write_bytes((tmp_path / "copy.db").read_bytes())  # the same inode
        with pytest.raises(JournalError, match="replaced by an older copy"):
            create(journal, "c5")
        with pytest.raises(JournalError):
            journal.check()


def test_checkpoints_and_backups_of_others_are_no_replacement(tmp_path: Path) -> None:
    file = tmp_path / "j.db"
    with Journal(f"sqlite:///{file}") as journal, Journal(f"sqlite:///{file}") as other:
        for number in range(20):
            create(journal, f"c{number}")
            create(other, f"o{number}")
            checkpoint(file)
            backup(file, tmp_path / "copy.db")
        journal.close()
        create(journal, "again")
        other.close()
        create(other, "too")
        assert len(journal.payments()) == 42


def test_files_that_sqlite_itself_deleted_with_the_last_connection_are_no_loss(tmp_path: Path) -> None:
    with Journal(f"sqlite:///{tmp_path}/j.db") as journal:
        create(journal, "c1")
        journal.close()
        assert not (tmp_path / "j.db-wal").exists()
        create(journal, "c2")
        assert len(journal.payments()) == 2


def test_check_writes_to_the_disk(journal: Journal) -> None:
    with journal._database.writing() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("of PostgreSQL the log position says so, and the server's own work moves it too")
        file = Path(f"{connection.exec_driver_sql('PRAGMA database_list').one()[2]}-wal")
    before = file.stat().st_size
    journal.check()
    assert file.stat().st_size > before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_journal_that_was_used_before_a_fork_is_used_by_both_processes(url: str) -> None:
    script = f"""
import os
from decimal import Decimal
from mpesa_cbp_service.journal import Journal

journal = Journal({url!r})
def create(name):
    journal.create(
        conversation_id=name, command_id="BusinessPayment", amount=Decimal(1), receiver=None, request=b"<r/>"
    )
create("before")
children = []
for number in range(4):
    child = os.fork()
    if not child:
        for each in range(10):
            create(f"child-{{number}}-{{each}}")
        os._exit(0)
    children.append(child)
for each in range(10):
    create(f"parent-{{each}}")
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
assert codes == [0, 0, 0, 0], codes
create("after")
assert len(journal.payments()) == 52
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=120)


def test_relative_name_means_the_same_file_for_as_long_as_the_journal_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Journal("sqlite:///j.db") as journal:
        monkeypatch.chdir(tmp_path / "elsewhere")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: create(journal, f"c{number}"), range(8)))
        assert len(journal.payments()) == 8
    assert not list((tmp_path / "elsewhere").iterdir())


def test_new_file_that_another_process_is_writing_to_is_waited_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE theirs (number INTEGER)")
        other.execute("BEGIN IMMEDIATE")
        # While it is held SQLite refuses the change to WAL at once, whatever the time-out.
        release = threading.Timer(0.3, other.execute, ["COMMIT"])
        release.start()
        Journal(f"sqlite:///{tmp_path}/j.db").close()
        release.join()


def test_database_that_another_process_keeps_locked_is_told_after_the_wait(tmp_path: Path) -> None:
    with (
        Journal(f"sqlite:///{tmp_path}/j.db?timeout=0.05") as journal,
        closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="locked"):
            create(journal)
        other.execute("ROLLBACK")
        create(journal)


def test_full_disk_is_told_and_nothing_that_was_stored_is_lost() -> None:
    acknowledged = []

    def fill(journal: Journal) -> None:
        for number in range(1000):
            create(journal, f"c{number}", b"x" * 4000)
            acknowledged.append(f"c{number}")

    with small_disk("400k") as folder, Journal(f"sqlite:///{folder}/j.db") as journal:
        with pytest.raises(JournalError, match=r"disk is full|disk reports an error") as caught:
            fill(journal)
        assert MSISDN not in str(caught.value)
        stored = [payment.conversation_id for payment in journal.payments()]
        assert stored == acknowledged
        assert all(journal.events(each) for each in stored)


def test_server_that_cannot_be_reached_is_told_without_its_password() -> None:
    with pytest.raises(JournalError, match="cannot be reached") as caught:
        Journal("postgresql://payer:geheim@127.0.0.1:1/journal?connect_timeout=2")
    assert "geheim" not in f"{caught.value}{caught.value!r}"
    assert "127.0.0.1" in str(caught.value)


def test_password_is_no_part_of_the_representation(postgres_server: str) -> None:
    separator = "&" if "?" in postgres_server else "?"
    with_password = re.sub(r"postgres:[^@]*@", "postgres:geheim@", postgres_server) + f"{separator}password=geheim"
    with Journal(with_password) as journal:
        assert "geheim" not in repr(journal)


def test_server_that_was_restarted_is_used_again() -> None:
    with tempfile.TemporaryDirectory(prefix="mpesa-cbp-restart-") as folder:
        Path(folder).chmod(0o755)
        with own_server(Path(folder)) as server, Journal(server.get_uri()) as journal:
            create(journal, "before")
            server.stop()
            with pytest.raises(JournalError):
                create(journal, "meanwhile")
            server.start()
            create(journal, "after")
            assert [payment.conversation_id for payment in journal.payments()] == ["before", "after"]


def test_text_that_no_database_takes_is_a_journal_error(journal: Journal) -> None:
    with pytest.raises(JournalError):
        create(journal, "\ud800")


def test_threads_share_a_journal(journal: Journal) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: create(journal, f"c{number}"), range(64)))
    assert len(journal.payments()) == 64
