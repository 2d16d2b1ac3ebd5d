"""Histories: what the broker's record of a payment says, and above all what it does not prove."""

from __future__ import annotations

import base64
import contextlib
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_cbp import Client, PaymentState
from mpesa_cbp.errors import CbpError
from mpesa_cbp.history import EntryKind, History, Leg, Reached, read_history
from mpesa_cbp.payment.model import EventKind
from mpesa_cbp.payment.state_machine import QueryVerdict
from mpesa_cbp.soap import decode, encode
from mpesa_cbp_models import (
    NotifyQueueTimeout,
    QueryTransactionResponse,
    QueueTimeOutList,
    Request,
    RequestSOAPHeader,
    Response,
    Result,
    SubmitApiRequestList,
    SubmitApiResponseList,
    SubmitApiResultList,
)
from mpesa_cbp_models.operations import GENERIC_API_REQUEST, GENERIC_API_RESULT, NOTIFY_QUEUE_TIMEOUT
from mpesa_cbp_service import Listener
from mpesa_cbp_service.journal import Journal
from mpesa_cbp_service.listener import ListenerServer
from mpesa_cbp_simulator import Simulator, Timing

WIRE = Path(__file__).resolve().parents[3] / "shared" / "wire"
SAMPLE = WIRE / "g2-querytransaction-rsp-base64-http.xml"
ID = "600000_Acme_1"
PAYLOAD = f"""<request xmlns="http://api-v1.gen.mm.vodafone.com/mminterface/request"><Transaction>
<CommandID>BusinessPayment</CommandID><OriginatorConversationID>{ID}</OriginatorConversationID>
<Timestamp>2026-11-24T10:00:00Z</Timestamp></Transaction><Identity><Caller><CallerType>2</CallerType>
<ThirdPartyID>1</ThirdPartyID><ResultURL>http://%s/result</ResultURL></Caller><Initiator><IdentifierType>11</IdentifierType>
<Identifier>api</Identifier><SecurityCredential>x</SecurityCredential></Initiator></Identity><KeyOwner>1</KeyOwner></request>"""


def http(start_line: str, envelope: bytes, host: str = "broker") -> str:
    head = f"{start_line}\r\nHost: {host}\r\nAuthorization: Basic c2VjcmV0\r\nContent-Type: text/xml\r\n\r\n"
    return base64.b64encode(head.encode() + envelope).decode()


def sent_by_us(conversation_id: str = ID) -> str:
    return _request(conversation_id, RequestSOAPHeader(sp_id="1", sp_password="x", time_stamp="20261124100000"), "us")


def passed_on() -> str:
    return _request(ID, None, "broker")


def _request(conversation_id: str, header: RequestSOAPHeader | None, host: str) -> str:
    message = Request.from_xml((PAYLOAD % host).replace(ID, conversation_id).encode())
    envelope = encode(message, operation=GENERIC_API_REQUEST, direction="input", header=header)
    return http("POST /mminterface/request HTTP/1.1", envelope)


def answered(code: str, conversation_id: str | None = ID) -> str:
    message = Response(response_code=code, originator_conversation_id=conversation_id, conversation_id="AG_1")
    return http("HTTP/1.1 200 OK", encode(message, operation=GENERIC_API_REQUEST, direction="output"))


def resulted(
    code: str, *, kind: int = 0, conversation_id: str | None = ID, core_id: str = "AG_1", host: str = "us"
) -> str:
    message = Result(
        result_code=code, result_type=kind, originator_conversation_id=conversation_id, conversation_id=core_id
    )
    envelope = encode(message, operation=GENERIC_API_RESULT, direction="input")
    return http("POST /result HTTP/1.1", envelope, host)


def expired(conversation_id: str = ID) -> str:
    message = NotifyQueueTimeout(originator_conversation_id=conversation_id, origin_request="eA==")
    return http("POST /timeout HTTP/1.1", encode(message, operation=NOTIFY_QUEUE_TIMEOUT, direction="input"))


def history(
    requests: list[str] | None = None,
    responses: list[str] | None = None,
    results: list[str] | None = None,
    timeouts: list[str] | None = None,
) -> History:
    answer = QueryTransactionResponse(
        result=Response(response_code="00000000"),
        submit_api_request_list=SubmitApiRequestList(submit_api_request=requests or []),
        submit_api_response_list=SubmitApiResponseList(submit_api_response=responses or []),
        submit_api_result_list=SubmitApiResultList(submit_api_result=results or []),
        queue_time_out_list=QueueTimeOutList(queue_time_out=timeouts or []),
    )
    return read_history(answer, ID)


