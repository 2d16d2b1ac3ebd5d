"""A server of its own process that answers every POST with the same bytes, so that only the caller is measured."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from bench.samples import ROOT


class _Answering(asyncio.Protocol):
    """Counts the bytes of a request and answers, after the delay, when they are all there."""

    def __init__(self, answer: bytes, delay: float) -> None:
        self._answer, self._delay = answer, delay
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].lower()
            _, _, rest = head.partition(b"content-length:")
            whole = end + 4 + int(rest.split(b"\r\n", 1)[0] or 0)
            if len(self._held) < whole:
                return
            self._held = self._held[whole:]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._send)
            else:
                self._send()

    def _send(self) -> None:
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(self._answer)


def http_answer(body: bytes) -> bytes:
    """A whole HTTP answer with that body."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def serving(body: bytes, *, delay: float = 0) -> Iterator[str]:
    """URL of a server on loopback that answers so after ``delay`` seconds; it ends with the block, or with us."""
    with NamedTemporaryFile() as file:
        file.write(http_answer(body))
        file.flush()
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.constant_server", file.name, str(delay)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.communicate()


async def _main(answer: bytes, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(answer, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]).read_bytes(), float(sys.argv[2])))
