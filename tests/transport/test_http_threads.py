"""Threads and processes that share a transport."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from mpesa_cbp.errors import NotSent
from mpesa_cbp.http import HttpTransport
from tests.transport.failing_broker import (
    FailingBroker,
    echoes,
)
from tests.transport.posting import BODY


@contextmanager
def disabled_garbage_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_threads_share_a_transport_and_each_gets_its_own_answers() -> None:
    def ten_posts(number: int) -> set[bytes]:
        return {transport.post(b"<e>%d</e>" % number).body for _ in range(10)}

    with FailingBroker(echoes) as broker, HttpTransport(broker.url()) as transport, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ten_posts, range(32))) == [{b"<e>%d</e>" % number} for number in range(32)]
        assert broker.connections <= 8


def test_a_closed_transport_ends_the_connections_of_all_threads_and_sends_nothing_more() -> None:
    with (
        FailingBroker(echoes) as broker,
        HttpTransport(broker.url()) as transport,
        ThreadPoolExecutor(1) as other,
        disabled_garbage_collection(),
    ):
        transport.post(BODY)
        other.submit(transport.post, BODY).result()
        assert broker.connections == 2
        transport.close()
        broker.wait_for_ends(2)
        with pytest.raises(NotSent, match="was closed"):
            transport.post(BODY)
        assert broker.connections == 2


FORKING = """
import os, sys
from mpesa_cbp.http import HttpTransport
with HttpTransport(sys.argv[1]) as transport:
    assert transport.post(b"<parent/>").body == b"<parent/>"
    child = os.fork()
    if not child:
        assert transport.post(b"<child/>").body == b"<child/>"
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert transport.post(b"<again/>").body == b"<again/>"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_does_not_write_into_its_parents_connection() -> None:
    with FailingBroker(echoes) as broker:
        subprocess.run([sys.executable, "-c", FORKING, broker.url()], check=True, timeout=60)
        broker.wait_for_ends(2)
        assert sorted(tuple(each.bodies) for each in broker.conversations) == [
            (b"<child/>",),
            (b"<parent/>", b"<again/>"),
        ]
