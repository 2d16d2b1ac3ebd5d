"""Clients for tests: fixed secrets, a fixed clock, counted ids, and one key pair of an operator for all of them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from functools import cache
from typing import Any

from mpesa_cbp import Client, Initiator, ServiceProvider
from mpesa_cbp_simulator.key_pair import KeyPair, generate_key_pair

NOW = datetime(2026, 11, 24, 8, 30, 0, 123456, tzinfo=UTC)
SP_PASSWORD = "planted-sp-password"
INITIATOR_PASSWORD = "planted-initiator-password"
SECRETS = (SP_PASSWORD, INITIATOR_PASSWORD)


@cache
def operator_key() -> KeyPair:
    """The operator's key pair: its certificate encrypts initiator passwords."""
    return generate_key_pair(common_name="core", not_before=datetime(2026, 1, 1, tzinfo=UTC), days=3650)


def client_to(endpoint: str, **more: Any) -> Client:
    """A client whose every setting is known; ``more`` replaces some of them."""
    numbers = itertools.count(1)
    settings: dict[str, Any] = {
        "service_provider": ServiceProvider(id="107031", password=SP_PASSWORD, service_id="107031000"),
        "initiator": Initiator(
            name="api", password=INITIATOR_PASSWORD, short_code="600000", certificate=operator_key().certificate
        ),
        "organisation": "Acme Ltd.",
        "result_url": "https://us.example/token/result",
        "queue_timeout_url": "https://us.example/token/queue-timeout",
        "timeout": (20, 20),
        "clock": lambda: NOW,
        "new_id": lambda: f"{next(numbers):04}",
    }
    return Client(endpoint=endpoint, **{**settings, **more})
