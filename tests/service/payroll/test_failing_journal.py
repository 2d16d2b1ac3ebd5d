"""A journal that fails in the middle of a batch, after bytes have left: told, stopped, and nothing sent twice."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.soap import decode
from mpesa_cbp_service import Journal
from mpesa_cbp_service.payroll import LineOutcome, Run, plan_batch
from mpesa_cbp_service.payroll.file import read_payroll
from tests.service.journal.damage import kill_server, small_disk
from tests.service.journal.postgres import own_server
from tests.transport.clients import client_to
from tests.transport.failing_broker import Conversation, FailingBroker, acceptance, http_answer

FILE = b"msisdn,amount,reference,remark\n" + b"".join(b"25471200000%d,10,E%d,\n" % (n, n) for n in range(1, 5))
COMMAND = "BusinessPayment"


def run_of(client: Client, journal: Journal) -> tuple[Run, dict[str, LineOutcome]]:
    planned, rows, problems = plan_batch(
        client, journal, list(read_payroll(FILE).lines), batch="november", command=COMMAND
    )
    assert problems == []
    journal.add_batch(rows)
    run = Run(client, journal, planned, command=COMMAND, threads=1, rate=1000.0, patience=0.0)
    return run, {result.planned.line.reference: result.outcome for result in run}


def ids(requests: list[bytes]) -> list[str]:
    return [decode(body).message.transaction.originator_conversation_id for body in requests]


@dataclass
class Breakable:
    """A journal, and how it breaks and is mended while it is open."""

    url: str
    breaks: Callable[[], object]
    mends: Callable[[], object]


@contextmanager
def locked_file(folder: Path) -> Iterator[Breakable]:
    with closing(sqlite3.connect(folder / "j.db", check_same_thread=False, isolation_level=None)) as other:
        yield Breakable(
            f"sqlite:///{folder}/j.db?timeout=0.1",
            breaks=lambda: other.execute("BEGIN IMMEDIATE"),
            mends=lambda: other.execute("ROLLBACK"),
        )


@contextmanager
def moved_file(folder: Path) -> Iterator[Breakable]:
    file, elsewhere = folder / "j.db", folder / "elsewhere.db"
    yield Breakable(f"sqlite:///{file}", breaks=lambda: file.rename(elsewhere), mends=lambda: elsewhere.rename(file))


@contextmanager
def full_disk(_: Path) -> Iterator[Breakable]:
    with small_disk("2M") as folder:
        ballast = folder / "ballast"

        def fill() -> None:
            with suppress(OSError), ballast.open("wb", buffering=0) as stream:
                while True:
                    stream.write(bytes(4096))

        yield Breakable(f"sqlite:///{folder}/j.db", breaks=fill, mends=ballast.unlink)


@contextmanager
def killed_server(_: Path) -> Iterator[Breakable]:
    with tempfile.TemporaryDirectory(prefix="mpesa-cbp-killed-") as folder:
        Path(folder).chmod(0o755)
        with own_server(Path(folder)) as server:
            yield Breakable(server.get_uri(), breaks=lambda: kill_server(server), mends=server.start)


@pytest.mark.parametrize("kind", [locked_file, moved_file, full_disk, killed_server])
def test_journal_that_fails_after_bytes_have_left_stops_the_run_and_the_payment_is_sent_again_only_on_a_person_s_word(
    tmp_path: Path, kind: Callable[[Path], AbstractContextManager[Breakable]]
) -> None:
    seen: list[bytes] = []

    def behaviour(conversation: Conversation) -> None:
        while conversation.read_head():
            body = conversation.read_body()
            seen.append(body)
            if len(seen) == 2:
                breakable.breaks()
            conversation.send(http_answer(acceptance(body)))

    with (
        kind(tmp_path) as breakable,
        FailingBroker(behaviour) as broker,
        Journal(breakable.url) as journal,
        client_to(broker.url(), journal=journal) as client,
    ):
        run, outcomes = run_of(client, journal)
        assert outcomes == {
            "E1": LineOutcome.ACCEPTED,
            "E2": LineOutcome.UNKNOWN,
            "E3": LineOutcome.NOT_SENT,
            "E4": LineOutcome.NOT_SENT,
        }
        assert run.stopped_because is not None
        assert "reconciliation" in run.stopped_because
        assert len(seen) == 2
        breakable.mends()
        run, outcomes = run_of(client, journal)
        assert run.stopped_because is None
        assert outcomes == {
            "E1": LineOutcome.ACCEPTED,
            "E2": LineOutcome.UNDER_WAY,
            "E3": LineOutcome.ACCEPTED,
            "E4": LineOutcome.ACCEPTED,
        }
        assert len(ids(seen)) == len(set(ids(seen))) == 4
        (still_open,) = journal.payments([PaymentState.SENT])
        journal.settle(still_open.conversation_id, paid=False, reason="a statement", by="J. Otieno", quiet=timedelta(0))
        run, outcomes = run_of(client, journal)
        assert set(outcomes.values()) == {LineOutcome.ACCEPTED}
        assert ids(seen)[4:] == [still_open.conversation_id] == ids(seen)[1:2]
