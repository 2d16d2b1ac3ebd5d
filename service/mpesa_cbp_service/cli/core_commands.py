"""``mpesa-cbp status``, ``balance``, ``reverse`` and ``register``: requests to the core that pay nobody."""

from __future__ import annotations

import click

from mpesa_cbp.commands.request import balance_enquiry, registration, reversal, status_enquiry
from mpesa_cbp_service.cli.enquiries import tells_nothing
from mpesa_cbp_service.cli.options import configured
from mpesa_cbp_service.cli.send_flow import Manner, carry_out, request_options, resume_option, yes_option
from mpesa_cbp_service.config import FOR_CLIENT, FOR_JOURNAL, Configuration

_NEEDED = FOR_CLIENT | FOR_JOURNAL


@click.command()
@request_options
@configured(_NEEDED)
def balance(
    *, configuration: Configuration, remark: str | None, conversation_id: str | None, wait: float | None, as_json: bool
) -> int:
    """Ask the core for the balances of our organisation; they come with the result.

    \b
    mpesa-cbp balance --wait 60

    Exits with 0 once the broker has the request (with --wait: once it is answered), 1 if it was refused or not sent,
    2 for wrong usage or settings, 3 if the journal cannot be used, 4 if it is not known, or not answered in time.
    """
    wanted = balance_enquiry(remark=remark, conversation_id=conversation_id)
    return carry_out(configuration, wanted, Manner(yes=True, wait=wait, as_json=as_json))


@click.command()
@click.option("--receipt", help="Receipt number of the transaction.")
@click.option("--of", "of_conversation_id", help="Its conversation id, ours.")
@click.option("--of-core", "of_core_conversation_id", help="The core's conversation id (AG_…).")
@request_options
@configured(_NEEDED)
def status(
    *,
    configuration: Configuration,
    receipt: str | None,
    of_conversation_id: str | None,
    of_core_conversation_id: str | None,
    remark: str | None,
    conversation_id: str | None,
    wait: float | None,
    as_json: bool,
) -> int:
    """Ask the core about one transaction; the answer is a result. (mpesa-cbp query asks the broker instead.)

    \b
    mpesa-cbp status --receipt RKL51ZDR4F --wait 60
    mpesa-cbp status --of 600000_Acme_0f3c…

    Exits with 0 once the broker has the request (with --wait: once it is answered), 1 if the core knows no such
    transaction, 2 for wrong usage or settings, 3 if the journal cannot be used, 4 if nothing was learnt.
    """
    if sum(each is not None for each in (receipt, of_conversation_id, of_core_conversation_id)) != 1:
        raise click.UsageError("Which transaction? Give --receipt, --of or --of-core, one of them.")
    wanted = status_enquiry(
        receipt=receipt,
        of_conversation_id=of_conversation_id,
        of_core_conversation_id=of_core_conversation_id,
        remark=remark,
        conversation_id=conversation_id,
    )
    with tells_nothing():
        return carry_out(configuration, wanted, Manner(yes=True, wait=wait, as_json=as_json))


@click.command()
@click.option("--receipt", required=True, help="Receipt number of the transaction.")
@resume_option
@yes_option
@request_options
@configured(_NEEDED)
def reverse(
    *,
    configuration: Configuration,
    receipt: str,
    remark: str | None,
    conversation_id: str | None,
    resume: bool,
    yes: bool,
    wait: float | None,
    as_json: bool,
) -> int:
    """Ask the core to take a transaction back; whether it did is told by the result.

    \b
    mpesa-cbp reverse --receipt RKL51ZDR4F --remark "Paid twice" --wait 60

    Exits with 0 once the broker has the request (with --wait: once it is taken back), 1 if it was certainly not taken
    back, 2 for wrong usage or settings, 3 if the journal cannot be used, 4 if that is not known.
    """
    wanted = reversal(receipt, remark=remark, conversation_id=conversation_id)
    return carry_out(configuration, wanted, Manner(yes=yes, wait=wait, as_json=as_json, resume=resume))


@click.command()
@click.option("--confirmation-url", required=True, help="Where customers' payments are confirmed.")
@click.option("--validation-url", help="Where they are validated before.")
@click.option(
    "--response-type",
    type=click.Choice(["Completed", "Cancelled"]),
    default="Cancelled",
    show_default=True,
    help="What becomes of a payment when the validation URL cannot be reached.",
)
@yes_option
@request_options
@configured(_NEEDED)
def register(
    *,
    configuration: Configuration,
    confirmation_url: str,
    validation_url: str | None,
    response_type: str,
    remark: str | None,
    conversation_id: str | None,
    yes: bool,
    wait: float | None,
    as_json: bool,
) -> int:
    """Tell where C2B payments to our short code are to be validated and confirmed.

    \b
    mpesa-cbp register --confirmation-url https://us.example/word/confirmation --response-type Completed

    Exits with 0 once the broker has the request (with --wait: once the core has taken it), 1 if it was refused or not
    sent, 2 for wrong usage or settings, 3 if the journal cannot be used, 4 if that is not known.
    """
    wanted = registration(
        confirmation_url=confirmation_url,
        validation_url=validation_url,
        response_type=response_type,
        remark=remark,
        conversation_id=conversation_id,
    )
    return carry_out(configuration, wanted, Manner(yes=yes, wait=wait, as_json=as_json))
