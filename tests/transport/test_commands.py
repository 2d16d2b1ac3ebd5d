"""Every command: the parties and parameters of the request that goes out, and all that is refused before."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp import Acknowledgement, Client, Initiator, ServiceProvider
from mpesa_cbp.client import registration_url_of
from mpesa_cbp.commands.table import COMMANDS
from mpesa_cbp.errors import CbpError, InvalidRequest, SettingsError
from mpesa_cbp.identity.profile import NAIROBI, Profile
from mpesa_cbp.identity.security import decrypt_credential, decrypt_new_password, sp_password
from mpesa_cbp.soap import decode
from mpesa_cbp_models import ChangePassword, IdentifierType, Request
from mpesa_cbp_service import Journal
from mpesa_cbp_service.formatting import pretty
from tests.transport.clients import INITIATOR_PASSWORD, SECRETS, SP_PASSWORD, client_to, operator_key
from tests.transport.failing_broker import (
    Conversation,
    FailingBroker,
    accepts,
    answers,
    http_answer,
)

GOLDEN = Path(__file__).parent / "golden"
Call = Callable[[Client], Acknowledgement]
CREDENTIAL = re.compile(r"(?<=<SecurityCredential>)[A-Za-z0-9+/=]{344}(?=</SecurityCredential>)")


def _customer(command: str) -> Call:
    return lambda client: client.pay_customer(
        "0712 345 678", "100.5", command=command, remark="Salary & <bonus>", occasion="November"
    )


def _business(command: str) -> Call:
    return lambda client: client.pay_business("888888", Decimal("7000.00"), command=command)


def _own_funds(command: str) -> Call:
    return lambda client: client.transfer_own_funds(50_000, command=command, remark="Float")


# One call for each command; what goes out stands in golden/commands/COMMAND.xml.
CALLS: dict[str, Call] = {
    **{each.id: _customer(each.id) for each in COMMANDS.values() if each.family == "B2C"},
    **{each.id: _business(each.id) for each in COMMANDS.values() if each.family == "B2B"},
    "PayTaxToKRA": lambda client: client.pay_business(
        "572572", 7000, command="PayTaxToKRA", account_reference="PRN1234XN"
    ),
    **{each.id: _own_funds(each.id) for each in COMMANDS.values() if each.family == "own funds"},
    "OrgRevenueSettlement": lambda client: client.transfer_own_funds(command="OrgRevenueSettlement"),
    "BusinessPayBill": lambda client: client.pay_business("888888", 7000, account_reference="INV-7 ]]> 8"),
    "AccountBalance": lambda client: client.account_balance(),
    "TransactionStatusQuery": lambda client: client.transaction_status(receipt="RKL51ZDR4F"),
    "TransactionReversal": lambda client: client.reverse("RKL51ZDR4F", remark="Paid twice"),
    "RegisterURL": lambda client: client.register_urls(
        confirmation_url="https://us.example/c", validation_url="https://us.example/v", response_type="Completed"
    ),
}


def sent(call: Callable[[Client], object], **settings: Any) -> bytes:
    """The envelope that a call sends to a broker that accepts it."""
    with FailingBroker(accepts) as broker, Journal("sqlite://") as journal:
        with client_to(broker.url(), **{"journal": journal, **settings}) as client:
            call(client)
        broker.wait_for_ends()
        assert broker.complete_requests == 1
        return broker.conversations[0].bodies[0]


def without_credential(text: str) -> str:
    masked, count = CREDENTIAL.subn("CREDENTIAL", text)
    assert count == 1
    return masked


def test_there_is_a_call_for_every_command_of_the_protocol() -> None:
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.parametrize("command", CALLS)
def test_the_request_of_each_command_is_the_golden_one(command: str) -> None:
    request = decode(sent(CALLS[command]), strict=True).message
    assert isinstance(request, Request)
    credential = request.identity.initiator.security_credential
    assert decrypt_credential(credential=credential, private_key=operator_key().private_key) == INITIATOR_PASSWORD
    shown = without_credential(pretty(request.to_xml(), masked=False)) + "\n"
    assert shown == (GOLDEN / "commands" / f"{command}.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("contract", {}),
        ("guide", {"profile": "guide"}),
        (
            "spid-ip",
            {"service_provider": ServiceProvider(id="107031", password=None, service_id="107031000")},
        ),
    ],
)
def test_the_whole_envelope_is_the_golden_one_in_each_way_of_signing(name: str, settings: dict[str, Any]) -> None:
    envelope = without_credential(sent(CALLS["BusinessPayment"], **settings).decode()) + "\n"
    assert envelope == (GOLDEN / "envelopes" / f"{name}.xml").read_text(encoding="utf-8")
    assert not any(secret in envelope for secret in SECRETS)


@pytest.mark.parametrize(
    ("named", "key"),
    [
        ({"receipt": "RKL51ZDR4F"}, "ReceiptNumber"),
        ({"of_conversation_id": "600000_Acme_9"}, "OriginatorConversationID"),
        ({"of_core_conversation_id": "AG_20261124_0001"}, "ConversationID"),
    ],
)
def test_a_status_is_asked_by_receipt_or_by_either_conversation_id(named: dict[str, str], key: str) -> None:
    status = decode(sent(lambda client: client.transaction_status(**named))).message
    assert pairs_of(status) == {key: next(iter(named.values()))}
    assert (status.identity.primary_party, status.identity.receiver_party) == (None, None)


def pairs_of(request: Request) -> dict[str, str]:
    """Parameters of a request by key."""
    parameters = request.transaction.parameters
    return {each.key or "": each.value or "" for each in parameters.parameter} if parameters is not None else {}


def test_goods_are_bought_from_a_till_by_its_number() -> None:
    request = decode(
        sent(lambda client: client.pay_business("174379", 100, command="BusinessBuyGoods", receiver_type=2))
    ).message
    assert request.identity.receiver_party.identifier_type is IdentifierType.TillNumber


def test_one_request_may_have_result_and_timeout_addresses_of_its_own() -> None:
    request = decode(
        sent(
            lambda client: client.pay_customer(
                "0712345678", 100, result_url="https://us.example/r/7", queue_timeout_url="https://us.example/t/7"
            )
        )
    ).message
    assert request.identity.caller.result_url == "https://us.example/r/7"
    references = {each.key: each.value for each in request.transaction.reference_data.reference_item}
    assert references["QueueTimeoutURL"] == "https://us.example/t/7"


def test_a_command_that_is_not_in_the_table_goes_out_with_identity_and_credential() -> None:
    request = decode(
        sent(
            lambda client: client.order(
                "BusinessPayToPochi",
                receiver="0712 345 678",
                receiver_type=1,
                amount="100.50",
                parameters={"Kind": "A"},
                references={"Occasion": "Tea"},
            )
        ),
        strict=True,
    ).message
    assert request.transaction.command_id == "BusinessPayToPochi"
    assert pairs_of(request) == {"Amount": "100.50", "Kind": "A"}
    assert request.identity.primary_party.identifier == "600000"
    assert (request.identity.receiver_party.identifier_type, request.identity.receiver_party.identifier) == (
        IdentifierType.MSISDN,
        "254712345678",
    )
    credential = request.identity.initiator.security_credential
    assert decrypt_credential(credential=credential, private_key=operator_key().private_key) == INITIATOR_PASSWORD


def test_a_command_of_the_table_is_checked_when_it_is_ordered_by_name() -> None:
    by_name = sent(
        lambda client: client.order(
            "BusinessPayBill", receiver="888888", amount=7, parameters={"AccountReference": "A"}
        )
    )
    by_method = sent(lambda client: client.pay_business("888888", 7, account_reference="A"))
    assert without_credential(by_name.decode()) == without_credential(by_method.decode())


def test_an_operator_internal_system_sends_its_initiator_type_and_no_signing_header() -> None:
    initiator = Initiator(
        name="api",
        password=INITIATOR_PASSWORD,
        short_code="600000",
        certificate=operator_key().certificate,
        identifier_type=14,
    )
    decoded = decode(sent(CALLS["BusinessPayment"], profile="none", initiator=initiator))
    assert decoded.header is None
    assert decoded.message.identity.initiator.identifier_type is IdentifierType.SPOperatorUserName


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://b.example/mminterface/request", "https://b.example/mminterface/registerURL"),
        ("https://b.example:18423/x/mminterface/request", "https://b.example:18423/x/mminterface/registerURL"),
        ("https://gateway.example/elsewhere", "https://gateway.example/elsewhere"),
    ],
)
def test_registerurl_is_posted_to_its_own_path(endpoint: str, expected: str) -> None:
    assert registration_url_of(endpoint) == expected


def test_a_command_without_a_method_goes_out_as_it_stands() -> None:
    request = decode(sent(CALLS["BusinessPayment"])).message
    request.transaction.command_id = "BrandNewPayment"
    assert decode(sent(lambda client: client.send(request))).message == request


def test_conversation_ids_begin_with_short_code_and_organisation_and_stay_within_their_length() -> None:
    for organisation, name in (("Acme Ltd.", "AcmeLtd"), ("A" * 300, "A" * 88)):
        with client_to("http://b.example/", organisation=organisation, new_id=lambda: "f" * 32) as client:
            made = client.new_conversation_id()
        assert made == f"600000_{name}{'_' * (len(name) < 88)}{'f' * 32}"
        assert len(made) <= 128


@pytest.mark.parametrize("organisation", ["", " ", "!!!", "\u00e9"])
def test_an_organisation_whose_name_cannot_stand_in_an_id_is_refused(organisation: str) -> None:
    with pytest.raises(SettingsError, match="organisation"):
        client_to("http://b.example/", organisation=organisation)


# What is refused, and that nothing is stored or sent then.


class UntouchedJournal:
    """A journal that must not be asked for anything."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the journal was asked to {name}")


