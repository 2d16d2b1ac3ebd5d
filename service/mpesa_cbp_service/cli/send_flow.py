"""Summary, question, sending and waiting, shared by the commands that send."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import click

from mpesa_cbp.client import Client
from mpesa_cbp.commands.request import PaymentRequest
from mpesa_cbp.commands.table import COMMANDS, REVERSED_RECEIPT, TRANSACTION_REVERSAL
from mpesa_cbp.errors import CbpError, DuplicateConversation, JournalError, JournalOutcomeUnknown, MalformedMessage
from mpesa_cbp.payment.codes import NO_TRANSACTION, is_success
from mpesa_cbp.payment.model import ENQUIRIES, FINAL_STATES, MAKE_ANEW, MOVES_NO_MONEY, EventKind, Payment, PaymentState
from mpesa_cbp.payment.state_machine import same_code
from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp.send.stored_request import conversation_id_of
from mpesa_cbp.soap import decode
from mpesa_cbp_models import IdentifierType, Parameter, Request
from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE, UNKNOWN_OUTCOME
from mpesa_cbp_service.cli.options import (
    CommandDecorator,
    NumberRange,
    before_sending,
    open_journal_to_send,
    warn_without_result_url,
)
from mpesa_cbp_service.cli.resume_check import require_the_same
from mpesa_cbp_service.config import Configuration
from mpesa_cbp_service.formatting import STATUS_KEY, masked_parameter, other_parameters, result_lines
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.notifications import ResultNotification

_POLL_SECONDS = 0.25

_SENTENCES = {
    PaymentState.CREATED: "Stored, and nothing was sent.",
    PaymentState.SENT: "It may have been sent, and no answer is stored: ask with mpesa-cbp query, never send it again.",
    PaymentState.ACCEPTED: "The broker has the request; the result, which tells what became of it, is still to come.",
    PaymentState.QUEUED: "The broker could only cache the request: it is pending, not failed.",
    PaymentState.SUCCEEDED: "The result says that it succeeded.",
    PaymentState.EXPIRED: "The cached request expired at the broker: the core never saw it.",
    PaymentState.UNKNOWN: "What became of it is unknown: ask with mpesa-cbp query, never send it again.",
}
ANSWERED = "ANSWERED"
"""What is told in place of a state where an enquiry has its answer: no payment succeeded by it."""
_ANSWERED_SENTENCE = "The core answered the enquiry; this is what it says."
_FAILED_SENTENCES = {
    "B2C": "Certainly nothing was paid.",
    "B2B": "Certainly nothing was paid.",
    "own funds": "Certainly no funds were moved.",
    "reversal": "The transaction was certainly not taken back.",
    "query": "The core gave no answer to the enquiry.",
    "C2B set-up": "The URLs were certainly not registered.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a request is to be carried out: ``yes`` asks no question, ``wait`` is in seconds."""

    yes: bool
    wait: float | None
    as_json: bool
    resume: bool = False


_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")
_WAIT = click.option(
    "--wait",
    type=NumberRange(min=0.1, max=1e6),
    help="Wait so many seconds for the result; it comes by the journal, into which our listener writes it.",
)
_CONVERSATION_ID = click.option(
    "--conversation-id", help="Our own key for it, never used before [default: made up, and printed]."
)
_REMARK = click.option("--remark", help="Text that goes with it, up to 255 characters.")


def request_options(command: Callable[..., int]) -> Callable[..., int]:
    """Options of every command that sends a request."""
    for option in (_JSON, _WAIT, _CONVERSATION_ID, _REMARK):
        command = option(command)
    return command


resume_option: CommandDecorator = click.option(
    "--resume",
    is_flag=True,
    help="Send what is in the journal under --conversation-id, if it was never sent or certainly had no effect. What "
    "the journal does not know is refused.",
)
yes_option: CommandDecorator = click.option("--yes", is_flag=True, help="Do not ask before it is sent.")


