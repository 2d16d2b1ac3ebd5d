"""The JSON API (docs/simulator.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

from mpesa_cbp.redaction import redact_bytes
from mpesa_cbp_simulator.c2b import CustomerPayment
from mpesa_cbp_simulator.context import Context
from mpesa_cbp_simulator.faults import BadDay, all_days
from mpesa_cbp_simulator.ledger import CHARGES, UTILITY, WORKING, Account, Transfer
from mpesa_cbp_simulator.messages import Reply
from mpesa_cbp_simulator.store import Conversation, State
from mpesa_cbp_simulator.timeline import TimelineEntry
from mpesa_cbp_simulator.web.api_request import JSON, ApiError, ApiRequest, read_document

PREFIX = "/api/"
_MOST = 1000
_YEAR = 366 * 86_400


def respond(world: Context, *, method: str, path: str, query: dict[str, str], content_type: str, body: bytes) -> Reply:
    """Answer one request of the API; never raises for anything that a caller can send."""
    try:
        name, number = _route(path)
        handlers = {method_: handler for (route, method_), handler in ROUTES.items() if route == name}
        if not handlers:
            raise ApiError(404, "there is nothing here; docs/simulator.md lists the paths")
        if method not in handlers:
            raise ApiError(405, f"use {' or '.join(sorted(handlers))} here")
        values = query if method == "GET" else read_document(content_type, body)
        handler, names = handlers[method]
        _known(values, names)
        found = handler(ApiRequest(world, number, values))
    except ApiError as error:
        return _reply(error.status, {"error": str(error)})
    except LookupError:
        return _reply(404, {"error": "there is no payment of this number"})
    except ValueError as error:
        return _reply(409, {"error": str(error)})
    return _reply(200, found)


def _known(values: Collection[str], names: str) -> None:
    """A name that is misspelt would be passed over, and a test go on without what it asked for."""
    unknown = sorted(set(values) - set(names.split()))
    if unknown:
        raise ApiError(400, f"{unknown[0][:40]!r} is not known here; known are: {names.replace(' ', ', ') or 'none'}")


def _route(path: str) -> tuple[str, int]:
    parts = path.removeprefix(PREFIX).strip("/").split("/")
    if parts[0] == "payments" and len(parts) > 1:
        if not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 16):
            raise ApiError(404, "a payment is named by its number")
        return "/".join(["payments", "N", *parts[2:]]), int(parts[1])
    return "/".join(parts), 0


def _reply(status: int, document: object) -> Reply:
    return Reply(status, f"{JSON}; charset=utf-8", (json.dumps(document, ensure_ascii=False) + "\n").encode())


# -- reading --------------------------------------------------------------------------------------------------------


def _state(asked: ApiRequest) -> dict[str, Any]:
    world = asked.world
    day, left = world.days.chosen
    counts = world.records.counts()
    return {
        "payments": {state.value: counts.get(state, 0) for state in State},
        "planned": world.schedule.planned(),
        "changes": world.log.count,
        "bad_day": {"name": str(day), "times": left},
        "seed": world.setup.seed,
    }


def _accounts(asked: ApiRequest) -> dict[str, Any]:
    ledger = asked.world.ledger
    customers = ledger.customers(asked.whole("limit", 100, most=_MOST), after=asked.text("after", ""))
    return {
        "organisations": [
            {
                "short_code": each.short_code,
                "name": each.name,
                "active": each.active,
                "accounts": {
                    name: f"{ledger.balance(Account(each.short_code, name)):.2f}"
                    for name in (WORKING, UTILITY, CHARGES)
                },
            }
            for each in ledger.organisations()
        ],
        "customers": [
            {
                "msisdn": each.msisdn,
                "name": each.name,
                "registered": each.registered,
                "active": each.active,
                "balance": f"{each.balance:.2f}",
            }
            for each in customers
        ],
    }


def _payments(asked: ApiRequest) -> dict[str, Any]:
    records = asked.world.records
    wanted = asked.text("conversation_id", "")
    if wanted:
        return {"payments": [_payment(each) for each in records.find(conversation_id=wanted)]}
    text = asked.text("state", "")
    try:
        state = State(text) if text else None
    except ValueError:
        raise ApiError(400, f"state must be one of {', '.join(each.value for each in State)}") from None
    before = asked.whole("before", 0, most=2**53) or None
    found = records.latest(asked.whole("limit", 100, most=_MOST), before=before, state=state)
    return {"payments": [_payment(each) for each in found]}


def _one(asked: ApiRequest) -> dict[str, Any]:
    records = asked.world.records
    conversation = records.get(asked.number)
    masked = asked.text("masked", "yes")
    if masked not in {"yes", "no"}:
        raise ApiError(400, "masked must be yes or no")
    return {**_payment(conversation), "steps": [_step(each, masked == "yes") for each in records.steps(conversation)]}


def _payment(each: Conversation) -> dict[str, Any]:
    return {
        "number": each.number,
        "conversation_id": each.conversation_id,
        "core_id": each.core_id,
        "command": each.command,
        "kind": each.kind,
        "short_code": each.short_code,
        "receiver": each.receiver,
        "amount": None if each.amount is None else f"{each.amount:.2f}",
        "reference": each.reference,
        "state": each.state.value,
        "bad_day": str(each.bad_day),
        "response_code": each.response_code,
        "result_code": each.result_code,
        "receipt": each.receipt,
        "created": each.created.isoformat(),
    }


def _step(each: TimelineEntry, masked: bool) -> dict[str, Any]:
    return {
        "number": each.number,
        "what": each.what,
        "code": each.code,
        "at": each.at.isoformat(),
        "message": redact_bytes(each.xml) if masked else each.xml.decode("utf-8", errors="replace"),
    }


def _transfers(asked: ApiRequest) -> dict[str, Any]:
    found = asked.world.ledger.transfers(
        conversation_id=asked.text("conversation_id") if "conversation_id" in asked.values else None,
        after=asked.whole("after", 0, most=2**53),
        count=asked.whole("limit", 100, most=100_000),
    )
    return {"transfers": [_transfer(each) for each in found]}


def _transfer(each: Transfer) -> dict[str, Any]:
    return {
        "number": each.number,
        "receipt": each.receipt,
        "payment": each.conversation,
        "conversation_id": each.conversation_id,
        "debit": [each.debit.owner, each.debit.name],
        "credit": [each.credit.owner, each.credit.name],
        "amount": f"{each.amount:.2f}",
        "reversed": each.reversed,
    }


def _bad_days(_: ApiRequest) -> dict[str, Any]:
    return {"bad_days": [{"name": each.name, "amount": each.magic, "what": each.what} for each in all_days()]}


# -- doing ----------------------------------------------------------------------------------------------------------


def _choose(asked: ApiRequest) -> dict[str, Any]:
    try:
        day = BadDay.parse(asked.text("name"))
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    asked.world.days.choose(day, asked.whole("times", 1))
    return _state(asked)


def _pay_in(asked: ApiRequest) -> dict[str, Any]:
    short_code = asked.text("short_code", asked.world.setup.organisations[0].short_code)
    payment = CustomerPayment(
        short_code=short_code,
        msisdn=asked.text("msisdn"),
        amount=asked.amount(),
        reference=asked.text("reference", ""),
    )
    return _payment(asked.world.customer_payments.start(payment))


def _resend(asked: ApiRequest) -> dict[str, Any]:
    asked.world.work.resend(asked.number)
    return _payment(asked.world.records.get(asked.number))


def _expire(asked: ApiRequest) -> dict[str, Any]:
    asked.world.work.expire_soon(asked.number)
    return _payment(asked.world.records.get(asked.number))


def _advance(asked: ApiRequest) -> dict[str, Any]:
    if not asked.world.schedule.advance(asked.seconds("seconds", most=_YEAR), asked.seconds("timeout", 60, most=600)):
        raise ApiError(504, "the simulator still has something to do")
    return _state(asked)


def _settle(asked: ApiRequest) -> dict[str, Any]:
    if not asked.world.schedule.idle(asked.seconds("timeout", 60, most=600)):
        raise ApiError(504, "the simulator still has something to do")
    return _state(asked)


def _reset(asked: ApiRequest) -> dict[str, Any]:
    asked.world.reset()
    return _state(asked)


ROUTES: dict[tuple[str, str], tuple[Callable[[ApiRequest], dict[str, Any]], str]] = {
    ("state", "GET"): (_state, ""),
    ("accounts", "GET"): (_accounts, "limit after"),
    ("payments", "GET"): (_payments, "conversation_id state before limit"),
    ("payments/N", "GET"): (_one, "masked"),
    ("transfers", "GET"): (_transfers, "conversation_id after limit"),
    ("bad-days", "GET"): (_bad_days, ""),
    ("bad-day", "POST"): (_choose, "name times"),
    ("c2b", "POST"): (_pay_in, "msisdn amount reference short_code"),
    ("payments/N/resend", "POST"): (_resend, ""),
    ("payments/N/expire", "POST"): (_expire, ""),
    ("advance", "POST"): (_advance, "seconds timeout"),
    ("settle", "POST"): (_settle, "timeout"),
    ("reset", "POST"): (_reset, ""),
}
"""What answers each path, below ``PREFIX``, and method, and what it takes; N stands for a number."""
