"""What a command needs to talk to the simulator: a settings file."""

from __future__ import annotations

from pathlib import Path

NOWHERE = "http://127.0.0.1:1/nobody-listens"
MSISDN = "254712345678"


def settings_file(folder: Path, *, endpoint: str, certificate: Path, journal: str, result_url: str = NOWHERE) -> Path:
    """A TOML file with the settings of the simulator's first operator."""
    file = folder / "mpesa-cbp.toml"
    file.write_text(
        f"""
endpoint = "{endpoint}"
organisation = "Acme"
result_url = "{result_url}"
queue_timeout_url = "{NOWHERE}"

[service_provider]
id = "107031"
password = "simulator-sp-secret"
service_id = "107031000"

[initiator]
name = "api"
password = "simulator-initiator-secret"
short_code = "600000"
certificate = "{certificate}"

[journal]
url = "{journal}"

[http]
connect_timeout = 2
read_timeout = 5
"""
    )
    file.chmod(0o600)
    return file
