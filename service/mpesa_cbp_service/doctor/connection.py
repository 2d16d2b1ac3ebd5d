"""The way to the broker, step by step: name, TCP, TLS, one request without a body, and its clock.

The one request is a HEAD. Nothing with a body is ever sent from here, so that no payment can be made.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.http.tls import tls_context
from mpesa_cbp_service.config import Configuration
from mpesa_cbp_service.doctor.diagnosis import Diagnosis, ok, problem, warning

_LARGEST_HEAD = 16 * 1024
_CLOCK_WARNING, _CLOCK_PROBLEM = timedelta(seconds=30), timedelta(minutes=5)
_EXPIRY_WARNING = timedelta(days=30)

# What OpenSSL says of a certificate, and what is to be done.
_ADVICE = (
    ("expired", "The broker's certificate has expired: tell the operator."),
    ("not yet valid", "Check the clock of this machine."),
    ("mismatch", "Use the host name that stands in the broker's certificate as endpoint."),
    ("", "Set tls.ca to the operator's chain; see what a file holds with mpesa-cbp certificates FILE…"),
)


def check_connection(configuration: Configuration, clock: Callable[[], datetime]) -> Iterator[Diagnosis]:
    """Go to the broker as far as it can be done without a payment, and tell each step."""
    endpoint = configuration.endpoint or ""
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if configuration.http_use_environment and requests.utils.get_environ_proxies(endpoint):
        yield warning(
            "connection", "a proxy of the environment is used: the way to the broker was not checked",
            "Try from a machine without the proxy, or set http.use_environment to false.",
        )  # fmt: skip
        return
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        advice = "Check endpoint, and the name server of this machine (VPN?)."
        yield problem("dns", f"the name {host} is not known", advice)
        return
    yield ok("dns", f"{host} is {', '.join(sorted(addresses))}")
    try:
        connection = socket.create_connection((host, port), timeout=configuration.http_connect_timeout)
    except OSError as error:
        advice = "Check endpoint, VPN and firewall, and that the operator has allowed our address."
        yield problem("tcp", f"no connection to {host} port {port}: {_words(error)}", advice)
        return
    with connection:
        yield ok("tcp", f"connected to {host} port {port}")
        yield from _check_talk(configuration, connection, clock)


def _check_talk(
    configuration: Configuration, connection: socket.socket, clock: Callable[[], datetime]
) -> Iterator[Diagnosis]:
    parts = urlsplit(configuration.endpoint or "")
    if parts.scheme == "http":
        yield warning("tls", "the endpoint is plain HTTP", "Use https outside a test bed in a VPN.")
        yield from _check_head(configuration, connection, clock)
        return
    certificate = configuration.tls_client_certificate
    try:
        context = tls_context(
            client_certificate=(certificate, configuration.tls_client_key)
            if certificate is not None and configuration.tls_client_key is not None
            else certificate,
            client_passphrase=configuration.tls_client_passphrase,
            ca=configuration.tls_ca,
            ca_passphrase=configuration.tls_ca_passphrase,
        )
    except SettingsError as error:
        yield problem("tls", f"was not tried: {error.message}", "Correct the certificates first.")
        return
    try:
        wrapped = context.wrap_socket(connection, server_hostname=parts.hostname)
    except ssl.SSLCertVerificationError as error:
        advice = next(advice for word, advice in _ADVICE if word in error.verify_message)
        yield problem("tls", f"the broker's certificate is not accepted: {error.verify_message}", advice)
        return
    except OSError as error:
        advice = "The broker may want a client certificate (tls.client_certificate), or another version of TLS."
        yield problem("tls", f"no TLS connection came about: {_words(error)}", advice)
        return
    with wrapped:
        yield ok("tls", f"{wrapped.version()}, chain and host name are right")
        yield _expiry(wrapped, clock())
        yield from _check_head(configuration, wrapped, clock)


def _expiry(wrapped: ssl.SSLSocket, now: datetime) -> Diagnosis:
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str((wrapped.getpeercert() or {})["notAfter"])), UTC)
    text = f"the broker's certificate is valid for {(until - now).days} more days, until {until:%Y-%m-%d}"
    return ok("tls", text) if until - now > _EXPIRY_WARNING else warning("tls", text, "Tell the operator.")


def _check_head(
    configuration: Configuration, connection: socket.socket, clock: Callable[[], datetime]
) -> Iterator[Diagnosis]:
    parts = urlsplit(configuration.endpoint or "")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = f"HEAD {target} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\nConnection: close\r\n\r\n"
    try:
        connection.settimeout(configuration.http_read_timeout)
        connection.sendall(head.encode("ascii", "replace"))
        lines = _read_head(connection, configuration.http_read_timeout)
    except OSError as error:
        advice = "If this goes on, ask the operator; with TLS it may want another client certificate."
        yield problem("http", f"no answer came: {_words(error)}", advice)
        return
    if not lines or not lines[0].startswith("HTTP/"):
        yield problem("http", "what answers is no web server", "Check host and port of endpoint.")
        return
    status = lines[0].partition(" ")[2]
    yield _http(status, target)
    yield _clock(lines, clock())


def _http(status: str, target: str) -> Diagnosis:
    answered = f"answers HEAD with {status[:60]!r}"
    if status.startswith("404"):
        advice = "Check the path of endpoint: a payment posted there would probably not be found either."
        return warning("http", f"{answered} for {target.partition('?')[0]}", advice)
    return ok("http", f"{answered}; what it says to a payment is not checked")


def _read_head(connection: socket.socket, seconds: float) -> list[str]:
    deadline, received = time.monotonic() + seconds, b""
    while b"\r\n\r\n" not in received and len(received) < _LARGEST_HEAD:
        if time.monotonic() > deadline:
            raise TimeoutError
        piece = connection.recv(4096)
        if not piece:
            break
        received += piece
    return received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")


def _clock(lines: list[str], now: datetime) -> Diagnosis:
    text = next((line[5:].strip() for line in lines if line.lower().startswith("date:")), None)
    try:
        theirs = parsedate_to_datetime(text) if text else None
    except ValueError:
        theirs = None
    if theirs is None or theirs.tzinfo is None:
        advice = "Make sure that this machine follows a time server: timeStamp is part of the signature."
        return warning("clock", "was not checked: the broker states no Date", advice)
    seconds = round((now - theirs).total_seconds())
    side = "ahead of" if seconds > 0 else "behind"
    words = f"our clock is {abs(seconds)} s {side} the broker's" if seconds else "our clock agrees with the broker's"
    advice = "Let this machine follow a time server: timeStamp is part of the signature."
    if abs(now - theirs) > _CLOCK_PROBLEM:
        return problem("clock", words, advice)
    return warning("clock", words, advice) if abs(now - theirs) > _CLOCK_WARNING else ok("clock", words)


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or type(error).__name__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or type(error).__name__
