"""POST one envelope, and say for each failure whether anything was sent."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import threading
import time
import weakref
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Final, TypedDict
from urllib.parse import urlsplit

import requests

from mpesa_cbp.errors import InvalidRequest, NotSent, OutcomeUnknown, SettingsError
from mpesa_cbp.http.connection import Exchange, PlainSession, WatchedAdapter, current_exchange
from mpesa_cbp.http.errors import AnswerError, Departure, map_exception
from mpesa_cbp.http.tls import ClientCertificate, tls_context
from mpesa_cbp.identity.profile import Secret, hidden
from mpesa_cbp.log_events import PAYMENT_RETRIED
from mpesa_cbp.parsing import http_url

_logger = logging.getLogger("mpesa_cbp.client")

DEFAULT_MAX_ANSWER_BYTES: Final = 10 * 1024 * 1024
DEFAULT_KEEP_ALIVE: Final = 4.0
"""Seconds; the shortest time after which common web servers close an idle connection is 5."""

_PIECE = 64 * 1024
_DEADLINE_FACTOR = 4
_LONGEST_BACKOFF = 5.0

# A SOAPAction is printable ASCII without the quotation mark and the backslash, as it is sent between quotation marks.
_SOAP_ACTION = re.compile(r"[ !#-\[\]-~]*")


class ConnectionOptions(TypedDict, total=False):
    """What ``HttpTransport`` takes besides its endpoint, and ``Client`` hands on."""

    client_certificate: ClientCertificate | None
    client_passphrase: Secret | None
    ca: str | Path | None
    timeout: tuple[float, float]
    answer_deadline: float | None
    ca_passphrase: Secret | None
    connect_retries: int
    keep_alive: float
    max_answer_bytes: int
    trust_env: bool


def hidden_options(options: ConnectionOptions) -> ConnectionOptions:
    """The same options, with passphrases that no repr shows."""
    return {
        **options,
        "client_passphrase": hidden(options.get("client_passphrase")),
        "ca_passphrase": hidden(options.get("ca_passphrase")),
    }


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, whatever its status: redirects and error pages are answers too, and are never followed.

    ``content_type`` is the header as received, ``""`` if absent; ``body`` is whole (as far as HTTP can tell: without
    a Content-Length and without chunks, a cut is not seen here) and unpacked; ``elapsed`` is in seconds.
    A status other than 200, or a body that is no readable message of the broker, says nothing certain about a
    payment: a caller that finds no SOAP in it raises ``OutcomeUnknown``, for a redirect (3xx) as well.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    elapsed: float


class HttpTransport:
    """Posts messages to the broker; safe to share between threads, each of which keeps a session of its own.

    ``endpoint`` is an http or https URL. ``client_certificate`` is one file with our certificates and key, or a pair
    (certificates, key), and ``ca`` a file of the certificates to trust instead of the public ones: PEM, DER, `.p7b`
    or `.p12`, whatever was handed out. ``client_passphrase`` opens the key, ``ca_passphrase``
    the `.p12`. TLS is 1.2 at least, the certificate and
    the host name are always checked. ``timeout`` is (connect, read) in seconds, the second being the longest silence;
    ``answer_deadline`` (four times that by default) is the longest time from the first byte sent to the last
    received. ``connect_retries`` repeats only what provably never left. A connection that has idled for
    ``keep_alive`` seconds is not used again: a server that closes it at that moment would leave the outcome unknown.
    Proxies and other things of the environment count only with ``trust_env``. ``clock`` and ``sleep`` work in seconds.

    Raises ``SettingsError`` for settings that cannot work. Messages of errors hold no user, password or query.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        client_certificate: ClientCertificate | None = None,
        client_passphrase: Secret | None = None,
        ca: str | Path | None = None,
        ca_passphrase: Secret | None = None,
        timeout: tuple[float, float] = (5, 30),
        answer_deadline: float | None = None,
        connect_retries: int = 2,
        keep_alive: float = DEFAULT_KEEP_ALIVE,
        max_answer_bytes: int = DEFAULT_MAX_ANSWER_BYTES,
        trust_env: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        client_passphrase, ca_passphrase = hidden(client_passphrase), hidden(ca_passphrase)
        self._endpoint = endpoint
        self._place = _place(endpoint)
        _prepared(endpoint, "")
        self._timeout = timeout
        self._patience = timeout[1] * _DEADLINE_FACTOR if answer_deadline is None else answer_deadline
        if not all(0 < seconds < math.inf for seconds in (*timeout, self._patience)):
            raise SettingsError("The timeouts must be numbers of seconds above zero")
        if connect_retries < 0 or max_answer_bytes < 1 or not keep_alive >= 0:
            raise SettingsError("connect_retries and keep_alive must not be negative, and max_answer_bytes at least 1")
        self._connect_retries, self._keep_alive = connect_retries, keep_alive
        self._max_answer_bytes = max_answer_bytes
        self._trust_env = trust_env
        self._clock, self._sleep = clock, sleep
        self._context = tls_context(
            client_certificate=client_certificate,
            client_passphrase=client_passphrase,
            ca=ca,
            ca_passphrase=ca_passphrase,
        )
        self._own = threading.local()
        self._sessions: weakref.WeakSet[PlainSession] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False

    def __repr__(self) -> str:
        return f"HttpTransport({getattr(self, '_place', None)!r})"

    def __enter__(self) -> HttpTransport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections of all threads; a later ``post`` is refused."""
        self._closed = True
        with self._lock:
            for session in self._sessions:
                session.close()

    def require_open(self, conversation_id: str | None) -> None:
        """Raise NotSent where it was closed."""
        if self._closed:
            raise NotSent(
                "The client was closed, and sends nothing more",
                conversation_id=conversation_id,
                advice="Nothing was sent; make a new Client.",
            )

    def provably_unsent(self) -> bool:
        """Whether not one byte of this thread's last request left; for interruptions, which are no ``NotSent``."""
        exchange: Exchange | None = getattr(self._own, "exchange", None)
        return exchange is not None and exchange.departure is Departure.NOT_BEGUN

    def post(
        self, body: bytes, *, soap_action: str = "", url: str | None = None, conversation_id: str | None = None
    ) -> HttpAnswer:
        """Send one SOAP 1.1 message and return what came back, of any status (protocol, section 1).

        ``body`` is the UTF-8 envelope; ``soap_action`` goes out between quotation marks; ``url`` is another address
        than the endpoint; ``conversation_id`` is named in errors. Raises ``NotSent``, after the retries, where
        provably nothing left; ``OutcomeUnknown`` at once where bytes may have left and no whole answer came;
        ``SettingsError`` for a wrong ``url`` and ``InvalidRequest`` for a wrong ``soap_action``.
        """
        self.require_open(conversation_id)
        try:
            place = self._place if url is None else _place(url)
            request = _prepared(self._endpoint if url is None else url, soap_action).copy()
            request.prepare_body(body, None)
        finally:
            del body  # so that no traceback which shows locals shows it
        attempt = 0
        while True:
            outcome = self._attempt(request, place, conversation_id)
            if isinstance(outcome, HttpAnswer):
                return outcome
            if isinstance(outcome, OutcomeUnknown) or attempt >= self._connect_retries:
                # Not inside an except block: the foreign errors below carry the URL, and their frames the message.
                raise outcome
            PAYMENT_RETRIED.log(
                _logger, conversation_id=conversation_id, attempt=attempt + 1, error=type(outcome).__name__
            )
            self._sleep(min(0.2 * 2**attempt, _LONGEST_BACKOFF))
            attempt += 1

    def _attempt(
        self, request: requests.PreparedRequest, place: str, conversation_id: str | None
    ) -> HttpAnswer | NotSent | OutcomeUnknown:
        exchange = self._own.exchange = Exchange(self._clock, self._patience, self._keep_alive)
        token = current_exchange.set(exchange)
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller must learn whether anything was sent
            return map_exception(error, departure=exchange.departure, place=place, conversation_id=conversation_id)
        finally:
            current_exchange.reset(token)

    def _answer(self, request: requests.PreparedRequest) -> HttpAnswer:
        started = self._clock()
        with self._session().send(request, stream=True, allow_redirects=False, timeout=self._timeout) as response:
            packed = _received(response, self._max_answer_bytes)
            body = _unpacked(packed, response.headers.get("Content-Encoding", ""), self._max_answer_bytes)
            content_type = response.headers.get("Content-Type", "")
            return HttpAnswer(response.status_code, content_type, body, self._clock() - started)

    def _session(self) -> PlainSession:
        # A forked child must not write into the sockets that it shares with its parent.
        if getattr(self._own, "process", None) != os.getpid():
            session = PlainSession()
            session.trust_env = self._trust_env
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            for scheme in ("http://", "https://"):
                session.mount(scheme, WatchedAdapter(self._context))
            self._own.session, self._own.process = session, os.getpid()
            with self._lock:
                self._sessions.add(session)
        found: PlainSession = self._own.session
        return found


