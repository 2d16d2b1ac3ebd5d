"""The processes of ``mpesa-cbp listen``: workers, their end with their parent, and the limit of open files."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service import Journal
from mpesa_cbp_service.config import load
from mpesa_cbp_service.listener.granian_server import allow_open_files
from tests.service.journal.postgres import url_with_schema
from tests.service.listener.messages import TOKEN, response_code, result
from tests.service.listener.processes import Caller, running


def test_two_workers_on_postgresql_store_what_either_was_given(tmp_path: Path, postgres_server: str) -> None:
    url = url_with_schema(postgres_server, f"workers{os.getpid()}")
    with running(tmp_path, url, workers=2) as process:
        assert len(process.workers()) == 2
        for number in range(30):  # a connection each: the system gives them to both
            caller = Caller(process.port)
            assert response_code(caller.post(result(f"600000_{number}"))[1]) == "00000000"
            caller.close()
    with Journal(url) as journal:
        assert all(len(journal.events(f"600000_{number}")) == 1 for number in range(30))


def test_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path, f"sqlite:///{tmp_path}/j.db") as process:
        os.kill(process.pid, signal.SIGKILL)
        pause = threading.Event()
        caller = Caller(process.port)
        assert caller.deliver(result("600000_A"), pause) >= 1
        caller.close()


def test_workers_end_in_order_with_the_process_that_started_them(tmp_path: Path) -> None:
    with running(tmp_path, f"sqlite:///{tmp_path}/j.db") as process:
        caller = Caller(process.port)
        assert response_code(caller.post(result("600000_A"))[1]) == "00000000"
        process.signal(signal.SIGKILL)
        process.await_refusal()
        caller.close()


ASK = """
import resource, sys
from mpesa_cbp_service.config import load
from mpesa_cbp_service.listener.granian_server import allow_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 3000))
allow_open_files(load(environ={}, listener_connections=1000, listener_certificate=sys.argv[1] or None))
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(("tls", "raised"), [(False, "1200\n"), (True, "3000\n")])
def test_limit_of_open_files_is_raised_to_what_connections_and_handshakes_need(
    tmp_path: Path, tls: bool, raised: str
) -> None:
    certificate = tmp_path / "us.pem"
    certificate.touch()
    command = [sys.executable, "-c", ASK, str(certificate) if tls else ""]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == raised


def test_connections_that_the_system_cannot_hold_are_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    with pytest.raises(SettingsError, match="needs 10200 open files, and this process may have 4096") as caught:
        allow_open_files(load(environ={}, listener_connections=10_000))
    assert "LimitNOFILE=10200" in str(caught.value)


def test_port_of_a_running_listener_is_not_shared_by_mistake(tmp_path: Path) -> None:
    with running(tmp_path, f"sqlite:///{tmp_path}/j.db") as process:
        second = subprocess.run(
            [sys.executable, "-m", "mpesa_cbp_service", "listen", f"--port={process.port}"],
            env={
                **os.environ,
                "MPESA_CBP_JOURNAL_URL": f"sqlite:///{tmp_path}/k.db",
                "MPESA_CBP_LISTENER_PATH_TOKEN": TOKEN,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert second.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {process.port}" in second.stderr


def test_health_and_readiness_are_answered_on_the_main_port_and_close_the_connection(tmp_path: Path) -> None:
    with running(tmp_path, f"sqlite:///{tmp_path}/j.db") as process:
        for path in ("/health", "/ready"):
            connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("connection")) == (200, "close")
            connection.close()
