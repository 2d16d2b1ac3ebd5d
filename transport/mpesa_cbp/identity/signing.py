"""The signing header and the initiator's credential (protocol, sections 2, 3 and 9).

Secrets are fetched at the moment at which they are needed and kept by nobody here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.identity.profile import Initiator, Profile, Secret, ServiceProvider, passphrase_bytes, reveal
from mpesa_cbp.identity.security import CredentialKey, SecurityError, credential_key, encrypt_new_password, sp_password
from mpesa_cbp.redaction import SecretText
from mpesa_cbp_models import ChangePassword, Request, RequestSOAPHeader


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs in the name of one service provider and one initiator; make it with ``signer``."""

    service_provider: ServiceProvider
    initiator: Initiator
    profile: Profile
    clock: Callable[[], datetime]
    key: CredentialKey = field(repr=False)

    def header(self) -> RequestSOAPHeader | None:
        """The signing header; without a password (SPID and IP) it has neither spPassword nor timeStamp.

        None where the profile signs nothing. Raises SettingsError for a password that cannot be used.
        """
        if not self.profile.signed:
            return None
        provider = self.service_provider
        if provider.password is None:
            return RequestSOAPHeader(sp_id=provider.id, service_id=provider.service_id)
        stamp = self.time_stamp(self.clock())
        signed = self._sp_password(provider.password, stamp)
        return RequestSOAPHeader(
            sp_id=provider.id, sp_password=signed, service_id=provider.service_id, time_stamp=stamp
        )

    def with_credential(self, request: Request) -> Request:
        """The request with its SecurityCredential, freshly encrypted. Raises SettingsError for an unusable password."""
        initiator = replace(request.identity.initiator, security_credential=self._credential())
        return replace(request, identity=replace(request.identity, initiator=initiator))

    def _credential(self) -> SecretText:
        try:
            return SecretText(self.key.encrypt(reveal(self.initiator.password)))
        except SecurityError as error:
            raise SettingsError(f"initiator: {error}") from None

    def change_of_password(self, new_password: SecretText, *, key: Secret, vector: Secret) -> ChangePassword:
        """The order to replace the service provider's password, signed with the one in force."""
        provider = self.service_provider
        if provider.password is None:
            raise SettingsError("service_provider: there is no password in force that could be changed")
        stamp = self.time_stamp(self.clock())
        try:
            encrypted = SecretText(
                encrypt_new_password(new_password=new_password, key=reveal(key), vector=reveal(vector))
            )
        except SecurityError as error:
            raise SettingsError(f"new_password: {error}") from None
        signed = self._sp_password(provider.password, stamp)
        return ChangePassword(sp_id=provider.id, sp_password=signed, time_stamp=stamp, new_password=encrypted)

    def time_stamp(self, moment: datetime) -> str:
        """A moment as yyyyMMddHHmmss in the profile's zone."""
        return moment.astimezone(self.profile.zone).strftime("%Y%m%d%H%M%S")

    def _sp_password(self, password: Secret, stamp: str) -> SecretText:
        password = reveal(password)
        try:
            signed = sp_password(
                sp_id=self.service_provider.id,
                password=password,
                time_stamp=stamp,
                reading=self.profile.sp_password_reading,
            )
        except SecurityError as error:
            raise SettingsError(f"service_provider: {error}") from None
        return SecretText(signed)


def signer(
    *, service_provider: ServiceProvider, initiator: Initiator, profile: Profile, clock: Callable[[], datetime]
) -> Signer:
    """A signer whose password certificate has been read. Raises SettingsError where that cannot be used."""
    try:
        passphrase = passphrase_bytes(initiator.certificate_passphrase)
        key = credential_key(initiator.certificate, passphrase=passphrase)
    except SecurityError as error:
        raise SettingsError(f"initiator: {error}") from None
    return Signer(service_provider, initiator, profile, clock, key)
