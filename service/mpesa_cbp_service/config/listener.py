"""The listener's settings, a part of ``Configuration``."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from mpesa_cbp.identity.profile import Secret
from mpesa_cbp_service.config.kinds import FILE, NAMES, NETWORKS, SECONDS, SECRET, TEXT, YES_OR_NO, whole_number
from mpesa_cbp_service.config.sources import declare

__all__ = ["ListenerConfiguration", "listener_contradictions"]

_listener = functools.partial(declare, table="listener")
_PORT = whole_number(0, 65535)


@dataclass(frozen=True, kw_only=True)
class ListenerConfiguration:
    """Who may speak to the listener, where it listens, and what a caller may take; docs/listener.md explains."""

    listener_host: str = _listener(TEXT, "address that the listener listens on", "127.0.0.1")
    listener_port: int = _listener(_PORT, "its port; 0 takes a free one", 8443)
    listener_path_token: Secret | None = _listener(SECRET, "first part of its paths, which only the broker knows")
    listener_networks: tuple[IPv4Network | IPv6Network, ...] | None = _listener(
        NETWORKS, "networks and addresses that may call; all if not set"
    )
    listener_trusted_proxies: tuple[IPv4Network | IPv6Network, ...] | None = _listener(
        NETWORKS, "our own proxies, whose X-Forwarded-For is believed"
    )
    listener_certificate: Path | None = _listener(
        FILE, "our certificate and its chain, in any form: then it speaks TLS only"
    )
    listener_key: Path | None = _listener(FILE, "its private key, if it is in a file of its own")
    listener_passphrase: Secret | None = _listener(SECRET, "passphrase of the key or the `.p12`")
    listener_client_ca: Path | None = _listener(FILE, "authorities of which a caller must show a certificate")
    listener_certificate_header: str | None = _listener(
        TEXT, "header in which a trusted proxy hands on the subject of the client certificate"
    )
    listener_certificate_names: tuple[str, ...] | None = _listener(
        NAMES, "subjects or common names of client certificates that may call; all if not set"
    )
    listener_plain_http: bool = _listener(
        YES_OR_NO, "whether to serve other machines without TLS and without a trusted proxy", False
    )
    listener_maximum_body: int = _listener(
        whole_number(10_000, 16 * 1024 * 1024), "largest body that is read, in bytes", 256 * 1024
    )
    listener_maximum_unreadable: int = _listener(
        whole_number(0, 1_000_000), "how many messages that cannot be read are kept", 1000
    )
    listener_workers: int = _listener(whole_number(1, 64), "processes that serve; more than one need PostgreSQL", 1)
    listener_connections: int = _listener(
        whole_number(10, 10_000), "connections at a time, of each process; more wait to be accepted", 2000
    )
    listener_maximum_waiting: int = _listener(
        whole_number(2, 1000), "deliveries that wait for the journal at a time; more are told to come again", 256
    )
    listener_maximum_validating: int = _listener(
        whole_number(1, 1000), "validations whose handler runs at a time; more are refused", 16
    )
    listener_longest_wait: float = _listener(
        SECONDS, "longest time that a delivery waits for its commit, and then is told to come again", 5.0
    )
    listener_request_seconds: float = _listener(
        SECONDS, "longest time for the headers of a request to arrive, and for its body", 20.0
    )
    listener_handlers: str | None = _listener(TEXT, "`package.module:function`, which registers the handlers")
    listener_handler_threads: int = _listener(whole_number(1, 64), "how many events are handled at a time", 1)
    listener_handler_lease: float = _listener(
        SECONDS, "time in which a handler must be done, else the event is given out again", 120.0
    )
    listener_operations_host: str = _listener(TEXT, "address of the port for counters and health", "127.0.0.1")
    listener_operations_port: int | None = _listener(_PORT, "port for counters and health; none if not set")


def listener_contradictions(configuration: ListenerConfiguration) -> list[str]:
    """What does not go together."""
    found = []
    tls = configuration.listener_certificate is not None
    if configuration.listener_key is not None and not tls:
        found.append("listener.key is set without listener.certificate")
    if configuration.listener_client_ca is not None and not tls:
        found.append("listener.client_ca is set without listener.certificate: only TLS knows client certificates")
    if configuration.listener_certificate_header is not None and not configuration.listener_trusted_proxies:
        found.append("listener.certificate_header is set without listener.trusted_proxies, who alone may set it")
    if configuration.listener_certificate_names and configuration.listener_certificate_header is None:
        found.append(
            "listener.certificate_names needs listener.certificate_header: our server checks a client certificate "
            "against listener.client_ca and does not hand on whose it is; a proxy in front of it can"
        )
    if configuration.listener_workers > 1 and configuration.listener_operations_port is not None:
        found.append("listener.operations_port has no counters of several processes: set listener.workers = 1")
    return found
