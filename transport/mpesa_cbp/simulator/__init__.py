"""A broker and a core in this process, for demonstrations, for development and for tests.

It speaks the broker's side of the protocol over real HTTP, keeps accounts with the documented limits, and has bad
days on demand. See docs/simulator.md.
"""

from __future__ import annotations

from mpesa_cbp.simulator.bad_days import BAD_DAYS, BadDay
from mpesa_cbp.simulator.ledger import Account, Transfer
from mpesa_cbp.simulator.partner import Partner
from mpesa_cbp.simulator.records import Conversation, State
from mpesa_cbp.simulator.scenario import Rule, Scenario
from mpesa_cbp.simulator.setup import Customer, Operator, Organisation, Timing
from mpesa_cbp.simulator.simulator import Simulator
from mpesa_cbp.simulator.story import Step

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
    "Step",
    "Timing",
    "Transfer",
]
