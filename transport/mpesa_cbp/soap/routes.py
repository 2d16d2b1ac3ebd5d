"""Which operation each element of a SOAP body belongs to.

A body's element is known by its full name. In tolerant reading its namespace may also be none (protocol, section 7,
number 17), any other namespace of the contract, or one of ``OTHER_NAMESPACES`` (number 2). In every other namespace
an element that bears the name of a message is **refused**, not taken for that message and not skipped: nothing says
that it means the same there. A blank inside the namespace, as a mocked broker is seen to send, falls under that rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Literal

from mpesa_cbp_models.operations import OPERATIONS, Message, Operation

__all__ = [
    "BODY",
    "CONTRACT_HEADER_NAMESPACE",
    "ENVELOPE",
    "ENVELOPE_NAMESPACE",
    "HEADER",
    "LATER_HEADER_NAMESPACE",
    "OTHER_NAMESPACES",
    "RESULT",
    "Direction",
    "Route",
    "find_route",
    "reader",
]

Direction = Literal["input", "output"]

ENVELOPE_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"
"""Namespace of SOAP 1.1."""

ENVELOPE, HEADER, BODY = (f"{{{ENVELOPE_NAMESPACE}}}{name}" for name in ("Envelope", "Header", "Body"))
"""Its elements, by their Clark names."""

CONTRACT_HEADER_NAMESPACE = "http://www.huawei.com.cn/schema/common/v2_1"
"""Namespace of RequestSOAPHeader in the contract (protocol, section 2)."""

LATER_HEADER_NAMESPACE = "http://www.huawei.com/schema/osg/common/v2_1"
"""Namespace of RequestSOAPHeader in the operator's later guides (protocol, section 2)."""

OTHER_NAMESPACES = {
    "http://cps.huawei.com/cpsinterface/request": "http://api-v1.gen.mm.vodafone.com/mminterface/request",
    "http://cps.huawei.com/cpsinterface/result": "http://api-v1.gen.mm.vodafone.com/mminterface/result",
}
"""Namespaces outside the contract in which a body's element is met, and the contract's that each stands for."""

# Misspelt names of body elements in contract 1.0 (protocol, section 7, number 10).
_ALIASES = {
    "queryTranscation": "queryTransaction",
    "queryTranscationResponse": "queryTransactionResponse",
}

# What must be there and not empty, lest a message say nothing or name no payment (section 7, last paragraph).
_IDENTIFYING = {
    "result.Result": ("result_code",),
    "response.Response": ("response_code",),
    "c2b.C2BPaymentConfirmationRequest": ("trans_id", "trans_amount"),
    "c2b.C2BPaymentValidationResult": ("result_code",),
    "c2b.C2BPaymentQueryResult": ("result_code",),
    "management.ChangePasswordResponse": ("result.response_code",),
    "query_transaction.QueryTransactionResponse": ("result.response_code",),
    "queue_timeout.NotifyQueueTimeout": ("originator_conversation_id",),
    "queue_timeout.NotifyQueueTimeoutResponse": ("result.result_code",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """Where a body's element belongs: ``name`` is its local name, ``type_name`` what it or its payload is read as,
    ``identifying`` yields the fields without which the message is refused, by their names in Python.
    """

    operation: str
    direction: Direction
    element: str
    name: str
    message: Message
    type_name: str
    identifying: tuple[tuple[str, Callable[[Any], str | None]], ...]


@cache
def reader(route: Route) -> Callable[..., Any]:
    """Function that reads the message, imported on first use."""
    kind = route.message.payload_type or route.message.body_type
    read: Callable[..., Any] = kind.from_element  # type: ignore[union-attr]
    return read


def _routes() -> dict[str, Route]:
    routes: dict[str, Route] = {}
    for operation in OPERATIONS:
        for route in _routes_of(operation):
            routes.setdefault(route.element, route)
    return routes


def _routes_of(operation: Operation) -> list[Route]:
    found: list[Route] = []
    directions: tuple[tuple[Direction, Message | None], ...] = (
        ("input", operation.input),
        ("output", operation.output),
    )
    for direction, message in directions:
        if message is None or message.element is None or message.type_name is None:
            continue
        name = message.element.rpartition("}")[2]
        type_name = message.payload_type_name or message.type_name
        identifying = tuple((field, attrgetter(field)) for field in _IDENTIFYING.get(type_name, ()))
        found.append(Route(operation.name, direction, message.element, name, message, type_name, identifying))
    return found


ROUTES = _routes()
"""Route by the Clark name of the body's element."""

# ResponseMsg stands in two namespaces; the answer to a request, which comes first, is meant where neither is stated.
_BY_NAME: dict[str, Route] = {}
for _route in ROUTES.values():
    _BY_NAME.setdefault(_route.name, _route)

RESULT = _BY_NAME["ResultMsg"]
"""Route of a result, which is also met where the answer to a request belongs (protocol, section 12)."""

_NAMESPACES = frozenset({"", *(tag[1:].partition("}")[0] for tag in ROUTES), *OTHER_NAMESPACES})


def find_route(tag: str) -> Route | Literal["refused"] | None:
    """Route of a body's element by its Clark name: ``"refused"`` in a foreign namespace, None for an unknown name."""
    route = ROUTES.get(tag)
    if route is not None:
        return route
    namespace, _, name = tag.rpartition("}")
    namespace, name = namespace[1:], _ALIASES.get(name, name)
    if name not in _BY_NAME:
        return None
    if namespace not in _NAMESPACES:
        return "refused"
    return ROUTES.get(f"{{{OTHER_NAMESPACES.get(namespace, namespace)}}}{name}") or _BY_NAME[name]
