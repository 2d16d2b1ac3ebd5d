"""The contract lock: a plan as JSON, and back."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from mpesa_cbp_generator.plan.model import FORMAT, Plan


def to_json(plan: Plan) -> str:
    """The lock file's text: stable order, values that are their default left out."""
    return json.dumps(_plain(plan), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def from_json(text: str) -> Plan:
    """Read a lock file; raises ValueError that says what is wrong with it."""
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(
            f"not a contract lock of format {FORMAT}; regenerate it, or compare the contract's files instead (git:REF)"
        )
    try:
        plan = _typed(Plan, data)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"contract lock is damaged: {error}") from error
    return typing.cast("Plan", plan)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items: dict[str, Any] = {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if field.name == "format" or field.default is dataclasses.MISSING or item != field.default:
                items[field.name] = _plain(item)
        return items
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _typed(annotation: Any, data: Any) -> Any:
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        if not isinstance(data, Mapping):
            raise TypeError(f"{annotation.__name__} is not an object")
        hints = _hints(annotation)
        return annotation(**{name: _typed(hints[name], item) for name, item in data.items()})
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        inner = [argument for argument in typing.get_args(annotation) if argument is not type(None)]
        return None if data is None else _typed(inner[0], data)
    if origin is tuple:
        arguments = typing.get_args(annotation)
        if not isinstance(data, list):
            raise TypeError(f"{data!r} is no list")
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_typed(arguments[0], item) for item in data)
        return tuple(_typed(argument, item) for argument, item in zip(arguments, data, strict=True))
    if origin is Literal:
        if data not in typing.get_args(annotation):
            raise TypeError(f"{data!r} is none of {', '.join(map(repr, typing.get_args(annotation)))}")
    elif type(data) is not annotation:
        raise TypeError(f"{data!r} is no {annotation.__name__}")
    return data
