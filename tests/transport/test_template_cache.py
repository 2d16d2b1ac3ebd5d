"""Wrappings of envelopes that are remembered: a message is read as one that is read whole, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mpesa_cbp.soap import encode
from mpesa_cbp.soap.template_cache import _route, plain_payload
from mpesa_cbp_models import Result
from mpesa_cbp_models.operations import GENERIC_API_RESULT
from tests.effort import examples
from tests.transport.fuzz_seeds import SEEDS
from tests.transport.whole_reading import read, whole

PIECES = (
    *(b"<![CDATA[", b"]]>", b"]]]]><![CDATA[>", b"<!--", b"-->", b"<?p ", b"?>", b"<", b">", b"&", b"&amp;", b"&#13;"),
    *(b"\r\n", b" ", b"\xff", b"\x00", b"\xef\xbb\xbf", b"stray", b' a="1"', b"<x/>", b"<!DOCTYPE a>", b'"', b"'"),
    *(b'<?xml version="1.0" encoding="ISO-8859-1"?>', b'<?xml version="1.1"?>', b'encoding="UTF-16"', b"\xc3\xa9"),
)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.sampled_from((start, start, min(len(data), start + draw(st.integers(0, 60))))))
        data = data[:start] + draw(st.sampled_from((b"", *PIECES))) + data[end:]
    return data


RESULT = encode(Result(result_code="0", result_desc="é"), operation=GENERIC_API_RESULT, direction="input")
BEFORE, PAYLOAD, AFTER = RESULT.partition(b"<![CDATA[")[0], *RESULT.partition(b"<![CDATA[")[2].split(b"]]>")


@settings(max_examples=examples(300))
@given(data=changed(), strict=st.booleans())
@example(data=RESULT, strict=True)
def test_a_message_is_read_the_same_whether_its_wrapping_is_known_or_not(data: bytes, strict: bool) -> None:
    assert read(data, strict=strict) == read(whole(data), strict=strict)


def test_the_wrapping_that_the_contract_has_is_known() -> None:
    found = plain_payload(RESULT)
    assert found is not None
    assert found[0].operation == "GenericAPIResult"
    assert bytes(found[1]) == PAYLOAD
    assert plain_payload(whole(RESULT)) is None


HIDDEN = b"--><![CDATA[" + PAYLOAD + b"]]>"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(BEFORE + b" ", AFTER, id="padding before"),
        pytest.param(BEFORE, b" " + AFTER, id="padding after"),
        pytest.param(BEFORE, b"<![CDATA[more]]>" + AFTER, id="two sections"),
        pytest.param(BEFORE, b"&amp;" + AFTER, id="text after"),
        pytest.param(BEFORE + b"<x/>", AFTER, id="an element before"),
        pytest.param(BEFORE + b"<!--", HIDDEN + AFTER, id="in a comment"),
        pytest.param(BEFORE + b"<?p ", b"?>" + HIDDEN[3:] + AFTER, id="in a processing instruction"),
        pytest.param(BEFORE.replace(b"ResultMsg", b'ResultMsg colour="1"'), AFTER, id="an attribute"),
        pytest.param(BEFORE.replace(b"UTF-8", b"ISO-8859-1"), AFTER, id="another encoding"),
        pytest.param(BEFORE.replace(b"<soapenv:Body>", b"<soapenv:Body>stray"), AFTER, id="stray text"),
        pytest.param(BEFORE.replace(b"<soapenv:Body>", b"<soapenv:Body><x/>"), AFTER, id="another element"),
        pytest.param(
            BEFORE.replace(b"<soapenv:Body>", b"<soapenv:Header><soapenv:Body>"),
            AFTER.replace(b"</soapenv:Body>", b"</soapenv:Body></soapenv:Header>"),
            id="a body inside the header",
        ),
        pytest.param(BEFORE.replace(b"soap/envelope", b"soap/other"), AFTER, id="another envelope"),
        pytest.param(BEFORE.replace(b"ResultMsg", b"OtherMsg"), AFTER.replace(b"ResultMsg", b"OtherMsg"), id="unknown"),
        pytest.param(BEFORE.replace(b"<soapenv:Body>", b"<!DOCTYPE a><soapenv:Body>"), AFTER, id="a DOCTYPE"),
        pytest.param(b"", AFTER, id="nothing before"),
        pytest.param(BEFORE, b"", id="nothing after"),
    ],
)
def test_any_other_wrapping_is_read_whole(before: bytes, after: bytes) -> None:
    data = before + b"<![CDATA[" + PAYLOAD + b"]]>" + after
    assert plain_payload(data) is None
    assert read(data, strict=False) == read(whole(data), strict=False)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b" " + PAYLOAD, id="padding"),
        pytest.param(b"&lt;a&gt;", id="no document"),
        pytest.param(b"\xef\xbb\xbf" + PAYLOAD, id="a byte order mark"),
        pytest.param(PAYLOAD.replace(b"UTF-8", b"ISO-8859-1"), id="another encoding"),
        pytest.param(PAYLOAD.replace(b"1.0", b"1.1"), id="another version"),
        pytest.param(b"<!-- -->" + PAYLOAD, id="a comment first"),
        pytest.param(b"<![CDATA[" + PAYLOAD, id="escaped markers"),
    ],
)
def test_a_payload_that_is_no_plain_document_is_read_whole(payload: bytes) -> None:
    data = BEFORE + b"<![CDATA[" + payload + b"]]>" + AFTER
    assert plain_payload(data) is None
    assert read(data, strict=False) == read(whole(data), strict=False)


def test_of_wrappings_that_hold_values_of_their_messages_none_is_kept_and_none_pushes_out_one_that_is_known() -> None:
    plain_payload(RESULT)
    known = _route.cache_info()
    for number in range(100):
        assert plain_payload(RESULT.replace(b"<![CDATA[", b"25470000%04d<![CDATA[" % number)) is None
    plain_payload(RESULT)
    assert _route.cache_info().hits == known.hits + 1
    assert _route.cache_info().currsize == known.currsize


def test_a_wrapping_with_a_signing_header_is_not_remembered() -> None:
    data = RESULT.replace(b"<soapenv:Body>", b"<soapenv:Header><RequestSOAPHeader/></soapenv:Header><soapenv:Body>")
    assert plain_payload(data) is None
