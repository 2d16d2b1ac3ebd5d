"""Messages from published samples and from the field, each with what must be read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.soap import Decoded, decode

WIRE = Path(__file__).resolve().parents[3] / "shared" / "wire"


def rows() -> list[tuple[str, str, str, str]]:
    path = WIRE / "EXPECTED.tsv"
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        file, verdict, element, fields = (line.split("\t") + ["", "", ""])[:4]
        found.append((file, verdict, element, fields))
    return found


ROWS = rows()

pytestmark = pytest.mark.skipif(not ROWS, reason="the shared wire samples lie beside the project only in its workshop")

PATHS = {
    "spId": ("header", "sp_id"),
    "CommandID": ("message", "transaction", "command_id"),
    "OriginatorConversationID": ("message", "originator_conversation_id"),
    "ConversationID": ("message", "conversation_id"),
    "originatorConversationID": ("message", "originator_conversation_id"),
    "ResponseCode": ("message", "response_code"),
    "ResultCode": ("message", "result_code"),
    "TransactionID": ("message", "transaction_id"),
    "TransID": ("message", "trans_id"),
    "TransAmount": ("message", "trans_amount"),
    "MSISDN": ("message", "msisdn"),
}


def value(decoded: Decoded, name: str) -> object:
    message = decoded.message
    if name in ("OriginatorConversationID", "ConversationID") and hasattr(message, "transaction"):
        message = message.transaction
    elif name in ("ResponseCode", "ResultCode") and hasattr(message, "result"):
        message = message.result
    elif name == "spId" and decoded.element == "changePassword":
        return message.sp_id
    else:
        message = decoded
        for part in PATHS[name]:
            message = getattr(message, part)
        return message
    return getattr(message, PATHS[name][-1])


@pytest.mark.parametrize(("file", "element", "fields"), [r[:1] + r[2:] for r in ROWS if r[1] == "accept"])
def test_accepted_sample_is_read_as_expected(file: str, element: str, fields: str) -> None:
    decoded = decode((WIRE / file).read_bytes())
    assert decoded.element == element
    assert decoded.fault is None
    for pair in filter(None, fields.split("; ")):
        name, _, expected = pair.partition("=")
        assert (value(decoded, name) or "") == expected, name


@pytest.mark.parametrize("file", [row[0] for row in ROWS if row[1] == "refuse"])
def test_refused_sample_is_refused(file: str) -> None:
    with pytest.raises(MalformedMessage):
        decode((WIRE / file).read_bytes())


@pytest.mark.parametrize(("file", "fields"), [(row[0], row[3]) for row in ROWS if row[1] == "fault"])
def test_fault_is_returned_with_code_and_text(file: str, fields: str) -> None:
    decoded = decode((WIRE / file).read_bytes())
    expected = dict(pair.split("=", 1) for pair in fields.split("; "))
    assert decoded.fault == (expected["faultcode"], expected["faultstring"])
