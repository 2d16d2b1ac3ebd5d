"""What the broker checks before it accepts a request (protocol, sections 2, 3 and 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mpesa_cbp.identity.profile import CONTRACT_HEADER_NAMESPACE, GUIDE_HEADER_NAMESPACE, ServiceProvider
from mpesa_cbp.identity.security import SpPasswordReading
from mpesa_cbp_models import RequestSOAPHeader
from mpesa_cbp_simulator import Simulator, State
from tests.simulator.by_hand import Broker, header

WIRE = Path(__file__).parents[3] / "shared" / "wire"


@pytest.fixture
def broker(simulator: Simulator) -> Broker:
    return Broker(simulator)


@pytest.mark.parametrize("namespace", [CONTRACT_HEADER_NAMESPACE, GUIDE_HEADER_NAMESPACE])
@pytest.mark.parametrize("reading", SpPasswordReading)
def test_every_reading_of_sp_password_in_either_namespace_is_accepted(
    broker: Broker, reading: SpPasswordReading, namespace: str
) -> None:
    assert broker.response_code(broker.order().request(), header(reading=reading), namespace=namespace) == "0"


@pytest.mark.parametrize(
    ("late", "code"),
    [
        (timedelta(minutes=9), "0"),
        (timedelta(minutes=-9), "0"),
        (timedelta(minutes=11), "100000007"),
        (timedelta(minutes=-11), "100000007"),
        (timedelta(hours=-3), "0"),
        (timedelta(hours=-3, minutes=-11), "100000007"),
        (timedelta(days=400), "100000007"),
    ],
    ids=["a little old", "a little ahead", "stale", "too far ahead", "Nairobi time", "Nairobi time, ahead", "ancient"],
)
def test_time_stamp_must_be_near_in_utc_or_nairobi_time(broker: Broker, late: timedelta, code: str) -> None:
    assert broker.response_code(broker.order().request(), header(late=late)) == code


@pytest.mark.parametrize(
    ("sign", "code", "says"),
    [
        (lambda: header(password="wrong"), "100000007", "spPassword is wrong"),
        (lambda: replace(header(), time_stamp="20260101"), "100000007", "yyyyMMddHHmmss"),
        (lambda: header(sp_id="999"), "100000022", "spId is not known"),
        (lambda: header(service_id="999"), "100000008", "serviceId is not known"),
        (lambda: replace(header(), sp_password=None), "100000014", "spPassword or timeStamp is missing"),
        (lambda: replace(header(), time_stamp=None), "100000014", "spPassword or timeStamp is missing"),
    ],
    ids=["password", "stamp", "spId", "serviceId", "no spPassword", "no timeStamp"],
)
def test_wrong_header_is_refused_and_nothing_is_done(
    broker: Broker, sign: Callable[[], RequestSOAPHeader], code: str, says: str
) -> None:
    answer = broker.post(broker.order().request(), sign()).message
    assert answer.response_code == code
    assert says in answer.response_desc
    broker.simulator.settle()
    assert [each.state for each in broker.simulator.conversations()] == [State.REFUSED]
    assert broker.simulator.transfers() == []


def test_request_without_a_header_is_refused(broker: Broker) -> None:
    code = broker.response_code(
        broker.order().request(), spoil=lambda envelope: re.sub(rb"<soapenv:Header>.*</soapenv:Header>", b"", envelope)
    )
    assert code == "100000014"


def test_provider_known_by_its_address_alone_needs_no_signature() -> None:
    with Simulator(service_provider=ServiceProvider(id="107031", password=None)) as simulator:
        assert (
            Broker(simulator).response_code(Broker(simulator).order().request(), RequestSOAPHeader(sp_id="107031"))
            == "0"
        )


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda text: text.replace(b"<CommandID>BusinessPayment</CommandID>", b""), "23"),
        (lambda text: text.replace(b"<IdentifierType>1<", b"<IdentifierType>77<"), "23"),
        (lambda text: text.replace(b"<CallerType>2<", b"<CallerType>two<"), "23"),
        (lambda text: text.replace(b"BusinessPayment", b"B" * 65), "23"),
        (lambda text: re.sub(rb"(ConversationID>)6\w+", rb"\1" + b"6" * 129, text), "23"),
        (lambda text: text.replace(b"</request>", b""), "23"),
        (lambda text: re.sub(rb"(ConversationID>)6\w+", rb"\1  ", text), "24"),
        (lambda text: text.replace(b"<Key>Amount</Key>", b"<Key>Sum</Key>"), "24"),
        (lambda text: text.replace(b"<Value>100<", b"<Value>much<"), "25"),
        (lambda text: text.replace(b"<Value>100<", b"<Value>-100.00<"), "25"),
        (lambda text: text.replace(b"<Value>100<", b"<Value>1.005<"), "25"),
    ],
    ids=[
        "no command", "unknown identifier type", "caller type no number", "command too long", "conversation id too long",
        "not well-formed", "blank conversation id", "no amount", "amount no number", "negative amount", "three places",
    ],
)  # fmt: skip
def test_request_against_the_schema_or_its_command_is_refused(
    broker: Broker, spoil: Callable[[bytes], bytes], code: str
) -> None:
    request = broker.order().request()
    sound, spoilt = broker.post(request), broker.post(replace(request, transaction=request.transaction), spoil=spoil)
    assert sound.message.response_code == "0"
    assert spoilt.message.response_code == code
    broker.simulator.settle()
    assert len(broker.simulator.transfers()) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "cannot be read"),
        (b"hello", "cannot be read"),
        (b"<a/>", "cannot be read"),
        (b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "cannot be read"),
        (b"<Envelope><Body><GenericAPIWish/></Body></Envelope>", "cannot be read"),
    ],
    ids=["empty", "text", "no envelope", "doctype", "unknown operation"],
)
def test_what_is_no_message_is_a_fault_of_the_client(broker: Broker, body: bytes, says: str) -> None:
    answer = broker.raw(body)
    assert answer.status_code == 500
    assert "faultcode>soapenv:Client<" in answer.text
    assert says in answer.text


def test_message_meant_for_partners_is_refused(broker: Broker) -> None:
    sample = b"""<Envelope><Body><ResultMsg><![CDATA[<result><ResultType>0</ResultType><ResultCode>0</ResultCode>
        <ResultDesc>d</ResultDesc><OriginatorConversationID>a</OriginatorConversationID></result>]]></ResultMsg></Body>
        </Envelope>"""
    assert "not offered here" in broker.raw(sample).text


def test_endpoint_takes_only_xml_by_post_and_of_a_bounded_size(broker: Broker) -> None:
    import requests

    url = broker.simulator.url
    assert requests.get(url, timeout=10).status_code == 405
    assert requests.post(url, data=b"{}", headers={"Content-Type": "application/json"}, timeout=10).status_code == 415
    assert broker.raw(b" " * (1024 * 1024 + 1)).status_code == 413


@pytest.mark.skipif(not WIRE.is_dir(), reason="the wire samples of ../shared are not here")
@pytest.mark.parametrize("path", sorted(WIRE.glob("*")), ids=lambda path: path.name)
def test_no_sample_from_the_wire_brings_the_simulator_down(broker: Broker, path: Path) -> None:
    answer = broker.raw(path.read_bytes())
    assert answer.status_code in {200, 500}
    assert "The simulator failed" not in answer.text
