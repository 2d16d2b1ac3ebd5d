"""Refuse requests from other web pages.

A page elsewhere can make a browser send us requests (CSRF), and can reach us under a name of its own that it has
resolved to our address (DNS rebinding). The first is told by the origin of the request, the second by its Host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def known_host(environ: WSGIEnvironment, names: Collection[str]) -> bool:
    """Whether the Host header is an address, ``localhost``, or one of ``names``: nobody can rebind those."""
    try:
        name = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def same_origin(environ: WSGIEnvironment, *, from_page: bool) -> bool:
    """Whether a POST comes from our own page, or, where that is not wanted (``from_page``), from no page at all.

    Browsers put ``Origin`` on every POST; what is no browser may leave it out, but only for the API.
    """
    site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    if origin is None:
        return not from_page
    ours = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
    return bool(origin.lower() == ours.lower())
