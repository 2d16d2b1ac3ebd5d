"""``mpesa-cbp demo``: one payment from request to result, on this machine, told step by step."""

from __future__ import annotations

import queue
import threading
from decimal import Decimal
from typing import Any

import click

from mpesa_cbp.cli.exit_codes import FINDINGS, FINE
from mpesa_cbp.client import Client
from mpesa_cbp.errors import CbpError
from mpesa_cbp.journal import Journal
from mpesa_cbp.listener import Listener, ListenerServer
from mpesa_cbp.notices import QueueTimeoutNotice, ResultNotice
from mpesa_cbp.payments import PaymentState
from mpesa_cbp.readable import pretty, result_lines
from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp.simulator import BAD_DAYS, Simulator, Step
from mpesa_cbp.values import format_amount

_CUSTOMER = "254712345678"
_TOKEN = "demo-of-the-results"
_EXPLANATIONS = {
    1: "We send a GenericAPIRequest: a SOAP envelope whose RequestMsg carries the payment as XML text.\n"
    "It was stored in our journal before its first byte left; that is what protects from paying twice.",
    2: "The broker answers at once. That says only that the request was accepted, nothing of the money.",
    3: "Behind the broker the core moves the money, in seconds or in minutes; the customer gets an SMS.",
    4: "The broker calls us back: it posts a GenericAPIResult to the ResultURL of our request.",
    5: "We store the result and only then acknowledge it; what is not acknowledged is sent again.",
}


@click.command()
@click.option("--show-xml", is_flag=True, help="Show the real messages, secrets and numbers masked.")
@click.option(
    "--scenario",
    type=click.Choice(sorted(day.name for day in BAD_DAYS)),
    help="Let the simulated broker have a bad day.",
)
@click.option("--timeout", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="Seconds to wait.")
def demo(*, show_xml: bool, scenario: str | None, timeout: float) -> int:
    """Pay 100 KES to a simulated customer and wait for the final result.

    A simulated broker and our listener run on free loopback ports; nothing leaves this machine, nothing is kept.
    Exits with 0 only if the payment succeeded.
    """
    story = _Story(show_xml=show_xml)
    arrived: queue.Queue[ResultNotice | QueueTimeoutNotice] = queue.Queue()
    with (
        Simulator(on_step=story.tell, result_delay=0.3, scenario=scenario) as simulator,
        Journal("sqlite://") as journal,
    ):
        listener = Listener(journal=journal, path_token=_TOKEN)
        listener.on_result(arrived.put)
        listener.on_queue_timeout(arrived.put)
        with ListenerServer(listener) as server:
            urls: dict[str, Any] = {name: f"{server.url}/{_TOKEN}/{path}" for name, path in _PATHS.items()}
            click.echo(f"A simulated broker listens at {simulator.url}, we listen for results at {server.url}.")
            with Client(**simulator.client_settings(), **urls, journal=journal) as client:
                return _pay(client, journal, arrived, story, timeout)


_PATHS = {"result_url": "result", "queue_timeout_url": "queue-timeout"}


def _pay(
    client: Client,
    journal: Journal,
    arrived: queue.Queue[ResultNotice | QueueTimeoutNotice],
    story: _Story,
    timeout: float,
) -> int:
    amount = Decimal(100)
    click.echo(f"We pay {format_amount(amount)} KES to customer {mask_msisdn(_CUSTOMER)} (B2C, BusinessPayment).\n")
    try:
        acknowledgement = client.pay_customer(_CUSTOMER, amount, remark="Demonstration")
    except CbpError as error:
        click.secho(f"\nThe payment did not go through: {error}", fg="red")
        return _finish(journal, error.conversation_id)
    try:
        notice = arrived.get(timeout=timeout)
    except queue.Empty:
        click.secho(
            f"\nNo result came within {timeout:g} seconds: now queryTransaction would have to be asked.", fg="red"
        )
        return _finish(journal, acknowledgement.conversation_id)
    story.wait_for_step_5(timeout)
    if isinstance(notice, ResultNotice):
        _show_result(notice)
    else:
        click.echo("\nThe cached request expired at the broker: the core never saw it, and no money moved.")
    return _finish(journal, acknowledgement.conversation_id)


def _show_result(notice: ResultNotice) -> None:
    click.echo("\nThe result says:")
    for line in result_lines(notice):
        click.echo(f"  {line}")


def _finish(journal: Journal, conversation_id: str | None) -> int:
    payment = journal.payment(conversation_id) if conversation_id is not None else None
    state = payment.state if payment is not None else PaymentState.UNKNOWN
    succeeded = state is PaymentState.SUCCEEDED
    click.secho(f"\nIn our journal the payment is now {state.name}.", fg="green" if succeeded else "red", bold=True)
    if payment is not None:
        for event in journal.events(payment.conversation_id):
            click.echo(f"  {event.at:%H:%M:%S.%f} {event.kind.value}{f' (code {event.code})' if event.code else ''}")
    return FINE if succeeded else FINDINGS


class _Story:
    """Prints each step as it happens; steps come on threads of the simulator."""

    def __init__(self, *, show_xml: bool) -> None:
        self._show_xml = show_xml
        self._explained: set[int] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def tell(self, step: Step) -> None:
        """Print one step, with its explanation where it is the first of its number."""
        with self._lock:
            click.secho(f"Step {step.number}: {step.what}", bold=True)
            if step.number in _EXPLANATIONS and step.number not in self._explained:
                click.echo("  " + _EXPLANATIONS[step.number].replace("\n", "\n  "))
                self._explained.add(step.number)
            if self._show_xml and step.xml:
                click.secho("\n".join(f"    {line}" for line in pretty(step.xml).splitlines()), dim=True)
        if step.number == 5:
            self._ended.set()

    def wait_for_step_5(self, timeout: float) -> None:
        """Let the last step be told before the outcome is."""
        self._ended.wait(timeout)
