"""The kill test: results are posted while listeners are killed and started again, and none is lost or doubled.

``python -m tests.service.listener.kill`` runs the long form (see ``--help``); ``test_kill.py`` a short one.
"""

from __future__ import annotations

import argparse
import collections
import os
import queue
import random
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mpesa_cbp.payment.model import EventKind
from mpesa_cbp_service.journal import Handling, Journal
from tests.service.journal.postgres import server_url, url_with_schema
from tests.service.listener.messages import result
from tests.service.listener.processes import Caller, ListenerProcess

HANDLERS = """
import os

SEEN = os.open("seen", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def register(listener):
    @listener.on_result
    def seen(notification):
        os.write(SEEN, f"{notification.event_id} {notification.conversation_id}\\n".encode())
"""


@dataclass(frozen=True)
class Figures:
    """What came out; each of the three faults must be empty."""

    results: int
    kills: int
    posted: int
    seconds: float
    lost: list[str]
    doubled: list[str]
    unseen: list[int]
    seen_again: int

    def __str__(self) -> str:
        return (
            f"{self.results} results acknowledged in {self.seconds:.0f} s, {self.kills} kills, "
            f"posted {self.posted} times ({self.posted - self.results} again)\n"
            f"in the journal exactly once: {self.results - len(self.lost) - len(self.doubled)}; "
            f"lost {len(self.lost)}, doubled {len(self.doubled)}\n"
            f"seen by a handler: {self.results - len(self.unseen)}; never {len(self.unseen)}, "
            f"more than once {self.seen_again}"
        )


def run(
    journal_url: str, folder: Path, *, results: int, connections: int, kills: int, processes: int, seed: int
) -> Figures:
    """Post results over connections while processes are killed at random moments."""
    (folder / "kill_handlers.py").write_text(HANDLERS)
    chance = random.Random(seed)
    listeners = [
        ListenerProcess(folder, journal_url, handlers="kill_handlers:register", handler_lease=1.5)
        for _ in range(processes)
    ]
    for listener in listeners:
        listener.start()
    names = [f"600000_Kill_{number}" for number in range(results)]
    began = time.monotonic()
    try:
        posted = _post_all(names, listeners, connections=connections, kills=kills, chance=chance)
        seconds = time.monotonic() - began
        await_handlers(journal_url)
    finally:
        for listener in listeners:
            listener.stop()
    return _judge(journal_url, folder, names, posted=posted, kills=kills, seconds=seconds)


def _post_all(
    names: list[str], listeners: list[ListenerProcess], *, connections: int, kills: int, chance: random.Random
) -> int:
    todo: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        todo.put(name)
    acknowledged = threading.Semaphore(0)
    over = threading.Event()

    def caller(number: int) -> int:
        ports = [listener.port for listener in listeners]
        connection = Caller(*ports[number % len(ports) :], *ports[: number % len(ports)])
        posted = 0
        while not over.is_set():
            try:
                name = todo.get_nowait()
            except queue.Empty:
                break
            posted += connection.deliver(result(name), over)
            acknowledged.release()
        connection.close()
        return posted

    with ThreadPoolExecutor(connections) as pool:
        callers = [pool.submit(caller, number) for number in range(connections)]
        try:
            done = 0
            for moment in sorted(chance.sample(range(1, len(names)), kills)):
                for _ in range(moment - done):
                    while not acknowledged.acquire(timeout=1):
                        failed = [each.exception() for each in callers if each.done() and each.exception()]
                        assert not failed, failed
                done = moment
                victim = chance.choice(listeners)
                victim.kill()
                victim.start()
        except BaseException:
            over.set()
            raise
        return sum(each.result() for each in callers)


def await_handlers(journal_url: str) -> None:
    """Wait until every event is handled."""
    deadline = time.monotonic() + 120
    with Journal(journal_url) as journal:
        while journal.search(handlings=[Handling.PENDING, Handling.LEASED], limit=1):
            assert time.monotonic() < deadline, "handlers do not come to an end"
            threading.Event().wait(0.2)


def _judge(journal_url: str, folder: Path, names: list[str], *, posted: int, kills: int, seconds: float) -> Figures:
    stored: collections.Counter[str | None] = collections.Counter()
    numbers: set[int] = set()
    after = 0
    with Journal(journal_url) as journal:
        while page := journal.search(kinds=[EventKind.RESULT], after=after):
            stored.update(event.conversation_id for event in page)
            numbers.update(event.id for event in page)
            after = page[-1].id
    seen = collections.Counter(int(line.split()[0]) for line in (folder / "seen").read_text().splitlines())
    return Figures(
        results=len(names),
        kills=kills,
        posted=posted,
        seconds=seconds,
        lost=[name for name in names if stored[name] == 0],
        doubled=[name for name in names if stored[name] > 1],
        unseen=sorted(numbers - seen.keys()),
        seen_again=sum(count > 1 for count in seen.values()),
    )


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--postgresql", action="store_true", help="two listeners on one PostgreSQL")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url, processes = f"sqlite:///{folder}/journal.db", 1
        if given.postgresql:
            url, processes = url_with_schema(stack.enter_context(server_url()), f"kill{os.getpid()}"), 2
        figures = run(
            url,
            folder,
            results=given.results,
            connections=given.connections,
            kills=given.kills,
            processes=processes,
            seed=given.seed,
        )
    journal = "PostgreSQL" if given.postgresql else "SQLite"
    sys.stdout.write(f"{processes} listener process(es), {journal}, {given.connections} connections\n{figures}\n")
    if figures.lost or figures.doubled or figures.unseen:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
