"""One HTTP request and its reply, and the steps in which a request is answered: what the core shares with any server.

The core answers a request in *steps*, a generator. It yields what it has to wait for and is sent the outcome, or has
the error thrown into it; what it returns is the reply. So the same core runs in an event loop and in plain threads.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mpesa_cbp_service.listener.body import Body

__all__ = ["IncompleteBody", "ReadBody", "Reply", "Request", "Steps", "Wait"]


class IncompleteBody(Exception):
    """The body ended, or its caller hung up, before it was complete."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request without its body; ``headers`` in the order of the request, their names in lower case.

    ``path`` is decoded and relative to where the listener is mounted. ``peer`` is the address of the other side of the
    connection, ``certificate`` the subject of its verified client certificate (RFC 4514), where the server tells it.
    """

    method: str
    path: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    peer: str = ""
    certificate: str | None = None

    def values(self, name: str) -> list[str]:
        """All values of a header, in their order."""
        return [value for each, value in self.headers if each == name]

    def header(self, name: str) -> str:
        """The value of a header; several are joined by commas (RFC 9110, section 5.3); empty where there is none."""
        return ",".join(self.values(name)).strip()


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body. ``close``: the server should close the connection, whose body may be unread."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False


@dataclass(frozen=True, slots=True)
class ReadBody:
    """Step: read the body into ``body``, in that many seconds; its outcome is bytes.

    Errors: TimeoutError, IncompleteBody, and those of ``body``.
    """

    body: Body
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Step: wait for the future's result, no longer than that many seconds. Errors: TimeoutError, or the future's."""

    future: Future[Any]
    seconds: float | None = None


Steps: TypeAlias = Generator[ReadBody | Wait, Any, Reply]
