"""The listener's second port, for those who operate it: counters for Prometheus, health, readiness."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mpesa_cbp_service.listener.in_process import InProcessServer

if TYPE_CHECKING:
    from mpesa_cbp_service.listener.asgi import AsgiApplication
    from mpesa_cbp_service.listener.listener import Listener

__all__ = ["admin_server"]

_TEXT = "text/plain; charset=utf-8"


def admin_server(listener: Listener, *, host: str, port: int) -> InProcessServer:
    """A server of ``/metrics``, ``/health`` (the process lives) and ``/ready`` (the journal can be written).

    A worker that takes the place of another shares the port with it for a moment. Raises SettingsError where it cannot
    listen there.
    """
    return InProcessServer(_application(listener), host=host, port=port, name="mpesa-cbp-operations", share=True)


def _application(listener: Listener) -> AsgiApplication:
    async def application(
        scope: MutableMapping[str, Any],
        _: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        status, kind, body = await asyncio.to_thread(_answer, listener, scope["method"], scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


def _answer(listener: Listener, method: str, path: str) -> tuple[int, str, bytes]:
    if method not in ("GET", "HEAD"):
        return 405, _TEXT, b"only GET\n"
    if path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, generate_latest(listener.metrics.registry)
    if path == "/health":
        return 200, _TEXT, b"alive\n"
    if path == "/ready":
        return (200, _TEXT, b"ready\n") if listener.ready() else (503, _TEXT, b"the journal is not writable\n")
    return 404, _TEXT, b"not found\n"
