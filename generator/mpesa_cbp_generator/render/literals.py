"""Print lexical values as Python expressions."""

from __future__ import annotations

import math
from collections.abc import Callable

from mpesa_cbp_generator.runtime import _lexical
from mpesa_cbp_generator.schema.builtins import BUILTINS

_READERS: dict[str, Callable[[str], object]] = {
    "datetime": _lexical.read_datetime,
    "date": _lexical.read_date,
    "time": _lexical.read_time,
    "base64": _lexical.read_base64,
    "hex": _lexical.read_hex,
}


def literal(builtin: str, value: str) -> str | None:
    """Python expression of a lexical value, None where the value is none of the type or the type has no literal."""
    kind = BUILTINS[builtin].kind
    stripped = value.strip()
    try:
        if kind == "integer":
            return repr(int(stripped))
        if kind == "decimal":
            _lexical.read_decimal(stripped)
            return f"Decimal({stripped!r})"
        if kind == "boolean":
            return repr({"true": True, "1": True, "false": False, "0": False}[stripped])
        if kind == "float":
            number = _lexical.read_float(stripped)
            return repr(number) if math.isfinite(number) else f"read_float({stripped!r})"
        if kind in _READERS:
            _READERS[kind](stripped)
            return f"read_{kind}({stripped!r})"
    except (ValueError, ArithmeticError, KeyError):
        return None
    return repr(value) if kind in ("text", "token", "normalized") else None