S, P, A, Q = sent_by_us(), passed_on(), answered("0"), answered("100000000")
HALF = base64.b64encode(base64.b64decode(resulted("0"))[:-90]).decode()


@pytest.mark.skipif(not SAMPLE.exists(), reason="the shared wire samples lie beside the project only in its workshop")
def test_operators_own_sample_is_read_message_by_message() -> None:
    found = read_history(decode(SAMPLE.read_bytes()).message)
    assert [(entry.kind, entry.leg, entry.code) for entry in found.entries] == [
        (EntryKind.REQUEST, Leg.PARTNER_TO_BROKER, None),
        (EntryKind.REQUEST, Leg.BROKER_TO_CORE, None),
        (EntryKind.RESPONSE, Leg.CORE_TO_BROKER, "0"),
        (EntryKind.RESPONSE, Leg.BROKER_TO_PARTNER, "0"),
        (EntryKind.RESULT, Leg.BROKER_TO_PARTNER, "19"),
    ]
    assert [entry.http.start_line for entry in found.entries] == [
        "POST /mminterface/request HTTP/1.1",
        "POST /CoreApiWebService/GenericApi.svc HTTP/1.1",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK",
        "POST / HTTP/1.1",
    ]
    assert found.entries[0].http.header("user-agent") == "Jakarta Commons-HttpClient/3.1"
    assert found.conversation_id == "R9I1-0000-4225-g64153"
    assert (found.finding, found.code, found.state) == (QueryVerdict.RESULT, "19", PaymentState.FAILED)
    assert found.result is not None
    assert found.result.result_desc == "ApiRequestMessageExpiryFailure"
    first = found.entries[0].decoded
    assert first is not None
    assert "doubled-quotes" in first.deviations
    assert first.message.transaction.command_id == "SalaryPayment"
    assert found.problems == ()


