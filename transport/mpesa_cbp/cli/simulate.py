"""``mpesa-cbp simulate``: the simulated broker on its own, until it is stopped."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from mpesa_cbp.simulator import Simulator, Step


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8310, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), help="Keep key pair and state here.")
@click.option("--scenario", help="Name of a bad day, or a TOML file.")
@click.option("--seed", type=int, help="Make ids, receipts and chances the same in every run.")
def simulate(*, host: str, port: int, directory: Path | None, scenario: str | None, seed: int | None) -> int:
    """Run the simulated broker and core until Ctrl-C."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    simulator = Simulator(host=host, port=port, directory=directory, scenario=scenario, seed=seed, on_step=_tell)
    with simulator:
        settings = simulator.client_settings()
        click.echo(f"endpoint              {simulator.url}")
        click.echo(f"password certificate  {simulator.certificate}")
        click.echo(f"spId                  {settings['service_provider'].id}")
        click.echo(f"initiator             {settings['initiator'].name} of {settings['initiator'].short_code}")
        click.echo("Passwords are in docs/simulator.md. Stop with Ctrl-C.")
        stopped.wait()
    return 0


def _tell(step: Step) -> None:
    click.echo(f"{step.at:%H:%M:%S} {step.conversation_id} {step.number} {step.what}")
