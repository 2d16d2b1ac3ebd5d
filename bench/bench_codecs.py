"""Speed of the codecs beside xsdata and the floor; run by ``nox -s bench``, prints microseconds and ratios."""

from __future__ import annotations

import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from xml.sax.saxutils import escape

from lxml import etree
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

from mpesa_cbp.commands import COMMANDS, Order
from mpesa_cbp.envelope import decode, encode
from mpesa_cbp.values import parse_amount
from mpesa_cbp_models import Result
from mpesa_cbp_models.operations import GENERIC_API_RESULT
from mpesa_cbp_models.result import ParameterType, ReferenceData, ResultParameters

REQUEST_NAMESPACE = "http://api-v1.gen.mm.vodafone.com/mminterface/request"


def microseconds(work: Callable[[], object], number: int) -> float:
    """Best of seven runs."""
    return min(timeit.repeat(work, number=number, repeat=7)) / number * 1e6


def request() -> object:
    """A B2C request as ``Client.pay_customer`` makes it."""
    return Order(
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


def result(parameters: int) -> Result:
    """A result with that many parameters."""
    pairs = [
        ParameterType(key=f"TransactionCompletedDateTime{n}", value="22.03.2012 12:20:20") for n in range(parameters)
    ]
    return Result(
        result_type=0,
        result_code="0",
        result_desc="The service request is processed successfully.",
        originator_conversation_id="600000_Acme_0001",
        conversation_id="AG_20261124_00004f1c2d3e4a5b6c7d",
        transaction_id="2782728972",
        result_parameters=ResultParameters(result_parameter=pairs),
        reference_data=ReferenceData(reference_item=[ParameterType(key="Occasion", value="Christmas")]),
    )


def floor(document: str) -> Callable[[], bytes]:
    """One f-string of the same document, each value through ``escape``."""
    parts: list[str] = []
    values: list[str] = []
    for piece in document.split("</"):
        head, _, value = piece.rpartition(">")
        parts.append(f"{head}>".replace("{", "{{").replace("}", "}}"))
        values.append(value)
    body = "</".join(f"{part}{{escape(v[{n}])}}" if values[n] else part for n, part in enumerate(parts))
    write: Callable[[list[str], Callable[[str], str]], str] = eval(f"lambda v, escape: f'''{body}'''")
    assert write(values, escape) == document
    return lambda: write(values, escape).encode()


def row(name: str, ours: float, **others: float) -> None:
    """Print one line of the table."""
    ratios = "  ".join(
        f"{other.replace('_', ' ')} {value:9.2f} us ({ours / value:.2f}x)" for other, value in others.items()
    )
    print(f"{name:38} {ours:9.2f} us  {ratios}")


def imports(code: str) -> float:
    """Best of fifteen fresh processes, in milliseconds, the bare interpreter taken off."""

    def one(script: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], check=True)
        return time.perf_counter() - started

    return (min(one(code) for _ in range(15)) - min(one("pass") for _ in range(15))) * 1000


def main() -> None:
    """Print the table."""
    typed = request()
    document = typed.to_xml().decode()  # type: ignore[attr-defined]
    serializer, parser = XmlSerializer(), XmlParser()
    row(
        "write a B2C request",
        microseconds(typed.to_xml, 20_000),  # type: ignore[attr-defined]
        floor=microseconds(floor(document), 20_000),
        xsdata=microseconds(lambda: serializer.render(typed, ns_map={None: REQUEST_NAMESPACE}).encode(), 300),
    )
    payload = result(9).to_xml()
    row(
        "read a result",
        microseconds(lambda: Result.from_xml(payload), 10_000),
        lxml_fromstring=microseconds(lambda: etree.fromstring(payload), 10_000),
        xsdata=microseconds(lambda: parser.from_bytes(payload, Result), 300),
    )
    envelope = encode(result(9), operation=GENERIC_API_RESULT, direction="input")
    bare = microseconds(lambda: etree.fromstring(envelope), 10_000)
    bare += microseconds(lambda: etree.fromstring(payload), 10_000)
    row("read a result envelope", microseconds(lambda: decode(envelope), 10_000), two_lxml_parses=bare)
    thousand, ten_thousand = result(1_000).to_xml(), result(10_000).to_xml()
    row(
        "read 10 000 parameters",
        microseconds(lambda: Result.from_xml(ten_thousand), 5),
        thousand_parameters=microseconds(lambda: Result.from_xml(thousand), 50),
    )
    ours = imports("import mpesa_cbp_models; mpesa_cbp_models.Request")
    base = imports("import lxml.etree, dataclasses")
    beside = f"lxml.etree and dataclasses {base:.2f} ms ({ours / base:.2f}x)"
    print(f"{'import and use of Request':38} {ours:9.2f} ms  {beside}")


if __name__ == "__main__":
    main()
