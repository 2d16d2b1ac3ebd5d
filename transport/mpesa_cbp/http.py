"""The way to the broker: one POST over HTTP, and for each failure whether anything was sent.

Class names of requests and urllib3 cannot tell whether a request left: an ``SSLError`` is also what a client
certificate refused under TLS 1.3 gives, after the request was written, and a ``ProxyError`` also stands for a proxy
that took the request and hung up. So the connection is watched: it notes the moment before the first byte of the
request goes to the socket, and that note decides (``Departure``).
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import socket
import ssl
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPResponse, IncompleteRead
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3 import exceptions as urllib3_errors
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.retry import Retry

from mpesa_cbp.errors import InvalidRequest, NotSent, OutcomeUnknown, SettingsError
from mpesa_cbp.values import http_url

DEFAULT_MAX_ANSWER_BYTES: Final = 10 * 1024 * 1024
_PIECE = 64 * 1024
_DEADLINE_FACTOR = 4
_LONGEST_BACKOFF = 5.0

# A SOAPAction is printable ASCII without the quotation mark and the backslash, as it is sent between quotation marks.
_SOAP_ACTION = re.compile(r"[ !#-\[\]-~]*")


class Departure(Enum):
    """What is known of whether the request began to leave."""

    NOT_BEGUN = "not begun"  # watched, and not one byte of the request was handed to the socket
    UNWATCHED = "unwatched"  # no evidence either way
    BEGUN = "begun"  # the first byte was handed to the socket, or was about to be


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


class _AnswerError(Exception):
    """An answer that was given up on; the text quotes nothing of it."""


@dataclass(slots=True)
class _Exchange:
    """One attempt: what left, and until when its answer may come (``patience`` in seconds)."""

    clock: Callable[[], float]
    patience: float
    departure: Departure = Departure.UNWATCHED
    deadline: float = math.inf

    def advance(self, departure: Departure) -> None:
        """Note a step; what has begun to leave stays so."""
        if self.departure is not Departure.BEGUN:
            self.departure = departure
            self.deadline = self.clock() + self.patience


# urllib3 makes its connections itself, in the thread of the caller; a context variable is the way to reach them.
_exchange: ContextVar[_Exchange | None] = ContextVar("mpesa_cbp_exchange", default=None)


class _TimedReader(io.RawIOBase):
    """Holds the whole answer to one deadline; a socket's own timeout begins anew with each byte that drips in."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, exchange: _Exchange) -> None:
        self._raw, self._sock, self._exchange = raw, sock, exchange
        self._pause = sock.gettimeout() or math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = min(self._exchange.deadline - self._exchange.clock(), self._pause)
        if left <= 0:
            raise TimeoutError("the deadline of the whole answer has passed")
        self._sock.settimeout(left if left < math.inf else None)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **more: Any) -> None:
        super().__init__(sock, *arguments, **more)
        exchange = _exchange.get()
        if exchange is not None:
            self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock, exchange))


class _WatchedConnection(HTTPConnection):
    response_class = _TimedResponse
    _opening = False

    def connect(self) -> None:
        self._note(Departure.NOT_BEGUN)
        self._opening = True
        try:
            super().connect()
        finally:
            self._opening = False

    def send(self, data: Any) -> None:
        if self.is_closed:
            self.connect()
        if not self._opening:  # what is sent while opening is a proxy's CONNECT, not the request
            self._note(Departure.BEGUN)
        super().send(data)

    @staticmethod
    def _note(departure: Departure) -> None:
        exchange = _exchange.get()
        if exchange is not None:
            exchange.advance(departure)


class _WatchedTlsConnection(_WatchedConnection, HTTPSConnection):
    pass


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTlsConnection


class _Adapter(HTTPAdapter):
    """requests' adapter with watched connections, our TLS settings, and no retries of its own."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=Retry(0, read=False))

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTlsPool}

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        found = super().proxy_manager_for(proxy, **more)
        if type(found) is ProxyManager:  # a SOCKS proxy has connections of its own, which stay unwatched
            found.pool_classes_by_scheme = self.poolmanager.pool_classes_by_scheme
        return found

    def build_connection_pool_key_attributes(self, request: requests.PreparedRequest, *rest: Any, **more: Any) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, *rest, **more)
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def close(self) -> None:
        # urllib3 only forgets its pools here, and their connections stay open until the garbage is collected.
        for owner in (self.poolmanager, *self.proxy_manager.values()):
            for key in owner.pools.keys():  # noqa: SIM118 - not a dict, and cannot be iterated itself
                pool = owner.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: requests looks at redirects even when told not to follow, and reads their body without a limit."""


