"""``mpesa-cbp decode``: what a message says, from files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mpesa_cbp.cli.exit_codes import FINE, UNREADABLE
from mpesa_cbp.cli.facts import facts_as_text, facts_of
from mpesa_cbp.envelope import decode as decode_envelope
from mpesa_cbp.errors import MalformedMessage

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
        facts = {"file": str(file), **facts_of(decoded, masked=not unmasked)}
        click.echo(json.dumps(facts, ensure_ascii=False) if as_json else facts_as_text(facts))
    return code


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(_MAXIMUM_FILE + 1)
    with file.open("rb") as stream:
        return stream.read(_MAXIMUM_FILE + 1)
