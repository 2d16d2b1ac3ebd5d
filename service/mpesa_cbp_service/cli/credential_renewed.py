"""``mpesa-cbp credential-renewed``: lift the stop that a refused credential made."""

from __future__ import annotations

import getpass

import click

from mpesa_cbp.payment.codes import result_meaning
from mpesa_cbp_service.cli.exit_codes import FINE
from mpesa_cbp_service.cli.options import configured, open_journal
from mpesa_cbp_service.config import FOR_JOURNAL, Configuration


@click.command("credential-renewed")
@click.option("--reason", required=True, help="What was wrong and who put it right; the journal keeps it.")
@configured(FOR_JOURNAL)
def credential_renewed(*, configuration: Configuration, reason: str) -> int:
    """Allow sending again after the core refused the initiator's credential.

    \b
    mpesa-cbp credential-renewed --reason "new password from the operator, ticket 4711"

    After a result or answer with code 18, 2001 or 8006 nothing is sent from this journal: each further request would
    bring the credential's lock nearer. Put the password or certificate right first.

    Exits with 0, also where nothing was stopped; 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    with open_journal(configuration) as journal:
        stop = journal.lift_credential_stop(reason=reason, by=getpass.getuser())
    if stop is None:
        click.echo("Nothing was stopped.")
        return FINE
    click.echo(
        f"Sending is allowed again. It was stopped at {stop.at:%Y-%m-%d %H:%M:%S} UTC by code {stop.code} "
        f"({result_meaning(stop.code).meaning.rstrip('.')}), payment {stop.conversation_id}."
    )
    return FINE
