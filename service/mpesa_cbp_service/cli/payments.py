"""``mpesa-cbp payments``: payments of the journal that need a person."""

from __future__ import annotations

import json

import click

from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp_service.cli.exit_codes import FINE
from mpesa_cbp_service.cli.options import configured, open_journal
from mpesa_cbp_service.config import FOR_JOURNAL, Configuration
from mpesa_cbp_service.journal.unknown_codes import UnknownCode


@click.group()
def payments() -> None:
    """List payments of the journal that need a person.

    \b
    mpesa-cbp payments list --unknown-code

    Exits with 0, 2 for wrong usage or settings, 3 if the journal cannot be used.
    """


@payments.command("list")
@click.option("--unknown-code", is_flag=True, required=True, help="Open ones whose result has a code nobody knows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@configured(FOR_JOURNAL)
def list_payments(*, configuration: Configuration, unknown_code: bool, as_json: bool) -> int:  # noqa: ARG001 (the one list)
    """List open payments whose result has a code that no table knows.

    \b
    mpesa-cbp payments list --unknown-code

    Ask the operator what the code means, then settle all payments with it: mpesa-cbp settle --unknown-code CODE. Exits
    with 0, also where there is none; 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    with open_journal(configuration) as journal:
        found = journal.unknown_codes()
    for each in found:
        click.echo(json.dumps(_facts(each)) if as_json else _line(each))
    if not found and not as_json:
        click.echo("No open payment has a result with an unknown code.")
    return FINE


def _facts(found: UnknownCode) -> dict[str, str | None]:
    payment = found.payment
    return {
        "conversation_id": payment.conversation_id,
        "command": payment.command_id,
        "state": payment.state.name,
        "amount": format(payment.amount, "f") if payment.amount is not None else None,
        "receiver": mask_msisdn(payment.receiver) if payment.receiver else None,
        "code": found.code,
        "description": found.description,
    }


def _line(found: UnknownCode) -> str:
    facts = _facts(found)
    amount = f"{facts['amount']} KES" if facts["amount"] else facts["command"]
    return f"{found.code:12} {facts['conversation_id']}  {amount}  {facts['state']}  {found.description}".rstrip()