class HttpTransport:
    """Posts messages to the broker; safe to share between threads, each of which keeps a session of its own.

    ``endpoint`` is an http or https URL. ``client_certificate`` is a PEM file of certificates and key, or a pair
    (certificates, key); ``ca`` is a PEM or DER file of the certificates to trust instead of the public ones. TLS is
    1.2 at least, the certificate and the host name are always checked. ``timeout`` is (connect, read) in seconds, the
    second being the longest silence; ``answer_deadline`` (four times that by default) is the longest time from the
    first byte sent to the last received. ``connect_retries`` repeats only what provably never left. Proxies and
    other things of the environment count only with ``trust_env``. ``clock`` and ``sleep`` work in seconds.

    Raises ``SettingsError`` for settings that cannot work. Messages of errors hold no user, password or query.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        client_certificate: tuple[str | Path, str | Path] | str | Path | None = None,
        ca: str | Path | None = None,
        timeout: tuple[float, float] = (5, 30),
        answer_deadline: float | None = None,
        connect_retries: int = 2,
        max_answer_bytes: int = DEFAULT_MAX_ANSWER_BYTES,
        trust_env: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._place = _place(endpoint)
        _prepared(endpoint, "")
        self._timeout = timeout
        self._patience = timeout[1] * _DEADLINE_FACTOR if answer_deadline is None else answer_deadline
        if not all(0 < seconds < math.inf for seconds in (*timeout, self._patience)):
            raise SettingsError("The timeouts must be numbers of seconds above zero")
        if connect_retries < 0 or max_answer_bytes < 1:
            raise SettingsError("connect_retries must not be negative, and max_answer_bytes must be above zero")
        self._connect_retries = connect_retries
        self._max_answer_bytes = max_answer_bytes
        self._trust_env = trust_env
        self._clock, self._sleep = clock, sleep
        self._context = _tls_context(client_certificate, ca)
        self._own = threading.local()
        self._sessions: weakref.WeakSet[_Session] = weakref.WeakSet()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"HttpTransport({self._place!r})"

    def __enter__(self) -> HttpTransport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections of all threads; a later ``post`` opens new ones."""
        with self._lock:
            for session in self._sessions:
                session.close()

    def post(
        self, body: bytes, *, soap_action: str = "", url: str | None = None, conversation_id: str | None = None
    ) -> HttpAnswer:
        """Send one SOAP 1.1 message and return what came back, of any status (protocol, section 1).

        ``body`` is the UTF-8 envelope; ``soap_action`` goes out between quotation marks; ``url`` is another address
        than the endpoint; ``conversation_id`` is named in errors. Raises ``NotSent``, after the retries, where
        provably nothing left; ``OutcomeUnknown`` at once where bytes may have left and no whole answer came;
        ``SettingsError`` for a wrong ``url`` and ``InvalidRequest`` for a wrong ``soap_action``.
        """
        try:
            place = self._place if url is None else _place(url)
            request = _prepared(self._endpoint if url is None else url, soap_action)
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
            self._sleep(min(0.2 * 2**attempt, _LONGEST_BACKOFF))
            attempt += 1

    def _attempt(
        self, request: requests.PreparedRequest, place: str, conversation_id: str | None
    ) -> HttpAnswer | NotSent | OutcomeUnknown:
        exchange = _Exchange(self._clock, self._patience)
        token = _exchange.set(exchange)
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller must learn whether anything was sent
            return map_exception(error, departure=exchange.departure, place=place, conversation_id=conversation_id)
        finally:
            _exchange.reset(token)

    def _answer(self, request: requests.PreparedRequest) -> HttpAnswer:
        started = self._clock()
        with self._session().send(request, stream=True, allow_redirects=False, timeout=self._timeout) as response:
            packed = _received(response, self._max_answer_bytes)
            body = _unpacked(packed, response.headers.get("Content-Encoding", ""), self._max_answer_bytes)
            content_type = response.headers.get("Content-Type", "")
            return HttpAnswer(response.status_code, content_type, body, self._clock() - started)

    def _session(self) -> _Session:
        # A forked child must not write into the sockets that it shares with its parent.
        if getattr(self._own, "process", None) != os.getpid():
            session = _Session()
            session.trust_env = self._trust_env
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            for scheme in ("http://", "https://"):
                session.mount(scheme, _Adapter(self._context))
            self._own.session, self._own.process = session, os.getpid()
            with self._lock:
                self._sessions.add(session)
        found: _Session = self._own.session
        return found


def _place(url: str) -> str:
    """The address as it may be shown: without user, password, query and fragment."""
    try:
        parts = urlsplit(http_url(url))
    except ValueError as error:
        raise SettingsError(f"The endpoint {error}") from None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


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
            raise _AnswerError(f"the answer is larger than {limit} bytes")
    return b"".join(pieces)


