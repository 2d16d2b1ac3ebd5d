"""What a message says, as plain values and as text for people; masked unless told otherwise."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any

from mpesa_cbp.envelope import Decoded
from mpesa_cbp.redaction import MASK, redact

__all__ = ["facts_as_text", "facts_of", "plain"]


def facts_of(decoded: Decoded, *, masked: bool) -> dict[str, Any]:
    """All that a message says, in plain values; without what is empty."""
    facts: dict[str, Any] = {
        "operation": decoded.operation,
        "direction": decoded.direction,
        "element": decoded.element,
        "fault": dict(zip(("code", "text"), decoded.fault, strict=True)) if decoded.fault else None,
        "header": plain(decoded.header, masked=masked),
        "message": plain(decoded.message, masked=masked),
        "deviations": list(decoded.deviations),
        "unknown": list(decoded.unknown),
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


def plain(value: Any, *, masked: bool) -> Any:
    """A message, or a part of one, as what JSON has, under the contract's names."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if item is None or item == []:
                continue
            hidden = masked and not field.repr and isinstance(item, str)
            shown[field.metadata.get("name", field.name)] = _hidden(item) if hidden else plain(item, masked=masked)
        return shown
    if isinstance(value, list):
        return [plain(item, masked=masked) for item in value]
    if isinstance(value, Enum):
        return f"{value.value} ({value.name})"
    return redact(value) if masked and isinstance(value, str) else value


def _hidden(text: str) -> str:
    """A sensitive text: shown where masking leaves nothing of a person in it, else only that there is one."""
    safe = text.strip().replace(".", "", 1).isdigit() and len(text.strip()) < 9
    return text if safe or not text else MASK


def facts_as_text(facts: dict[str, Any], indent: str = "") -> str:
    """The same, one fact a line."""
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", facts_as_text(value, f"{indent}  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                lines += [f"{indent}{name}:", facts_as_text(item, f"{indent}  ")]
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{indent}{name}: {shown}")
    return "\n".join(lines)
