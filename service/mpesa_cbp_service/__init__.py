"""Around one payment: journal, listener, payroll, reconciliation, configuration, and the command ``mpesa-cbp``.

Needs the extra ``mpesa-cbp[service]``. ``Journal`` and ``Listener`` are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mpesa_cbp.errors import MissingExtra

if TYPE_CHECKING:
    from mpesa_cbp_service.journal import Journal
    from mpesa_cbp_service.listener import Listener

__all__ = ["Journal", "Listener"]

_MODULES = {"Journal": "journal", "Listener": "listener"}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mpesa_cbp"):
            raise
        raise MissingExtra(f"{__name__}.{name}", extra="service") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
