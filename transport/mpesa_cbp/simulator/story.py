"""What is told about a payment while it happens: one ``Step`` for each of the five (protocol, section 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a conversation.

    ``number`` is the place in the protocol's picture: 1 request, 2 answer, 3 the core's work, 4 result (or queue
    timeout), 5 the partner's answer to it. ``code`` is the ResponseCode, ResultCode or answer that goes with it, or
    None. ``xml`` is the message as it went over the wire, credentials and all, and therefore not in the repr. ``what``
    is one sentence without a secret or a customer's number. ``at`` is aware.
    """

    number: int
    what: str
    conversation_id: str
    xml: bytes = field(repr=False)
    at: datetime
    code: str | None = None


StepHook: TypeAlias = Callable[[Step], None]
"""Called after each step, on the simulator's own threads; what it raises is logged and goes no further."""
