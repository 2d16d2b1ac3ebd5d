"""A message as plain values, with secret and personal elements masked.

What a field holds decides: secrets are left out, numbers and names masked, addresses without their paths. Of a pair of
Key and Value the key says what the value is; the value of a key that is not known is taken for personal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any

from mpesa_cbp.redaction import MASK, mask, mask_msisdn, redact
from mpesa_cbp_service.formatting import masked_parameter

__all__ = ["masked_message"]

_BASE64 = frozenset({"originRequest", "submitApiRequest", "submitApiResponse", "submitApiResult", "queueTimeOut"})
# Identifier types of organisations, tills, operators and their users (protocol, section 4); the others are people's.
_IMPERSONAL_TYPES = frozenset({2, 3, 4, 9, 10, 11, 12, 14})


def masked_message(value: Any, *, masked: bool) -> Any:
    """A message, or a part of one, as what JSON has; whatever is None or an empty list is left out."""
    if isinstance(value, Enum):
        return f"{value.value} ({value.name})"
    if isinstance(value, list):
        return [masked_message(item, masked=masked) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return redact(value) if masked and isinstance(value, str) else value
    shown = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if item is None or item == []:
            continue
        name = field.metadata.get("name", field.name)
        if masked and not field.repr:
            shown[name] = _hidden(item, name, value)
        else:
            shown[name] = masked_message(item, masked=masked)
    return shown


def _hidden(item: Any, name: str, owner: Any) -> Any:
    if isinstance(item, list):
        return [_hidden(each, name, owner) for each in item]
    text = str(item)
    if not text:
        return text
    shows = _MASKS.get(name)
    return MASK if shows is None else shows(text, owner)


def _identifier(text: str, owner: Any) -> str:
    kind = getattr(owner, "identifier_type", None)
    impersonal = isinstance(kind, Enum) and kind.value in _IMPERSONAL_TYPES
    return redact(text) if impersonal else mask_msisdn(text)


def _value(text: str, owner: Any) -> str:
    return masked_parameter(str(getattr(owner, "key", "")), text)


# How each sensitive element is shown; one that is not here is a secret, and left out.
_MASKS: dict[str, Callable[[str, Any], str]] = {
    **dict.fromkeys(_BASE64, lambda text, _owner: f"{len(text)} characters of base64"),
    "Identifier": _identifier,
    "MSISDN": lambda text, _owner: mask_msisdn(text),
    "KYCValue": lambda text, _owner: mask(text),
    "ResultURL": lambda text, _owner: redact(f">{text}")[1:],
    "Value": _value,
}
