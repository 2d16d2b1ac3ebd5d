"""``mpesa-cbp simulate``: run the simulated broker until it is stopped."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import click

from mpesa_cbp.errors import SettingsError
from mpesa_cbp_service.cli.exit_codes import FINE
from mpesa_cbp_service.cli.signals import wait_for_signal
from mpesa_cbp_simulator import Simulator, TimelineEntry
from mpesa_cbp_simulator.config import LIMITS
from mpesa_cbp_simulator.settings_file import LISTENER_PORT, settings_toml
from mpesa_cbp_simulator.web.csrf import is_loopback


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8310, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep key pair and state here, for the next time; without it both vanish.",
)
@click.option("--scenario", metavar="NAME", help="A bad day that every request has, such as cached-then-expired.")
@click.option(
    "--scenario-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file that says which requests have which bad day (docs/simulator.md).",
)
@click.option(
    "--limits",
    type=click.Choice(sorted(LIMITS)),
    default="2014",
    show_default=True,
    help="What a customer may be paid: the figures of the specification, or those of recent years.",
)
@click.option("--seed", type=int, help="Make ids, receipts and chances the same in every run.")
@click.option(
    "--write-config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write settings that reach this simulator to a new TOML file, for the other commands' --config.",
)
@click.option(
    "--listener-port",
    type=click.IntRange(1, 65535),
    default=LISTENER_PORT,
    show_default=True,
    help="Port of the listener, in those settings.",
)
@click.option("--allow-host", multiple=True, metavar="NAME", help="A name under which the page may be reached too.")
@click.option("--quiet", is_flag=True, help="Do not print each step.")
def simulate(
    *,
    host: str,
    port: int,
    directory: Path | None,
    scenario: str | None,
    scenario_file: Path | None,
    limits: str,
    seed: int | None,
    write_config: Path | None,
    listener_port: int,
    allow_host: tuple[str, ...],
    quiet: bool,
) -> int:
    """Run the simulated broker and core until Ctrl-C, with a page to watch them.

    \b
    mpesa-cbp simulate
    mpesa-cbp simulate --directory simulated --write-config simulator.toml

    Exits with 0 when it is stopped, 2 for wrong usage or settings.
    """
    if scenario is not None and scenario_file is not None:
        raise click.UsageError("give either --scenario or --scenario-file")
    if write_config is not None and directory is None:
        raise click.UsageError("--write-config needs --directory: without it the certificate vanishes at the end")
    if write_config is not None:
        _refuse_existing(write_config)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    simulator = Simulator(
        host=host,
        port=port,
        directory=directory,
        scenario=scenario_file if scenario_file is not None else scenario,
        limits=LIMITS[limits],
        seed=seed,
        on_step=None if quiet else _tell,
        allow_hosts=allow_host,
    )
    with simulator:
        _greet(simulator, write_config, listener_port)
        wait_for_signal(stopped)
        click.echo("Stopped." if directory is None else f"Stopped; {directory} has what it knows, for the next time.")
    return FINE


def _greet(simulator: Simulator, write_config: Path | None, listener_port: int) -> None:
    text = settings_toml(simulator, listener_port=listener_port)
    if write_config is not None:
        _write_new(write_config, text)
    page = simulator.url.removesuffix("/mminterface/request")
    click.secho(f"The simulated broker runs. Watch it at {page}/", bold=True)
    if not is_loopback(simulator.host):
        click.secho(f"It listens on {simulator.host}: everybody who reaches this machine can use it.", fg="yellow")
    for name, value in (
        ("endpoint", simulator.url),
        ("password certificate", str(simulator.certificate)),
        ("for changePassword", f"key {simulator.new_password_key}, vector {simulator.new_password_vector}"),
    ):
        click.echo(f"  {name:21} {value}")
    if write_config is not None:
        click.echo(f"\nIts settings stand in {write_config}. In other terminals:\n")
        click.echo(f"  mpesa-cbp listen --config {write_config}    (on port {listener_port})")
        click.echo(f"  mpesa-cbp pay --msisdn 254700000000 --amount 100 --config {write_config}")
    else:
        click.echo("\nThese settings reach it; put them into mpesa-cbp.toml, or use --directory and --write-config:\n")
        click.echo("\n".join(f"  {line}".rstrip() for line in text.splitlines()))
    click.echo(
        "\nBad days: pay a magic amount (4104 is cached, then expires), or choose one on the page. Ctrl-C stops."
    )


def _refuse_existing(path: Path) -> None:
    """Said before anything is started or made; ``_write_new`` holds it against somebody who is faster."""
    if os.path.lexists(path):
        raise SettingsError(f"{path} is there already: remove it, or name another file")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise SettingsError(f"{path} cannot be written: its folder is not there, or is not ours to write")


def _write_new(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SettingsError(f"{path} is there already: remove it, or name another file") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _tell(step: TimelineEntry) -> None:
    click.echo(f"{step.at:%H:%M:%S} {step.conversation_id or '-'} {step.number} {step.what}")
