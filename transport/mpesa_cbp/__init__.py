"""Pay through the M-PESA G2 broker: one payment, sent once, and what the broker answers.

This package is thin. ``client`` is the entrance; ``commands`` makes requests, ``identity`` signs them, ``soap`` writes
and reads envelopes, ``http`` posts them, ``send`` sends a request once, ``payment`` has states and codes, ``history``
reads what the broker recorded. ``errors``, ``redaction``, ``parsing`` and ``log_events`` serve all of them. Journal,
listener, payroll and the command are in ``mpesa_cbp_service``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpesa_cbp.client import Client
    from mpesa_cbp.identity.profile import Initiator, Profile, ServiceProvider
    from mpesa_cbp.identity.security import SpPasswordReading, encrypt_credential, encrypt_new_password, sp_password
    from mpesa_cbp.payment.model import PaymentState
    from mpesa_cbp.send.acknowledgement import Acknowledgement
    from mpesa_cbp.soap import Decoded, decode

__all__ = [
    "Acknowledgement",
    "Client",
    "Decoded",
    "Initiator",
    "PaymentState",
    "Profile",
    "ServiceProvider",
    "SpPasswordReading",
    "decode",
    "encrypt_credential",
    "encrypt_new_password",
    "sp_password",
]

_MODULES = {
    "Acknowledgement": "send.acknowledgement",
    "Client": "client",
    "Decoded": "soap",
    "decode": "soap",
    "PaymentState": "payment.model",
    "Initiator": "identity.profile",
    "Profile": "identity.profile",
    "ServiceProvider": "identity.profile",
    "SpPasswordReading": "identity.security",
    "encrypt_credential": "identity.security",
    "encrypt_new_password": "identity.security",
    "sp_password": "identity.security",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