def carry_out(configuration: Configuration, wanted: PaymentRequest, manner: Manner) -> int:
    """Check, show, ask, send and perhaps wait; returns the exit code. Raises whatever ``Client.send`` raises."""
    if manner.resume and wanted.conversation_id is None:
        raise click.UsageError("--resume needs the --conversation-id of what is to be sent again.")
    with open_journal_to_send(configuration) as journal, configuration.client(journal=journal) as client:
        conversation_id = wanted.conversation_id or client.new_conversation_id()
        wanted = replace(wanted, conversation_id=conversation_id)
        request = client.builder.build(wanted)
        for line in _summary(request, str(configuration.endpoint)):
            click.echo(line, err=True)
        if wanted.command_id == TRANSACTION_REVERSAL:
            click.echo(f"{'takes back':16} {_taken_back(journal, wanted)}", err=True)
        warn_without_result_url(configuration)
        if not manner.yes:
            _ask()
        return _send(client, journal, request, manner)


def _send(client: Client, journal: Journal, request: Request, manner: Manner) -> int:
    conversation_id = conversation_id_of(request)
    told: dict[str, Any] = {}
    try:
        try:
            client.send(request, resume=manner.resume)
        except DuplicateConversation as error:
            require_the_same(journal, request, error)
            told = _facts_of_error(error)
            click.echo(f"mpesa-cbp: {error}", err=True)
        if manner.wait is not None:
            with _after_sending(conversation_id):
                _wait(journal, conversation_id, manner.wait)
    except KeyboardInterrupt:
        click.echo("\nmpesa-cbp: interrupted", err=True)
    except CbpError as error:
        if manner.as_json:
            click.echo(json.dumps(_facts_of_failure(journal, conversation_id, error)))
        raise
    with _after_sending(conversation_id):
        facts = _facts(journal, conversation_id)
        payment = journal.payment(conversation_id)
    click.echo(json.dumps(facts | told) if manner.as_json else _words(facts))
    if told and _state(payment) is PaymentState.CREATED:
        return UNKNOWN_OUTCOME  # another process may be about to send it
    return _exit_code(payment, waited=manner.wait is not None)


@contextmanager
def _after_sending(conversation_id: str) -> Iterator[None]:
    """The request has left: a journal that cannot be read any more leaves unknown what becomes of it."""
    try:
        yield
    except JournalError as error:
        raise JournalOutcomeUnknown(error.message, conversation_id=conversation_id, advice=error.advice) from error


def _exit_code(payment: Payment | None, *, waited: bool) -> int:
    state = _state(payment)
    if state in (PaymentState.ACCEPTED, PaymentState.QUEUED):
        return UNKNOWN_OUTCOME if waited else FINE
    if state is PaymentState.SUCCEEDED:
        return FINE
    if payment is not None and payment.command_id == "TransactionStatusQuery" and not _knows_none(payment):
        return UNKNOWN_OUTCOME  # the enquiry has failed, which says nothing of the transaction
    return UNKNOWN_OUTCOME if state in (PaymentState.SENT, PaymentState.UNKNOWN) else FINDINGS


def _knows_none(enquiry: Payment) -> bool:
    """Whether the core answered that it knows no such transaction (ResultCode 49)."""
    return enquiry.state is PaymentState.FAILED and same_code(enquiry.result_code, NO_TRANSACTION)


def _summary(request: Request, endpoint: str) -> list[str]:
    transaction, identity = request.transaction, request.identity
    pairs = transaction.parameters.parameter if transaction.parameters is not None else []
    references = transaction.reference_data.reference_item if transaction.reference_data is not None else []
    receiver = identity.receiver_party
    facts: list[tuple[str, str | None]] = [
        ("conversation id", transaction.originator_conversation_id),
        ("command", transaction.command_id),
        *((pair.key or "", _shown(pair)) for pair in pairs),
        *((item.key, _address(item.value)) for item in references if item.key and item.key.endswith("URL")),
        ("ResultURL", _address(identity.caller.result_url)),
        ("in the name of", f"{identity.initiator.identifier} of {identity.initiator.short_code}"),
        ("remark", transaction.remark),
        ("broker", endpoint.partition("?")[0]),
    ]
    if receiver is not None:
        customer = receiver.identifier_type is IdentifierType.MSISDN
        shown = f"customer {mask_msisdn(receiver.identifier)}" if customer else f"short code {receiver.identifier}"
        facts.insert(2, ("to", shown))
    return [f"{label:16} {value}" for label, value in facts if value]


