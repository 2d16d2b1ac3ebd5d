"""``mpesa-cbp code``: what a code means and what to do about it."""

from __future__ import annotations

import click

from mpesa_cbp.payment.codes import CodeMeaning, all_codes, find_codes, meanings
from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE


@click.command()
@click.argument("codes", nargs=-1)
def code(*, codes: tuple[str, ...]) -> int:
    """Explain CODES: ResponseCode, ResultCode, or what we answer; without any, list all that are known.

    \b
    mpesa-cbp code 000000001 C2B00012 SFC_IC0003
    mpesa-cbp code locked
    mpesa-cbp code

    A word, or several in quotes, finds the codes whose explanation has it.

    Exits with 0, or 1 if a code is not known.
    """
    if not codes:
        for meaning in all_codes():
            click.echo(f"{meaning.kind:8} {meaning.code:10} {meaning.meaning}")
        return FINE
    result = FINE
    for text in codes:
        found = meanings(text) or find_codes(text)
        for meaning in found:
            click.echo(_text(meaning))
        if not found:
            click.echo(f"{text}: not known; treat the payment as open and ask (mpesa-cbp query)", err=True)
            result = FINDINGS
    return result


def _text(meaning: CodeMeaning) -> str:
    settled = "settles the payment" if meaning.final else "does not settle the payment"
    return f"{meaning.kind} {meaning.code}: {meaning.meaning}\n  {meaning.advice} ({settled}; retry: {meaning.retry})"
