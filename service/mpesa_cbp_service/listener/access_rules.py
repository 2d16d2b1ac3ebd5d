"""Who may speak to the listener: networks, proxies that may name the real caller, the path token, certificates."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import TypeAlias

from cryptography import x509
from cryptography.x509.oid import NameOID

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.listener.http_messages import Request

__all__ = ["SHORTEST_TOKEN", "AccessRules", "Caller", "Network", "new_token", "read_networks"]

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
_Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"

SHORTEST_TOKEN = 16
"""Characters that a path token must have; ``new_token`` makes 43, which are 256 bits."""

# What stands in a path as it is (RFC 3986, section 2.3), so that nobody has to escape it.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")
# An entry of X-Forwarded-For may have a port (RFC 7239, section 6, and what proxies write).
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")

# Characters of an address with a port; a zone (RFC 4007) may follow it, which no system makes longer than this.
_LONGEST_ADDRESS = 100


def new_token() -> str:
    """An unguessable path token."""
    return secrets.token_urlsafe(32)


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks such as ``196.201.212.0/22``, or single addresses. Raises ValueError that names the wrong one."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip()))
        except ValueError:
            raise ValueError(f"{text.strip()!r} is no network, such as 192.0.2.0/24, and no address") from None
    return tuple(networks)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the address behind our own proxies (None where it cannot be told) and a certificate's subject."""

    address: str | None
    certificate: str | None
    is_proxy: bool = False

    @property
    def text(self) -> str | None:
        """As the journal keeps it."""
        return f"{self.address or '?'} {self.certificate}" if self.certificate else self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules:
    """What a request must satisfy; what is left empty asks for nothing.

    ``path_token`` is the first segment of the path. ``networks`` are those of the callers; behind a proxy they are
    compared with the address that X-Forwarded-For gives, which is believed only from ``trusted_proxies``, and only as
    far as trusted proxies wrote it. ``certificate_header`` names the header in which a trusted proxy hands on the
    subject of the client certificate; ``certificate_names`` are the subjects, or their common names, that may come in.

    Raises SettingsError for a token that is too short or needs escaping.
    """

    path_token: str | None = field(default=None, repr=False)
    networks: tuple[Network, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    certificate_header: str | None = None
    certificate_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        token = self.path_token
        if token is None:
            return
        if len(token) < SHORTEST_TOKEN or not _TOKEN.fullmatch(token):
            raise SettingsError(
                f"The listener's path token must have at least {SHORTEST_TOKEN} letters, digits, '-', '_', '.' or '~'",
                advice="mpesa-cbp listen --new-token makes one.",
            )

    def caller(self, request: Request) -> Caller:
        """Find out who calls."""
        peer = _address(request.peer)
        if peer is None or not self.trusted_proxies or not _within(peer, self.trusted_proxies):
            return Caller(_shown(request.peer) if peer is not None else None, request.certificate)
        certificate = request.certificate
        if self.certificate_header is not None:
            # Two of them are one of the proxy's and one of the caller's own.
            named = request.values(self.certificate_header.lower())
            certificate = (named[0] or None) if len(named) == 1 else None
        forwarded = request.header("x-forwarded-for")
        if not forwarded:
            return Caller(str(peer), certificate, is_proxy=True)
        address = self._behind_proxies(forwarded)
        return Caller(str(address) if address is not None else None, certificate)

    def refusal(self, caller: Caller, path: str) -> tuple[HTTPStatus, str] | None:
        """HTTP status and reason where the request may not come in, or None. The path's token is compared last."""
        if self.networks:
            address = _address(caller.address or "")
            if address is None or not _within(address, self.networks):
                return HTTPStatus.FORBIDDEN, "address"
        if self.certificate_names and not _bears(caller.certificate, self.certificate_names):
            return HTTPStatus.FORBIDDEN, "certificate"
        if self.path_token is not None:
            first = path.lstrip("/").partition("/")[0]
            if not hmac.compare_digest(first.encode(errors="replace"), self.path_token.encode()):
                return HTTPStatus.NOT_FOUND, "path"
        return None

    def _behind_proxies(self, forwarded: str) -> _Address | None:
        """The rightmost entry that no trusted proxy is: entries left of it are whatever the caller made up."""
        address = None
        for entry in reversed(forwarded.split(",")):
            address = _address(entry.strip())
            if address is None or not _within(address, self.trusted_proxies):
                return address
        return address


def _address(text: str) -> _Address | None:
    return _read_address(text) if len(text) <= _LONGEST_ADDRESS else None


# A broker calls from few addresses, and each request asks for one of them more than once.
@lru_cache(maxsize=1024)
def _read_address(text: str) -> _Address | None:
    port = _WITH_PORT.fullmatch(text)
    if port is not None:
        text = port[1] or port[2]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return found if mapped is None else mapped


@lru_cache(maxsize=1024)
def _shown(text: str) -> str:
    return str(_read_address(text))


def _within(address: _Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _bears(subject: str | None, names: tuple[str, ...]) -> bool:
    if subject is None:
        return False
    if subject in names:
        return True
    try:
        common = x509.Name.from_rfc4514_string(subject).get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return False
    return any(attribute.value in names for attribute in common)
