"""The settings, and the ``Client`` made from them.

``Configuration`` is the one list of settings: names, kinds, senses and defaults. docs/settings.md shows it as a
table, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.identity.profile import NAIROBI, PROFILES, Initiator, Profile, Secret, ServiceProvider
from mpesa_cbp.identity.security import SpPasswordReading
from mpesa_cbp.payment.model import PaymentJournal
from mpesa_cbp_service.config.kinds import (
    DIGITS,
    FILE,
    JOURNAL_URL,
    SECONDS,
    SECRET,
    TEXT,
    URL,
    YES_OR_NO,
    one_of,
    whole_number,
)
from mpesa_cbp_service.config.listener import ListenerConfiguration
from mpesa_cbp_service.config.sources import (
    Setting,
    declare,
)

if TYPE_CHECKING:
    from mpesa_cbp.client import Client

__all__ = ["FOR_CLIENT", "FOR_JOURNAL", "Configuration", "missing_settings", "raise_for", "setting_name", "settings"]

FOR_CLIENT = frozenset(
    {
        "endpoint",
        "organisation",
        "service_provider_id",
        "service_provider_password",
        "initiator_name",
        "initiator_password",
        "initiator_short_code",
        "initiator_certificate",
    }
)
"""Settings without which there is no ``Client``; with the ``signing_mode`` ``spid-ip`` no password is asked for."""

FOR_JOURNAL = frozenset({"journal_url"})
"""Settings without which there is no journal. It has no default: two journals could pay one payroll twice."""

_ZONES = {"utc": UTC, "nairobi": NAIROBI}


@dataclass(frozen=True, kw_only=True)
class Configuration(ListenerConfiguration):
    """Checked settings; what was given nowhere has its default, mostly None. ``origins`` says where each came from.

    ``secret_files`` are the files that hold secrets, each with the names of the settings in it: those named with
    ``…_file``, and a TOML file with a secret in it.
    """

    endpoint: str | None = declare(URL, "the broker's address, ending in `/mminterface/request`")
    query_url: str | None = declare(URL, "where queryTransaction is posted, if not to the endpoint")
    management_url: str | None = declare(URL, "where changePassword is posted, if not to the endpoint")
    registration_url: str | None = declare(
        URL, "where RegisterURL is posted, if not to `/mminterface/registerURL` beside the endpoint"
    )
    organisation: str | None = declare(TEXT, "our name, as it stands in conversation ids")
    result_url: str | None = declare(URL, "where the broker posts results to us")
    queue_timeout_url: str | None = declare(URL, "where the broker tells that a cached request expired")
    country_code: str = declare(DIGITS, "country code that phone numbers are completed with", "254")

    service_provider_id: str | None = declare(TEXT, "spId", table="service_provider")
    service_provider_password: Secret | None = declare(SECRET, "the spId's password", table="service_provider")
    service_provider_service_id: str | None = declare(TEXT, "serviceId", table="service_provider")
    service_provider_third_party_id: str | None = declare(
        TEXT, "ThirdPartyID in the payload, if not the spId", table="service_provider"
    )
    service_provider_third_party_password: Secret | None = declare(
        SECRET, "Password beside ThirdPartyID, if one was allocated", table="service_provider"
    )

    initiator_name: str | None = declare(TEXT, "user name at the operator in whose name we pay", table="initiator")
    initiator_password: Secret | None = declare(SECRET, "that user's password", table="initiator")
    initiator_short_code: str | None = declare(DIGITS, "short code of our organisation", table="initiator")
    initiator_certificate: Path | None = declare(
        FILE, "the operator's password certificate, in any form", table="initiator"
    )
    initiator_certificate_passphrase: Secret | None = declare(
        SECRET, "passphrase of that certificate, if it is in a `.p12`", table="initiator"
    )
    initiator_key_owner: int = declare(
        whole_number(1, 2), "KeyOwner: 1 the API caller's key, 2 the initiator's", 1, table="initiator"
    )
    initiator_identifier_type: int = declare(
        whole_number(1, 14),
        "IdentifierType: 11 an organisation's user, 14 an operator-internal one",
        11,
        table="initiator",
    )

    signing_profile: str = declare(
        one_of(*PROFILES), "defaults of the three settings that follow", "contract", table="signing"
    )
    signing_header_namespace: str | None = declare(TEXT, "namespace of RequestSOAPHeader", table="signing")
    signing_sp_password_reading: str | None = declare(
        one_of(*(reading.value for reading in SpPasswordReading)), "reading of the spPassword formula", table="signing"
    )
    signing_zone: str | None = declare(one_of(*_ZONES), "clock zone of timeStamp", table="signing")
    signing_mode: str = declare(
        one_of("spid-password", "spid-ip-password", "spid-ip"),
        "how the broker knows us; `spid-ip` sends no spPassword and no timeStamp",
        "spid-password",
        table="signing",
    )

    tls_ca: Path | None = declare(
        FILE, "certificates to trust instead of the public authorities, in any form", table="tls"
    )
    tls_ca_passphrase: Secret | None = declare(SECRET, "passphrase of that file, if it is a `.p12`", table="tls")
    tls_client_certificate: Path | None = declare(
        FILE, "our certificate and its chain, in any form; a `.p12` holds the key too", table="tls"
    )
    tls_client_key: Path | None = declare(FILE, "our private key, if it is in a file of its own", table="tls")
    tls_client_passphrase: Secret | None = declare(SECRET, "passphrase of the key or the `.p12`", table="tls")

    http_connect_timeout: float = declare(SECONDS, "longest wait for a connection", 5.0, table="http")
    http_read_timeout: float = declare(SECONDS, "longest silence while waiting for the answer", 30.0, table="http")
    http_answer_deadline: float | None = declare(
        SECONDS, "longest time for the whole answer; four times the read timeout if not set", table="http"
    )
    http_connect_retries: int = declare(
        whole_number(0, 100), "how often what provably never left is tried again", 2, table="http"
    )
    http_keep_alive: float = declare(
        SECONDS, "how long an idle connection is used again; below the broker's own limit", 4.0, table="http"
    )
    http_use_environment: bool = declare(
        YES_OR_NO, "whether proxies of the environment (HTTPS_PROXY) are used", False, table="http"
    )

    new_password_key: Secret | None = declare(SECRET, "AES key for changePassword", table="new_password")
    new_password_vector: Secret | None = declare(SECRET, "AES vector for changePassword", table="new_password")

    journal_url: str | None = declare(JOURNAL_URL, "the journal, such as `sqlite:///payments.db`", table="journal")

    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    secret_files: Mapping[Path, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def profile(self) -> Profile:
        """How the signing header is written (protocol, section 2)."""
        profile = PROFILES[self.signing_profile]
        reading, zone = self.signing_sp_password_reading, self.signing_zone
        return Profile(
            signed=profile.signed,
            header_namespace=self.signing_header_namespace or profile.header_namespace,
            sp_password_reading=SpPasswordReading(reading) if reading else profile.sp_password_reading,
            zone=_ZONES[zone] if zone else profile.zone,
        )

    def client(self, *, journal: PaymentJournal | None = None, **more: Any) -> Client:
        """A client with these settings; ``more`` are arguments that no setting holds, such as ``clock``.

        Raises SettingsError that names everything missing.
        """
        raise_for(missing_settings(self._present(), FOR_CLIENT, mode=self.signing_mode))
        # It loads what speaks HTTP, which a listener and most commands do not need.
        from mpesa_cbp.client import Client

        return Client(**{**self._client_arguments(), "journal": journal, **more})

    def _present(self) -> frozenset[str]:
        return frozenset(name for name in settings() if getattr(self, name) is not None)

    def _client_arguments(self) -> dict[str, Any]:
        certificate: Any = self.tls_client_certificate
        if certificate is not None and self.tls_client_key is not None:
            certificate = (certificate, self.tls_client_key)
        return {
            "endpoint": self.endpoint,
            "organisation": self.organisation,
            "service_provider": self._service_provider(),
            "initiator": self._initiator(),
            "result_url": self.result_url,
            "queue_timeout_url": self.queue_timeout_url,
            "client_certificate": certificate,
            "client_passphrase": self.tls_client_passphrase,
            "ca": self.tls_ca,
            "ca_passphrase": self.tls_ca_passphrase,
            "timeout": (self.http_connect_timeout, self.http_read_timeout),
            "answer_deadline": self.http_answer_deadline,
            "connect_retries": self.http_connect_retries,
            "keep_alive": self.http_keep_alive,
            "trust_env": self.http_use_environment,
            "profile": self.profile(),
            "country_code": self.country_code,
            "query_url": self.query_url,
            "management_url": self.management_url,
            "registration_url": self.registration_url,
        }

    def _service_provider(self) -> ServiceProvider:
        return ServiceProvider(
            id=self.service_provider_id or "",
            password=self.service_provider_password,
            service_id=self.service_provider_service_id,
            third_party_id=self.service_provider_third_party_id,
            third_party_password=self.service_provider_third_party_password,
        )

    def _initiator(self) -> Initiator:
        return Initiator(
            name=self.initiator_name or "",
            password=self.initiator_password or "",
            short_code=self.initiator_short_code or "",
            certificate=self.initiator_certificate or "",
            certificate_passphrase=self.initiator_certificate_passphrase,
            key_owner=self.initiator_key_owner,
            identifier_type=self.initiator_identifier_type,
        )


def settings() -> dict[str, Setting]:
    """Every setting by its name in Python, in the order of the documentation."""
    declared = [each for each in fields(Configuration) if "kind" in each.metadata]
    return {
        each.name: Setting(
            each.name, each.metadata["table"], each.metadata["kind"], each.metadata["meaning"], each.default
        )
        for each in sorted(declared, key=lambda each: each.metadata["table"] == "listener")
    }


def missing_settings(present: Collection[str], required: Collection[str], *, mode: str | None = None) -> list[str]:
    """A problem for each required setting that is not there; ``mode`` is how the broker knows us."""
    needless = {"service_provider_password"} if mode == "spid-ip" else set()
    return [
        f"{setting_name(setting)} is missing: "
        f"set {setting.in_environment}{_or_file(setting)}, or {setting.in_toml} in TOML"
        for name, setting in settings().items()
        if name in required and name not in present and name not in needless
    ]


def setting_name(setting: Setting) -> str:
    """A setting as TOML has it, its table included."""
    return f"{setting.table}.{setting.key}" if setting.table else setting.key


def _or_file(setting: Setting) -> str:
    return f" or {setting.in_environment}_FILE" if setting.kind.secret else ""


def raise_for(problems: list[str]) -> None:
    """Raise SettingsError where there are problems."""
    if problems:
        count = len(problems)
        message = f"The settings have {count} problem{'s'[: count != 1]}: {'; '.join(problems)}"
        raise SettingsError(message, problems=problems)
