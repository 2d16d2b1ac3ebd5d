"""Checks of the addresses in the settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from mpesa_cbp.identity.profile import reveal
from mpesa_cbp_service.config import Configuration
from mpesa_cbp_service.doctor.diagnosis import Diagnosis, ok, problem, warning

_REQUEST_PATH = "/mminterface/request"
_DEFAULT_PORTS = {"https": 443, "http": 80}


def check_urls(configuration: Configuration) -> Iterator[Diagnosis]:
    """Endpoint, ResultURL and QueueTimeOutURL; the latter two are compared with the settings of our own listener."""
    endpoint = urlsplit(configuration.endpoint or "")
    if not endpoint.path.endswith(_REQUEST_PATH):
        yield warning(
            "endpoint", f"its path {endpoint.path or '/'} does not end in {_REQUEST_PATH}",
            "Set endpoint as the operator gave it to you (protocol: requests go to …/mminterface/request).",
        )  # fmt: skip
    for name in ("result_url", "queue_timeout_url"):
        url: str | None = getattr(configuration, name)
        if url is None:
            lost = "no result reaches us" if name == "result_url" else "we are not told of cached requests that expire"
            yield warning(name, f"is not set: {lost}", f"Set {name} to the address of our listener.")
            continue
        parts = urlsplit(url)
        yield _reach(name, parts, broker_is_here=_is_loopback(endpoint.hostname or ""))
        yield from _listener_token(name, parts, configuration)
        yield from _listener_port(name, parts, configuration)


def _reach(name: str, parts: SplitResult, *, broker_is_here: bool) -> Diagnosis:
    host = parts.hostname or ""
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"
    if _is_loopback(host) and broker_is_here:
        return ok(name, f"{shown} is on this machine, and so is the broker")
    if _is_loopback(host):
        advice = "Give the address under which the broker reaches our listener."
        return problem(name, f"{shown} is an address of this machine only", advice)
    if parts.scheme == "http":
        return warning(name, f"{shown} is plain HTTP", "Use https outside a test bed in a VPN.")
    return ok(name, f"{shown} (whether the broker reaches it is not checked from here)")


def _listener_token(name: str, parts: SplitResult, configuration: Configuration) -> Iterator[Diagnosis]:
    """A proxy may put a folder of its own before the token; it cannot put a token there."""
    token = configuration.listener_path_token
    if token is not None and reveal(token) not in parts.path.split("/"):
        yield warning(
            name, "its path does not hold listener.path_token: our listener would answer 404, and nothing would settle",
            f"Set {name} to the listener's address, /, the path token, / and a word such as result.",
        )  # fmt: skip


def _listener_port(name: str, parts: SplitResult, configuration: Configuration) -> Iterator[Diagnosis]:
    if "listener_port" not in configuration.origins or configuration.listener_port == 0:
        return
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    if port == configuration.listener_port:
        return
    text = f"its port is {port}, and our listener has {configuration.listener_port}"
    if _is_loopback(parts.hostname or ""):
        yield warning(name, f"{text}, on this machine too", f"Correct {name} or listener.port.")
    else:
        yield ok(name, f"{text}: right only where a proxy or a port forwarding stands between")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or address.is_link_local