@pytest.mark.parametrize(
    ("lists", "finding", "code", "state", "reached"),
    [
        (([], [], []), QueryVerdict.NOTHING, None, PaymentState.UNKNOWN, Reached.NOTHING_RECORDED),
        (([S], [], []), QueryVerdict.NOTHING, None, PaymentState.UNKNOWN, Reached.BROKER),
        (([S, P], [], []), QueryVerdict.NOTHING, None, PaymentState.UNKNOWN, Reached.CORE),
        (([S, P], [A, A], []), QueryVerdict.ACCEPTED, "0", PaymentState.ACCEPTED, Reached.CORE),
        (([S], [Q], []), QueryVerdict.QUEUED, "100000000", PaymentState.QUEUED, Reached.BROKER),
        (([S, P], [Q, A], []), QueryVerdict.ACCEPTED, "0", PaymentState.ACCEPTED, Reached.CORE),
        (([S, P], [A, A], [resulted("0")]), QueryVerdict.RESULT, "0", PaymentState.SUCCEEDED, Reached.RESULT),
        (([], [], [resulted("00000000")]), QueryVerdict.RESULT, "00000000", PaymentState.SUCCEEDED, Reached.RESULT),
        (([S, P], [A, A], [resulted("1")]), QueryVerdict.RESULT, "1", PaymentState.FAILED, Reached.RESULT),
        (([S, P], [A, A], [resulted("0")] * 2), QueryVerdict.RESULT, "0", PaymentState.SUCCEEDED, Reached.RESULT),
        (([S, P], [A, A], [resulted("43"), resulted("0")]), QueryVerdict.RESULT, "0", PaymentState.SUCCEEDED, Reached.RESULT),
        (([S, P], [A, A], [resulted("43")]), QueryVerdict.ACCEPTED, None, PaymentState.ACCEPTED, Reached.RESULT),
        (([S, P], [A, A], [resulted("0", kind=1)]), QueryVerdict.ACCEPTED, None, PaymentState.ACCEPTED, Reached.RESULT),
        (([S], [answered("100000002")], []), QueryVerdict.REFUSED, "100000002", PaymentState.FAILED, Reached.BROKER),
        (([S], [Q], [], [expired()]), QueryVerdict.EXPIRED, None, PaymentState.EXPIRED, Reached.BROKER),
        (([S, P], [Q, A], [resulted("0")], [expired()]), QueryVerdict.RESULT, "0", PaymentState.SUCCEEDED, Reached.RESULT),
    ],
)  # fmt: skip
def test_record_proves_what_stands_in_it(
    lists: tuple[list[str], ...], finding: QueryVerdict, code: str | None, state: PaymentState, reached: Reached
) -> None:
    found = history(*lists)
    assert (found.finding, found.code, found.state, found.reached) == (finding, code, state, reached)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("lists", "problem"),
    [
        (([S], [answered("100000004")], []), None),  # an internal error settles nothing
        (([S], [answered("4711")], []), None),  # nor does a code that no document has
        (([S], [answered("15")], []), None),  # a duplicate speaks of an earlier request
        (([S, S], [answered("100000002")], []), None),  # the other request has no answer on record
        (([S, P], [answered("100000002")], []), None),  # nor has the core
        (([S], [answered("100000002")], ["!"]), "is not base64"),  # perhaps a result
        (([S], [answered("100000002")], [HALF]), "not well-formed"),
        (([S], [answered("100000002")], [resulted("0", conversation_id="another")]), "another conversation"),
        (([], [answered("100000002")], []), None),  # a refusal of nothing on record
        (([S, P], [A, A], [resulted("1"), HALF]), "not well-formed"),  # the other one may say paid
        (([S, P], [A, A], [resulted("0"), resulted("17")]), "contradict"),
        (([S, P], [A, A], [resulted("17"), resulted("0")]), "contradict"),
        (([S, P], [A, A], [resulted("9999")]), None),  # an unknown ResultCode
        (([S, P], [A, A], [resulted("15")]), None),
        (([S, P], [Q], [], [expired()]), "passed on to the core"),
        (([S], [Q, A], [], [expired()]), "passed on to the core"),
        (([S], [], [], [expired("another")]), "another conversation"),
    ],
)
def test_not_paid_is_never_concluded_where_it_is_not_proven(lists: tuple[list[str], ...], problem: str | None) -> None:
    found = history(*lists)
    assert found.state in (PaymentState.UNKNOWN, PaymentState.ACCEPTED, PaymentState.QUEUED)
    assert any(problem in told for told in found.problems) if problem else not found.problems


def test_queue_timeout_of_one_of_two_requests_leaves_the_other_one_open() -> None:
    assert history([S, S], [Q, Q], [], [expired()]).state is PaymentState.QUEUED


def test_result_without_our_id_is_known_by_the_cores_id() -> None:
    assert history([S, P], [A, A], [resulted("0", conversation_id=None)]).state is PaymentState.SUCCEEDED
    stranger = history([S, P], [A, A], [resulted("0", conversation_id=None, core_id="AG_2")])
    assert (stranger.state, len(stranger.problems)) == (PaymentState.ACCEPTED, 1)


def test_result_in_the_wrong_list_is_not_used_and_told() -> None:
    found = history([S], [resulted("0")])
    assert (found.finding, found.problems) == (
        QueryVerdict.NOTHING,
        ("Entry 2 (submitApiResponse) was not used: it is another message than its list is for",),
    )


def test_legs_are_told_only_where_the_record_tells() -> None:
    assert [entry.leg for entry in history([S, P], [A, A], [resulted("0")]).entries] == [
        Leg.PARTNER_TO_BROKER, Leg.BROKER_TO_CORE, Leg.CORE_TO_BROKER, Leg.BROKER_TO_PARTNER, Leg.BROKER_TO_PARTNER,
    ]  # fmt: skip
    assert [entry.leg for entry in history([S, P], [A], [resulted("0", host="broker")]).entries] == [
        Leg.PARTNER_TO_BROKER, Leg.BROKER_TO_CORE, None, Leg.CORE_TO_BROKER,
    ]  # fmt: skip
    assert [entry.leg for entry in history([S], [Q], [resulted("0", host="elsewhere")]).entries][-1] is None


def test_secrets_of_recorded_headers_are_masked_and_the_repr_shows_no_message() -> None:
    found = history([S, P], [A, A], [resulted("0")])
    assert found.entries[0].http.header("Authorization") == "********"
    assert "c2VjcmV0" not in repr(found)
    assert "BusinessPayment" not in repr(found)


