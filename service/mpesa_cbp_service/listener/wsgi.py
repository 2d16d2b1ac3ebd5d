"""The listener as a WSGI application: for Flask, Django, and any WSGI server."""

from __future__ import annotations

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from mpesa_cbp_service.listener.http_messages import IncompleteBody, ReadBody, Reply, Request, Steps, Wait

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

    from mpesa_cbp_service.listener.listener import Listener

__all__ = ["CLIENT_CERTIFICATE", "wsgi_application"]

CLIENT_CERTIFICATE = "SSL_CLIENT_S_DN"
"""Key in the WSGI environment of the client certificate's subject (RFC 4514), as Apache's mod_ssl names it."""

_UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")
_BLOCK = 64 * 1024


def wsgi_application(listener: Listener) -> WSGIApplication:
    """The application. ``start`` the listener in each process, after a fork, and ``stop`` it at the end.

    A thread of the server waits while its request does; one that is read slowly is given up between two blocks.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        reply = _run(listener.answer(_request(environ)), environ)
        headers = [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body))), *reply.headers]
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [reply.body]

    return application


def _request(environ: WSGIEnvironment) -> Request:
    names = {name: name.removeprefix("HTTP_") for name in environ if name.startswith("HTTP_") or name in _UNPREFIXED}
    headers = [(plain.replace("_", "-").lower(), environ[name]) for name, plain in names.items() if environ[name]]
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", ""),
        headers=tuple(headers),
        peer=environ.get("REMOTE_ADDR", ""),
        certificate=environ.get(CLIENT_CERTIFICATE),
    )


def _run(steps: Steps, environ: WSGIEnvironment) -> Reply:
    try:
        step = next(steps)
        while True:
            try:
                outcome = _body(environ, step) if isinstance(step, ReadBody) else _result(step)
            except Exception as error:  # noqa: BLE001 (the core judges it)
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as end:
        reply: Reply = end.value
        return reply


def _result(step: Wait) -> object:
    try:
        return step.future.result(step.seconds)
    except TimeoutError:
        step.future.cancel()  # what has not begun is never done
        raise


def _body(environ: WSGIEnvironment, step: ReadBody) -> bytes:
    stream: InputStream = environ["wsgi.input"]
    # Without a length the server has decoded chunks, and ends the stream where they end.
    length = int(environ["CONTENT_LENGTH"]) if environ.get("CONTENT_LENGTH") else None
    deadline = time.monotonic() + step.seconds
    while block := stream.read(_BLOCK if length is None else min(_BLOCK, length - len(step.body))):
        step.body.add(block)
        if time.monotonic() > deadline:
            raise TimeoutError
    if length is not None and len(step.body) != length:
        raise IncompleteBody
    return step.body.whole()
