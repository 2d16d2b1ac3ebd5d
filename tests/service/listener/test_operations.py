"""The second port: counters, health, readiness."""

from __future__ import annotations

import contextlib
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path

from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import ListenerServer
from tests.service.listener.messages import TOKEN, result
from tests.service.listener.wsgi import post


def get(url: str, *, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_counters_health_and_readiness(tmp_path: Path) -> None:
    with Journal(f"sqlite:///{tmp_path}/j.db?timeout=0.2") as journal:
        listener = Listener(journal=journal, path_token=TOKEN)
        with ListenerServer(listener, operations_port=0) as server:
            base = server.operations_url
            assert base is not None
            for _ in range(3):
                post(listener, result("600000_A"))
            post(listener, b"<unreadable")
            post(listener, result("600000_A"), PATH_INFO="/elsewhere")
            status, text = get(f"{base}/metrics")
            assert status == 200
            for line in (
                'mpesa_cbp_listener_messages_stored_total{kind="result",repeated="no"} 1.0',
                'mpesa_cbp_listener_messages_stored_total{kind="result",repeated="yes"} 2.0',
                'mpesa_cbp_listener_messages_unreadable_total{kept="yes"} 1.0',
                'mpesa_cbp_listener_requests_refused_total{reason="path"} 1.0',
                "mpesa_cbp_listener_store_seconds_count 3.0",
            ):
                assert line in text.splitlines()
            for url in (base, server.url):
                assert [get(f"{url}/{name}")[0] for name in ("health", "ready")] == [200, 200]
            assert (get(f"{base}/elsewhere")[0], get(f"{base}/metrics", method="POST")[0]) == (404, 405)
            assert get(f"{server.url}/metrics")[0] == 404

            with contextlib.closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                assert [get(f"{base}/{name}")[0] for name in ("health", "ready")] == [200, 503]
            assert get(f"{base}/ready")[0] == 200
