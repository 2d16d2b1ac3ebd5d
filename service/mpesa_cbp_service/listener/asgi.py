"""The listener as an ASGI application: for granian, uvicorn, Starlette, FastAPI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from mpesa_cbp_service.listener.http_messages import IncompleteBody, ReadBody, Reply, Request, Steps
from mpesa_cbp_service.listener.loop_wait import wait_for

if TYPE_CHECKING:
    from mpesa_cbp_service.listener.listener import Listener

__all__ = ["AsgiApplication", "asgi_application"]

_Scope: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApplication: TypeAlias = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


def asgi_application(listener: Listener) -> AsgiApplication:
    """The application; it starts and stops the listener with the server's lifespan.

    A framework that mounts it has a lifespan of its own, in which the listener is to be started and stopped.
    """

    async def application(scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "http":
            listener.hand_over(asyncio.get_running_loop().call_soon_threadsafe)
            await _send(send, await _run(listener.answer(_request(scope)), receive))
        elif scope["type"] == "lifespan":
            await _lifespan(listener, receive, send)

    return application


def _request(scope: _Scope) -> Request:
    root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
    tls = scope.get("extensions", {}).get("tls") or {}
    return Request(
        method=scope["method"],
        path=path[len(root) :] if root and path.startswith(f"{root}/") else path,
        headers=tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]),
        peer=str((scope.get("client") or ("",))[0]),
        certificate=tls.get("client_cert_name"),
    )


async def _run(steps: Steps, receive: _Receive) -> Reply:
    try:
        step = next(steps)
        while True:
            try:
                outcome = await _body(receive, step) if isinstance(step, ReadBody) else await wait_for(step)
            except Exception as error:  # noqa: BLE001 (the core judges it)
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as end:
        reply: Reply = end.value
        return reply


async def _body(receive: _Receive, step: ReadBody) -> bytes:
    async with asyncio.timeout(step.seconds):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise IncompleteBody
            step.body.add(message.get("body", b""))
            if not message.get("more_body", False):
                return step.body.whole()


async def _send(send: _Send, reply: Reply) -> None:
    headers = [("content-type", reply.content_type), ("content-length", str(len(reply.body))), *reply.headers]
    if reply.close:
        headers.append(("connection", "close"))
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": int(HTTPStatus(reply.status)), "headers": encoded})
    await send({"type": "http.response.body", "body": reply.body})


async def _lifespan(listener: Listener, receive: _Receive, send: _Send) -> None:
    await receive()
    try:
        listener.start()
    except Exception as error:  # noqa: BLE001 (the server reports it and ends)
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.to_thread(listener.stop)
    await send({"type": "lifespan.shutdown.complete"})
