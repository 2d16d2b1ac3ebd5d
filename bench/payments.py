"""One payment over a kept-alive connection, beside requests alone and zeep; many at once against a slow broker."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from bench import constant_server, samples, zeep_peer
from bench.measure import Effort, compare
from bench.table import Row, duration, faster, slower
from mpesa_cbp import Client, Initiator, ServiceProvider
from mpesa_cbp.soap import encode
from mpesa_cbp_models import Response
from mpesa_cbp_models.operations import GENERIC_API_REQUEST
from mpesa_cbp_service import Journal
from mpesa_cbp_simulator.key_pair import generate_key_pair

TITLE = "Payments"
EXPLANATION = (
    "`client.pay_customer` over a kept-alive connection to a server in its own process that answers a constant; "
    "the times are wall time, the server's share included. The floor is `requests.Session.post` of the same "
    "envelope, prebuilt. Without a journal, and with one in memory and on disk (SQLite, WAL, full sync), whose "
    "cost is the difference. zeep sends the payload as an opaque string, without signing and encrypting anything. "
    "With a broker that takes 50 ms the bound is threads divided by 50 ms."
)

LATENCY = 0.05
_ANSWER = Response(response_code="0", response_desc="Accept the service request successfully.")


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of the subject."""
    answer = encode(_ANSWER, operation=GENERIC_API_REQUEST, direction="output")
    with TemporaryDirectory(prefix="mpesa-cbp-bench-") as folder:
        certificate = _certificate(Path(folder))
        with constant_server.serving(answer) as url:
            yield from _one(effort, url, certificate, Path(folder))
        with constant_server.serving(answer, delay=LATENCY) as url:
            yield from _many(effort, url, certificate)


def _one(effort: Effort, url: str, certificate: Path, folder: Path) -> Iterator[Row]:
    floor = requests.Session()
    envelope = encode(samples.request(), operation=GENERIC_API_REQUEST, direction="input")
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
    with contextlib.ExitStack() as stack:
        zeep = zeep_peer.client(stack.enter_context(zeep_peer.contract_folder()))
        service = zeep.create_service(next(iter(zeep.wsdl.bindings)), url)
        payload = samples.request().to_xml().decode()
        plain = stack.enter_context(_client(url, certificate))
        memory = stack.enter_context(Journal("sqlite://"))
        disk = stack.enter_context(Journal(f"sqlite:///{folder / 'payments.db'}"))
        with_memory = stack.enter_context(_client(url, certificate, memory))
        with_disk = stack.enter_context(_client(url, certificate, disk))
        times = compare(
            {
                "without journal": lambda: _pay(plain),
                "journal in memory": lambda: _pay(with_memory),
                "journal on SQLite": lambda: _pay(with_disk),
                "requests alone": lambda: floor.post(url, data=envelope, headers=headers),
                "zeep": lambda: service.GenericAPIRequest(payload),
            },
            effort,
            clock=time.perf_counter,
            burst=0.02,
        )
    yield slower("one payment without journal", times, "without journal", "requests alone", limit=1.15)
    yield faster("one payment without journal", times, "without journal", "zeep")
    yield slower("one payment, journal in memory", times, "journal in memory", "without journal")
    yield slower("one payment, journal on SQLite", times, "journal on SQLite", "without journal")


def _many(effort: Effort, url: str, certificate: Path) -> Iterator[Row]:
    with _client(url, certificate) as client:
        for threads in (1, 8, 32):
            count = threads * (2 if effort.tiny else 30)
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda _: _pay(client), range(threads)))
                start = time.perf_counter()
                list(pool.map(lambda _: _pay(client), range(count)))
                rate = count / (time.perf_counter() - start)
            bound = threads / LATENCY
            what = f"payments a second, {threads} thread{'s' if threads > 1 else ''}, {duration(LATENCY)} broker"
            yield Row(what, f"{rate:.0f}/s", "the bound", f"{bound:.0f}/s", rate / bound)


_numbers = itertools.count()


def _pay(client: Client) -> None:
    client.pay_customer("254700000000", 100, remark="Salary November", conversation_id=f"600000_Acme_{next(_numbers)}")


def _client(url: str, certificate: Path, journal: Journal | None = None) -> Client:
    return Client(
        endpoint=url,
        service_provider=ServiceProvider(id="107031", password="secret", service_id="107031000"),
        initiator=Initiator(name="api", password="secret", short_code="600000", certificate=certificate),
        organisation="Acme",
        result_url="http://127.0.0.1:9000/result",
        queue_timeout_url="http://127.0.0.1:9000/timeout",
        journal=journal,
    )


def _certificate(folder: Path) -> Path:
    path = folder / "broker.cer"
    path.write_bytes(generate_key_pair(common_name="broker", not_before=datetime.now(UTC), days=1).certificate)
    return path