LONG = "x" * 256
REFUSED: list[tuple[Callable[[Client], object], tuple[str, ...]]] = [
    (lambda c: c.pay_customer("12", 1.5, command="Gift", remark=LONG, conversation_id=" "),  # type: ignore[arg-type]
     ("command must be one of SalaryPayment, ", "amount: ", "msisdn: ", "conversation_id must not begin", "request/Transaction/Remark: must be at most 255 long")),
    (lambda c: c.pay_customer("0712345678", 100, command="BusinessPayBill"), ("command must be one of SalaryPayment, ",)),
    (lambda c: c.pay_customer(254712345678, None), ("amount: ", "msisdn: must be text")),  # type: ignore[arg-type]
    (lambda c: c.pay_customer("0712345678", True), ("amount: ",)),
    (lambda c: c.pay_customer("0712345678", Decimal("NaN")), ("amount: ",)),
    (lambda c: c.pay_customer("0712345678", 100, remark="a\x00b", occasion="c\x1fd"),
     ("request/Transaction/Remark: holds a character", "request/Transaction/ReferenceData/ReferenceItem[2]/Value: holds a character")),
    (lambda c: c.pay_customer("0712345678", 100, remark=7), ("request/Transaction/Remark: must be str",)),  # type: ignore[arg-type]
    (lambda c: c.pay_customer("0712345678", 100, conversation_id="x" * 129), ("conversation_id must have 1 to 128",)),
    (lambda c: c.pay_customer("0712345678", 100, conversation_id="a\nb"), ("conversation_id must not",)),
    (lambda c: c.pay_business("88A", -1, command="SalaryPayment"), ("command must be one of BusinessPayBill, ", "amount: ", "short_code: ")),
    (lambda c: c.pay_business("888888", 1), ("account_reference: BusinessPayBill needs one",)),
    (lambda c: c.pay_business("888888", 1, account_reference="  "), ("account_reference: must not be blank",)),
    (lambda c: c.pay_business("888888", 1, command="BusinessBuyGoods", account_reference="A"), ("account_reference: BusinessBuyGoods takes none",)),
    (lambda c: c.pay_business("888888", 1, command="TransactionReversal"), ("command must be one of BusinessPayBill, ",)),
    (lambda c: c.pay_business("\u0661\u0662", 1, account_reference="A"), ("short_code: ",)),
    (lambda c: c.transfer_own_funds("1,000", command="BusinessPayment"), ("command must be one of BusinessTransferFromMMFToUtility, ", "amount: ")),
    (lambda c: c.transaction_status(), ("give exactly one of receipt, of_conversation_id",)),
    (lambda c: c.transaction_status(receipt="", of_conversation_id="x"), ("receipt: must not be blank", "give exactly one")),
    (lambda c: c.reverse(" "), ("receipt: must not be blank",)),
    (lambda c: c.transfer_own_funds(7, command="OrgRevenueSettlement"), ("amount: OrgRevenueSettlement takes none",)),
    (lambda c: c.pay_business("174379", 1, command="BusinessBuyGoods", receiver_type=1), ("receiver_type must be 2 (till) or 4", "short_code: ")),
    (lambda c: c.pay_customer("0712345678", 1, result_url="us.example"), ("result_url: is not an http",)),
    (lambda c: c.order("NewCommand", receiver="254712345678"), ("receiver_type: must be given",)),
    (lambda c: c.order("NewCommand", parameters={"Amount": "1"}), ("parameters: give Amount as an argument",)),
    (lambda c: c.order("AccountBalance", receiver="888888"), ("receiver: AccountBalance takes none",)),
    (lambda c: c.order("BusinessPayBill", receiver="888888", amount=1), ("account_reference: BusinessPayBill needs one",)),
    (lambda c: c.order("NewCommand", receiver="1", receiver_type=99), ("receiver_type must be an IdentifierType",)),
    (lambda c: c.register_urls(confirmation_url="us.example", validation_url="ftp://us.example/", response_type="Maybe"),
     ("confirmation_url: is not an http", "validation_url: is not an http", "response_type must be")),
    (lambda c: c.pay_customer("0712345678", 100, conversation_id=""), ("conversation_id must have 1 to 128",)),
    (lambda c: c.new_conversation_id(""), ("unique must not be blank",)),
    (lambda c: c.new_conversation_id(" "), ("unique must not be blank",)),
    (lambda c: c.account_balance(remark=LONG), ("request/Transaction/Remark: must be at most 255 long",)),
]  # fmt: skip


