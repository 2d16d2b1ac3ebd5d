"""A simulated broker, our listener, a journal, and settings in the working directory that join them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mpesa_cbp import PaymentState
from mpesa_cbp.identity.profile import reveal
from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_simulator import Simulator, Timing

ID = "600000_Acme_November"


@dataclass
class World:
    folder: Path
    simulator: Simulator
    journal: Journal
    secrets: tuple[str, ...]

    def requests_seen(self) -> int:
        return sum(step.number == 1 for step in self.simulator.steps)

    def state(self, conversation_id: str = ID) -> PaymentState:
        payment = self.journal.payment(conversation_id)
        assert payment is not None
        return payment.state

    def point_to(self, endpoint: str) -> None:
        file = self.folder / "mpesa-cbp.toml"
        file.write_text(file.read_text().replace(self.simulator.url, endpoint))

    def be_patient(self) -> None:
        """Wait longer for answers than a busy machine can take."""
        file = self.folder / "mpesa-cbp.toml"
        file.write_text(file.read_text().replace("read_timeout = 2", "read_timeout = 60"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MPESA_CBP_")]:
        monkeypatch.delenv(name)
    url = f"sqlite:///{tmp_path}/payments.db"
    with (
        Simulator(timing=Timing(result_delay=0.05), seed=1) as simulator,
        Journal(url) as journal,
        ListenerServer(Listener(journal=journal, path_token="an-unguessable-word")) as server,
    ):
        settings = simulator.client_settings()
        provider, initiator = settings["service_provider"], settings["initiator"]
        secrets = (reveal(provider.password), reveal(initiator.password), simulator.new_password_key)
        (tmp_path / "mpesa-cbp.toml").write_text(
            f"""
            endpoint = "{simulator.url}"
            organisation = "Acme"
            result_url = "{server.url}/an-unguessable-word/result"
            queue_timeout_url = "{server.url}/an-unguessable-word/queue-timeout"
            [service_provider]
            id = "{provider.id}"
            password = "{secrets[0]}"
            service_id = "{provider.service_id}"
            [initiator]
            name = "{initiator.name}"
            password = "{secrets[1]}"
            short_code = "{initiator.short_code}"
            certificate = "{simulator.certificate}"
            [http]
            read_timeout = 2
            connect_retries = 0
            [new_password]
            key = "{simulator.new_password_key}"
            vector = "{simulator.new_password_vector}"
            [journal]
            url = "sqlite:///payments.db"
            """
        )
        yield World(tmp_path, simulator, journal, secrets)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port on which nobody listens, and which nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
