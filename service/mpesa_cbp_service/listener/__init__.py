"""The listener: what the broker posts to us, stored before it is acknowledged (docs/listener.md)."""

from __future__ import annotations

from mpesa_cbp_service.listener.asgi import asgi_application
from mpesa_cbp_service.listener.listener import Listener
from mpesa_cbp_service.listener.server import ListenerServer
from mpesa_cbp_service.listener.wsgi import wsgi_application

__all__ = ["Listener", "ListenerServer", "asgi_application", "wsgi_application"]
