"""``mpesa-cbp query``: ask the broker's record how far a payment came."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from mpesa_cbp.history import History
from mpesa_cbp.payment.model import PaymentState
from mpesa_cbp_service.cli.enquiries import tells_nothing
from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE, UNKNOWN_OUTCOME
from mpesa_cbp_service.cli.options import before_sending, configured, open_journal_to_send
from mpesa_cbp_service.config import FOR_CLIENT, FOR_JOURNAL, Configuration

_CODES = {
    PaymentState.SUCCEEDED: FINE,
    PaymentState.ACCEPTED: FINE,
    PaymentState.QUEUED: FINE,
    PaymentState.FAILED: FINDINGS,
    PaymentState.EXPIRED: FINDINGS,
}


@click.command()
@click.argument("conversation_id")
@click.option("--sent-at", type=click.DateTime(), help="When it was sent, in UTC [default: from the journal].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")
@configured(FOR_CLIENT | FOR_JOURNAL)
def query(*, configuration: Configuration, conversation_id: str, sent_at: datetime | None, as_json: bool) -> int:
    """Ask the broker how far the payment CONVERSATION_ID came, and let that move the payment in the journal.

    \b
    mpesa-cbp query 600000_Acme_0f3c…

    Asking changes nothing at the broker. Exits with 0 if the payment succeeded or is on its way, 1 if it was certainly
    not paid, 2 for wrong usage or settings, 3 if the journal cannot be used, 4 if nobody can tell yet.
    """
    with open_journal_to_send(configuration) as journal, configuration.client(journal=journal) as client:
        with before_sending():
            known = journal.payment(conversation_id)
        moment = known.created_at if known is not None else None
        if sent_at is not None:
            moment = sent_at.replace(tzinfo=UTC)
        with tells_nothing():
            history = client.query_transaction(conversation_id, query_date=moment)
        known = journal.payment(conversation_id)
    state = known.state if known is not None else history.state
    facts = _facts(history, state, in_journal=known is not None)
    click.echo(json.dumps(facts) if as_json else _words(facts))
    return _CODES.get(state, UNKNOWN_OUTCOME)


def _facts(history: History, state: PaymentState, *, in_journal: bool) -> dict[str, Any]:
    return {
        "conversation_id": history.conversation_id,
        "state": state.name,
        "in_journal": in_journal,
        "reached": history.reached.value,
        "finding": history.finding.value,
        "code": history.code,
        "summary": history.summary,
        "entries": [
            {
                "kind": entry.kind.value,
                "leg": entry.leg.value if entry.leg is not None else None,
                "code": entry.code,
                "problem": entry.problem,
            }
            for entry in history.entries
        ],
    }


def _words(facts: dict[str, Any]) -> str:
    place = (
        "In our journal the payment is now" if facts["in_journal"] else "It is not in our journal; by the record it is"
    )
    lines = [facts["summary"], f"{place} {facts['state']}."]
    for number, entry in enumerate(facts["entries"], 1):
        said = (entry["leg"], f"code {entry['code']}" if entry["code"] else None, entry["problem"])
        lines.append(f"  {number}. {': '.join([entry['kind'], *(each for each in said if each)])}")
    return "\n".join(lines)
