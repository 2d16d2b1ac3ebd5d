"""``mpesa-cbp settle``: store the operator's word on a payment."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from mpesa_cbp.errors import JournalRefusal
from mpesa_cbp.payment.model import Payment
from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp_service.cli.exit_codes import FINE
from mpesa_cbp_service.cli.options import NumberRange, configured, open_journal
from mpesa_cbp_service.config import FOR_JOURNAL, Configuration

_MEANS = {
    True: "One that is settled as paid stands as SUCCEEDED, and is never sent again.",
    False: "One that is settled as not paid stands as FAILED, and may be sent again under the same conversation id: by "
    "the same payroll, or by the same command with --resume.",
}


@click.command()
@click.argument("conversation_id")
@click.option("--as", "word", type=click.Choice(["paid", "not-paid"]), required=True, help="What became of it.")
@click.option("--reason", required=True, help="How that is known: a statement, a letter of the operator, a ticket.")
@click.option("--by", required=True, metavar="NAME", help="Who says so.")
@click.option("--receipt", help="The operator's receipt number, if it was paid.")
@click.option(
    "--older-than",
    type=NumberRange(min=0, max=1e9),
    default=600.0,
    show_default=True,
    help="Seconds since its last change; more than a request can be under way.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@configured(FOR_JOURNAL)
def settle(
    *,
    configuration: Configuration,
    conversation_id: str,
    word: str,
    reason: str,
    by: str,
    receipt: str | None,
    older_than: float,
    yes: bool,
) -> int:
    """Store the operator's word on the payment CONVERSATION_ID, whose end neither result nor query tells.

    \b
    mpesa-cbp settle 600000_Acme_0f3c… --as not-paid --reason "Not on the statement of 24 November" --by "J. Otieno"

    For payments that mpesa-cbp reconcile leaves open. Nothing is sent. The word is kept as an event with the reason
    and the name; a result that comes later goes before it.
    Exits with 0, 1 if it was not stored, 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    paid = word == "paid"
    _check(reason, by, receipt, paid=paid)
    with open_journal(configuration) as journal:
        payment = journal.payment(conversation_id)
        if payment is None:
            raise JournalRefusal("The journal knows no such payment", conversation_id=conversation_id)
        click.echo(_summary(payment, paid=paid), err=True)
        if not yes:
            _ask(word)
        state = journal.settle(
            conversation_id, paid=paid, reason=reason, by=by, receipt=receipt, quiet=timedelta(seconds=older_than)
        )
    click.echo(f"{payment.conversation_id} stands as {state.name} by the word of {by.strip()}.")
    return FINE


def _check(reason: str, by: str, receipt: str | None, *, paid: bool) -> None:
    if not reason.strip() or not by.strip():
        raise click.UsageError("Say how it is known (--reason) and who says so (--by).")
    if receipt and not paid:
        raise click.UsageError("What was not paid has no receipt: --receipt goes with --as paid.")


def _summary(payment: Payment, *, paid: bool) -> str:
    receiver = f" to {mask_msisdn(payment.receiver)}" if payment.receiver else ""
    amount = f"{payment.amount} KES{receiver}" if payment.amount is not None else payment.command_id
    asked = f"{payment.queried_at:%Y-%m-%d %H:%M} UTC" if payment.queried_at is not None else "never"
    return (
        f"{payment.conversation_id}: {amount}, {payment.state.name} since {payment.updated_at:%Y-%m-%d %H:%M} UTC, "
        f"last taken up by mpesa-cbp reconcile: {asked}.\n{_MEANS[paid]}"
    )


def _ask(word: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here whether that is right: give --yes if it is.")
    click.confirm(f"Settle it as {word}?", abort=True, err=True)
