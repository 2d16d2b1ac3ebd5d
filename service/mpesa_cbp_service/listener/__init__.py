"""The listener: what the broker posts to us, stored before it is acknowledged (docs/listener.md)."""

from __future__ import annotations

from mpesa_cbp_service.listener.listener import Listener, ListenerServer

__all__ = [
    "Listener",
    "ListenerServer",
]
