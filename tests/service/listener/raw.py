"""Raw bytes to a port, for what no HTTP library would send."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable

from tests.service.listener.messages import TOKEN

PATH = f"/{TOKEN}/result"


def request(
    body: bytes = b"",
    *,
    method: str = "POST",
    path: str = PATH,
    version: str = "HTTP/1.1",
    length: object = None,
    content_type: str = "text/xml",
    extra: str = "",
) -> bytes:
    """A request as bytes; ``length`` "" leaves Content-Length out."""
    lines = [f"{method} {path} {version}", "Host: x", f"Content-Type: {content_type}", "Connection: close"]
    if length != "":
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode("latin-1") + body


def exchange(port: int, chunks: bytes | Iterable[bytes], *, source: str = "127.0.0.1") -> bytes:
    """Send all that the other side takes, and return all that it says until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)) as connection:
        with contextlib.suppress(OSError):
            for chunk in [chunks] if isinstance(chunks, bytes) else chunks:
                connection.sendall(chunk)
        said = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                said += part
        return said


def hang_up_after(port: int, data: bytes) -> None:
    """Send something, and at once reset the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(data)


def status(said: bytes) -> int | None:
    """Status of the first answer, None where there was none."""
    return int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/") else None
