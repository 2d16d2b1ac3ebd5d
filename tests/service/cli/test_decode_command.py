"""mpesa-cbp decode: what it shows of each kind of message, masked, and the JSON that programs read."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp.soap import encode, encode_fault
from mpesa_cbp_models import C2BPaymentConfirmationRequest, NotifyQueueTimeout, Result
from mpesa_cbp_models.c2b import C2BPaymentConfirmationRequestKYCInfo
from mpesa_cbp_models.operations import CONFIRM_C2B_PAYMENT, GENERIC_API_RESULT, NOTIFY_QUEUE_TIMEOUT
from mpesa_cbp_models.result import ParameterType, ResultParameters
from mpesa_cbp_service.cli import run
from tests.transport.test_history import history, passed_on, resulted, sent_by_us

WIRE = Path(__file__).resolve().parents[4] / "shared" / "wire"
HISTORY = WIRE / "g2-querytransaction-rsp-base64-http.xml"
Shown = pytest.CaptureFixture[str]


def result(**parameters: str) -> bytes:
    pairs = [ParameterType(key=key, value=value) for key, value in parameters.items()]
    message = Result(result_code="0", result_parameters=ResultParameters(result_parameter=pairs))
    return encode(message, operation=GENERIC_API_RESULT, direction="input")


def decoded(data: bytes, folder: Path, shown: Shown, *options: str) -> dict[str, Any]:
    file = folder / "message.xml"
    file.write_bytes(data)
    assert run(["decode", "--json", *options, str(file)]) == 0
    facts: dict[str, Any] = json.loads(shown.readouterr().out)
    assert facts.pop("file") == str(file)
    return facts


def test_json_of_a_result_is_what_the_documentation_says(tmp_path: Path, capsys: Shown) -> None:
    data = result(
        Amount="Ksh100.00", ReceiverPartyPublicName="254712345678 - Jane Doe", TransCompletedTime="x", Note="y 7"
    )
    assert decoded(data, tmp_path, capsys) == {
        "operation": "GenericAPIResult",
        "direction": "input",
        "element": "ResultMsg",
        "meaning": "The transaction is done.",
        "message": {
            "ResultCode": "0",
            "ResultParameters": {
                "ResultParameter": [
                    {"Key": "Amount", "Value": "Ksh100.00"},
                    {"Key": "ReceiverPartyPublicName", "Value": "**** * J*** D**"},
                    {"Key": "TransCompletedTime", "Value": "x"},
                    {"Key": "Note", "Value": "* ****"},
                ]
            },
        },
        "parameters": {
            "amount": "100.00",
            "currency": "KES",
            "receiver_number": "2547****5678",
            "receiver_name": "J*** D**",
            "not_understood": [["TransCompletedTime", "not a date and time in a known format"]],
        },
    }


def test_unmasked_shows_all(tmp_path: Path, capsys: Shown) -> None:
    facts = decoded(result(ReceiverPartyPublicName="254712345678 - Jane Doe"), tmp_path, capsys, "--unmasked")
    assert facts["parameters"] == {"receiver_number": "254712345678", "receiver_name": "Jane Doe"}


def test_customer_of_a_c2b_payment_is_masked(tmp_path: Path, capsys: Shown) -> None:
    message = C2BPaymentConfirmationRequest(
        trans_type="PayBill",
        trans_id="LCA618MKDW",
        trans_time="20261124100000",
        trans_amount="70.00",
        business_short_code="600000",
        org_account_balance="1.00",
        msisdn="254712345678",
        kyc_info=[C2BPaymentConfirmationRequestKYCInfo(kyc_name="[First Name]", kyc_value="Jane")],
    )
    facts = decoded(encode(message, operation=CONFIRM_C2B_PAYMENT, direction="input"), tmp_path, capsys)
    assert facts["message"]["MSISDN"] == "2547****5678"
    assert facts["message"]["KYCInfo"] == [{"KYCName": "[First Name]", "KYCValue": "J***"}]
    assert facts["message"]["TransAmount"] == "70.00"


def test_original_request_of_a_queue_timeout_is_opened(tmp_path: Path, capsys: Shown) -> None:
    inner = base64.encodebytes(result(Amount="1")).decode()
    message = NotifyQueueTimeout(originator_conversation_id="1", origin_request=inner)
    facts = decoded(encode(message, operation=NOTIFY_QUEUE_TIMEOUT, direction="input"), tmp_path, capsys)
    assert facts["origin_request"]["message"]["ResultCode"] == "0"
    message = NotifyQueueTimeout(originator_conversation_id="1", origin_request="!")
    facts = decoded(encode(message, operation=NOTIFY_QUEUE_TIMEOUT, direction="input"), tmp_path, capsys)
    assert facts["origin_request"] == {"problem": "it is not base64"}


def test_fault_is_shown(tmp_path: Path, capsys: Shown) -> None:
    facts = decoded(encode_fault("SVC0901", "no 254712345678"), tmp_path, capsys)
    assert facts == {
        "element": "Fault",
        "fault": {"code": "SVC0901", "text": "no 2547****5678"},
        "deviations": ["plain-fault-code"],
    }


def test_history_is_opened_and_masked_message_by_message(tmp_path: Path, capsys: Shown) -> None:
    answer = history([sent_by_us(), passed_on()], ["!"], [resulted("0")]).answer
    assert answer is not None
    body = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{answer.to_text()}</s:Body></s:Envelope>'
    found = decoded(body.encode(), tmp_path, capsys)["history"]
    assert (found["finding"], found["state"], found["reached"]) == ("result", "SUCCEEDED", "result")
    first, _, third, last = found["entries"]
    assert first["header"]["spPassword"] == "********"
    assert first["headers"]["Authorization"] == "********"
    assert first["message"]["Identity"]["Initiator"]["SecurityCredential"] == "********"
    assert first["message"]["Identity"]["Caller"]["ResultURL"] == "http://us/result"
    assert third == {"list": "submitApiResponse", "problem": "the entry is not base64"}
    assert last["start_line"] == "POST /******** HTTP/1.1"


@pytest.mark.skipif(not HISTORY.exists(), reason="the shared wire samples lie beside the project only in its workshop")
def test_operators_history_is_shown_for_people(capsys: Shown) -> None:
    assert run(["decode", str(HISTORY)]) == 0
    shown = capsys.readouterr().out
    assert "254700000000" not in shown
    assert "SecurityCredential  ********" in shown
    for line in ("    state            FAILED", "      leg         partner → broker", "            Amount  70.00"):
        assert line in shown.splitlines()


def test_files_that_cannot_be_read_are_told_among_the_others(tmp_path: Path, capsys: Shown) -> None:
    for name, data in (("good", result()), ("page", b"<html>"), ("strange", result().replace(b"ResultMsg", b"Other"))):
        (tmp_path / name).write_bytes(data)
    names = [str(tmp_path / name) for name in ("page", "good", "strange", "absent")] + [str(tmp_path)]
    assert run(["decode", "--json", *names]) == 3
    page, good, strange, absent, folder = map(json.loads, capsys.readouterr().out.splitlines())
    assert page == {"file": names[0], "problem": "it is an HTML page, not a message"}
    assert good["message"] == {"ResultCode": "0", "ResultParameters": {}}
    assert strange["place"] == "Envelope/Body/Other"
    assert absent == {"file": names[3], "problem": "No such file or directory"}
    assert folder["problem"] == "Is a directory"


def test_strict_refuses_a_dialect(tmp_path: Path, capsys: Shown) -> None:
    file = tmp_path / "message.xml"
    file.write_bytes(result().replace(b"<ResultCode>", b"<Extra/><ResultCode>"))
    assert run(["decode", str(file)]) == 0
    assert "unknown     result/Extra" in capsys.readouterr().out
    assert run(["decode", "--strict", str(file)]) == 3
    assert "result/Extra: is not in the contract" in capsys.readouterr().err


def test_value_cannot_forge_a_line_or_move_the_cursor(tmp_path: Path, capsys: Shown) -> None:
    file = tmp_path / "message.xml"
    file.write_bytes(result(Amount="1\n  state  SUCCEEDED\x9b2J\u202e"))
    assert run(["decode", str(file)]) == 0
    assert r"Amount  1\n  state  SUCCEEDED\x9b2J\u202e" in capsys.readouterr().out


def test_standard_input_is_read() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mpesa_cbp_service", "decode", "-", "--json"],
        input=result(), capture_output=True, check=True, env=os.environ,
    )  # fmt: skip
    assert json.loads(done.stdout)["operation"] == "GenericAPIResult"