@pytest.mark.parametrize(
    ("envelope", "readable"),
    [
        (b"<a b=''1.0''/>", False),
        (b"POST", False),
        (base64.b64decode(A).partition(b"\r\n\r\n")[2].replace(b'"', b"''"), True),
        (base64.b64decode(A).partition(b"\r\n\r\n")[2].replace(b'"', b"''", 1), False),
        (base64.b64decode(A).partition(b"\r\n\r\n")[2].replace(b'"', b"'''"), False),
    ],
)
def test_doubled_quotes_are_undone_only_where_all_are_doubled(envelope: bytes, readable: bool) -> None:
    entry = history([S], [http("HTTP/1.1 200 OK", envelope)]).entries[1]
    assert (entry.problem is None) is readable


@given(st.lists(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()), max_size=4))
def test_no_text_raises_and_none_proves_anything(texts: list[str]) -> None:
    found = history(texts, texts, texts, texts)
    assert (found.state, len(found.problems)) == (PaymentState.UNKNOWN, len(texts) * 4)
    assert found.summary


@given(st.data())
def test_mutated_record_never_raises(data: st.DataObject) -> None:
    whole = bytearray(base64.b64decode(data.draw(st.sampled_from([S, P, A, resulted("0"), expired()]))))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position : position + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=5))
    text = base64.b64encode(bytes(whole)).decode()
    assert history([text], [text], [text], [text]).summary


@pytest.mark.parametrize(
    ("bad_day", "ready", "finding", "state"),
    [
        ("good", lambda found: found.finding is QueryVerdict.RESULT, QueryVerdict.RESULT, PaymentState.SUCCEEDED),
        (
            "never-resulted",
            lambda found: found.finding is QueryVerdict.RESULT,
            QueryVerdict.RESULT,
            PaymentState.SUCCEEDED,
        ),
        ("result-code:1", lambda found: found.finding is QueryVerdict.RESULT, QueryVerdict.RESULT, PaymentState.FAILED),
        ("throttled", lambda _: True, QueryVerdict.REFUSED, PaymentState.FAILED),
        (
            "internal-error",
            lambda found: found.finding is QueryVerdict.RESULT,
            QueryVerdict.RESULT,
            PaymentState.SUCCEEDED,
        ),
        (
            "cached-then-expired",
            lambda found: found.finding is QueryVerdict.EXPIRED,
            QueryVerdict.EXPIRED,
            PaymentState.EXPIRED,
        ),
        ("reset-before", lambda _: True, QueryVerdict.NOTHING, PaymentState.UNKNOWN),
    ],
)
def test_simulated_day_is_found_out_by_asking(
    bad_day: str, ready: Callable[[History], bool], finding: QueryVerdict, state: PaymentState
) -> None:
    told: queue.Queue[object] = queue.Queue()
    timing = Timing(result_delay=0.02, cache_time=0.02)
    with Simulator(timing=timing, seed=1, on_step=told.put) as simulator, Journal("sqlite://") as journal:
        listener = Listener(journal=journal)
        with ListenerServer(listener) as server:
            urls: dict[str, Any] = {"result_url": f"{server.url}/r", "queue_timeout_url": f"{server.url}/q"}
            with Client(**simulator.client_settings(), **urls, journal=journal) as client:
                simulator.choose(bad_day)
                with contextlib.suppress(CbpError):
                    client.pay_customer("254712345678", 100, conversation_id=ID)
                found = client.query_transaction(ID)
                while not ready(found):
                    told.get(timeout=10)
                    found = client.query_transaction(ID)
    assert (found.finding, found.state, found.problems) == (finding, state, ())
    assert "254712345678" not in repr(found)


def test_finding_moves_a_journal_to_the_state_that_it_proves() -> None:
    found = history([S, P], [A, A], [resulted("0")])
    with Journal("sqlite://") as journal:
        journal.create(conversation_id=ID, command_id="x", amount=None, receiver=None, request=b"")
        journal.record(ID, EventKind.SENDING)
        journal.record(ID, EventKind.OUTCOME_UNKNOWN)
        assert journal.record(ID, EventKind.QUERIED, code=found.code, detail=found.finding.value) is found.state
