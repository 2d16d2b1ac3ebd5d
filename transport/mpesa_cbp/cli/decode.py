"""``mpesa-cbp decode``: what a message says, from files."""

from __future__ import annotations

import dataclasses
import json
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import click

from mpesa_cbp.cli.exit_codes import FINE, UNREADABLE
from mpesa_cbp.envelope import Decoded
from mpesa_cbp.envelope import decode as decode_envelope
from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.redaction import MASK, redact

_MAXIMUM_FILE = 16 * 1024 * 1024


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@click.option("--strict", is_flag=True, help="Accept only what the contract has.")
@click.option("--unmasked", is_flag=True, help="Show secrets and customers' numbers and names.")
def decode(*, files: tuple[Path, ...], as_json: bool, strict: bool, unmasked: bool) -> int:
    """Read FILES (- for standard input) as envelopes of the family and print what they say.

    Exits with 3 if any of them cannot be read; the others are printed all the same.
    """
    code = FINE
    for file in files:
        try:
            decoded = decode_envelope(_read(file), strict=strict)
        except (MalformedMessage, OSError) as error:
            code = UNREADABLE
            reason = error.strerror if isinstance(error, OSError) else str(error)
            click.echo(f"mpesa-cbp: {file}: {reason}", err=True)
            continue
        facts = {"file": str(file), **_facts(decoded, masked=not unmasked)}
        click.echo(json.dumps(facts, ensure_ascii=False) if as_json else _text(facts))
    return code


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(_MAXIMUM_FILE + 1)
    with file.open("rb") as stream:
        return stream.read(_MAXIMUM_FILE + 1)


def _facts(decoded: Decoded, *, masked: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "operation": decoded.operation,
        "direction": decoded.direction,
        "element": decoded.element,
        "fault": dict(zip(("code", "text"), decoded.fault, strict=True)) if decoded.fault else None,
        "header": _plain(decoded.header, masked=masked),
        "message": _plain(decoded.message, masked=masked),
        "deviations": list(decoded.deviations),
        "unknown": list(decoded.unknown),
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


def _plain(value: Any, *, masked: bool) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if item is None or item == []:
                continue
            hidden = masked and not field.repr and isinstance(item, str)
            shown[field.metadata.get("name", field.name)] = _hidden(item) if hidden else _plain(item, masked=masked)
        return shown
    if isinstance(value, list):
        return [_plain(item, masked=masked) for item in value]
    if isinstance(value, Enum):
        return f"{value.value} ({value.name})"
    return redact(value) if masked and isinstance(value, str) else value


def _hidden(text: str) -> str:
    """A sensitive text: shown where masking leaves nothing of a person in it, else only that there is one."""
    safe = text.strip().replace(".", "", 1).isdigit() and len(text.strip()) < 9
    return text if safe or not text else MASK


def _text(facts: dict[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", _text(value, f"{indent}  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                lines += [f"{indent}{name}:", _text(item, f"{indent}  ")]
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{indent}{name}: {shown}")
    return "\n".join(lines)
