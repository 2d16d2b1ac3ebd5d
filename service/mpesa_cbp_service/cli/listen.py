"""``mpesa-cbp listen``: takes what the broker posts to us, until it is stopped."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from types import FrameType

import click

from mpesa_cbp_service.cli.exit_codes import FINE
from mpesa_cbp_service.cli.masking import masked_message
from mpesa_cbp_service.cli.options import configured, open_journal
from mpesa_cbp_service.cli.signals import wait_for_signal
from mpesa_cbp_service.config import FOR_JOURNAL, Configuration
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.listener import Listener
from mpesa_cbp_service.listener.access_rules import new_token
from mpesa_cbp_service.listener.factory import make_listener, make_server, register_handlers
from mpesa_cbp_service.listener.server import ListenerServer
from mpesa_cbp_service.notifications import Notification, ResultNotification

_NO_HANDLERS = "none: notifications are printed, masked; customers' payments (C2B) are refused at their validation"
_OPTIONS = ("listener_host", "listener_port", "listener_handlers")


def _print_token(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(new_token())
        context.exit()


@click.command()
@click.option("--host", "listener_host", help="Address to listen on, instead of the setting's.")
@click.option("--port", "listener_port", type=int, help="Port, instead of the setting's; 0 takes a free one.")
@click.option(
    "--handlers",
    "listener_handlers",
    metavar="MODULE:FUNCTION",
    help="Function that registers handlers on the listener; without it every notification is printed, masked.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Least level that is logged to stderr.",
)
@click.option(
    "--new-token",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_token,
    help="Print a new path token.",
)
@configured(FOR_JOURNAL, options=_OPTIONS)
def listen(*, configuration: Configuration, log_level: str) -> int:
    """Take results, queue timeouts and C2B payments from the broker, store them, and run handlers.

    \b
    mpesa-cbp listen --new-token > secrets/path-token
    mpesa-cbp listen --handlers our_handlers:register

    Every message is in the journal before it is acknowledged. Stops at Ctrl-C or SIGTERM, when it has finished what it
    accepted. Settings are those of [listener] and [journal], see docs/settings.md and docs/listener.md.
    Exits with 0 when it is stopped, 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("mpesa_cbp").setLevel(log_level.upper())
    stopped = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second signal ends it at once
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with open_journal(configuration) as journal:
        listener = make_listener(configuration, journal)
        if configuration.listener_handlers is not None:
            register_handlers(configuration.listener_handlers, listener)
        else:
            _print_notices(listener)
        server = make_server(configuration, listener)
        with server:
            _tell(configuration, journal, server)
            wait_for_signal(stopped)
            click.echo("stopping: what was accepted is finished", err=True)
    return FINE


def _tell(configuration: Configuration, journal: Journal, server: ListenerServer) -> None:
    lines = [
        f"listening at  {server.url}/<path token>/",
        f"journal       {journal!r}",
        f"callers       {who_may_call(configuration)}",
        f"handlers      {configuration.listener_handlers or _NO_HANDLERS}",
    ]
    if server.operations_url is not None:
        lines.append(f"operations    {server.operations_url}/metrics, /health, /ready")
    click.echo("\n".join([*lines, "Stop with Ctrl-C."]), err=True)


def who_may_call(configuration: Configuration) -> str:
    """From where, and what a caller must show."""
    proof = ", ".join(map(str, configuration.listener_networks or ())) or "any address"
    if configuration.listener_client_ca is not None:
        proof += f", with a client certificate of {configuration.listener_client_ca}"
    elif configuration.listener_certificate_header is not None:
        proof += f", with the client certificate that our proxy names in {configuration.listener_certificate_header}"
    if configuration.listener_certificate_names:
        proof += f", which must be {' or '.join(configuration.listener_certificate_names)}"
    return proof if configuration.listener_certificate is not None else f"{proof}, without TLS of our own"


def _print_notices(listener: Listener) -> None:
    listener.on_result(_print)
    listener.on_queue_timeout(_print)
    listener.on_c2b_confirmation(_print)
    listener.on_contradiction(_print)


def _print(notification: Notification) -> None:
    facts: dict[str, object] = {
        "event_id": notification.event_id,
        "message": type(notification).__name__.removesuffix("Notification"),
    }
    if isinstance(notification, ResultNotification):
        facts.update(
            conversation_id=notification.conversation_id, succeeded=notification.succeeded, final=notification.final
        )
        facts.update(contradicts=notification.contradicts, content=masked_message(notification.result, masked=True))
    else:
        facts.update(content=masked_message(notification.message, masked=True))
    # One write, so that lines of several threads do not mix; flushed, so that a pipe has it at once.
    sys.stdout.write(json.dumps(facts, ensure_ascii=False) + "\n")
    sys.stdout.flush()