def _unpacked(packed: bytes, encoding: str, limit: int) -> bytes:
    """Undo gzip, which some gateways apply unasked, to the same limit: a small answer can unpack to gigabytes."""
    if encoding.strip().lower() in {"", "identity"}:
        return packed
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        raise _AnswerError("the answer came packed in a way that was not asked for")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    body = unpacker.decompress(packed, limit + 1)
    if len(body) > limit:
        raise _AnswerError(f"the answer is larger than {limit} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise _AnswerError("the packed answer is not whole")
    return body


def _tls_context(
    client_certificate: tuple[str | Path, str | Path] | str | Path | None, ca: str | Path | None
) -> ssl.SSLContext:
    # Not ssl.create_default_context: its checks differ between Python 3.12 and 3.13, and it obeys SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an operator's issuing CA alone, without its root, will do
    context.post_handshake_auth = True
    trusted = Path(ca or DEFAULT_CA_BUNDLE_PATH)
    try:
        if b"-----BEGIN" in trusted.read_bytes():
            context.load_verify_locations(cafile=trusted)
        else:
            context.load_verify_locations(cadata=trusted.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(f"The CA file {trusted} holds no certificate in PEM or DER: {_detail(error)}") from None
    if client_certificate is not None:
        certificates, key = client_certificate if isinstance(client_certificate, tuple) else (client_certificate, None)
        try:
            # ``str`` answers "" where OpenSSL would ask for the key's password on the terminal, and wait.
            context.load_cert_chain(certificates, key, str)
        except (OSError, ValueError) as error:
            named = " and ".join(str(file) for file in (certificates, key) if file)
            raise SettingsError(
                f"The client certificate {named} is no PEM certificate with its key, unencrypted: {_detail(error)}"
            ) from None
    return context


# Classes that urllib3 and requests raise nowhere but while a connection is opened.
_NEVER_AFTER_CONNECTING = (requests.ConnectTimeout, urllib3_errors.ConnectTimeoutError)

_TLS_ERRORS = (ssl.SSLError, urllib3_errors.SSLError, requests.exceptions.SSLError)
_TIMEOUTS = (TimeoutError, urllib3_errors.TimeoutError, requests.Timeout)

# The first row of which any class is among the causes gives the words.
_WHY_NOT_SENT: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((urllib3_errors.ProxyError, requests.exceptions.ProxyError), "the proxy could not be reached or refused"),
    ((urllib3_errors.NameResolutionError,), "its host name was not found"),
    ((urllib3_errors.NewConnectionError,), "it refused the connection, or there is no route to it"),
    ((ssl.SSLCertVerificationError,), "its certificate was not accepted"),
    (_TLS_ERRORS, "no TLS connection came about"),
    (_TIMEOUTS, "the connection did not come about in time"),
    ((BaseException,), "the connection could not be made"),
)
_WHY_UNKNOWN: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((_AnswerError,), "the answer was given up"),
    (_TIMEOUTS, "no whole answer came in time"),
    (_TLS_ERRORS, "the TLS connection was ended by the other side, perhaps for want of a client certificate"),
    ((ConnectionError,), "the connection ended before an answer had come"),
    ((IncompleteRead,), "the answer was not whole"),
    ((BaseException,), "no answer came that can be read"),
)


def map_exception(
    error: BaseException,
    *,
    departure: Departure = Departure.UNWATCHED,
    place: str = "the broker",
    conversation_id: str | None = None,
) -> NotSent | OutcomeUnknown:
    """Turn any exception of a POST into what it means for the payment; the one place where that is done.

    ``departure`` decides. Only where nothing was watched do the classes speak, and then only ``ConnectTimeout`` and
    urllib3's ``ConnectTimeoutError`` with its two kinds (``NewConnectionError``, ``NameResolutionError``) are
    ``NotSent``. ``place`` is shown: an address without user and query. No text of the exception is passed on but the
    words of OpenSSL, since those of urllib3 quote the URL, and header errors quote values.
    """
    causes = tuple(_causes(error))
    nothing_left = departure is Departure.NOT_BEGUN or (
        departure is Departure.UNWATCHED and any(isinstance(cause, _NEVER_AFTER_CONNECTING) for cause in causes)
    )
    rows = _WHY_NOT_SENT if nothing_left else _WHY_UNKNOWN
    why = next(words for kinds, words in rows if any(isinstance(cause, kinds) for cause in causes))
    text = f"{place}: {why} ({_detail(causes[-1])})"
    if nothing_left:
        return NotSent(f"The request was not sent to {text}", conversation_id=conversation_id)
    return OutcomeUnknown(f"The request may have reached {text}", conversation_id=conversation_id)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and those wrapped in it, outermost first; each wrapper keeps its own somewhere else."""
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        yield inner
        places = (getattr(inner, "reason", None), getattr(inner, "original_error", None), *inner.args, inner.__cause__)
        inner = next((found for found in places if isinstance(found, BaseException)), None)


def _detail(error: BaseException) -> str:
    """A word or two on the innermost cause that are safe to show."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(getattr(error, "verify_message", "") or type(error).__name__).rstrip(".")
    if isinstance(error, ssl.SSLError):
        return getattr(error, "reason", None) or type(error).__name__
    if isinstance(error, _AnswerError):
        return str(error)
    return type(error).__name__
