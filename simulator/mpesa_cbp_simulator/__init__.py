"""A broker and a core in this process, for demonstrations, for development and for tests.

It speaks the broker's side of the protocol over real HTTP, keeps accounts with the documented limits, and has bad
days on demand. See docs/simulator.md. Needs the extra ``mpesa-cbp[simulator]``; names are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mpesa_cbp.errors import MissingExtra

if TYPE_CHECKING:
    from mpesa_cbp_simulator.config import Customer, Operator, Organisation, Timing
    from mpesa_cbp_simulator.faults import BAD_DAYS, BadDay
    from mpesa_cbp_simulator.ledger import Account, Transfer
    from mpesa_cbp_simulator.scenario import Rule, Scenario
    from mpesa_cbp_simulator.simulator import Simulator
    from mpesa_cbp_simulator.store import Conversation, State
    from mpesa_cbp_simulator.test_partner import Partner
    from mpesa_cbp_simulator.timeline import TimelineEntry

__all__ = [
    "BAD_DAYS",
    "Account",
    "BadDay",
    "Conversation",
    "Customer",
    "Operator",
    "Organisation",
    "Partner",
    "Rule",
    "Scenario",
    "Simulator",
    "State",
    "TimelineEntry",
    "Timing",
    "Transfer",
]

_MODULES = {
    "BAD_DAYS": "faults",
    "Account": "ledger",
    "BadDay": "faults",
    "Conversation": "store",
    "Customer": "config",
    "Operator": "config",
    "Organisation": "config",
    "Partner": "test_partner",
    "Rule": "scenario",
    "Scenario": "scenario",
    "Simulator": "simulator",
    "State": "store",
    "TimelineEntry": "timeline",
    "Timing": "config",
    "Transfer": "ledger",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mpesa_cbp"):
            raise
        raise MissingExtra(f"{__name__}.{name}", extra="simulator") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
