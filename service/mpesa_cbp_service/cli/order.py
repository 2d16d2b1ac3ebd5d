"""``mpesa-cbp order``: send any command of the core."""

from __future__ import annotations

import click

from mpesa_cbp.commands.request import any_order
from mpesa_cbp_service.cli.options import configured
from mpesa_cbp_service.cli.send_flow import Manner, carry_out, request_options, resume_option, yes_option
from mpesa_cbp_service.config import FOR_CLIENT, FOR_JOURNAL, Configuration


def _pairs(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping; the value may be empty and hold further equals signs."""
    pairs: dict[str, str] = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"give KEY=VALUE, not {text!r}", param=parameter)
        if key in pairs:
            raise click.BadParameter(f"{key} is given twice", param=parameter)
        pairs[key] = value
    return pairs


@click.command()
@click.option("--command", required=True, metavar="COMMAND", help="CommandID, such as BusinessPayToPochi.")
@click.option("--receiver", help="Phone number, short code or other identifier of the receiving party.")
@click.option(
    "--receiver-type",
    type=click.IntRange(1, 14),
    help="IdentifierType of --receiver: 1 MSISDN, 2 till, 4 short code. Needed for a command that is not known here.",
)
@click.option("--amount", help="In KES, at most two places: 100 or 100.50.")
@click.option("--parameter", "parameters", multiple=True, metavar="KEY=VALUE", callback=_pairs, help="Repeatable.")
@click.option("--reference", "references", multiple=True, metavar="KEY=VALUE", callback=_pairs, help="Repeatable.")
@resume_option
@yes_option
@request_options
@configured(FOR_CLIENT | FOR_JOURNAL)
def order(
    *,
    configuration: Configuration,
    command: str,
    receiver: str | None,
    receiver_type: int | None,
    amount: str | None,
    parameters: dict[str, str],
    references: dict[str, str],
    remark: str | None,
    conversation_id: str | None,
    resume: bool,
    yes: bool,
    wait: float | None,
    as_json: bool,
) -> int:
    """Send any command of the core, by its CommandID.

    \b
    mpesa-cbp order --command BusinessPayToPochi --receiver 0712345678 --receiver-type 1 --amount 100
    mpesa-cbp order --command NewCommand --parameter Kind=A --reference Occasion=Tea

    Initiator, credential, our short code as the primary party, and the addresses of the settings are added. A command
    that is known here is checked as its own command would be; any other goes out as you say.

    Exits with 0 once the broker has the request (with --wait: once it is done), 1 if it was certainly not done, 2 for
    wrong usage or settings, 3 if the journal cannot be used, 4 if that is not known.
    """
    wanted = any_order(
        command,
        receiver=receiver,
        receiver_type=receiver_type,
        amount=amount,
        parameters=parameters,
        references=references,
        remark=remark,
        conversation_id=conversation_id,
    )
    return carry_out(configuration, wanted, Manner(yes=yes, wait=wait, as_json=as_json, resume=resume))
