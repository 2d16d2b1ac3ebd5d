"""The servers that results are posted to, each in a process of its own on the same web server (waitress).

``python -m bench.delivery_server constant | constant-in-loop | spyne | memory | JOURNAL_URL`` prints its URL and serves
until its input ends.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.memory_journal import MemoryJournal
from bench.samples import RESULT, ROOT
from mpesa_cbp.soap import encode
from mpesa_cbp_models import Response
from mpesa_cbp_models.operations import GENERIC_API_RESULT
from mpesa_cbp_service import Journal
from mpesa_cbp_service.listener import Listener, ListenerServer
from mpesa_cbp_service.listener.server import server_limits
from mpesa_cbp_service.web_server.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

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


class _Constant:
    """Reads a request and answers the same to each."""

    def __init__(self) -> None:
        self._answer = encode(_ACKNOWLEDGED, operation=GENERIC_API_RESULT, direction="output")
        self._headers = [("Content-Type", "text/xml; charset=utf-8"), ("Content-Length", str(len(self._answer)))]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("200 OK", self._headers)
        return [self._answer]


class _ConstantInLoop(_Constant):
    """The same, called by the thread in the server's loop as the listener is, which no other application asks for."""

    def begin(self, environ: WSGIEnvironment) -> None:
        """Nothing is to be done before the answer."""


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


def main(kind: str) -> None:
    """Serve until the input ends."""
    server: Server | ListenerServer
    others = {"constant": _Constant, "constant-in-loop": _ConstantInLoop, "spyne": _spyne}
    if kind in others:
        limits = server_limits(Listener(journal=MemoryJournal()))
        # With more threads the constant is slower.
        limits = dataclasses.replace(limits, threads=4)
        server = Server(others[kind](), host="127.0.0.1", port=0, name="bench", limits=limits)
    else:
        server = ListenerServer(Listener(journal=MemoryJournal() if kind == "memory" else Journal(kind)))
    server.start()
    print(server.url, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main(sys.argv[1])
