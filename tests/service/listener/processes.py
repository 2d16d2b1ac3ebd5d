"""Real ``mpesa-cbp listen`` processes on loopback, and a caller who sends again what was not acknowledged."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.service.listener.messages import HEADERS, TOKEN, response_code


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ListenerProcess:
    """One process; ``start`` returns when it answers. It can be killed and started again, on the same port."""

    def __init__(self, folder: Path, journal_url: str, *, prints: bool = False, **settings: object) -> None:
        self.port = free_port()
        self.stderr: list[str] = []
        # A pipe that nobody reads would fill up and hold the handlers that print.
        self._stdout = subprocess.PIPE if prints else subprocess.DEVNULL
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MPESA_CBP_")},
            "MPESA_CBP_JOURNAL_URL": journal_url,
            "MPESA_CBP_LISTENER_PORT": str(self.port),
            "MPESA_CBP_LISTENER_PATH_TOKEN": TOKEN,
            **{f"MPESA_CBP_LISTENER_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """Process id of the worker, which serves."""
        (worker,) = self.workers()
        return worker

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return [int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "mpesa_cbp_service", "listen", "--log-level", "warning"]
        self._process = subprocess.Popen(
            command,
            env=self._environment,
            cwd=self._folder,
            stdout=self._stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process, ready), daemon=True)
        self._reader.start()
        assert ready.wait(60), f"the listener did not start: {self.stderr}"
        assert self._process.poll() is None, f"the listener ended: {self.stderr}"

    def read_line(self) -> str:
        """What it prints next."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def await_refusal(self) -> None:
        """Wait until it accepts no more connections."""
        pause = threading.Event()
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=30).close()
            except OSError:
                return
            pause.wait(0.01)

    def await_read(self) -> None:
        """Wait until it has read all that was sent to it: nothing is left in the receive queues of its sockets."""
        pause = threading.Event()
        while self._has_unread():
            pause.wait(0.01)

    def _has_unread(self) -> bool:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours = [row for row in rows if int(row[1].rpartition(":")[2], 16) == self.port and row[3] == "01"]
        return not all(row[4].endswith(":00000000") for row in ours)

    def kill(self) -> None:
        """End it and its workers at once, wherever they are."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._join()

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._join()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started, not to its workers."""
        assert self._process is not None
        self._process.send_signal(number)

    def _join(self) -> int:
        assert self._process is not None
        assert self._reader is not None
        code = self._process.wait(60)
        self._reader.join(60)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return code

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.stderr.append(line.rstrip())
            if line.startswith("Stop with Ctrl-C"):
                ready.set()
        ready.set()


@contextmanager
def running(folder: Path, journal_url: str, **settings: object) -> Iterator[ListenerProcess]:
    """A process that runs, and is asked to stop in the end."""
    process = ListenerProcess(folder, journal_url, prints=False, **settings)
    process.start()
    try:
        yield process
    finally:
        process.stop()


class Caller:
    """One connection of a broker, kept open from message to message and opened again when it broke."""

    def __init__(self, *ports: int, timeout: float = 30) -> None:
        self._ports = ports
        self._turn = 0
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self.sent = threading.Event()
        """Set when a request has been handed to the socket."""

    def post(
        self, body: bytes, *, path: str = f"/{TOKEN}/result", headers: Mapping[str, str] = HEADERS
    ) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or HTTPException where there is none."""
        if self._connection is None:
            port = self._ports[self._turn % len(self._ports)]
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self._timeout)
        try:
            self._connection.request("POST", path, body, dict(headers))
            self.sent.set()
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            self._turn += 1
            raise

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def deliver(self, body: bytes, pause: threading.Event) -> int:
        """Post until it is acknowledged, however long that takes; returns how often. ``pause`` being set ends it."""
        attempts = 0
        while not pause.is_set():
            attempts += 1
            try:
                status, answer = self.post(body)
            except (OSError, http.client.HTTPException):
                pause.wait(0.02)
                continue
            if status == 200 and response_code(answer) == "00000000":
                return attempts
        return attempts
