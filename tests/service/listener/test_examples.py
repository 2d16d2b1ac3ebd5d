"""The examples of the listener inside web frameworks, each run by a real server."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mpesa_cbp.soap import encode
from mpesa_cbp_models import C2BPaymentValidationRequest
from mpesa_cbp_models.operations import VALIDATE_C2B_PAYMENT
from mpesa_cbp_service.journal import Journal
from tests.service.listener.messages import HEADERS, TOKEN, response_code, result
from tests.service.listener.processes import free_port
from tests.service.listener.wsgi import code_of

EXAMPLES = Path(__file__).parents[3] / "examples"

SERVERS = {
    "django": ("gunicorn", "--bind=127.0.0.1:{port}", "--threads=8", "listener_django:application"),
    "flask": ("flask", "--app", "listener_flask", "run", "--port={port}"),
    "flask in production": ("gunicorn", "--bind=127.0.0.1:{port}", "--threads=8", "listener_flask:create_app()"),
    "fastapi on granian": (
        "granian",
        "--interface=asgi",
        "--host=127.0.0.1",
        "--port={port}",
        "listener_fastapi:app",
    ),
    "fastapi": ("uvicorn", "--no-access-log", "--host=127.0.0.1", "--port={port}", "listener_fastapi:app"),
    "none": ("mpesa_cbp_service", "listen", "--port={port}", "--handlers=listener_handlers:register"),
}
NEEDED = {
    "django": ("django", "gunicorn"),
    "flask": ("flask",),
    "flask in production": ("flask", "gunicorn"),
    "fastapi": ("fastapi",),
    "fastapi on granian": ("fastapi",),
    "none": (),
}


class Example:
    """A server with an example, with journal and standard error in a folder."""

    def __init__(self, command: Sequence[str], port: int, prefix: str, folder: Path) -> None:
        self.prefix = prefix
        self.port = port
        self.journal_url = f"sqlite:///{folder}/j.db"
        self.errors = folder / "stderr"
        ours = {"MPESA_CBP_JOURNAL_URL": self.journal_url, "MPESA_CBP_LISTENER_PATH_TOKEN": TOKEN}
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=EXAMPLES,
                env={**os.environ, "PYTHONPATH": str(EXAMPLES), **ours},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def post(self, body: bytes, path: str = f"/{TOKEN}/result") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", self.prefix + path, body, HEADERS)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def await_start(self) -> None:
        pause = threading.Event()
        while self.process.poll() is None:
            try:
                self.post(b"", "/nothing")
            except OSError:
                pause.wait(0.1)
            else:
                return
        pytest.fail("the example did not start")


@pytest.fixture(params=SERVERS)
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Example]:
    framework: str = request.param
    for module in NEEDED[framework]:
        pytest.importorskip(module, reason=f"{module} is not installed")
    port = free_port()
    command = [part.format(port=port) for part in SERVERS[framework]]
    prefix = "" if framework == "none" else "/mpesa"
    started = Example(command, port, prefix, tmp_path)
    try:
        started.await_start()
        yield started
    finally:
        started.process.terminate()
        started.process.communicate(timeout=30)


def validation(account: str) -> bytes:
    message = C2BPaymentValidationRequest(
        trans_type="Pay Bill",
        trans_id="T1",
        trans_time="20261124080000",
        trans_amount="70.00",
        business_short_code="600000",
        bill_ref_number=account,
        msisdn="254712345678",
    )
    return encode(message, operation=VALIDATE_C2B_PAYMENT, direction="input")


def test_example_stores_acknowledges_and_handles(example: Example) -> None:
    assert example.post(result("600000_A"), "/another-unguessable-word/result")[0] == 404
    status, answer = example.post(result("600000_A"))
    assert (status, response_code(answer)) == (200, "00000000")
    assert [code_of(example.post(validation(account))[1]) for account in ("INV-1", "INV-3")] == ["0", "C2B00012"]
    assert example.process.stdout is not None
    printed = iter(example.process.stdout)
    assert next(line for line in printed if line.startswith("event")) == "event 1: 600000_A paid\n"
    with Journal(example.journal_url) as journal:
        assert len(journal.events("600000_A")) == 1
    assert TOKEN not in example.errors.read_text()
