"""``mpesa-cbp demo``: one payment from request to end, explained step by step."""

from __future__ import annotations

import queue
import threading
from decimal import Decimal

import click

from mpesa_cbp.errors import CbpError
from mpesa_cbp.parsing import format_amount
from mpesa_cbp.payment.model import EventKind, PaymentState
from mpesa_cbp.redaction import mask_msisdn
from mpesa_cbp_service.cli.exit_codes import FINDINGS, FINE, UNKNOWN_OUTCOME
from mpesa_cbp_service.cli.options import NumberRange
from mpesa_cbp_service.formatting import pretty, result_lines
from mpesa_cbp_service.notifications import ResultNotification
from mpesa_cbp_simulator import BadDay, Partner, Simulator, TimelineEntry, Timing
from mpesa_cbp_simulator.cli.demo_lessons import explanation, lesson
from mpesa_cbp_simulator.faults import all_days

_CUSTOMER = "254712345678"
_AMOUNT = Decimal(100)
_CODES = {PaymentState.SUCCEEDED: FINE, PaymentState.FAILED: FINDINGS, PaymentState.EXPIRED: FINDINGS}


def _day(_: click.Context, __: click.Parameter, value: str) -> BadDay:
    try:
        return BadDay.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--show-xml", is_flag=True, help="Show the real messages, secrets and numbers masked.")
@click.option(
    "--scenario",
    callback=_day,
    default="good",
    help="Let the simulated broker have a bad day, such as cached-then-expired; --list shows them all.",
)
@click.option("--list", "listed", is_flag=True, help="List the bad days and do nothing else.")
@click.option("--timeout", type=NumberRange(min=0.1, max=1e6), default=30.0, show_default=True, help="Seconds to wait.")
@click.option("--pace", type=NumberRange(0, 100), default=1.0, hidden=True, help="Factor of all delays.")
def demo(*, show_xml: bool, scenario: BadDay, listed: bool, timeout: float, pace: float) -> int:
    """Pay 100 KES to a simulated customer and follow the payment to its end.

    \b
    mpesa-cbp demo --show-xml
    mpesa-cbp demo --scenario cached-then-expired

    A simulated broker and our listener run on free loopback ports; nothing leaves this machine, nothing is kept.
    Exits with 0 if the payment succeeded, 1 if it certainly did not, 2 for wrong usage, 4 if nobody can tell.
    """
    if listed:
        for row in all_days():
            click.echo(f"{row.name:24} {row.what}")
        return FINE
    story = _Story(show_xml=show_xml)
    timing = Timing(
        result_delay=0.3 * pace,
        late_delay=2 * pace,
        slow_delay=1.5 * pace,
        cache_time=pace,
        retry_delay=0.5 * pace,
    )
    with Simulator(on_step=story.tell, timing=timing) as simulator, simulator.partner() as partner:
        simulator.choose(scenario)
        click.echo(f"A simulated broker listens at {simulator.url}, we listen for results at {partner.urls['result']}.")
        if str(scenario) != "good":
            what = next((row.what for row in all_days() if row.name == str(scenario)), "as you chose")
            click.echo(f"The broker has a bad day, {scenario}: {what}.")
        click.echo(f"We pay {format_amount(_AMOUNT)} KES to {mask_msisdn(_CUSTOMER)} (B2C, BusinessPayment).\n")
        return _follow(simulator, partner, scenario, timeout)


def _follow(simulator: Simulator, partner: Partner, day: BadDay, timeout: float) -> int:
    conversation_id = "600000_Acme_demo"
    try:
        partner.client.pay_customer(_CUSTOMER, _AMOUNT, remark="Demonstration", conversation_id=conversation_id)
    except CbpError as error:
        click.secho(f"\nOur call ends with {type(error).__name__}: {error}\n", fg="yellow")
    try:
        simulator.settle(timeout)
    except TimeoutError:
        click.secho(f"\nAfter {timeout:g} seconds the broker is still not done; we look no longer.", fg="yellow")
    _show_notices(partner, conversation_id)
    state = _state(partner, conversation_id)
    if state not in _CODES:
        state = _ask(partner, conversation_id, state)
    succeeded = state is PaymentState.SUCCEEDED
    click.secho(f"\nIn our journal the payment is now {state.name}.", fg="green" if succeeded else "red", bold=True)
    for event in partner.journal.events(conversation_id):
        contradicts = ", contradicts what was known: a person must look" if event.contradicts else ""
        code = f" (code {event.code})" if event.code else ""
        click.echo(f"  {event.at:%H:%M:%S.%f} {event.kind.value}{code}{contradicts}")
    moved = simulator.transfers(conversation_id)
    times = {0: "no money has moved", 1: "the money has moved, once"}.get(len(moved), f"MOVED {len(moved)} TIMES")
    click.echo(f"In the core's own books {times}.")
    click.echo(f"\n{lesson(day)}")
    return _CODES.get(state, UNKNOWN_OUTCOME)


def _show_notices(partner: Partner, conversation_id: str) -> None:
    """What our handlers are told: once for each result or queue timeout in the journal, soon after it is there."""
    told = {EventKind.RESULT, EventKind.QUEUE_TIMEOUT}
    for _ in [event for event in partner.journal.events(conversation_id) if event.kind in told]:
        try:
            notification = partner.notifications.get(timeout=10)
        except queue.Empty:
            return
        if isinstance(notification, ResultNotification):
            click.echo("\nA result says:")
            for line in result_lines(notification):
                click.echo(f"  {line}")


def _ask(partner: Partner, conversation_id: str, state: PaymentState) -> PaymentState:
    click.echo(f"\nThe payment is {state.name}: we ask the broker what it knows (queryTransaction).")
    try:
        history = partner.client.query_transaction(conversation_id)
    except CbpError as error:
        click.secho(f"  {error}", fg="yellow")
    else:
        click.echo(f"  {history.summary}")
    return _state(partner, conversation_id)


def _state(partner: Partner, conversation_id: str) -> PaymentState:
    payment = partner.journal.payment(conversation_id)
    return payment.state if payment is not None else PaymentState.UNKNOWN


class _Story:
    """Prints each step as it happens; steps come on threads of the simulator."""

    def __init__(self, *, show_xml: bool) -> None:
        self._show_xml = show_xml
        self._explained: set[str] = set()
        self._lock = threading.Lock()

    def tell(self, step: TimelineEntry) -> None:
        """Print one step, with an explanation that was not given yet."""
        with self._lock:
            click.secho(f"Step {step.number}: {step.what}", bold=True)
            text = explanation(step)
            if text is not None and text not in self._explained:
                click.echo("  " + text.replace("\n", "\n  "))
                self._explained.add(text)
            if self._show_xml and step.xml:
                click.secho("\n".join(f"    {line}" for line in pretty(step.xml).splitlines()), dim=True)
