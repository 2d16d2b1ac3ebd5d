"""Service provider, initiator and signing profile (protocol, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TypeAlias, overload

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.identity.security import SpPasswordReading
from mpesa_cbp.parsing import http_url
from mpesa_cbp.redaction import SecretBytes, SecretText

Secret: TypeAlias = "str | Callable[[], str]"
"""A secret, or a function that fetches it (from a vault, say) each time that it is needed."""

NAIROBI = timezone(timedelta(hours=3), "EAT")

CONTRACT_HEADER_NAMESPACE = "http://www.huawei.com.cn/schema/common/v2_1"
GUIDE_HEADER_NAMESPACE = "http://www.huawei.com/schema/osg/common/v2_1"


@overload
def hidden(secret: Secret) -> Secret: ...
@overload
def hidden(secret: None) -> None: ...
def hidden(secret: Secret | None) -> Secret | None:
    """The same secret, which no repr shows."""
    return SecretText(secret) if isinstance(secret, str) else secret


def reveal(secret: Secret) -> SecretText:
    """The text of a secret, fetched if it is a function. Raises SettingsError if that gives no text."""
    given: object = secret
    if not isinstance(given, str) and not callable(given):
        raise SettingsError(f"A secret must be text or a function that fetches it, not {type(given).__name__}")
    text: object = given if isinstance(given, str) else given()
    if not isinstance(text, str):
        raise SettingsError("A function that is to fetch a secret gave something else than text")
    return SecretText(text)


def passphrase_bytes(passphrase: Secret | None) -> SecretBytes | None:
    """A passphrase as the readers of certificates take it; None where there is none, or an empty one."""
    if passphrase is None:
        return None
    text = reveal(passphrase)
    try:
        return SecretBytes(text.encode()) or None
    except UnicodeEncodeError:
        # Its text would quote the passphrase.
        raise SettingsError("A passphrase contains a character that UTF-8 cannot hold") from None


def check_urls(**urls: str | None) -> None:
    """Raise SettingsError, without their values, for all that are given and no http or https URLs."""
    problems = []
    for name, url in urls.items():
        try:
            if url is not None:
                http_url(url)
        except ValueError as error:
            problems.append(f"{name} {error}")
    if problems:
        raise SettingsError("; ".join(problems), problems=problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceProvider:
    """Us, as the broker knows us.

    ``id`` is the spId, ``password`` the one allocated with it (None where the broker goes by our address alone),
    ``service_id`` the serviceId. ``third_party_id`` and ``third_party_password`` name us inside the payload
    (ThirdPartyID, at most 20 characters); the spId stands in for the first where it is not given.
    """

    id: str
    password: Secret | None = field(repr=False)
    service_id: str | None = None
    third_party_id: str | None = None
    third_party_password: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiator:
    """The operator-side user in whose name we pay; ``certificate`` is the operator's password certificate.

    ``certificate`` may be a path or the file's content, in any form in which certificates are handed out;
    ``certificate_passphrase`` opens a `.p12`.
    ``key_owner`` is 1 for the API caller's key, 2 for the initiator's. ``identifier_type`` is 11 for an
    organisation's user, 14 for an operator-internal system (protocol, section 12).
    """

    name: str
    password: Secret = field(repr=False)
    short_code: str
    certificate: str | Path | bytes = field(repr=False)
    certificate_passphrase: Secret | None = field(default=None, repr=False)
    key_owner: int = 1
    identifier_type: int = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the signing header is written: its namespace, the reading of spPassword, the zone of timeStamp.

    Without ``signed`` there is no header at all, as operator-internal systems post (protocol, section 12).
    """

    header_namespace: str = CONTRACT_HEADER_NAMESPACE
    sp_password_reading: SpPasswordReading = SpPasswordReading.UPPER_HEX
    zone: tzinfo = UTC
    signed: bool = True

    def __post_init__(self) -> None:
        if not self.header_namespace.isprintable() or any(each in self.header_namespace for each in " \"'<>&"):
            raise SettingsError("The header namespace holds a character that no namespace has")


PROFILES: dict[str, Profile] = {
    "contract": Profile(),
    "guide": Profile(
        header_namespace=GUIDE_HEADER_NAMESPACE, sp_password_reading=SpPasswordReading.LOWER_HEX, zone=NAIROBI
    ),
    "none": Profile(signed=False),
}
"""``contract`` is what the specification says, ``guide`` what later guides show and most partners send, ``none`` is for
operator-internal systems, which send no signing header.
"""


def profile_of(profile: str | Profile) -> Profile:
    """The profile of that name, or itself. Raises SettingsError for a name that is not known."""
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise SettingsError(f"profile must be one of {', '.join(PROFILES)}, or a Profile")
    return PROFILES[profile]
