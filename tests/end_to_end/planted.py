"""Secrets and customers' data that are planted in a run, and the search for them in all that the run shows."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import quote

from mpesa_cbp import Initiator, ServiceProvider
from mpesa_cbp_simulator import Customer

SP_PASSWORD = "Planted-sp/word+1"
INITIATOR_PASSWORD = "Planted-initiator&word?2"
THIRD_PARTY_PASSWORD = "Planted-third=word%3"
NEW_PASSWORD = "Planted-new word-4"
AES_KEY = "PlantedAesKey-16"
AES_VECTOR = "PlantedVector-16"
AES_VECTOR_TOO_LONG = f"{AES_VECTOR}-"
PASSPHRASE = "Planted-passphrase 6"
PATH_TOKEN = "Planted_path-token.5"
MSISDN = "254798765432"
MSISDN_TOO_LONG = f"{MSISDN}9"
NAME = "Wanjiku Plantedname"
NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)

SECRETS = {
    "sp password": SP_PASSWORD,
    "initiator password": INITIATOR_PASSWORD,
    "third party password": THIRD_PARTY_PASSWORD,
    "new password": NEW_PASSWORD,
    "AES key": AES_KEY,
    "AES vector": AES_VECTOR,
    "passphrase": PASSPHRASE,
    "path token": PATH_TOKEN,
    "MSISDN": MSISDN,
    "MSISDN, local form": "0798765432",
    "MSISDN, subscriber": "798765432",
    "MSISDN, with blanks": "254 798 765 432",
    "MSISDN, digest": hashlib.sha256(MSISDN.encode()).hexdigest(),
    "name": NAME,
    "surname": "Plantedname",
}

SERVICE_PROVIDER = ServiceProvider(
    id="107031", password=SP_PASSWORD, service_id="107031000", third_party_password=THIRD_PARTY_PASSWORD
)
CUSTOMER = Customer(msisdn=MSISDN, name=NAME)


def initiator(certificate: object) -> Initiator:
    return Initiator(name="api", password=INITIATOR_PASSWORD, short_code="600000", certificate=certificate)  # type: ignore[arg-type]


def _forms(secret: str) -> Iterator[tuple[str, str]]:
    """A secret as it may stand in a text: as it is, escaped, packed; base64 at each of its three alignments."""
    data = secret.encode()
    yield "raw", secret
    yield "repr", repr(secret)[1:-1]
    yield "XML", secret.replace("&", "&amp;")
    yield "URL-encoded", quote(secret, safe="")
    yield "hex", data.hex()
    yield "hex", data.hex().upper()
    for before in range(3):
        packed = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        # The first and the last characters hold bits of what stands beside it.
        yield "base64", packed[(0, 2, 3)[before] : -1]


FORMS = {form: f"{name} ({how})" for name, secret in SECRETS.items() for how, form in _forms(secret)}
# What is computed from secrets anew for each message: long runs of base64, as credentials and spPasswords are.
_CREDENTIAL = re.compile(r"[A-Za-z0-9+/]{300,}={0,2}")


def found_in(shown: str) -> list[str]:
    """Which planted things stand in a text; the text itself is no part of the answer."""
    found = [what for form, what in FORMS.items() if form in shown]
    if _CREDENTIAL.search(shown):
        found.append("a SecurityCredential, or a whole message in base64")
    return found


class Records(logging.Handler):
    """Keeps everything of every record: its text, its attributes, its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.shown: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # The simulator and the test itself post to our listener from this process: the broker knows the path token.
        if record.name == "urllib3.connectionpool" and f"/{PATH_TOKEN}/" in str(record.args):
            return
        self.shown.append(f"{record.name} {logging.Formatter('%(message)s').format(record)} {record.__dict__}")


@contextmanager
def everything_logged() -> Iterator[Records]:
    """All loggers of the process at DEBUG, those of urllib3, uvicorn and SQLAlchemy among them."""
    records, root = Records(), logging.getLogger()
    level = root.level
    root.addHandler(records)
    root.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        root.removeHandler(records)
        root.setLevel(level)


def shown_by(error: BaseException) -> str:
    """Everything that an error can show: its texts, its attributes, and a traceback with the locals of all frames."""
    page = io.StringIO()
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    for line in trace.format(chain=True):
        page.write(line)
    return f"{error} {error!r} {vars(error)} {page.getvalue()}"
