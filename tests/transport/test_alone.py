"""``mpesa_cbp`` pays with its own dependencies alone: no extra is importable, and the broker is a double of our own."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from packaging.requirements import Requirement

from tests.transport.clients import INITIATOR_PASSWORD, SP_PASSWORD, operator_key

ROOT = Path(__file__).resolve().parents[2]
REQUEST = "{http://api-v1.gen.mm.vodafone.com/mminterface/request}"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
ANSWER = """\
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<req:ResponseMsg xmlns:req="http://api-v1.gen.mm.vodafone.com/mminterface/request"><![CDATA[\
<Response xmlns="http://api-v1.gen.mm.vodafone.com/mminterface/response">
<ResponseCode>0</ResponseCode><ResponseDesc>Accepted</ResponseDesc><ConversationID>AG_1</ConversationID>
<OriginatorConversationID>{id}</OriginatorConversationID><ServiceStatus>0</ServiceStatus></Response>]]>\
</req:ResponseMsg></soapenv:Body></soapenv:Envelope>"""

PAYS = """\
import json, sys
from mpesa_cbp import Client, Initiator, ServiceProvider
given = json.load(sys.stdin)
with Client(
    endpoint=given["endpoint"],
    service_provider=ServiceProvider(id="107031", password=given["sp_password"], service_id="107031000"),
    initiator=Initiator(
        name="api", password=given["password"], short_code="600000", certificate=given["certificate"].encode()
    ),
    organisation="Acme",
    result_url="https://us.example/token/result",
    queue_timeout_url="https://us.example/token/queue-timeout",
) as client:
    paid = client.pay_customer("0712 345 678", "100.50", remark="Salary", conversation_id="600000_Acme_1")
loaded = sorted({name.partition(".")[0] for name in sys.modules if name.startswith("mpesa_cbp")})
print(json.dumps([paid.conversation_id, paid.core_conversation_id, paid.code, loaded]))
"""


def needed(distribution: str) -> set[str]:
    """A distribution's dependencies without any extra, and theirs."""
    names = set()
    for each in map(Requirement, importlib.metadata.requires(distribution) or ()):
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            names |= {each.name} | needed(each.name)
    return names


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages as an installation without extras has it, the two packages of a payment included."""
    folder = tmp_path / "site"
    folder.mkdir()
    for package in ("transport/mpesa_cbp", "generated/mpesa_cbp_models"):
        (folder / Path(package).name).symlink_to(ROOT / package)
    for name in needed("mpesa-cbp"):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(str(distribution.locate_file(top)))
    return folder


class Broker(HTTPServer):
    """Accepts every request, and keeps what came."""

    received: list[tuple[str, bytes]]


class _Handler(BaseHTTPRequestHandler):
    server: Broker

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        answer = ANSWER.format(id=transaction_of(body).findtext(f"{REQUEST}OriginatorConversationID")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def broker() -> Iterator[Broker]:
    with Broker(("127.0.0.1", 0), _Handler) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def request_of(body: bytes) -> ElementTree.Element:
    carrier = ElementTree.fromstring(body).find(f"{SOAP}Body/{REQUEST}RequestMsg")
    assert carrier is not None
    return ElementTree.fromstring(carrier.text or "")


def transaction_of(body: bytes) -> ElementTree.Element:
    found = request_of(body).find(f"{REQUEST}Transaction")
    assert found is not None
    return found


def python(site: Path, script: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """A Python that sees the standard library and that folder alone."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    return subprocess.run(
        [sys.executable, "-S", "-P", "-c", script],
        env=environment | {"PYTHONPATH": str(site)},
        input=text,
        capture_output=True,
        text=True,
        cwd=site.parent,
        check=False,
    )


@pytest.mark.parametrize(
    "absent",
    [
        "sqlalchemy", "alembic", "click", "rich", "waitress", "granian", "uvicorn", "prometheus_client", "werkzeug",
        "xsdata", "jinja2", "mpesa_cbp_service", "mpesa_cbp_simulator", "mpesa_cbp_generator",
    ],
)  # fmt: skip
def test_no_extra_is_importable_there(site: Path, absent: str) -> None:
    assert f"No module named '{absent}'" in python(site, f"import {absent}").stderr


def test_a_payment_needs_no_extra(site: Path) -> None:
    with broker() as server:
        given = {
            "endpoint": f"http://127.0.0.1:{server.server_port}/mminterface/request",
            "sp_password": SP_PASSWORD,
            "password": INITIATOR_PASSWORD,
            "certificate": operator_key().certificate.decode(),
        }
        done = python(site, PAYS, json.dumps(given))
    assert done.stderr == ""
    assert json.loads(done.stdout) == ["600000_Acme_1", "AG_1", "0", ["mpesa_cbp", "mpesa_cbp_models"]]
    ((path, body),) = server.received
    assert path == "/mminterface/request"
    assert_pays(body)


def assert_pays(body: bytes) -> None:
    request, transaction = request_of(body), transaction_of(body)
    assert transaction.findtext(f"{REQUEST}CommandID") == "BusinessPayment"
    assert transaction.findtext(f"{REQUEST}Remark") == "Salary"
    amounts = [each.text for each in transaction.iter(f"{REQUEST}Value")]
    assert "100.50" in amounts
    assert request.findtext(f"{REQUEST}Identity/{REQUEST}ReceiverParty/{REQUEST}Identifier") == "254712345678"
    credential = request.findtext(f"{REQUEST}Identity/{REQUEST}Initiator/{REQUEST}SecurityCredential") or ""
    assert decrypted(credential) == INITIATOR_PASSWORD
    assert not [secret for secret in (SP_PASSWORD, INITIATOR_PASSWORD) if secret.encode() in body]


def decrypted(credential: str) -> str:
    key = serialization.load_pem_private_key(operator_key().private_key, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.decrypt(base64.b64decode(credential), padding.PKCS1v15()).decode()
