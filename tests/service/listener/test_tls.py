"""TLS that the listener terminates itself, with client certificates."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_service.listener.access_rules import AccessRules
from mpesa_cbp_service.listener.server import server_limits
from mpesa_cbp_service.web_server.tls import server_context
from tests.service.listener.certificates import Authority
from tests.service.listener.messages import HEADERS, TOKEN, response_code, result
from tests.service.listener.raw import exchange


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("operator"), "operator")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(f"sqlite:///{tmp_path}/j.db") as opened:
        yield opened


@pytest.fixture
def server(journal: Journal, authority: Authority) -> Iterator[ListenerServer]:
    tls = server_context(certificate=authority.issue("us"), client_ca=authority.file)
    access = AccessRules(path_token=TOKEN, certificate_names=("broker",))
    listener = Listener(journal=journal, access=access)
    limits = server_limits(listener, request_seconds=1)
    with ListenerServer(listener, tls=tls, limits=limits) as running:
        yield running


def port_of(server: ListenerServer) -> int:
    assert server.url.startswith("https://127.0.0.1:")
    return int(server.url.rpartition(":")[2])


def post(server: ListenerServer, authority: Authority, body: bytes, *, certificate: Path | None) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=str(authority.file))
    if certificate is not None:
        context.load_cert_chain(certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", port_of(server), context=context, timeout=30)
    try:
        connection.request("POST", f"/{TOKEN}/result", body, HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_broker_with_its_certificate_is_served_and_its_subject_is_kept(
    server: ListenerServer, authority: Authority, journal: Journal
) -> None:
    status, answer = post(server, authority, result("600000_A"), certificate=authority.issue("broker"))
    assert (status, response_code(answer)) == (200, "00000000")
    assert [event.origin for event in journal.events("600000_A")] == ["127.0.0.1 CN=broker,O=Acme"]


def test_body_of_many_tls_records_arrives_whole(server: ListenerServer, authority: Authority) -> None:
    body = result(f"600000_{'x' * 80_000}")
    status, answer = post(server, authority, body, certificate=authority.issue("broker"))
    assert (status, response_code(answer)) == (200, "00000000")


def test_another_partner_of_the_same_authority_is_refused(server: ListenerServer, authority: Authority) -> None:
    assert post(server, authority, result("600000_A"), certificate=authority.issue("other"))[0] == 403


def test_caller_without_a_fitting_certificate_does_not_come_in(
    server: ListenerServer, authority: Authority, journal: Journal, tmp_path: Path
) -> None:
    strangers = [None, Authority(tmp_path, "stranger").issue("broker"), authority.issue("broker", expired=True)]
    for certificate in strangers:
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            post(server, authority, result("600000_A"), certificate=certificate)
    assert journal.events("600000_A") == []


def test_old_tls_is_refused(server: ListenerServer, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.load_cert_chain(authority.issue("broker"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", port_of(server)), timeout=30) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_handshakes_that_never_end_hold_up_nobody_and_are_cut_off(server: ListenerServer, authority: Authority) -> None:
    certificate = authority.issue("broker")
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port_of(server)), timeout=30))
            for _ in range(100)
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


def test_many_requests_on_one_connection(server: ListenerServer, authority: Authority, journal: Journal) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.load_cert_chain(authority.issue("broker"))
    connection = http.client.HTTPSConnection("127.0.0.1", port_of(server), context=context, timeout=30)
    for number in range(30):
        connection.request("POST", f"/{TOKEN}/result", result(f"600000_{number}"), HEADERS)
        assert response_code(connection.getresponse().read()) == "00000000"
    connection.close()
    assert len(journal.search()) == 30


def test_plain_http_to_a_tls_port_is_cut_off(server: ListenerServer) -> None:
    assert not exchange(port_of(server), b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/")


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    good = authority.issue("us")
    for arguments in (
        {"certificate": nonsense},
        {"certificate": good, "client_ca": nonsense},
        {"certificate": authority.file},
    ):
        with pytest.raises(SettingsError) as caught:
            server_context(**arguments)  # type: ignore[arg-type]
        assert str(list(arguments.values())[-1]) in str(caught.value)
