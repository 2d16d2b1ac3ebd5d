"""Settings that reach a simulator, as the TOML file that the commands read (docs/settings.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mpesa_cbp.listener.access_rules import new_token
from mpesa_cbp.settings import reveal

if TYPE_CHECKING:
    from mpesa_cbp.simulator.simulator import Simulator

LISTENER_PORT = 8443
"""The port of the listener unless another one is given."""


def settings_toml(simulator: Simulator, *, listener_port: int = LISTENER_PORT) -> str:
    """The text of the file: endpoint, who we are, a journal and a listener on this machine, with a new path token.

    The passwords are the simulator's own, which protect nothing.
    """
    token = new_token()
    listener = f"http://127.0.0.1:{listener_port}/{token}"
    settings = simulator.client_settings()
    provider, initiator = settings["service_provider"], settings["initiator"]
    new_password = {"key": simulator.new_password_key, "vector": simulator.new_password_vector}
    sections: list[tuple[str, dict[str, str | int | None]]] = [
        (
            "",
            {
                "endpoint": simulator.url,
                "organisation": settings["organisation"],
                "result_url": f"{listener}/result",
                "queue_timeout_url": f"{listener}/queue-timeout",
            },
        ),
        (
            "service_provider",
            {
                "id": provider.id,
                "password": None if provider.password is None else reveal(provider.password),
                "service_id": provider.service_id,
            },
        ),
        (
            "initiator",
            {
                "name": initiator.name,
                "password": reveal(initiator.password),
                "short_code": initiator.short_code,
                "certificate": str(simulator.certificate.resolve()),
            },
        ),
        ("new_password", dict(new_password)),
        ("journal", {"url": "sqlite:///simulated-payments.db"}),
        ("listener", {"port": listener_port, "path_token": token}),
    ]
    lines: list[str] = []
    for name, values in sections:
        lines += ["", f"[{name}]"] if name else []
        # A JSON text is a TOML basic string, but for the delete character, which JSON leaves as it is.
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False).replace(chr(127), chr(92) + 'u007f')}"
            for key, value in values.items()
            if value is not None
        ]
    return "\n".join(lines) + "\n"
