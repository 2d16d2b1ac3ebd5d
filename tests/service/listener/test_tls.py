"""TLS that the listener terminates itself, with client certificates: a real process of ``mpesa-cbp listen``."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service import Journal
from mpesa_cbp_service.config import load
from mpesa_cbp_service.listener.tls_files import TlsFiles
from tests.service.listener.certificates import Authority
from tests.service.listener.messages import HEADERS, TOKEN, response_code, result
from tests.service.listener.processes import ListenerProcess, running
from tests.service.listener.raw import exchange


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("operator"), "operator")


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    with Journal(f"sqlite:///{tmp_path_factory.mktemp('journal')}/j.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def server(
    journal: Journal, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ListenerProcess]:
    folder = tmp_path_factory.mktemp("listener")
    shutil.copy(authority.issue("us"), folder / "us.pem")
    url = repr(journal).partition("'")[2].partition("'")[0]
    with running(folder, url, certificate="us.pem", client_ca=authority.file, request_seconds=1) as process:
        yield process


def post(server: ListenerProcess, authority: Authority, body: bytes, *, certificate: Path | None) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=str(authority.file))
    if certificate is not None:
        context.load_cert_chain(certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=30)
    try:
        connection.request("POST", f"/{TOKEN}/result", body, HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_broker_with_its_certificate_is_served(server: ListenerProcess, authority: Authority, journal: Journal) -> None:
    status, answer = post(server, authority, result("600000_A"), certificate=authority.issue("broker"))
    assert (status, response_code(answer)) == (200, "00000000")
    assert [event.origin for event in journal.events("600000_A")] == ["127.0.0.1"]


def test_body_of_many_tls_records_arrives_whole(server: ListenerProcess, authority: Authority) -> None:
    body = result(f"600000_{'x' * 80_000}")
    status, answer = post(server, authority, body, certificate=authority.issue("broker"))
    assert (status, response_code(answer)) == (200, "00000000")


def test_caller_without_a_fitting_certificate_does_not_come_in(
    server: ListenerProcess, authority: Authority, journal: Journal, tmp_path: Path
) -> None:
    strangers = [None, Authority(tmp_path, "stranger").issue("broker"), authority.issue("broker", expired=True)]
    for certificate in strangers:
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            post(server, authority, result("600000_Stranger"), certificate=certificate)
    assert journal.events("600000_Stranger") == []


def test_old_tls_is_refused(server: ListenerProcess, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.load_cert_chain(authority.issue("broker"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_handshakes_that_never_end_hold_up_nobody_and_are_cut_off(  # granian: after ten seconds
    server: ListenerProcess, authority: Authority
) -> None:
    certificate = authority.issue("broker")
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30)) for _ in range(100)
        ]
        for connection in silent[:50]:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        with ThreadPoolExecutor(8) as pool:
            statuses = pool.map(
                lambda number: post(server, authority, result(f"600000_{number}"), certificate=certificate)[0],
                range(16),
            )
        assert set(statuses) == {200}
        assert {connection.recv(100) for connection in silent} == {b""}


def test_many_requests_on_one_connection(server: ListenerProcess, authority: Authority, journal: Journal) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.load_cert_chain(authority.issue("broker"))
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=30)
    for number in range(30):
        connection.request("POST", f"/{TOKEN}/result", result(f"600000_{number}"), HEADERS)
        assert response_code(connection.getresponse().read()) == "00000000"
    connection.close()
    assert all(journal.events(f"600000_{number}") for number in range(30))


def test_plain_http_to_a_tls_port_is_cut_off(server: ListenerProcess) -> None:
    assert not exchange(server.port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/")


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    good = authority.issue("us")
    wrong: tuple[dict[str, Any], ...] = (
        {"listener_certificate": nonsense},
        {"listener_certificate": good, "listener_client_ca": nonsense},
        {"listener_certificate": authority.file},
    )
    for given in wrong:
        with pytest.raises(SettingsError) as caught:
            TlsFiles.of(load(environ={}, **given), tmp_path)
        assert str(list(given.values())[-1]) in str(caught.value)


def test_key_is_written_for_us_alone(authority: Authority, tmp_path: Path) -> None:
    TlsFiles.of(load(environ={}, listener_certificate=authority.issue("us")), tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def shown(server: ListenerProcess) -> bytes:
    """The certificate that the server shows, DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain,
        context.wrap_socket(plain) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def test_renewed_certificate_is_shown_after_sighup_and_one_that_cannot_be_used_is_not(
    authority: Authority, tmp_path: Path
) -> None:
    ours = tmp_path / "us.pem"
    shutil.copy(authority.issue("us"), ours)
    with running(tmp_path, f"sqlite:///{tmp_path}/j.db", certificate="us.pem") as server:
        first = shown(server)
        pause = threading.Event()
        ours.write_text("nonsense")
        server.signal(signal.SIGHUP)
        while not any("certificate.kept" in line for line in server.stderr):
            pause.wait(0.05)
        assert shown(server) == first
        shutil.copy(authority.issue("us"), ours)
        server.signal(signal.SIGHUP)
        while shown(server) == first:
            pause.wait(0.05)
