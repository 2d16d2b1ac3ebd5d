"""Requests written by hand, so that each of their parts can be wrong."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import requests

from mpesa_cbp.commands.table import COMMANDS, REGISTER_URL, Command
from mpesa_cbp.identity.profile import CONTRACT_HEADER_NAMESPACE
from mpesa_cbp.identity.security import SpPasswordReading, encrypt_credential, sp_password
from mpesa_cbp.soap import Decoded, decode, encode
from mpesa_cbp_models import Request, RequestSOAPHeader
from mpesa_cbp_models.operations import GENERIC_API_REQUEST
from mpesa_cbp_simulator import Conversation, Simulator
from mpesa_cbp_simulator.checks import REGISTRATION
from tests.requests_by_hand import HandmadeRequest

PAYEE = "254712345678"
SP_PASSWORD = "simulator-sp-secret"
INITIATOR_PASSWORD = "simulator-initiator-secret"
_numbers = count(1)


def header(
    *,
    sp_id: str = "107031",
    password: str = SP_PASSWORD,
    reading: SpPasswordReading = SpPasswordReading.UPPER_HEX,
    late: timedelta = timedelta(),
    stamp: str | None = None,
    service_id: str = "107031000",
) -> RequestSOAPHeader:
    """A signing header; ``late`` is how old its timeStamp is."""
    stamp = stamp or (datetime.now(UTC) - late).strftime("%Y%m%d%H%M%S")
    signed = sp_password(sp_id=sp_id, password=password, time_stamp=stamp, reading=reading)
    return RequestSOAPHeader(sp_id=sp_id, sp_password=signed, service_id=service_id, time_stamp=stamp)


@dataclass(frozen=True)
class Broker:
    """The simulator, reached by plain HTTP."""

    simulator: Simulator

    def order(self, command: str = "BusinessPayment", **changes: Any) -> HandmadeRequest:
        """A good order, and what is different in it."""
        known = COMMANDS.get(command) or replace(COMMANDS["BusinessPayment"], id=command)
        return replace(self._good(known), **changes)

    def _good(self, command: Command) -> HandmadeRequest:
        from decimal import Decimal

        return HandmadeRequest(
            command=command,
            conversation_id=f"600000_Acme_by_hand_{next(_numbers)}",
            timestamp="2026-01-01T00:00:00.0Z",
            third_party_id="POS",
            third_party_password=None,
            initiator_name="api",
            security_credential=self.credential(INITIATOR_PASSWORD),
            short_code="600000",
            receiver=PAYEE if command.family == "B2C" else "888888",
            amount=Decimal(100) if command.amount else None,
            parameters=(("AccountReference", "A1"),) if command.account_reference == "required" else (),
            result_url="http://127.0.0.1:9/nobody",
        )

    def credential(self, password: str) -> str:
        return encrypt_credential(password=password, certificate=self.simulator.certificate)

    def post(
        self,
        request: Request,
        signed: RequestSOAPHeader | None = None,
        *,
        namespace: str = CONTRACT_HEADER_NAMESPACE,
        spoil: Callable[[bytes], bytes] = lambda envelope: envelope,
    ) -> Decoded:
        """What the broker answers at once."""
        envelope = encode(
            request,
            operation=GENERIC_API_REQUEST,
            direction="input",
            header=signed or header(),
            header_namespace=namespace,
        )
        path = REGISTRATION if request.transaction.command_id == REGISTER_URL else None
        return decode(self.raw(spoil(envelope), path).content)

    def raw(self, body: bytes, path: str | None = None) -> requests.Response:
        url = self.simulator.url if path is None else self.simulator.url.replace("/mminterface/request", path)
        return requests.post(url, data=body, headers={"Content-Type": "text/xml; charset=utf-8"}, timeout=10)

    def response_code(self, request: Request, signed: RequestSOAPHeader | None = None, **more: Any) -> str:
        code: str = self.post(request, signed, **more).message.response_code
        return code

    def outcome(self, order: HandmadeRequest | Request) -> Conversation:
        """The conversation of an accepted request, when the core is done with it."""
        request = order.request() if isinstance(order, HandmadeRequest) else order
        assert self.response_code(request) == "0"
        self.simulator.settle(10)
        return self.simulator.conversations()[0]

    def result_code(self, order: HandmadeRequest | Request) -> str:
        code = self.outcome(order).result_code
        assert code is not None
        return code


def opened(entries: Iterable[str]) -> list[bytes]:
    """The HTTP messages of a list in queryTransaction's answer."""
    return [base64.b64decode(entry, validate=True) for entry in entries]
