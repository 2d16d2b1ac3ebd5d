"""Nothing is acknowledged that is not stored: full disk, read-only and locked database, database gone and back."""

from __future__ import annotations

import contextlib
import http.client
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from mpesa_cbp import decode
from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.config import load
from mpesa_cbp_service.journal import Handling
from mpesa_cbp_service.listener.factory import make_listener
from mpesa_cbp_service.notifications import ResultNotification
from tests.service.journal import damage
from tests.service.journal.postgres import own_server
from tests.service.listener.messages import TOKEN, response_code, result
from tests.service.listener.processes import Caller, running
from tests.service.listener.wsgi import code_of, post

STORED, NOT_STORED = "00000000", "200000003"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of four megabytes."""
    with damage.small_disk("4m") as folder:
        yield folder


def stored_once(journal: Journal, conversation_id: str) -> bool:
    return len(journal.events(conversation_id)) == 1


def test_full_disk_is_not_acknowledged_and_what_was_acknowledged_is_there(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with Journal(f"sqlite:///{small_disk}/j.db") as journal:
        listener = Listener(journal=journal, path_token=TOKEN)
        assert listener.ready()
        ballast.write_bytes(b"x" * 2_000_000)
        codes = {}
        for number in range(500):
            name = f"600000_{number}_{'x' * 4000}"
            codes[name] = code_of(post(listener, result(name))[1])
        assert set(codes.values()) == {STORED, NOT_STORED}
        assert not listener.ready()
        assert all(stored_once(journal, name) for name, code in codes.items() if code == STORED)
        assert post(listener, b"<unreadable")[0].startswith("500")

        ballast.unlink()
        refused = [name for name, code in codes.items() if code == NOT_STORED][:20]
        assert {code_of(post(listener, result(name))[1]) for name in refused} == {STORED}
        assert all(stored_once(journal, name) for name in refused)
        assert listener.ready()


def test_event_whose_handling_could_not_be_noted_is_handled_again(small_disk: Path) -> None:
    seen: list[int] = []
    again, first = threading.Event(), threading.Event()
    with Journal(f"sqlite:///{small_disk}/j.db") as journal:
        listener = Listener(journal=journal, path_token=TOKEN)

        @listener.on_result
        def fill_the_disk(notification: ResultNotification) -> None:
            seen.append(notification.event_id)
            if len(seen) == 1:
                with contextlib.suppress(OSError):
                    (small_disk / "ballast").write_bytes(b"x" * 8_000_000)
                first.set()
                raise ValueError
            again.set()

        post(listener, result("600000_A"))
        listener.start()
        assert first.wait(30)
        listener.stop()
        (small_disk / "ballast").unlink()
        event = journal.event(seen[0])
        assert event is not None
        # The failure could not be noted, or it could: in both cases it will be handled again.
        assert event.handling in (Handling.LEASED, Handling.PENDING)
        journal.replay(event.id)
        listener.start()
        assert again.wait(30)
        listener.stop()
    assert seen[0] == seen[1]


def test_read_only_database_is_not_acknowledged(small_disk: Path) -> None:
    with Journal(f"sqlite:///{small_disk}/j.db") as journal:
        listener = Listener(journal=journal, path_token=TOKEN)
        journal.close()  # its connections, which would keep the file system busy; new ones are opened when needed
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        assert code_of(post(listener, result("600000_A"))[1]) == NOT_STORED
        assert not listener.ready()
        journal.close()
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        assert code_of(post(listener, result("600000_A"))[1]) == STORED


def test_locked_database_is_not_acknowledged_by_any_of_many_and_later_it_is(tmp_path: Path) -> None:
    with Journal(f"sqlite:///{tmp_path}/j.db?timeout=0.2") as journal:
        listener = Listener(journal=journal, path_token=TOKEN)
        names = [f"600000_{number}" for number in range(20)]

        def codes() -> set[str]:
            with ThreadPoolExecutor(8) as pool:
                return set(pool.map(lambda name: code_of(post(listener, result(name))[1]), names))

        with contextlib.closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert codes() == {NOT_STORED}
            assert not listener.ready()
            other.execute("ROLLBACK")
        assert codes() == {STORED}
        assert all(stored_once(journal, name) for name in names)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_file_that_is_taken_from_under_a_listener_has_nothing_acknowledged(tmp_path: Path, ending: str) -> None:
    url = f"sqlite:///{tmp_path}/j.db"
    with running(tmp_path, url) as process:
        caller = Caller(process.port)
        assert response_code(caller.post(result("600000_A"))[1]) == STORED
        (tmp_path / f"j.db{ending}").unlink()
        for number in range(5):
            assert response_code(caller.post(result(f"600000_{number}"))[1]) == NOT_STORED
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
        connection.request("GET", "/ready")
        assert connection.getresponse().status == 503
        connection.close()
        caller.close()


def test_more_deliveries_than_may_wait_are_told_to_come_again(tmp_path: Path) -> None:
    with Journal(f"sqlite:///{tmp_path}/j.db?timeout=1") as journal:
        listener = make_listener(load(environ={}, listener_path_token=TOKEN, listener_maximum_waiting=2), journal)
        with contextlib.closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with ThreadPoolExecutor(6) as pool:
                bodies = [result(f"600000_{number}") for number in range(6)]
                codes = sorted(pool.map(lambda body: code_of(post(listener, body)[1]), bodies))
            other.execute("ROLLBACK")
        assert set(codes) == {"200000001", NOT_STORED}


def test_delivery_that_waits_for_its_commit_too_long_is_told_to_come_again_and_is_stored_once(tmp_path: Path) -> None:
    with Journal(f"sqlite:///{tmp_path}/j.db?timeout=30") as journal:
        listener = make_listener(load(environ={}, listener_path_token=TOKEN, listener_longest_wait=0.1), journal)
        bodies = [result(f"600000_{number}") for number in range(2)]
        with contextlib.closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert [code_of(post(listener, body)[1]) for body in bodies] == ["200000001"] * 2
            other.execute("ROLLBACK")
        pause = threading.Event()
        while any(code_of(post(listener, body)[1]) != STORED for body in bodies):
            pause.wait(0.01)
        assert [stored_once(journal, f"600000_{number}") for number in range(2)] == [True, True]


@pytest.fixture
def folder_for_postgres() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mpesa-cbp-postgres-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_database_server_that_goes_and_comes_back(tmp_path: Path, folder_for_postgres: Path) -> None:
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    with own_server(folder_for_postgres) as server:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        with running(tmp_path, url) as process:
            caller = Caller(process.port)
            assert response_code(caller.post(result("600000_A"))[1]) == STORED
            server.stop()
            assert response_code(caller.post(result("600000_A"))[1]) == NOT_STORED
            assert response_code(caller.post(result("600000_B"))[1]) == NOT_STORED
            assert decode(caller.post(b"<unreadable")[1]).fault is not None
            server.start()
            for name in ("600000_A", "600000_B"):
                assert response_code(caller.post(result(name))[1]) == STORED
            caller.close()
        with Journal(url) as journal:
            assert stored_once(journal, "600000_A")
            assert stored_once(journal, "600000_B")
