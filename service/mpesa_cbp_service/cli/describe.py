"""A message as plain values and as text, masked by default."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.history import EntryKind, HistoryEntry, read_history
from mpesa_cbp.payment.codes import response_meaning, result_meaning
from mpesa_cbp.redaction import MASK, mask, mask_msisdn, redact
from mpesa_cbp.results.parameters import ResultParameters, read_parameters
from mpesa_cbp.results.statement import pairs_of
from mpesa_cbp.soap import Decoded, decode
from mpesa_cbp_models import NotifyQueueTimeout, QueryTransactionResponse, Response, Result
from mpesa_cbp_service.cli.masking import masked_message
from mpesa_cbp_service.formatting import one_line

__all__ = ["facts_as_text", "facts_of"]

_PEOPLE = {
    "receiver_number": mask_msisdn,
    "paying_party_number": mask_msisdn,
    "credit_party_number": mask_msisdn,
    "receiver_name": mask,
    "paying_party_name": mask,
    "credit_party_name": mask,
}


def facts_of(decoded: Decoded, *, masked: bool) -> dict[str, Any]:
    """All that a message says, in plain values; without what is empty. ``docs/decode.md`` tells of the names."""
    message = decoded.message
    facts: dict[str, Any] = {
        "operation": decoded.operation,
        "direction": decoded.direction,
        "element": decoded.element,
        "fault": _fault(decoded, masked=masked),
        "meaning": _meaning(message),
        "header": masked_message(decoded.header, masked=masked),
        "message": masked_message(message, masked=masked),
        "parameters": _parameters(message, masked=masked) if isinstance(message, Result) else None,
        "history": _history(message, masked=masked) if isinstance(message, QueryTransactionResponse) else None,
        "origin_request": _origin(message, masked=masked) if isinstance(message, NotifyQueueTimeout) else None,
        "deviations": list(decoded.deviations),
        "unknown": list(decoded.unknown),
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}


def _fault(decoded: Decoded, *, masked: bool) -> dict[str, str] | None:
    if decoded.fault is None:
        return None
    code, text = decoded.fault
    return {"code": code, "text": redact(text) if masked else text}


def _meaning(message: object) -> str | None:
    inner = getattr(message, "result", message)
    if isinstance(inner, Result):
        return result_meaning(inner.result_code, result_type=inner.result_type).meaning
    return response_meaning(inner.response_code).meaning if isinstance(inner, Response) else None


def _parameters(message: Result, *, masked: bool) -> dict[str, Any]:
    """The typed view of a result's parameters; amounts as text, times as ISO 8601."""
    read = read_parameters(pairs_of(message))
    shown: dict[str, Any] = {}
    for field in dataclasses.fields(ResultParameters):
        value = getattr(read, field.name)
        if field.name == "other" or value in (None, (), {}):
            continue
        hide = _PEOPLE.get(field.name) if masked else None
        shown[field.name] = hide(value) if hide is not None else _json(value)
    return shown


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _json(item) for name, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [_json(item) for item in value] if isinstance(value, tuple) else value


def _history(message: QueryTransactionResponse, *, masked: bool) -> dict[str, Any]:
    history = read_history(message)
    return {
        "conversation_id": history.conversation_id,
        "finding": history.finding.value,
        "code": history.code,
        "state": history.state.name,
        "reached": history.reached.value,
        "summary": history.summary,
        "entries": [_entry(entry, masked=masked) for entry in history.entries],
    }


def _entry(entry: HistoryEntry, *, masked: bool) -> dict[str, Any]:
    line, headers = entry.http.start_line, dict(entry.http.headers)
    if masked and entry.kind in (EntryKind.RESULT, EntryKind.QUEUE_TIMEOUT) and entry.http.path:
        # Our own listener's address, in which an unguessable word may stand.
        line = line.replace(entry.http.path, f"/{MASK}")
    shown = {
        "list": entry.kind.value,
        "leg": entry.leg.value if entry.leg is not None else None,
        "problem": entry.problem,
        "start_line": redact(line) if masked else line,
        "headers": headers,
        **(facts_of(entry.decoded, masked=masked) if entry.decoded is not None else {}),
    }
    return {name: value for name, value in shown.items() if value not in (None, "", {})}


def _origin(message: NotifyQueueTimeout, *, masked: bool) -> dict[str, Any]:
    try:
        return facts_of(decode(base64.b64decode("".join(message.origin_request.split()), validate=True)), masked=masked)
    except (binascii.Error, ValueError):
        return {"problem": "it is not base64"}
    except MalformedMessage as error:
        return {"problem": error.reason}


# -- for people ---------------------------------------------------------------------------------------------------


def facts_as_text(facts: Mapping[str, Any], indent: str = "") -> str:
    """The same, one fact a line; pairs of Key and Value as one line."""
    width = max((len(name) for name, value in facts.items() if not _is_nested(value)), default=0)
    lines: list[str] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", facts_as_text(value, f"{indent}  ")]
        elif _is_nested(value):
            lines += _items(name, value, indent)
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append(f"{indent}{name:{width}}  {one_line(shown)}".rstrip())
    return "\n".join(line for line in lines if line)


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _items(name: str, items: list[Any], indent: str) -> list[str]:
    if all(isinstance(item, dict) and set(item) <= {"Key", "Value"} for item in items):
        width = max(len(str(item.get("Key", ""))) for item in items)
        pairs = ((one_line(item.get("Key", "")), one_line(item.get("Value", ""))) for item in items)
        return [f"{indent}{key:{width}}  {value}".rstrip() for key, value in pairs]
    lines = []
    for number, item in enumerate(items, 1):
        lines += [f"{indent}{name} {number}", facts_as_text(item, f"{indent}  ")]
    return lines
