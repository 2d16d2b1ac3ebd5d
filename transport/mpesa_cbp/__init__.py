"""M-PESA through the G2 broker interface: pay, be told the result, never pay twice.

What a payment needs is importable from here. ``Journal`` and ``Listener`` need the extra ``mpesa-cbp[service]`` and
are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mpesa_cbp.errors import MissingExtra

if TYPE_CHECKING:
    from mpesa_cbp.client import Client
    from mpesa_cbp.identity.profile import Initiator, Profile, ServiceProvider
    from mpesa_cbp.identity.security import SpPasswordReading, encrypt_credential, encrypt_new_password, sp_password
    from mpesa_cbp.payment.model import PaymentState
    from mpesa_cbp.send.acknowledgement import Acknowledgement
    from mpesa_cbp.soap import Decoded, decode
    from mpesa_cbp_service.journal import Journal
    from mpesa_cbp_service.listener import Listener

__all__ = [
    "Acknowledgement",
    "Client",
    "Decoded",
    "Initiator",
    "Journal",
    "Listener",
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
    "Acknowledgement": "answers",
    "Client": "client",
    "Decoded": "envelope",
    "decode": "envelope",
    "Journal": "journal",
    "Listener": "listener",
    "PaymentState": "payments",
    "Initiator": "settings",
    "Profile": "settings",
    "ServiceProvider": "settings",
    "SpPasswordReading": "security",
    "encrypt_credential": "security",
    "encrypt_new_password": "security",
    "sp_password": "security",
}

_SERVICE = frozenset({"Journal", "Listener"})


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        if name in _SERVICE and not (error.name or "").startswith("mpesa_cbp"):
            raise MissingExtra(f"mpesa_cbp.{name}", extra="service") from None
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