@pytest.mark.parametrize(("call", "problems"), REFUSED, ids=[problems[0][:40] for _, problems in REFUSED])
def test_all_problems_are_told_at_once_and_nothing_is_stored_or_sent(
    call: Callable[[Client], object], problems: tuple[str, ...]
) -> None:
    with FailingBroker(accepts) as broker:
        with client_to(broker.url(), journal=UntouchedJournal()) as client, pytest.raises(InvalidRequest) as caught:
            call(client)
        assert broker.connections == 0
    assert len(caught.value.problems) == len(problems), caught.value.problems
    for told, expected in zip(caught.value.problems, problems, strict=True):
        assert told.startswith(expected)
    assert "0712345678" not in str(caught.value)


def test_without_a_journal_nothing_is_resumed() -> None:
    with FailingBroker(accepts) as broker:
        with client_to(broker.url()) as client, pytest.raises(InvalidRequest, match="resume goes with a journal"):
            client.pay_customer("0712345678", 100, conversation_id="600000_Acme_1", resume=True)
        assert broker.connections == 0


def test_without_a_journal_every_method_needs_a_conversation_id() -> None:
    with client_to("http://127.0.0.1:1/") as client:
        for call in CALLS.values():
            with pytest.raises(InvalidRequest, match="conversation_id must be given where there is no journal"):
                call(client)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"initiator": Initiator(name="api", password="", short_code="600000", certificate=b"")},
            "password certificate",
        ),
        ({"profile": "guides"}, "profile must be one of contract, guide"),
        ({"ca": "nowhere.pem"}, "nowhere.pem"),
        ({"endpoint": "b.example"}, "endpoint"),
    ],
)
def test_settings_that_cannot_work_are_refused_when_the_client_is_made(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        client_to(**{"endpoint": "http://b.example/", **settings})


@pytest.mark.parametrize("password", ["", "x" * 246, "\ud800"])
def test_a_password_that_cannot_be_encrypted_is_told_without_it_before_anything_is_stored(password: str) -> None:
    initiator = Initiator(
        name="api", password=lambda: password, short_code="600000", certificate=operator_key().certificate
    )
    with (
        client_to("http://127.0.0.1:1/", journal=UntouchedJournal(), initiator=initiator) as client,
        pytest.raises(SettingsError, match=r"initiator: .*(empty|too long|UTF-8)") as caught,
    ):
        client.pay_customer("0712345678", 1)
    assert "xxx" not in str(caught.value)


def test_a_namespace_that_would_break_the_header_is_refused() -> None:
    with pytest.raises(SettingsError, match="namespace"):
        Profile(header_namespace='urn:x" y="')


def test_a_client_shows_no_secret_and_cannot_be_pickled() -> None:
    with client_to("https://user:planted-word@b.example/x?token=planted-query") as client:
        shown = f"{client!r} {vars(client)!r} {client.builder!r}"
        assert "planted" not in shown
        with pytest.raises(TypeError):
            pickle.dumps(client)


# changePassword (protocol, section 9).

AES = {"key": "AAAabcdefghijklm", "vector": "abcdefghijklmnop"}


def test_a_new_password_goes_out_signed_and_encrypted_in_an_envelope_without_a_header() -> None:
    seen: list[bytes] = []

    def behaviour(conversation: Conversation) -> None:
        seen.append(conversation.read_request()[1])
        conversation.send(http_answer(changed("00000000")))

    with FailingBroker(behaviour) as broker:
        with client_to("http://127.0.0.1:1/", management_url=broker.url(), profile=Profile(zone=NAIROBI)) as client:
            answer = client.change_password(lambda: "!QAZ2wsx", **AES)
        broker.wait_for_ends()
    decoded = decode(seen[0], strict=True)
    message = decoded.message
    assert isinstance(message, ChangePassword)
    assert decoded.header is None
    assert message.new_password == "wi2a7BAH0QPd2LRdmcgC9w=="
    assert decrypt_new_password(encrypted=message.new_password, **AES) == "!QAZ2wsx"
    assert message.time_stamp == "20261124113000"
    assert message.sp_password == sp_password(sp_id="107031", password=SP_PASSWORD, time_stamp=message.time_stamp)
    assert answer.result.response_code == "00000000"


def changed(code: str) -> bytes:
    namespace = "http://www.csapi.org/schema/management/data/v1_0/local"
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<changePasswordResponse xmlns="{namespace}"><result>'
        f"<ResponseCode>{code}</ResponseCode></result></changePasswordResponse></s:Body></s:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (http_answer(changed("100000007")), "AuthenticationFailed"),
        (http_answer(changed("100000004")), "Either password may be the valid one"),
        (http_answer(b"<html/>", content_type="text/html"), "Either password may be the valid one"),
    ],
)
def test_a_change_of_password_that_did_not_succeed_says_which_password_is_valid(message: bytes, words: str) -> None:
    with FailingBroker(answers(message)) as broker:
        with client_to(broker.url()) as client, pytest.raises(CbpError) as caught:
            client.change_password("!QAZ2wsx", **AES)
        assert words in f"{type(caught.value).__name__}: {caught.value}"
        assert "QAZ" not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize(
    ("given", "words"),
    [({"key": "short"}, "16, 24 or 32"), ({"vector": "short"}, "16 bytes"), ({"new_password": ""}, "empty")],
)
def test_a_change_of_password_that_cannot_be_made_is_a_setting(given: dict[str, str], words: str) -> None:
    with client_to("http://127.0.0.1:1/") as client, pytest.raises(SettingsError, match=words):
        client.change_password(**{"new_password": "!QAZ2wsx", **AES, **given})
