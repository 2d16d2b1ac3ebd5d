"""A message that says one thing twice, or nil and something, is refused by ``decode`` in every place and spelling."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from mpesa_cbp.envelope import decode
from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.history.recorded_http import read_recorded

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "messages"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
RESULT = "http://api-v1.gen.mm.vodafone.com/mminterface/result"
RESPONSE = "http://api-v1.gen.mm.vodafone.com/mminterface/response"
REQUEST = "http://api-v1.gen.mm.vodafone.com/mminterface/request"
C2B = "http://cps.huawei.com/cpsinterface/c2bpayment"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

IDS = (
    "<OriginatorConversationID>600000_Acme_1</OriginatorConversationID><ConversationID>AG_1</ConversationID>"
    "<TransactionID>LK1</TransactionID>"
)
PAIR = "<Key>Amount</Key><Value>1500.00</Value>"
PARAMETERS = f"<ResultParameters><ResultParameter>{PAIR}</ResultParameter></ResultParameters>"
PLAIN = f"<ResultType>0</ResultType><ResultCode>0</ResultCode><ResultDesc>ok</ResultDesc>{IDS}{PARAMETERS}"
CONFIRMATION = (
    "<TransType>Pay Bill</TransType><TransID>LK9</TransID><TransTime>20261201100000</TransTime>"
    "<TransAmount>10</TransAmount><BusinessShortCode>600000</BusinessShortCode><MSISDN>254700000000</MSISDN>"
)
ANSWER = "<ResponseCode>0</ResponseCode><ResponseDesc>ok</ResponseDesc><ConversationID>AG_1</ConversationID>"


def envelope(body: str, *, head: str = "") -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}" xmlns:xsi="{XSI}">{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()


def carried(inner: str, name: str = "result", namespace: str = RESULT) -> str:
    carrier = {"result": f'ResultMsg xmlns="{RESULT}"', "response": f'ResponseMsg xmlns="{REQUEST}"'}[name]
    document = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{namespace}">{inner}</{name}>'
    return f"<{carrier}><![CDATA[{document}]]></{carrier.split()[0]}>"


def result(inner: str) -> bytes:
    return envelope(carried(inner))


def structured(inner: str) -> bytes:
    return envelope(f'<ResultMsg xmlns="{RESULT}">{inner}</ResultMsg>')


def confirmation(inner: str) -> bytes:
    return envelope(f'<c:C2BPaymentConfirmationRequest xmlns:c="{C2B}">{inner}</c:C2BPaymentConfirmationRequest>')


def response(inner: str) -> bytes:
    return envelope(carried(inner, "response", RESPONSE))


def with_pair(pair: str) -> str:
    return PLAIN.replace(PAIR, pair)


TWICE = {
    "result code apart": result(f"<ResultCode>1</ResultCode>{PLAIN}"),
    "result code behind all": result(f"{PLAIN}<ResultCode>1</ResultCode>"),
    "result code adjacent": result(PLAIN.replace("<ResultCode>", "<ResultCode>1</ResultCode><ResultCode>")),
    "result code empty first": result(f"<ResultCode/>{PLAIN}"),
    "the same result code": result(f"{PLAIN}<ResultCode>0</ResultCode>"),
    "result code around an unknown element": result(
        PLAIN.replace("<ResultDesc>", "<New/><ResultCode>1</ResultCode><ResultDesc>")
    ),
    "result type empty first": result(f"<ResultType/><TransactionID/>{PLAIN.replace('<TransactionID>LK1</TransactionID>', '')}"),
    "conversation id": result(f"<OriginatorConversationID>2</OriginatorConversationID>{PLAIN}"),
    "conversation id under its other name": result(f"{PLAIN}<OriginatorConversationId>2</OriginatorConversationId>"),
    "core's id under its other name": result(f"<ConversationId>AG_2</ConversationId>{PLAIN}"),
    "receipt": result(f"{PLAIN}<TransactionID>LK2</TransactionID>"),
    "receipt under its other name": result(f"<TransactionId>LK2</TransactionId>{PLAIN}"),
    "receipt in no namespace": result(f'{PLAIN}<TransactionID xmlns="">LK2</TransactionID>'),
    "parameters": result(f"{PARAMETERS}{PLAIN}"),
    "value before key": result(with_pair(f"<Value>1</Value>{PAIR}")),
    "value behind": result(with_pair(f"{PAIR}<Value>1</Value>")),
    "key behind": result(with_pair(f"{PAIR}<Key>Amount</Key>")),
    "value in another namespace": result(with_pair(f'{PAIR}<Value xmlns="{REQUEST}">1</Value>')),
    "C2B amount apart": confirmation(f"<TransAmount>9999</TransAmount>{CONFIRMATION}"),
    "C2B amount behind": confirmation(f"{CONFIRMATION}<TransAmount>9999</TransAmount>"),
    "C2B type under its other name": confirmation(f"{CONFIRMATION}<TransactionType>Buy Goods</TransactionType>"),
    "response code apart": response(f"{ANSWER}<ResponseCode>1</ResponseCode>"),
    "response code first": response(f"<ConversationID>AG_2</ConversationID>{ANSWER}"),
    "structured result code": structured(f"<ResultCode>1</ResultCode>{PLAIN}"),
}  # fmt: skip

NIL = {
    "result type": result(PLAIN.replace("<ResultType>", f'<ResultType xmlns:xsi="{XSI}" xsi:nil="true">')),
    "result code": result(PLAIN.replace("<ResultCode>", f'<ResultCode xmlns:xsi="{XSI}" xsi:nil="1">')),
    "value": result(PLAIN.replace("<Value>", f'<Value xmlns:xsi="{XSI}" xsi:nil="true">')),
    "value, nil in no namespace": result(PLAIN.replace("<Value>", "<Value nil='true'>")),
    "parameter": result(PLAIN.replace("<ResultParameter>", f'<ResultParameter xmlns:x="{XSI}" x:nil="true">')),
    "parameters": result(PLAIN.replace("<ResultParameters>", f'<ResultParameters xmlns:x="{XSI}" x:nil="true">')),
    "the whole result": envelope(
        carried(PLAIN).replace(f'<result xmlns="{RESULT}">', f'<result xmlns="{RESULT}" xmlns:x="{XSI}" x:nil="true">')
    ),
    "amount": confirmation(CONFIRMATION.replace("<TransAmount>", '<TransAmount xsi:nil="true">')),
    "structured value": structured(PLAIN.replace("<Value>", '<Value xsi:nil="true">')),
}

BODY = carried(PLAIN)
HEADER = '<s:Header><h:RequestSOAPHeader xmlns:h="http://www.huawei.com.cn/schema/common/v2_1">{}</h:RequestSOAPHeader></s:Header>'
SP_ID = "<h:spId>1</h:spId>"
ENVELOPE = {
    "two messages": envelope(BODY + BODY),
    "two bodies": envelope(f"{BODY}</s:Body><s:Body>{BODY}"),
    "two headers": envelope(BODY, head="<s:Header/><s:Header/>"),
    "two signing headers": envelope(BODY, head=HEADER.format(SP_ID).replace("</s:Header>", "") + HEADER.format(SP_ID).replace("<s:Header>", "")),
    "an id twice in the signing header": envelope(BODY, head=HEADER.format(f"{SP_ID}<h:spPassword>a</h:spPassword>{SP_ID}")),
    "two documents in the text": envelope(BODY.replace("]]>", f'<result xmlns="{RESULT}">{PLAIN}</result>]]>')),
    "two structured documents": structured(f"<result>{PLAIN}</result>" * 2),
    "a structured document beside the elements of another": structured(f"<result>{PLAIN}</result>{PLAIN}"),
    "two codes of a fault": envelope("<s:Fault><faultcode>a</faultcode><faultstring/><faultcode>b</faultcode></s:Fault>"),
}  # fmt: skip


@pytest.mark.parametrize("data", TWICE.values(), ids=TWICE)
@pytest.mark.parametrize("strict", [False, True])
def test_element_that_stands_twice_is_refused(data: bytes, strict: bool) -> None:
    with pytest.raises(MalformedMessage) as caught:
        decode(data, strict=strict)
    assert strict or "more than once" in caught.value.reason


@pytest.mark.parametrize("data", NIL.values(), ids=NIL)
@pytest.mark.parametrize("strict", [False, True])
def test_nil_with_content_is_refused(data: bytes, strict: bool) -> None:
    with pytest.raises(MalformedMessage) as caught:
        decode(data, strict=strict)
    assert strict or "is nil and holds something" in caught.value.reason


@pytest.mark.parametrize("data", ENVELOPE.values(), ids=ENVELOPE)
@pytest.mark.parametrize("strict", [False, True])
def test_envelope_that_carries_two_things_is_refused(data: bytes, strict: bool) -> None:
    with pytest.raises(MalformedMessage):
        decode(data, strict=strict)


@pytest.mark.parametrize("data", [*TWICE.values(), *NIL.values()])
def test_recorded_message_that_says_two_things_is_not_used(data: bytes) -> None:
    entry = read_recorded(base64.b64encode(b"POST /result HTTP/1.1\r\nHost: a.example\r\n\r\n" + data).decode())
    assert entry.decoded is None
    assert entry.problem is not None
    assert "1500" not in entry.problem


def test_elements_in_another_order_are_read() -> None:
    decoded = decode(result(f"{PARAMETERS}{IDS}<ResultDesc>ok</ResultDesc><ResultCode>0</ResultCode>"))
    assert (decoded.message.result_code, decoded.message.transaction_id) == ("0", "LK1")
    assert decoded.deviations == ("element-order",)


def test_unknown_elements_may_stand_as_often_as_they_like() -> None:
    decoded = decode(result(f"<New/>{PLAIN}<New>1</New>"))
    assert decoded.unknown == ("result/New", "result/New")


@pytest.mark.parametrize("nil", [f'xmlns:x="{XSI}" x:nil="true"', 'nil="true"'])
def test_nil_around_blanks_holds_nothing(nil: str) -> None:
    inner = PLAIN.replace("<ResultType>0<", f"<ResultType {nil}>\n  <")
    assert decode(result(inner)).message.result_type is None
    with pytest.raises(MalformedMessage):
        decode(result(inner), strict=True)


def test_nil_that_is_false_and_text_with_quotes_are_read() -> None:
    decoded = decode(result(with_pair(f'<Key xmlns:x="{XSI}" x:nil="false">Name</Key><Value>"a" = \'b\'</Value>')))
    (pair,) = decoded.message.result_parameters.result_parameter
    assert (pair.key, pair.value) == ("Name", "\"a\" = 'b'")


def rows(verdict: str) -> list[str]:
    path = CASES / "EXPECTED.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []
    return [line.split("\t")[0] for line in lines if line.split("\t")[1] == verdict]


needs_cases = pytest.mark.skipif(
    not CASES.is_dir(), reason="the shared cases lie beside the project only in its workshop"
)


@needs_cases
@pytest.mark.parametrize("file", rows("refused"))
def test_case_is_refused(file: str) -> None:
    with pytest.raises(MalformedMessage):
        decode((CASES / file).read_bytes())


@needs_cases
@pytest.mark.parametrize("file", rows("read"))
def test_case_is_read(file: str) -> None:
    assert decode((CASES / file).read_bytes()).message.transaction_id == "LK1"
