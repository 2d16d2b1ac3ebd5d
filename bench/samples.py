"""The messages that are measured: a B2C request, results of any length, and the floor of writing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree
from tests.requests_by_hand import HandmadeRequest

from mpesa_cbp.commands.table import COMMANDS
from mpesa_cbp.parsing import parse_amount
from mpesa_cbp_models import Request, Result
from mpesa_cbp_models.result import ParameterType, ReferenceData, ResultParameters

ROOT = Path(__file__).parents[1]
REQUEST = "http://api-v1.gen.mm.vodafone.com/mminterface/request"
RESULT = "http://api-v1.gen.mm.vodafone.com/mminterface/result"


def request() -> Request:
    """A B2C request as ``Client.pay_customer`` makes it."""
    return HandmadeRequest(
        command=COMMANDS["BusinessPayment"],
        conversation_id="600000_Acme_0001",
        timestamp="2026-11-24T04:00:00.000000Z",
        third_party_id="107031",
        third_party_password="secret",
        initiator_name="api",
        security_credential="A/+" * 114 + "==",
        short_code="600000",
        receiver="254700000000",
        amount=parse_amount(100),
        references=(("QueueTimeoutURL", "http://127.0.0.1:9000/timeout"), ("Occasion", "x")),
        remark="Salary November",
        result_url="http://127.0.0.1:9000/result",
    ).request()


def result(parameters: int, *, conversation_id: str = "600000_Acme_0001") -> Result:
    """A result with that many parameters; a B2C payment's has nine."""
    pairs = [
        ParameterType(key=f"TransactionCompletedDateTime{n}", value="22.03.2012 12:20:20") for n in range(parameters)
    ]
    return Result(
        result_type=0,
        result_code="0",
        result_desc="The service request is processed successfully.",
        originator_conversation_id=conversation_id,
        conversation_id="AG_20261124_00004f1c2d3e4a5b6c7d",
        transaction_id="2782728972",
        result_parameters=ResultParameters(result_parameter=pairs),
        reference_data=ReferenceData(reference_item=[ParameterType(key="Occasion", value="Christmas")]),
    )


def indented(document: bytes) -> bytes:
    """The document with each element on a line of its own, as the contract's samples have it."""
    root = etree.fromstring(document)
    etree.indent(root, "    ")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def dialect(document: bytes) -> bytes:
    """A result as deployed brokers send it: root with a capital, no namespace, ids in camel case."""
    text = document.decode().replace(f' xmlns="{RESULT}"', "").replace("<result>", "<Result>")
    return text.replace("</result>", "</Result>").replace("ConversationID>", "ConversationId>").encode()


def floor(document: str) -> Callable[[], bytes]:
    """One f-string of the same document, each value through ``xml.sax.saxutils.escape``."""
    parts: list[str] = []
    values: list[str] = []
    for piece in document.split("</"):
        head, _, value = piece.rpartition(">")
        parts.append(f"{head}>".replace("{", "{{").replace("}", "}}"))
        values.append(value)
    body = "</".join(f"{part}{{escape(v[{n}])}}" if values[n] else part for n, part in enumerate(parts))
    write: Callable[[list[str], Callable[[str], str]], str] = eval(f"lambda v, escape: f'''{body}'''")
    if write(values, escape) != document:
        raise AssertionError("the floor does not write the document")
    return lambda: write(values, escape).encode()
