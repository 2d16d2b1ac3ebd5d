"""Messages as the field sends them: no result is lost over an optional part (protocol, section 12)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.results.parameters import read_parameters
from mpesa_cbp.results.statement import pairs_of
from mpesa_cbp.soap import Decoded, decode
from mpesa_cbp_models import Result

FIELD = Path(__file__).resolve().parents[3] / "shared" / "cases" / "field"
needs_field = pytest.mark.skipif(
    not FIELD.is_dir(), reason="the folder shared/cases/field is not beside the repository"
)

# Another contract: refused (cases/README.md).
OTHER_CONTRACT = ("b18", "b19", "b20", "b21")
# Read-right cases that are rightly refused: not well-formed, or a namespace of another operator's contract.
REFUSED_RIGHTLY = ("b04a", "b22", "b23")


def files(folder: str) -> list[Path]:
    return sorted((FIELD / folder).glob("*.xml")) if FIELD.is_dir() else []


@needs_field
@pytest.mark.parametrize("path", files("misread"), ids=lambda path: path.stem)
def test_what_was_misread_is_read_and_another_contract_refused(path: Path) -> None:
    if path.name.startswith(OTHER_CONTRACT):
        with pytest.raises(MalformedMessage):
            decode(path.read_bytes())
    else:
        assert decode(path.read_bytes()).message is not None


@needs_field
@pytest.mark.parametrize("path", files("read-right"), ids=lambda path: path.stem)
def test_what_was_read_rightly_still_is(path: Path) -> None:
    if path.name.startswith(REFUSED_RIGHTLY):
        with pytest.raises(MalformedMessage):
            decode(path.read_bytes())
    else:
        assert decode(path.read_bytes()).message is not None


def envelope(parameters: str, reference: str = "", *, carrier: str = "ResultMsg") -> Decoded:
    """A successful result with that content of its optional parts."""
    namespace = f"http://api-v1.gen.mm.vodafone.com/mminterface/{'result' if carrier == 'ResultMsg' else 'request'}"
    payload = (
        "<Result><ResultType>0</ResultType><ResultCode>0</ResultCode><ResultDesc>done</ResultDesc>"
        "<OriginatorConversationID>600000_Acme_1</OriginatorConversationID><ConversationID>AG_1</ConversationID>"
        f"<TransactionID>QK1</TransactionID><ResultParameters>{parameters}</ResultParameters>{reference}</Result>"
    )
    return decode(
        (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<m:{carrier} xmlns:m="{namespace}"><![CDATA[{payload}]]></m:{carrier}></s:Body></s:Envelope>'
        ).encode()
    )


AMOUNT = "<ResultParameter><Key>TransactionAmount</Key><Value>10.00</Value></ResultParameter>"


@pytest.mark.parametrize(
    ("parameters", "reference", "deviation"),
    [
        (f"{AMOUNT}<ResultParameter><Key>Reason</Key></ResultParameter>", "", "missing-element"),
        (f"{AMOUNT}<ResultParameter><Value>alone</Value></ResultParameter>", "", "missing-element"),
        (f"{AMOUNT}<ResultParameter/>", "", "missing-element"),
        (f"<ResultParameter>{AMOUNT}</ResultParameter>", "", "nested-parameters"),
        (
            AMOUNT,
            "<ReferenceData><ReferenceItem><Key>Occasion</Key></ReferenceItem></ReferenceData>",
            "missing-element",
        ),
        (AMOUNT, "<ReferenceData><ReferenceItem/></ReferenceData>", "missing-element"),
    ],
)
def test_an_odd_pair_is_a_deviation_and_the_rest_is_read(parameters: str, reference: str, deviation: str) -> None:
    decoded = envelope(parameters, reference)
    assert isinstance(decoded.message, Result)
    assert decoded.message.result_code == "0"
    assert read_parameters(pairs_of(decoded.message)).amount == Decimal("10.00")
    assert deviation in decoded.deviations


def test_several_parameters_inside_one_are_read_in_their_order() -> None:
    second = "<ResultParameter><Key>TransactionReceipt</Key><Value>QK1</Value></ResultParameter>"
    decoded = envelope(f"<ResultParameter>{AMOUNT}{second}</ResultParameter>")
    assert [key for key, _ in pairs_of(decoded.message)] == ["TransactionAmount", "TransactionReceipt"]
    assert decoded.unknown == ()


def test_a_pair_that_holds_a_pair_beside_its_own_key_keeps_its_own_and_lists_the_other() -> None:
    decoded = envelope(f"<ResultParameter><Key>Amount</Key><Value>10.00</Value>{AMOUNT}</ResultParameter>")
    assert pairs_of(decoded.message) == (("Amount", "10.00"),)
    assert decoded.unknown != ()


def test_a_result_in_place_of_an_answer_is_read_as_a_result() -> None:
    decoded = envelope(AMOUNT, carrier="ResponseMsg")
    assert (decoded.operation, type(decoded.message)) == ("GenericAPIResult", Result)
    assert "result-in-response" in decoded.deviations
