"""``mpesa-cbp listen``: takes what the broker posts to us, until it is stopped."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mpesa_cbp.errors import CbpError
from mpesa_cbp_service.cli.exit_codes import FINE, UNREADABLE
from mpesa_cbp_service.cli.masking import masked_message
from mpesa_cbp_service.cli.options import configured, open_journal
from mpesa_cbp_service.config import FOR_JOURNAL, Configuration
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.listener import Listener
from mpesa_cbp_service.listener.access_rules import new_token
from mpesa_cbp_service.listener.asgi import asgi_application
from mpesa_cbp_service.listener.factory import make_listener, register_handlers
from mpesa_cbp_service.listener.granian_server import end_with_parent, serve
from mpesa_cbp_service.notifications import Notification, ResultNotification

if TYPE_CHECKING:
    from mpesa_cbp_service.listener.asgi import AsgiApplication

_NO_HANDLERS = "none: notifications are printed, masked; customers' payments (C2B) are refused at their validation"
_OPTIONS = ("listener_host", "listener_port", "listener_handlers", "listener_workers")


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
    "--workers", "listener_workers", type=int, help="Processes that serve, instead of the setting's; with PostgreSQL."
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
    accepted; SIGHUP restarts its workers, one after the other, with certificates and handlers as they are then.
    Settings are those of [listener] and [journal], see docs/settings.md and docs/listener.md.
    Exits with 0 when it is stopped, 2 for wrong usage or settings, 3 if the journal cannot be used.
    """
    _configure_logging(log_level)
    # What is wrong with them is reported here, before there are workers.
    with open_journal(configuration) as journal:
        _listener(configuration, journal)
        shown = repr(journal)
    serve(
        configuration, partial(application, configuration, log_level), on_listening=partial(_tell, configuration, shown)
    )
    click.echo("stopped: what was accepted is finished", err=True)
    return FINE


def application(configuration: Configuration, log_level: str) -> AsgiApplication:
    """What a worker serves: a listener with its journal, its handlers, and its second port."""
    _configure_logging(log_level)
    end_with_parent()
    try:
        journal = Journal(configuration.journal_url or "")
        listener = _listener(configuration, journal)
        stop = _serve_operations(configuration, listener)
    except CbpError as error:
        click.echo(f"mpesa-cbp: {error}", err=True)
        raise SystemExit(UNREADABLE) from None
    return _closing(asgi_application(listener), stop, journal.close)


def _closing(inner: AsgiApplication, *close: Callable[[], object]) -> AsgiApplication:
    """The application, which calls functions after the end of its lifespan."""

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)
        if scope["type"] == "lifespan":
            for each in close:
                each()

    return outer


def _listener(configuration: Configuration, journal: Journal) -> Listener:
    listener = make_listener(configuration, journal)
    if configuration.listener_handlers is not None:
        register_handlers(configuration.listener_handlers, listener)
    else:
        _print_notices(listener)
    return listener


def _serve_operations(configuration: Configuration, listener: Listener) -> Callable[[], object]:
    """Serve the second port, if there is one; the function that is returned stops it."""
    port = configuration.listener_operations_port
    if port is None:
        return lambda: None
    from mpesa_cbp_service.listener.admin_server import admin_server

    operations = admin_server(listener, host=configuration.listener_operations_host, port=port)
    operations.start()
    click.echo(f"operations    {operations.url}/metrics, /health, /ready", err=True)
    return operations.stop


def _configure_logging(level: str) -> None:
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("mpesa_cbp").setLevel(level.upper())


def _tell(configuration: Configuration, journal: str, url: str) -> None:
    lines = [
        f"listening at  {url}/<path token>/",
        f"journal       {journal}",
        f"callers       {who_may_call(configuration)}",
        f"handlers      {configuration.listener_handlers or _NO_HANDLERS}",
        "Stop with Ctrl-C.",
    ]
    click.echo("\n".join(lines), err=True)


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
