"""Settings that reach a simulator, as the TOML file that the commands read (docs/settings.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mpesa_cbp.settings import reveal

if TYPE_CHECKING:
    from mpesa_cbp.simulator.simulator import Simulator

_LISTENER = "http://127.0.0.1:8443"
_TOKEN = "a-path-token-for-the-simulator"


def settings_toml(simulator: Simulator) -> str:
    """The text of the file: endpoint, who we are, a journal and a listener on this machine.

    The passwords are the simulator's own, which protect nothing.
    """
    settings = simulator.client_settings()
    provider, initiator = settings["service_provider"], settings["initiator"]
    new_password = {"key": simulator.new_password_key, "vector": simulator.new_password_vector}
    sections: list[tuple[str, dict[str, str | None]]] = [
        (
            "",
            {
                "endpoint": simulator.url,
                "organisation": settings["organisation"],
                "result_url": f"{_LISTENER}/{_TOKEN}/result",
                "queue_timeout_url": f"{_LISTENER}/{_TOKEN}/queue-timeout",
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
        ("listener", {"path_token": _TOKEN}),
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