def _taken_back(journal: Journal, wanted: PaymentRequest) -> str:
    """What the journal knows of the transaction that is to be taken back: a receipt is soon mistyped."""
    receipt = dict(wanted.parameters)[REVERSED_RECEIPT]
    with before_sending():
        known = journal.payments(receipt=receipt, limit=2)
    if len(known) != 1:
        return "no payment of ours in the journal has this receipt: see that it is right"
    (payment,) = known
    receiver = f" to {mask_msisdn(payment.receiver)}" if payment.receiver else ""
    return f"{payment.amount} KES{receiver}, {payment.state.name}, {payment.conversation_id}"


def _shown(pair: Parameter) -> str | None:
    """A parameter of the request; of an address no path token."""
    if pair.key == "Amount":
        return f"{pair.value} KES"
    return _address(pair.value) if (pair.key or "").endswith("URL") else pair.value


def _address(url: str | None) -> str | None:
    """A URL of ours without what only the broker is to know: words in its path, and the query."""
    return masked_parameter("ResultURL", url) if url else None


def _ask() -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here whether to send it: give --yes if it is to be sent.")
    click.confirm("Send it?", abort=True, err=True)


def _wait(journal: Journal, conversation_id: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        payment = journal.payment(conversation_id)
        if payment is not None and payment.state in FINAL_STATES:
            return
        time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))


def _facts_of_failure(journal: Journal, conversation_id: str, error: CbpError) -> dict[str, Any]:
    try:
        facts = _facts(journal, conversation_id)
    except JournalError:
        facts = {"conversation_id": conversation_id}
    return facts | _facts_of_error(error)


def _facts_of_error(error: CbpError) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": str(error), "sent": error.sent.value, "final": error.final}


def _facts(journal: Journal, conversation_id: str) -> dict[str, Any]:
    payment = journal.payment(conversation_id)
    result = _result(journal, conversation_id)
    state, command = _state(payment), payment.command_id if payment is not None else None
    others = other_parameters(result) if result is not None else []
    facts: dict[str, Any] = {
        "conversation_id": conversation_id,
        "command": command,
        "state": ANSWERED if command in ENQUIRIES and state is PaymentState.SUCCEEDED else state.name,
        "response_code": payment.response_code if payment is not None else None,
        "core_conversation_id": payment.core_conversation_id if payment is not None else None,
        "result_code": payment.result_code if payment is not None else None,
        "receipt": payment.receipt if payment is not None else None,
        "transaction_status": next((value for key, value in others if key == STATUS_KEY), None),
        "parameters": [{"key": key, "value": value} for key, value in others] or None,
        "result": result_lines(result) if result is not None else None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _state(payment: Payment | None) -> PaymentState:
    return payment.state if payment is not None else PaymentState.CREATED


def _result(journal: Journal, conversation_id: str) -> ResultNotification | None:
    for event in reversed(journal.events(conversation_id)):
        if event.kind is EventKind.RESULT and event.body is not None:
            try:
                decoded = decode(event.body)
            except MalformedMessage:
                return None  # an earlier revision took it; what it says cannot be told
            return ResultNotification(event.id, decoded.message, decoded.deviations, event.contradicts)
    return None


def _words(facts: dict[str, Any]) -> str:
    state = facts["state"]
    answer = facts.get("response_code")
    accepted = f" (ResponseCode {answer})" if answer is not None and is_success(answer) else ""
    first = f"{state}: {_sentence(state, facts.get('command'))}{accepted}"
    return "\n".join([first, *(f"  {line}" for line in facts.get("result", ()))])


def _sentence(state: str, command: str | None) -> str:
    if state == ANSWERED:
        return _ANSWERED_SENTENCE
    if state == PaymentState.FAILED.name:
        return _FAILED_SENTENCES[COMMANDS[command].family] if command in COMMANDS else "It was certainly not done."
    if state in (PaymentState.SENT.name, PaymentState.UNKNOWN.name) and command in MOVES_NO_MONEY:
        return f"What became of it is unknown. {MAKE_ANEW}"
    return _SENTENCES[PaymentState[state]]
