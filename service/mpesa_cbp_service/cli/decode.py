"""``mpesa-cbp decode``: what a message says, from files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.soap import decode as decode_envelope
from mpesa_cbp_service.cli.describe import facts_as_text, facts_of
from mpesa_cbp_service.cli.exit_codes import FINE, UNREADABLE

_MAXIMUM_FILE = 16 * 1024 * 1024


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True, readable=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, on one line; see docs/decode.md.")
@click.option("--strict", is_flag=True, help="Accept only what the contract has.")
@click.option("--unmasked", is_flag=True, help="Show secrets and customers' numbers and names.")
def decode(*, files: tuple[Path, ...], as_json: bool, strict: bool, unmasked: bool) -> int:
    """Read FILES (- for standard input) as envelopes of the family and print what they say.

    \b
    mpesa-cbp decode result.xml
    curl … | mpesa-cbp decode - --json

    Exits with 0, 2 for wrong usage, 3 if any of them cannot be read; the others are printed all the same.
    """
    code = FINE
    for number, file in enumerate(files):
        facts: dict[str, Any]
        try:
            facts = facts_of(decode_envelope(_read(file), strict=strict), masked=not unmasked)
        except (MalformedMessage, OSError) as error:
            code = UNREADABLE
            facts = _problem(error)
            if not as_json:
                reason = error.message if isinstance(error, MalformedMessage) else facts["problem"]
                click.echo(f"mpesa-cbp: {file}: {reason}", err=True)
                continue
        if as_json:
            click.echo(json.dumps({"file": str(file), **facts}))
            continue
        click.echo(("\n" if number else "") + click.style(str(file), bold=True))
        click.echo(facts_as_text(facts, "  "))
    return code


def _problem(error: MalformedMessage | OSError) -> dict[str, Any]:
    if isinstance(error, OSError):
        return {"problem": error.strerror or type(error).__name__}
    return {"problem": error.reason, **({"place": error.place} if error.place else {})}


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(_MAXIMUM_FILE + 1)
    with file.open("rb") as stream:
        return stream.read(_MAXIMUM_FILE + 1)
