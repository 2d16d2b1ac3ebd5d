"""The way to the broker over HTTP and TLS, and for each failure whether anything was sent."""

from __future__ import annotations

from mpesa_cbp.http.transport import ConnectionOptions, HttpAnswer, HttpTransport, hidden_options

__all__ = [
    "ConnectionOptions",
    "HttpAnswer",
    "HttpTransport",
    "hidden_options",
]
