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
from mpesa_cbp_service.journal import Journal

_MEANS = {
    True: "One that is settled as paid stands as SUCCEEDED, and is never sent again.",
    False: "One that is settled as not paid stands as FAILED, and may be sent again under the same conversation id: by "
    "the same payroll, or by the same command with --resume.",
}


@click.command()
@click.argument("conversation_id", required=False)
@click.option("--unknown-code", metavar="CODE", help="All open payments whose result has this unknown code.")
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
    conversation_id: str | None,
    unknown_code: str | None,
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
    mpesa-cbp settle --unknown-code 2099 --as not-paid --reason "Operator's letter of 24 November" --by "J. Otieno"

    For payments that mpesa-cbp reconcile leaves open. Nothing is sent. The word is kept as an event with the reason
    and the name; a result that comes later goes before it.
    Exits with 0, 1 if it was not stored, 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    paid = word == "paid"
    _check(reason, by, receipt, paid=paid)
    if (conversation_id is None) == (unknown_code is None):
        raise click.UsageError("Which payment? Give either CONVERSATION_ID or --unknown-code.")
    if receipt and unknown_code is not None:
        raise click.UsageError("A receipt belongs to one payment: give its CONVERSATION_ID.")
    with open_journal(configuration) as journal:
        found = _found(journal, conversation_id, unknown_code)
        for payment in found:
            click.echo(_summary(payment), err=True)
        click.echo(_MEANS[paid], err=True)
        if not yes:
            _ask(word, len(found))
        for payment in found:
            state = journal.settle(
                payment.conversation_id,
                paid=paid,
                reason=reason,
                by=by,
                receipt=receipt,
                quiet=timedelta(seconds=older_than),
            )
            click.echo(f"{payment.conversation_id} stands as {state.name} by the word of {by.strip()}.")
    return FINE


def _found(journal: Journal, conversation_id: str | None, unknown_code: str | None) -> list[Payment]:
    if unknown_code is not None:
        found = [each.payment for each in journal.unknown_codes(code=unknown_code)]
        if not found:
            raise JournalRefusal(
                f"No open payment has a result with the unknown code {unknown_code}",
                advice="See mpesa-cbp payments list --unknown-code.",
            )
        return found
    payment = journal.payment(conversation_id or "")
    if payment is None:
        raise JournalRefusal("The journal knows no such payment", conversation_id=conversation_id)
    return [payment]


def _check(reason: str, by: str, receipt: str | None, *, paid: bool) -> None:
    if not reason.strip() or not by.strip():
        raise click.UsageError("Say how it is known (--reason) and who says so (--by).")
    if receipt and not paid:
        raise click.UsageError("What was not paid has no receipt: --receipt goes with --as paid.")


def _summary(payment: Payment) -> str:
    receiver = f" to {mask_msisdn(payment.receiver)}" if payment.receiver else ""
    amount = f"{payment.amount} KES{receiver}" if payment.amount is not None else payment.command_id
    asked = f"{payment.queried_at:%Y-%m-%d %H:%M} UTC" if payment.queried_at is not None else "never"
    return (
        f"{payment.conversation_id}: {amount}, {payment.state.name} since {payment.updated_at:%Y-%m-%d %H:%M} UTC, "
        f"last taken up by mpesa-cbp reconcile: {asked}."
    )


def _ask(word: str, count: int) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here whether that is right: give --yes if it is.")
    click.confirm(f"Settle {'it' if count == 1 else f'all {count}'} as {word}?", abort=True, err=True)
