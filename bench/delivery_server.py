"""The servers that results are posted to, each in a process of its own on the same web server (granian).

``python -m bench.delivery_server constant | spyne | memory | JOURNAL_URL`` prints its URL and serves until its input
ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from bench.memory_journal import MemoryJournal
from bench.samples import RESULT, ROOT
from mpesa_cbp.soap import encode
from mpesa_cbp_models import Response
from mpesa_cbp_models.operations import GENERIC_API_RESULT
from mpesa_cbp_service import Journal
from mpesa_cbp_service.listener import Listener, asgi_application

if TYPE_CHECKING:
    from mpesa_cbp_service.listener.asgi import AsgiApplication

_ACKNOWLEDGED = Response(response_code="00000000", response_desc="success")


@contextmanager
def serving(kind: str) -> Iterator[tuple[str, int]]:
    """Host and port of a server in its own process, which ends with the block, or with us."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.delivery_server", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(f"the server {kind} did not start")
        host, _, port = line.strip().rpartition("//")[2].partition(":")
        yield host, int(port)
    finally:
        process.communicate()


def _constant() -> AsgiApplication:
    """Reads a request and answers the same to each."""
    answer = encode(_ACKNOWLEDGED, operation=GENERIC_API_RESULT, direction="output")
    headers = [(b"content-type", b"text/xml; charset=utf-8"), (b"content-length", str(len(answer)).encode())]

    async def application(_: object, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return application


def _spyne() -> Any:
    """The same contract as a spyne service: the document inside ResultMsg stays an opaque string, nothing is stored."""
    from spyne import Application, ServiceBase, Unicode, rpc
    from spyne.protocol.soap import Soap11
    from spyne.server.wsgi import WsgiApplication

    answer = _ACKNOWLEDGED.to_xml().decode()

    def generic_api_result(_context: object, _message: str) -> str:
        return answer

    names = {"_in_message_name": "ResultMsg", "_out_message_name": "ResponseMsg"}
    exposed = rpc(Unicode, _returns=Unicode, _body_style="bare", **names)(generic_api_result)
    service = type("ResultService", (ServiceBase,), {"generic_api_result": exposed})
    application = Application([service], tns=RESULT, in_protocol=Soap11(), out_protocol=Soap11())
    return WsgiApplication(application)


def load(kind: str) -> Any:
    """The application of that kind, in the worker that serves it."""
    if kind == "spyne":
        return _spyne()
    if kind == "constant":
        return _constant()
    listener = Listener(journal=MemoryJournal() if kind == "memory" else Journal(kind))
    return asgi_application(listener)


def main(kind: str) -> None:
    """Serve until the input ends."""
    multiprocessing.set_start_method("spawn")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    interface = Interfaces.WSGI if kind == "spyne" else Interfaces.ASGINL if kind == "constant" else Interfaces.ASGI
    server = Granian(
        "bench",
        port=port,
        interface=interface,
        # As many threads as there are connections.
        blocking_threads=16 if kind == "spyne" else None,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
    )
    threading.Thread(target=_say_and_wait, args=(port,), daemon=True).start()
    server.serve(target_loader=partial(load, kind), wrap_loader=False)


def _say_and_wait(port: int) -> None:
    """Print the URL when it is served, and end this process in order when its input ends."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.02)
        else:
            break
    print(f"http://127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
