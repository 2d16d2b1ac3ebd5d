"""Values of an API request, each checked where it is used."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mpesa_cbp.parsing import parse_amount
from mpesa_cbp_simulator.context import Context

JSON = "application/json"


class ApiError(Exception):
    """A request that cannot be answered: the HTTP status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request: the world, the number of the payment in the path (0 where there is none), the values given."""

    world: Context
    number: int
    values: dict[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        """A text. Raises ApiError, as the others do."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise ApiError(400, f"{name} must be text" if name in self.values else f"{name} is missing")
        return value

    def whole(self, name: str, default: int, *, most: int = 2**31) -> int:
        """A whole number, zero or more."""
        value = self.values.get(name, default)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            value = int(value)
        if type(value) is not int or not 0 <= value <= most:
            raise ApiError(400, f"{name} must be a whole number from 0 to {most}")
        return value

    def seconds(self, name: str, default: float | None = None, *, most: int) -> float:
        """A time in seconds."""
        value: object = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not 0 <= value <= most:
            raise ApiError(400, f"{name} must be a number of seconds, from 0 to {most}")
        return float(value)

    def amount(self) -> Decimal:
        """The amount, in KES."""
        try:
            return parse_amount(self.values.get("amount", ""))
        except (ValueError, TypeError) as error:
            raise ApiError(400, f"amount: {error}") from None


def read_document(content_type: str, body: bytes) -> dict[str, Any]:
    """The JSON object of a POST. Raises ApiError."""
    # A type that no form can send: a page elsewhere would first have to ask, and nobody answers it (CORS).
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise ApiError(415, f"send the document as {JSON}")
    try:
        # An amount that is written as a number stays exact.
        document = json.loads(body or b"{}", parse_float=Decimal)
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise ApiError(400, "the body must be a JSON object")
    return document
