"""``mpesa-cbp pay``: one payment, or a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mpesa_cbp.commands.request import PaymentRequest, business_payment, customer_payment, own_funds_transfer
from mpesa_cbp.commands.table import COMMANDS
from mpesa_cbp_service.cli.options import configured
from mpesa_cbp_service.cli.payroll import Wanted, file_options, pay_file
from mpesa_cbp_service.cli.send_flow import Manner, carry_out, request_options, resume_option, yes_option
from mpesa_cbp_service.config import FOR_CLIENT, FOR_JOURNAL, Configuration

_FAMILIES = ("B2C", "B2B", "own funds")
_COMMANDS = [command.id for command in COMMANDS.values() if command.family in _FAMILIES]
_OF_ONE_PAYMENT = (
    "msisdn",
    "short_code",
    "amount",
    "account_reference",
    "till",
    "occasion",
    "remark",
    "conversation_id",
)
_DEFAULTS = {"msisdn": "BusinessPayment", "short_code": "BusinessPayBill"}


@click.command()
@click.option("--msisdn", help="Pay this customer: 0712…, +254 712…, 254712…")
@click.option("--short-code", help="Pay this organisation.")
@click.option("--amount", help="In KES, at most two places: 100 or 100.50.")
@click.option(
    "--command",
    type=click.Choice(_COMMANDS),
    metavar="COMMAND",
    help="CommandID [default: BusinessPayment for a customer, BusinessPayBill for an organisation]. "
    "One that moves own funds takes neither --msisdn nor --short-code.",
)
@click.option("--account-reference", help="The account that is paid into (PayTaxToKRA: the PRN).")
@click.option("--till", is_flag=True, default=None, help="The number of --short-code is a till's (IdentifierType 2).")
@click.option("--occasion", help="Text that goes with a payment to a customer.")
@resume_option
@file_options
@yes_option
@request_options
@configured(FOR_CLIENT | FOR_JOURNAL)
def pay(
    *,
    configuration: Configuration,
    file: Path | None,
    command: str | None,
    resume: bool,
    yes: bool,
    wait: float | None,
    as_json: bool,
    **more: Any,
) -> int:
    """Pay a customer, an organisation, or every line of a file; or move own funds.

    \b
    mpesa-cbp pay --msisdn 0712345678 --amount 100 --remark "Salary November"
    mpesa-cbp pay --short-code 888888 --account-reference INV-7 --amount 7000 --wait 60
    mpesa-cbp pay --command OrgBankAccountWithdrawal --amount 50000 --yes
    mpesa-cbp pay --command OrgRevenueSettlement --yes
    mpesa-cbp pay --file payroll.csv --dry-run

    The conversation id is printed before anything is sent: with it mpesa-cbp query can always ask. Exits with 0 once
    the broker has the request (with --wait: once it is paid), 1 if it was certainly not paid, 2 for wrong usage or
    settings, 3 if a file or the journal cannot be used, 4 if that is not known.
    """
    single = {name: more.pop(name) for name in _OF_ONE_PAYMENT}
    if file is not None:
        if resume or as_json or any(value is not None for value in single.values()):
            raise click.UsageError("--file goes with --command, --wait and the options for files alone; see --help.")
        chosen = command or _DEFAULTS["msisdn"]
        return pay_file(configuration, Wanted(file=file, command=chosen, yes=yes, wait=wait, **more))
    if more["dry_run"] or more["overwrite"] or more["batch"] is not None or more["report"] is not None:
        raise click.UsageError("--dry-run, --batch, --report and --overwrite go with --file.")
    wanted = _wanted(command, **single)
    return carry_out(configuration, wanted, Manner(yes=yes, wait=wait, as_json=as_json, resume=resume))


def _wanted(
    command: str | None,
    *,
    msisdn: str | None,
    short_code: str | None,
    amount: str | None,
    account_reference: str | None,
    till: bool | None,
    occasion: str | None,
    remark: str | None,
    conversation_id: str | None,
) -> PaymentRequest:
    """What is to be paid, by the options of a single payment. Raises UsageError for those that do not go together."""
    chosen = _chosen(command, msisdn=msisdn, short_code=short_code)
    if not COMMANDS[chosen].amount:
        return own_funds_transfer(amount, command=chosen, remark=remark, conversation_id=conversation_id)
    if amount is None:
        raise click.UsageError("How much? Give --amount, or --file for many payments.")
    if occasion is not None and msisdn is None:
        raise click.UsageError("--occasion goes with a payment to a customer.")
    if account_reference is not None and short_code is None:
        raise click.UsageError("--account-reference goes with a payment to an organisation.")
    if till and short_code is None:
        raise click.UsageError("--till goes with --short-code.")
    more: Any = {"receiver_type": 2} if till else {}
    more |= {"command": chosen, "remark": remark, "conversation_id": conversation_id}
    if msisdn is not None:
        return customer_payment(msisdn, amount, occasion=occasion, **more)
    if short_code is not None:
        return business_payment(short_code, amount, account_reference=account_reference, **more)
    return own_funds_transfer(amount, **more)


def _chosen(command: str | None, **receivers: str | None) -> str:
    """The CommandID that fits whom the caller named. Raises UsageError."""
    named = [name for name, value in receivers.items() if value is not None]
    if len(named) > 1:
        raise click.UsageError("Give either --msisdn or --short-code.")
    if not named and command is None:
        raise click.UsageError("Whom to pay? Give --msisdn or --short-code, or a --command that moves own funds.")
    chosen = command or _DEFAULTS[named[0]]
    wanted = {"B2C": ["msisdn"], "B2B": ["short_code"]}.get(COMMANDS[chosen].family, [])
    if named != wanted:
        needs = f"needs --{wanted[0].replace('_', '-')}" if wanted else "moves own funds: it takes no receiver"
        raise click.UsageError(f"{chosen} {needs}.")
    return chosen
