"""A TOML file of settings that reach a simulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mpesa_cbp.identity.profile import reveal
from mpesa_cbp_service.listener.access_rules import new_token

if TYPE_CHECKING:
    from mpesa_cbp_simulator.simulator import Simulator

LISTENER_PORT = 8443
"""The port of the listener unless another one is given."""


_Section = dict[str, "str | int | None"]


def settings_toml(simulator: Simulator, *, listener_port: int = LISTENER_PORT) -> str:
    """The text of the file: endpoint, who we are, a journal and a listener on this machine, with a new path token.

    The passwords are the simulator's own, which protect nothing.
    """
    token = new_token()
    listener = f"http://127.0.0.1:{listener_port}/{token}"
    top: _Section = {
        "endpoint": simulator.url,
        "organisation": simulator.client_settings()["organisation"],
        "result_url": f"{listener}/result",
        "queue_timeout_url": f"{listener}/queue-timeout",
    }
    sections: dict[str, _Section] = {
        **_who_we_are(simulator),
        "new_password": {"key": simulator.new_password_key, "vector": simulator.new_password_vector},
        "journal": {"url": "sqlite:///simulated-payments.db"},
        "listener": {"port": listener_port, "path_token": token},
    }
    lines = _pairs(top)
    for name, section in sections.items():
        lines += ["", f"[{name}]", *_pairs(section)]
    return "\n".join(lines) + "\n"


def _who_we_are(simulator: Simulator) -> dict[str, _Section]:
    settings = simulator.client_settings()
    provider, initiator = settings["service_provider"], settings["initiator"]
    password = None if provider.password is None else reveal(provider.password)
    return {
        "service_provider": {"id": provider.id, "password": password, "service_id": provider.service_id},
        "initiator": {
            "name": initiator.name,
            "password": reveal(initiator.password),
            "short_code": initiator.short_code,
            "certificate": str(simulator.certificate.resolve()),
        },
    }


def _pairs(section: _Section) -> list[str]:
    # A JSON text is a TOML basic string, but for the delete character, which JSON leaves as it is.
    return [
        f"{key} = {json.dumps(value, ensure_ascii=False).replace(chr(127), chr(92) + 'u007f')}"
        for key, value in section.items()
        if value is not None
    ]
