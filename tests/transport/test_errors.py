"""What each error promises to whoever catches it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from mpesa_cbp import errors
from mpesa_cbp.errors import (
    MAXIMUM_BODY,
    AuthenticationFailed,
    CbpError,
    CredentialRefused,
    DuplicateConversation,
    FaultOutcomeUnknown,
    FaultRefusal,
    InvalidRequest,
    JournalError,
    JournalOutcomeUnknown,
    JournalRefusal,
    MalformedMessage,
    MissingExtra,
    NotSent,
    OutcomeUnknown,
    Refused,
    Sent,
    SettingsError,
    SoapFault,
    Throttled,
    ValidationRefused,
)

EXAMPLES: list[tuple[CbpError, Sent, bool]] = [
    (CbpError("It failed"), Sent.UNKNOWN, False),
    (InvalidRequest(["msisdn: too short"]), Sent.NO, True),
    (NotSent("It was not sent"), Sent.NO, True),
    (OutcomeUnknown("It may have been sent"), Sent.UNKNOWN, False),
    (Refused("It was refused", code="100000005", meaning="invalid input value"), Sent.YES, True),
    (AuthenticationFailed("It was refused"), Sent.YES, True),
    (CredentialRefused("It was refused"), Sent.YES, True),
    (Throttled("It was refused"), Sent.YES, True),
    (DuplicateConversation("It was refused"), Sent.YES, False),
    (ValidationRefused("It was refused"), Sent.YES, True),
    (SoapFault(fault_code="Client", fault_string="no"), Sent.YES, True),
    (SoapFault(fault_code="Server", fault_string="no"), Sent.UNKNOWN, False),
    (MalformedMessage("not well-formed", place="line 3"), Sent.UNKNOWN, False),
    (SettingsError("The endpoint is missing"), Sent.NO, True),
    (JournalError("The journal is locked"), Sent.UNKNOWN, False),
    (JournalOutcomeUnknown("The journal is locked"), Sent.UNKNOWN, False),
    (JournalRefusal("The journal knows no such payment"), Sent.NO, False),
    (MissingExtra("mpesa-cbp listen", extra="service"), Sent.NO, True),
]
each_error = pytest.mark.parametrize(
    ("error", "sent", "final"), EXAMPLES, ids=[type(error).__name__ for error, _, _ in EXAMPLES]
)


def kinds_of(kind: type[CbpError]) -> set[type[CbpError]]:
    return {kind}.union(*(kinds_of(below) for below in kind.__subclasses__()))


def test_the_examples_cover_every_error_of_the_tree() -> None:
    assert {type(error) for error, _, _ in EXAMPLES} | {SoapFault} == kinds_of(CbpError)


def test_the_tree_at_the_head_of_the_module_names_every_error() -> None:
    assert all(f"{kind.__name__} " in (errors.__doc__ or "") for kind in kinds_of(CbpError))


@each_error
def test_an_error_says_whether_anything_was_sent_and_whether_that_is_final(
    error: CbpError, sent: Sent, final: bool
) -> None:
    assert (error.sent, error.final) == (sent, final)


@each_error
def test_an_error_reads_as_sentences(error: CbpError, sent: Sent, final: bool) -> None:  # noqa: ARG001
    assert str(error).startswith(error.message)
    assert error.advice in str(error)
    assert ".." not in str(error)


def pickled(error: CbpError) -> CbpError:
    restored: CbpError = pickle.loads(pickle.dumps(error))
    return restored


@each_error
@pytest.mark.parametrize("duplicate", [pickled, copy.copy, copy.deepcopy])
def test_an_error_survives_pickling_and_copying(
    error: CbpError, sent: Sent, final: bool, duplicate: Callable[[CbpError], CbpError]
) -> None:
    restored = duplicate(error)
    assert type(restored) is type(error)
    assert vars(restored) == vars(error)
    assert (restored.sent, restored.final, restored.args) == (sent, final, error.args)
    assert (str(restored), repr(restored)) == (str(error), repr(error))


def test_code_meaning_and_conversation_stand_in_the_sentence() -> None:
    error = Refused(
        "The broker refused the request.",
        conversation_id="600000_Acme_1",
        code="100000012",
        meaning="insufficient balance",
    )
    assert str(error) == (
        "The broker refused the request (code 100000012: insufficient balance; conversation 600000_Acme_1). "
        "This request had no effect: nothing was paid or changed."
    )


def test_a_conversation_filled_in_later_stands_in_the_sentence() -> None:
    error = NotSent("It was not sent")
    error.conversation_id = "600000_Acme_1"
    assert "(conversation 600000_Acme_1)" in str(error)


def test_facts_of_the_caller_go_before_those_of_the_class() -> None:
    error = JournalError("The journal is full", sent=Sent.NO, final=True, advice="Free some space.")
    assert (error.sent, error.final, error.advice) == (Sent.NO, True, "Free some space.")
    assert JournalError.sent is Sent.UNKNOWN


def test_the_body_is_kept_short_and_out_of_sight() -> None:
    error = OutcomeUnknown("It may have been sent", body="<masked/>" * 1000)
    assert error.body is not None
    assert len(error.body) == MAXIMUM_BODY
    assert "masked" not in str(error) + repr(error) + repr(error.args)


def test_all_problems_of_a_request_are_told_at_once() -> None:
    error = InvalidRequest(problem for problem in ("amount: not a Decimal", "remark: longer than 255"))
    assert error.problems == ("amount: not a Decimal", "remark: longer than 255")
    assert str(error).startswith("The request has 2 problems: amount: not a Decimal; remark: longer than 255.")


def test_one_problem_is_singular() -> None:
    assert str(InvalidRequest(["amount: missing"])).startswith("The request has 1 problem: amount: missing.")


def test_a_malformed_message_says_why_and_where() -> None:
    error = MalformedMessage("ResultCode is missing", place="Envelope/Body/ResultMsg")
    assert (error.reason, error.place) == ("ResultCode is missing", "Envelope/Body/ResultMsg")
    assert "at Envelope/Body/ResultMsg: ResultCode is missing" in str(error)


def test_a_missing_extra_names_what_to_install() -> None:
    error = MissingExtra("mpesa-cbp listen", extra="service")
    assert error.extra == "service"
    assert "pip install 'mpesa-cbp[service]'" in str(error)


@pytest.mark.parametrize(
    "fault_code",
    [
        "Client",
        "soapenv:Client",
        "{http://schemas.xmlsoap.org/soap/envelope/}Client",
        "Client.Authentication",
        " SOAP-ENV:Client\n",
        "S:VersionMismatch",
        "S:MustUnderstand",
        "SVC0901",
        "ns1:SVC0002",
        "POL0001",
    ],
)
def test_a_fault_before_the_request_was_worked_on_is_a_refusal(fault_code: str) -> None:
    fault = SoapFault(fault_code=fault_code, fault_string="spId is wrong")
    assert type(fault) is FaultRefusal
    assert isinstance(fault, Refused)
    assert not isinstance(fault, OutcomeUnknown)
    assert (fault.fault_code, fault.fault_string) == (fault_code, "spId is wrong")


@pytest.mark.parametrize(
    "fault_code",
    [
        "Server",
        "soapenv:Server",
        "Server.Client",
        "Clients",
        "NotAClient",
        "SVC0001",
        "SVC09012",
        "500",
        "",
        "Receiver",
    ],
)
def test_any_other_fault_leaves_the_outcome_unknown(fault_code: str) -> None:
    fault = SoapFault(fault_code=fault_code, fault_string="it broke")
    assert type(fault) is FaultOutcomeUnknown
    assert isinstance(fault, OutcomeUnknown)
    assert not isinstance(fault, Refused)


def test_a_fault_says_its_code_its_text_and_what_to_do() -> None:
    fault = SoapFault(fault_code="SVC0901", fault_string="spId is wrong", conversation_id="600000_Acme_1")
    assert str(fault) == (
        "The broker answered with a SOAP fault, SVC0901: spId is wrong (conversation 600000_Acme_1). "
        "This request had no effect: nothing was paid or changed."
    )
