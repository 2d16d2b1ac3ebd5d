"""Map exceptions of requests and urllib3: nothing was sent, or bytes may have left.

Class names of requests and urllib3 cannot tell whether a request left: an ``SSLError`` is also what a client
certificate refused under TLS 1.3 gives, after the request was written, and a ``ProxyError`` also stands for a proxy
that took the request and hung up. So the connection is watched (``connection``): it notes the moment before the
first byte of the request goes to the socket, and that note decides (``Departure``).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from enum import Enum
from http.client import IncompleteRead

import requests
from urllib3 import exceptions as urllib3_errors

from mpesa_cbp.errors import NotSent, OutcomeUnknown


class Departure(Enum):
    """What is known of whether the request began to leave."""

    NOT_BEGUN = "not begun"  # watched, and not one byte of the request was handed to the socket
    UNWATCHED = "unwatched"  # no evidence either way
    BEGUN = "begun"  # the first byte was handed to the socket, or was about to be


class AnswerError(Exception):
    """An answer that was given up on; the text quotes nothing of it."""


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
    ((AnswerError,), "the answer was given up"),
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
    if isinstance(error, AnswerError):
        return str(error)
    return type(error).__name__