def _place(url: str) -> str:
    """The address as it may be shown: without user, password, query and fragment."""
    try:
        parts = urlsplit(http_url(url))
    except ValueError as error:
        raise SettingsError(f"The endpoint {error}") from None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


# Taking a URL and headers apart is a fifth of what a payment costs, and is the same for each.
@lru_cache(maxsize=32)
def _prepared(url: str, soap_action: str) -> requests.PreparedRequest:
    if not _SOAP_ACTION.fullmatch(soap_action):
        raise InvalidRequest(["the SOAPAction must be printable ASCII without quotation marks"])
    headers = {
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": f'"{soap_action}"',
        "Accept": "text/xml",
        "Accept-Encoding": "identity",
        "User-Agent": "mpesa-cbp",
    }
    with contextlib.suppress(requests.RequestException, ValueError):  # their texts quote the URL
        return requests.Request("POST", url, headers=headers).prepare()
    raise SettingsError("The endpoint is not a URL that can be used")


def _received(response: requests.Response, limit: int) -> bytes:
    pieces, size = [], 0
    for piece in response.raw.stream(_PIECE, decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise AnswerError(f"the answer is larger than {limit} bytes")
    return b"".join(pieces)


def _unpacked(packed: bytes, encoding: str, limit: int) -> bytes:
    """Undo gzip, which some gateways apply unasked, to the same limit: a small answer can unpack to gigabytes."""
    if encoding.strip().lower() in {"", "identity"}:
        return packed
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        raise AnswerError("the answer is compressed in a way that the request did not accept")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    body = unpacker.decompress(packed, limit + 1)
    if len(body) > limit:
        raise AnswerError(f"the answer is larger than {limit} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise AnswerError("the packed answer is not whole")
    return body
