"""A broker and a core in this process, for demonstrations, for development and for tests.

It speaks the broker's side of the protocol over real HTTP, keeps accounts with the documented limits, and has bad
days on demand. See docs/simulator.md.
"""

from __future__ import annotations

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
