"""Messages that fuzzing starts from: every operation as the contract has it, faults, dialects, the operator's samples."""

from __future__ import annotations

from pathlib import Path

from mpesa_cbp.soap import encode, encode_fault
from mpesa_cbp_models import (
    C2BPaymentConfirmationRequest,
    NotifyQueueTimeout,
    QueryTransaction,
    RequestSOAPHeader,
    Response,
    Result,
)
from mpesa_cbp_models.operations import (
    CONFIRM_C2B_PAYMENT,
    GENERIC_API_REQUEST,
    GENERIC_API_RESULT,
    NOTIFY_QUEUE_TIMEOUT,
    QUERY_TRANSACTION,
)
from mpesa_cbp_models.result import ParameterType, ResultParameters
from tests.transport.hostile_messages import HOSTILE

WIRE = Path(__file__).resolve().parents[3] / "shared" / "wire"

_RESULT = Result(
    result_type=0,
    result_code="0",
    result_desc="Done & <paid>",
    originator_conversation_id="600000_Acme_1",
    conversation_id="AG_1",
    transaction_id="LCA618MKDW",
    result_parameters=ResultParameters(result_parameter=[ParameterType(key="Amount", value="Ksh200.00")]),
)
_CONFIRMATION = C2BPaymentConfirmationRequest(
    trans_type="PayBill",
    trans_id="LCA618MKDW",
    trans_time="20261124100000",
    trans_amount="70.00",
    business_short_code="600000",
    org_account_balance="1.00",
    msisdn="254700000000",
)
_HEADER = RequestSOAPHeader(sp_id="1", sp_password="x", service_id="2", time_stamp="20261124100000")

SEEDS = [
    encode(_RESULT, operation=GENERIC_API_RESULT, direction="input"),
    encode(Response(response_code="0", service_status=0), operation=GENERIC_API_REQUEST, direction="output"),
    encode(_CONFIRMATION, operation=CONFIRM_C2B_PAYMENT, direction="input"),
    encode(
        QueryTransaction(originator_conversation_id="1"), operation=QUERY_TRANSACTION, direction="input", header=_HEADER
    ),
    encode(
        NotifyQueueTimeout(originator_conversation_id="1", origin_request="eA=="),
        operation=NOTIFY_QUEUE_TIMEOUT,
        direction="input",
    ),
    encode_fault("SVC0901", "no"),
    *(make(300).encode() for make in HOSTILE.values()),
    *(file.read_bytes() for file in (sorted(WIRE.glob("*.xml")) if WIRE.exists() else ())),
]
