"""Envelopes: what is sent, to the letter, and what comes back from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_cbp.errors import InvalidRequest, MalformedMessage
from mpesa_cbp.identity.profile import GUIDE_HEADER_NAMESPACE
from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import RequestSOAPHeader, Response
from mpesa_cbp_models.operations import CONFIRM_C2B_PAYMENT, GENERIC_API_REQUEST, GENERIC_API_RESULT
from mpesa_cbp_models.result import ParameterType, Result, ResultParameters
from tests.models.strategies import XML_TEXT
from tests.models.test_family_round_trip import OBJECTS

GOLDEN = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    "<soapenv:Header></soapenv:Header><soapenv:Body>"
    '<ResponseMsg xmlns="http://api-v1.gen.mm.vodafone.com/mminterface/result"><![CDATA['
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<response xmlns="http://api-v1.gen.mm.vodafone.com/mminterface/response">'
    "<ResponseCode>00000000</ResponseCode></response>"
    "]]></ResponseMsg></soapenv:Body></soapenv:Envelope>"
)


def test_acknowledgement_goes_out_as_the_contract_has_it() -> None:
    written = encode(Response(response_code="00000000"), operation=GENERIC_API_RESULT, direction="output")
    assert written.decode() == GOLDEN


@given(XML_TEXT, XML_TEXT)
def test_any_text_survives_the_cdata_section(key: str, value: str) -> None:
    pairs = [ParameterType(key=f"k{key}]]>", value=f"<![CDATA[{value}]]>&amp;")]
    result = Result(result_code="0", result_parameters=ResultParameters(result_parameter=pairs))
    decoded = decode(encode(result, operation=GENERIC_API_RESULT, direction="input"), strict=True)
    assert decoded.message == result


@pytest.mark.parametrize("namespace", ["http://www.huawei.com.cn/schema/common/v2_1", GUIDE_HEADER_NAMESPACE])
def test_signing_header_stands_in_the_namespace_asked_for(namespace: str) -> None:
    header = RequestSOAPHeader(sp_id="1")
    written = encode(
        Response(response_code="0"),
        operation=GENERIC_API_REQUEST,
        direction="output",
        header=header,
        header_namespace=namespace,
    )
    assert f'<RequestSOAPHeader xmlns="{namespace}"><spId>1</spId>'.encode() in written
    assert decode(written).header == header


def test_message_that_cannot_be_written_is_refused_without_its_value() -> None:
    with pytest.raises(InvalidRequest) as caught:
        encode(Response(response_code="secret\x00"), operation=GENERIC_API_RESULT, direction="output")
    assert "ResponseCode" in str(caught.value)
    assert "secret" not in str(caught.value)


SOAP = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
RESULT_MSG = '<ResultMsg xmlns="http://api-v1.gen.mm.vodafone.com/mminterface/result">'
INNER = '<result xmlns="http://api-v1.gen.mm.vodafone.com/mminterface/result"><ResultCode>0</ResultCode></result>'


def envelope(body: str, soap: str = SOAP) -> bytes:
    prefix = "s:" if soap else ""
    return f"<{prefix}Envelope {soap}><{prefix}Body>{body}</{prefix}Body></{prefix}Envelope>".encode()


@pytest.mark.parametrize(
    ("body", "deviation"),
    [
        (f"{RESULT_MSG}<![CDATA[{INNER.replace('result xmlns', 'Result xmlns').replace('/result>', '/Result>')}]]></ResultMsg>", "root-case"),
        (f"{RESULT_MSG}<![CDATA[<result><ResultCode>0</ResultCode></result>]]></ResultMsg>", "no-namespace"),
        (f'<ResultMsg xmlns="http://cps.huawei.com/cpsinterface/result"><![CDATA[{INNER}]]></ResultMsg>', "cps-namespace"),
        (f"{RESULT_MSG}\n <![CDATA[ \n{INNER}]]> </ResultMsg>", "payload-padding"),
        (f"{RESULT_MSG}{INNER.replace('<', '&lt;')}</ResultMsg>", "escaped-payload"),
        (f"{RESULT_MSG}<ResultCode>0</ResultCode></ResultMsg>", "structured-payload"),
        (f"{RESULT_MSG}{('<![CDATA[' + INNER + ']]>').replace('<', '&lt;').replace('>', '&gt;')}</ResultMsg>", "escaped-cdata-markers"),
        (f"{RESULT_MSG}<![CDATA[{INNER.replace('</result>', '<ResultDesc>a & b</ResultDesc></result>')}]]></ResultMsg>", "bare-ampersand"),
        (f"{RESULT_MSG}<![CDATA[{INNER.replace('</result>', '<ResultType>Completed</ResultType></result>')}]]></ResultMsg>", "value-spelling"),
        (f"{RESULT_MSG}<![CDATA[{INNER.replace('<ResultCode>', '<ConversationID>x</ConversationID><ResultCode>')}]]></ResultMsg>", "element-order"),
        (f"{RESULT_MSG}<![CDATA[{INNER.replace('</result>', '<TransactionId>x</TransactionId></result>')}]]></ResultMsg>", "id-spelling"),
        (f"stray{RESULT_MSG}<![CDATA[{INNER}]]></ResultMsg>", "stray-text"),
    ],
    ids=lambda value: value if isinstance(value, str) and not value.startswith(("<", "stray<")) else "",
)  # fmt: skip
def test_dialect_is_read_and_named_and_refused_when_strict(body: str, deviation: str) -> None:
    decoded = decode(envelope(body))
    assert decoded.message.result_code == "0"
    assert deviation in decoded.deviations
    with pytest.raises(MalformedMessage):
        decode(envelope(body), strict=True)


def test_blanks_around_a_value_are_dropped_and_named_but_kept_when_strict() -> None:
    body = f"{RESULT_MSG}<![CDATA[{INNER.replace('0<', ' 0 <')}]]></ResultMsg>"
    decoded = decode(envelope(body))
    assert (decoded.message.result_code, decoded.deviations) == ("0", ("blank-padding",))
    assert decode(envelope(body), strict=True).message.result_code == " 0 "


def test_envelope_in_no_namespace_is_read() -> None:
    decoded = decode(envelope(f"{RESULT_MSG}<![CDATA[{INNER}]]></ResultMsg>", soap=""))
    assert decoded.deviations == ("envelope-without-namespace",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"not xml",
        b"<html><body/></html>",
        envelope(""),
        envelope(f"{RESULT_MSG}</ResultMsg>"),
        envelope(f"{RESULT_MSG}<![CDATA[{INNER.replace('0<', '<')}]]></ResultMsg>"),
        envelope(f"{RESULT_MSG}<![CDATA[{INNER.replace('<ResultCode>0</ResultCode>', '')}]]></ResultMsg>"),
        envelope(f"{RESULT_MSG}<![CDATA[{INNER[:-20]}]]></ResultMsg>"),
        envelope(f"{RESULT_MSG}<![CDATA[{INNER}]]></ResultMsg>" * 2),
        envelope(f"{RESULT_MSG}<![CDATA[<!DOCTYPE x>{INNER}]]></ResultMsg>"),
        b"<!DOCTYPE x>" + envelope(f"{RESULT_MSG}<![CDATA[{INNER}]]></ResultMsg>"),
        envelope(f"{RESULT_MSG}<![CDATA[{INNER.replace('<ResultCode>', '<ResultCode>1</ResultCode><ResultCode>')}]]></ResultMsg>"),
        envelope(f"{RESULT_MSG}<![CDATA[{INNER.replace('0<', '0<b/>0<')}]]></ResultMsg>"),
        envelope('<ResultMsg xmlns="urn:somebody-else">x</ResultMsg>'),
        envelope("<Unknown/>"),
    ],
)  # fmt: skip
def test_what_would_have_to_be_guessed_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(data)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_arbitrary_bytes_give_nothing_but_malformed_message(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(data)


@given(st.data())
def test_mutated_envelope_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(envelope(f"{RESULT_MSG}<![CDATA[{INNER}]]></ResultMsg>"))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(whole) - 1))
        whole[position : position + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=3))
    try:
        decoded = decode(bytes(whole))
    except MalformedMessage:
        return
    assert decoded.fault is not None or decoded.message is not None


def test_confirmation_without_amount_is_refused() -> None:
    body = (
        '<c:C2BPaymentConfirmationRequest xmlns:c="http://cps.huawei.com/cpsinterface/c2bpayment">'
        "<TransID>X</TransID><TransTime>20260101000000</TransTime><TransAmount></TransAmount>"
        "<BusinessShortCode>1</BusinessShortCode><MSISDN>2</MSISDN></c:C2BPaymentConfirmationRequest>"
    )
    with pytest.raises(MalformedMessage):
        decode(envelope(body))
    assert decode(envelope(body.replace("<TransAmount>", "<TransAmount>5"))).operation == CONFIRM_C2B_PAYMENT.name


ATTRIBUTES = {
    "of a leaf": (INNER.replace("<ResultCode>", '<ResultCode a="1">'), ("result/ResultCode/@a",)),
    "with apostrophes": (INNER.replace("<ResultCode>", "<ResultCode a='1'>"), ("result/ResultCode/@a",)),
    "of the root": (INNER.replace("<result ", '<result xmlns:x="urn:x" x:a="1" '), ("result/@a",)),
    "inside an unknown element": (INNER.replace("</result>", '<Extra a="1">x</Extra></result>'), ("result/Extra",)),
    "of schemas and XML": (
        INNER.replace(
            "<ResultCode>",
            '<ResultCode xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="u v" xml:lang="en">',
        ),
        (),
    ),
    "quotes in a text": (INNER.replace("</result>", '<ResultDesc>it\'s "a="b""</ResultDesc></result>'), ()),
    "in a comment": (INNER.replace("</result>", '<!-- <x a="1"/> --></result>'), ()),
}


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="UTF-8"?>', "<?xml version='1.0'?>\n"])
@pytest.mark.parametrize(("document", "unknown"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_attributes_that_the_contract_does_not_have_are_listed(
    document: str, unknown: tuple[str, ...], declaration: str
) -> None:
    assert decode(envelope(f"{RESULT_MSG}<![CDATA[{declaration}{document}]]></ResultMsg>")).unknown == unknown


def test_contract_of_the_family_declares_no_attribute_so_that_every_one_is_unknown() -> None:
    kinds = {field.kind for item in OBJECTS.plan.classes for field in OBJECTS.layout.fields(item)}
    assert kinds == {"element", "text"}


def test_attributes_of_the_message_in_the_body_are_listed_and_those_of_the_envelope_are_not() -> None:
    carrier = RESULT_MSG.replace("<ResultMsg", '<ResultMsg b="2"')
    written = envelope(f"{carrier}<![CDATA[{INNER}]]></ResultMsg>", soap=f'{SOAP} a="1" s:encodingStyle="urn:e"')
    assert decode(written).unknown == ("Envelope/Body/ResultMsg/@b",)


def test_stray_texts_are_listed_by_the_element_that_they_stand_in() -> None:
    document = INNER.replace("<ResultCode>", "one<ResultCode>").replace("</result>", "two</result>")
    written = envelope(f"three{RESULT_MSG}<![CDATA[{document}]]></ResultMsg>")
    assert decode(written).unknown == ("result/text()", "Envelope/Body/text()")


def test_more_unknown_attributes_than_a_message_can_mean_are_refused() -> None:
    attributes = " ".join(f'a{number}="1"' for number in range(1001))
    document = INNER.replace("<ResultCode>", f"<ResultCode {attributes}>")
    with pytest.raises(MalformedMessage, match="more than 1000"):
        decode(envelope(f"{RESULT_MSG}<![CDATA[{document}]]></ResultMsg>"))
