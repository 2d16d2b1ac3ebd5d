"""Result parameters in every form of the protocol, section 6."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mpesa_cbp.envelope import decode
from mpesa_cbp.results import _READERS, AffectedAccount, ResultParameters, read_parameters

MESSAGES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "messages"
_EXPECTED = MESSAGES / "EXPECTED.tsv"
TWO_READINGS = [
    name
    for name, _, expected in (
        line.partition("\t") for line in (_EXPECTED.read_text().splitlines() if _EXPECTED.exists() else [])
    )
    if expected == "not-understood"
]
FIRST_B2C_FORM = [
    ("Amount", "Ksh200.00"),
    ("Transaction Datetime", "22/10/2014 20:55:24"),
    ("Working Account Available Funds", "2338002.5100"),
    ("Utility Account Available Funds", "461898.0000"),
    ("Charges Paid Account Available Funds", "0.0000"),
]
SECOND_B2C_FORM = [
    ("TransactionReceipt", "LCA618MKDW"),
    ("TransactionAmount", "100.22"),
    ("TransactionCompletedDateTime", "22.03.2012 12:20:20"),
    ("ReceiverPartyPublicName", "254700000000-Jane Doe"),
    ("B2CWorkingAccountAvailableFunds", "100000.00"),
    ("B2CUtilityAccountAvailableFunds", "10000.00"),
    ("B2CChargesPaidAccountAvailableFunds", "1000.00"),
    ("B2CRecipientIsRegisteredCustomer", "Y"),
    ("B2CWithdrawalChargeAmount", "12.00"),
]
ACCOUNT = "Working Account|KES|5.00|5.00|0.00|0.00"
BRACED = "{Amount={BasicAmount=2714803.00, MinimumAmount=271480300, CurrencyCode=KES}}"
B2B_FORM = [
    ("InitiatorAccountCurrentBalance", BRACED),
    ("DebitAccountCurrentBalance", BRACED),
    ("CreditAccountCurrentBalance", "{Amount={BasicAmount=11000.00, MinimumAmount=1100000, CurrencyCode=KES}}"),
    ("Amount", "7000.00"),
    ("DebitPartyAffectedAccountBalance", "MMF Organization Account|KES|2714803.00|2714803.00|0.00|50000000.00"),
    ("TransCompletedTime", "20150424170252"),
    ("DebitPartyCharges", ""),
    ("DebitPartyPublicName", "600000 - Acme - Payroll"),
    ("ReceiverPartyPublicName", "888888 - ACME"),
    (
        "CreditPartyAffectedAccountBalance",
        "Utility Account|KES|11000.00|11000.00|0.00|0.00&Charges Paid Account|KES|-385.00|-385.00|0.00|0.00",
    ),
    ("Currency", "KES"),
]


def nairobi(*parts: int) -> datetime:
    year, month, day, hour, minute, second = parts
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone(timedelta(hours=3)))


def test_the_first_form_of_a_payment_to_a_customer_is_read() -> None:
    assert read_parameters(FIRST_B2C_FORM) == ResultParameters(
        amount=Decimal("200.00"),
        currency="KES",
        completed_at=nairobi(2014, 10, 22, 20, 55, 24),
        balances={"working": Decimal("2338002.51"), "utility": Decimal(461898), "charges paid": Decimal(0)},
    )


def test_the_second_form_of_a_payment_to_a_customer_is_read() -> None:
    assert read_parameters(SECOND_B2C_FORM) == ResultParameters(
        receipt="LCA618MKDW",
        amount=Decimal("100.22"),
        completed_at=nairobi(2012, 3, 22, 12, 20, 20),
        receiver_number="254700000000",
        receiver_name="Jane Doe",
        registered=True,
        withdrawal_charge=Decimal(12),
        balances={"working": Decimal(100000), "utility": Decimal(10000), "charges paid": Decimal(1000)},
    )


def test_the_form_of_a_payment_to_a_business_is_read() -> None:
    zero = Decimal(0)
    assert read_parameters(B2B_FORM) == ResultParameters(
        amount=Decimal(7000),
        currency="KES",
        completed_at=nairobi(2015, 4, 24, 17, 2, 52),
        receiver_number="888888",
        receiver_name="ACME",
        paying_party_number="600000",
        paying_party_name="Acme - Payroll",
        balances={
            "initiator current": Decimal(2714803),
            "debit current": Decimal(2714803),
            "credit current": Decimal(11000),
        },
        accounts=(
            AffectedAccount(
                "debit",
                "MMF Organization Account",
                "KES",
                (Decimal(2714803), Decimal(2714803), zero, Decimal(50000000)),
            ),
            AffectedAccount("credit", "Utility Account", "KES", (Decimal(11000), Decimal(11000), zero, zero)),
            AffectedAccount("credit", "Charges Paid Account", "KES", (Decimal(-385), Decimal(-385), zero, zero)),
        ),
    )


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("Amount", "Ksh200.00", "amount", Decimal(200)),
        ("Amount", "Ksh 1,200.00", "amount", Decimal(1200)),
        ("Amount", "KES200", "amount", Decimal(200)),
        ("Amount", " 100.22 ", "amount", Decimal("100.22")),
        ("Amount", BRACED, "amount", Decimal(2714803)),
        ("Amount", "Ksh200.00", "currency", "KES"),
        ("Currency", "kes", "currency", "KES"),
        ("Transaction Datetime", "22/10/2014 20:55:24", "completed_at", nairobi(2014, 10, 22, 20, 55, 24)),
        ("Transaction DateTime", "30.09.2014 12:52:31", "completed_at", nairobi(2014, 9, 30, 12, 52, 31)),
        ("TransactionCompletedDateTime", "22.03.2012 12:20:20", "completed_at", nairobi(2012, 3, 22, 12, 20, 20)),
        ("TransCompletedTime", "20150424170252", "completed_at", nairobi(2015, 4, 24, 17, 2, 52)),
        (" TransactionReceipt ", " LCA618MKDW  ", "receipt", "LCA618MKDW"),
        ("ReceiptNo", "X-IL144", "receipt", "X-IL144"),
        ("ReceiverPartyPublicName", "254700000000-Jane Doe", "receiver_name", "Jane Doe"),
        ("ReceiverPartyPublicName", "254700000000 - Jane Doe", "receiver_number", "254700000000"),
        ("ReceiverPartyPublicName", "254700000000 - Jane-Ann", "receiver_name", "Jane-Ann"),
        ("ReceiverPartyPublicName", "254700000000 - ", "receiver_number", "254700000000"),
        ("ReceiverPartyPublicName", "254700000000 - ", "receiver_name", None),
        ("ReceiverPartyPublicName", "254700000000-", "receiver_name", None),
        ("ReceiverPartyPublicName", "254700000000", "receiver_number", "254700000000"),
        ("B2CRecipientIsRegisteredCustomer", "Y", "registered", True),
        ("B2CRecipientIsRegisteredCustomer", "n", "registered", False),
        ("DebitPartyCharges", "33.00", "debit_party_charges", Decimal(33)),
        ("DebitPartyCharges", "Fee For B2C Payment|KES|22.40", "debit_party_charges", Decimal("22.40")),
        ("Working Account Available Funds", "-0.5100", "balances", {"working": Decimal("-0.51")}),
        ("DebitAccountBalance", "{Amount={CurrencyCode=KES, BasicAmount=5}}", "balances", {"debit": Decimal(5)}),
        ("InitiatedTime", "20180223054112", "initiated_at", nairobi(2018, 2, 23, 5, 41, 12)),
        ("FinalisedTime", "20180223054112", "finalised_at", nairobi(2018, 2, 23, 5, 41, 12)),
        ("BOCompletedTime", "20180223054112", "completed_at", nairobi(2018, 2, 23, 5, 41, 12)),
        ("CreditPartyPublicName", "600600 - ACME", "credit_party_number", "600600"),
    ],
)
def test_each_format_of_a_value_is_read(key: str, value: str, field: str, expected: object) -> None:
    read = read_parameters([(key, value)])

    assert getattr(read, field) == expected
    assert read.other == ()
    assert read.not_understood == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Amount", "two hundred"),
        ("Amount", "1,20"),
        ("Amount", "1.200,00"),
        ("Amount", "200."),
        ("Amount", "Ksh"),
        ("Amount", "NaN"),
        ("Amount", "1E5"),
        ("Amount", "٢٠٠"),
        ("Amount", "{Amount={BasicAmount=2714803.00, Minimum"),
        ("Amount", "{Amount={MinimumAmount=100}}"),
        ("Amount", "{Amount={}}"),
        ("Amount", "{Amount={BasicAmount=2,714,803.00, MinimumAmount=271480300, CurrencyCode=KES}}"),
        ("Amount", "{Amount={BasicAmount=5, BasicAmount=7, CurrencyCode=KES}}"),
        ("Amount", "{Amount={BasicAmount=2714803.00, MinimumAmount=271480301, CurrencyCode=KES}}"),
        ("Amount", "{Amount={BasicAmount=5, CurrencyCode=KES, CurrencyCode=USD}}"),
        ("Amount", "1,200"),
        ("Amount", "1.200"),
        ("Amount", "-200.00"),
        ("DebitPartyCharges", "Fee|KES|22.40&Fee|KES|1.00"),
        ("Currency", "KSE"),
        ("Currency", "shillings"),
        ("TransCompletedTime", "2015042417025"),
        ("TransCompletedTime", "20150230170252"),
        ("TransCompletedTime", "00000000000000"),
        ("Transaction Datetime", "10/22/2014 20:55:24"),
        ("Transaction Datetime", "22/10.2014 20:55:24"),
        ("Transaction Datetime", "yesterday"),
        ("ReceiverPartyPublicName", "Jane Doe"),
        ("ReceiverPartyPublicName", " - Jane Doe"),
        ("ReceiverPartyPublicName", "2547-00000000-Jane Doe"),
        ("ReceiverPartyPublicName", "25470000000-Jane Doe"),
        ("B2CRecipientIsRegisteredCustomer", "maybe"),
        ("DebitPartyAffectedAccountBalance", "MMF Organization Account|KES|27148"[:28]),
        ("DebitPartyAffectedAccountBalance", "Account|KES|1.00&"),
        ("DebitPartyAffectedAccountBalance", "Account|KES|1.00|x"),
        ("DebitPartyAffectedAccountBalance", "|||"),
        ("DebitPartyAffectedAccountBalance", "Account|KES|1.00|1.00|0.00"),
        ("DebitPartyAffectedAccountBalance", f"{ACCOUNT}&{ACCOUNT.replace('5.00', '9.00')}"),
        ("DebitPartyAffectedAccountBalance", f"{ACCOUNT}&{ACCOUNT.replace('KES', 'USD')}"),
    ],
)
def test_a_value_that_cannot_be_read_is_kept_as_text_and_told(key: str, value: str) -> None:
    read = read_parameters([(key, value)])

    assert read.other == ((key, value.strip()),)
    assert [told for told, _ in read.not_understood] == [key]
    assert value.strip() not in read.not_understood[0][1]
    assert read == ResultParameters(other=read.other, not_understood=read.not_understood)


@pytest.mark.parametrize("value", [None, "", "   ", "\n"])
@pytest.mark.parametrize("key", sorted(_READERS))
def test_a_blank_value_counts_as_not_given(key: str, value: str | None) -> None:
    assert read_parameters([(key, value)]) == ResultParameters()


def test_unknown_keys_are_kept_as_text_in_order() -> None:
    pairs = [("ShortCode", "898947"), ("Working Account Uncleared Funds", "0.0000"), ("TransactionReason", None)]

    assert read_parameters(pairs).other == (
        ("ShortCode", "898947"),
        ("Working Account Uncleared Funds", "0.0000"),
        ("TransactionReason", ""),
    )


@pytest.mark.parametrize(
    "pairs",
    [
        [("Amount", "100"), ("TransactionAmount", "200")],
        [("Currency", "USD"), ("Amount", "Ksh100")],
        [("Working Account Available Funds", "1"), ("B2CWorkingAccountAvailableFunds", "2")],
        [("Amount", "1"), ("Amount", "2")],
        [("ReceiverPartyPublicName", "600600 - A"), ("ReceiverPartyPublicName", "600601 - A")],
        [("AccountBalance", ACCOUNT), ("AccountBalance", ACCOUNT.replace("5.00", "9.00"))],
        [("AccountBalance", ACCOUNT), ("AccountBalance", ACCOUNT.replace("KES", "USD"))],
        [("AccountBalance", ACCOUNT), ("AccountBalance", f"working  account{ACCOUNT[15:].replace('5.00', '9.00')}")],
    ],
)
def test_of_two_contradicting_values_none_is_taken_and_both_are_told(pairs: list[tuple[str, str]]) -> None:
    read = read_parameters([*pairs, ("TransactionReceipt", "LCA618MKDW")])

    assert read.other == tuple(pairs)
    assert [key for key, _ in read.not_understood] == [key for key, _ in pairs]
    assert read == ResultParameters(receipt="LCA618MKDW", other=read.other, not_understood=read.not_understood)


@pytest.mark.parametrize("key", ["InitiatorAccountCurrentBalance", "DebitPartyCharges"])
@pytest.mark.parametrize(
    ("home", "other"), [([], "USD"), ([("Currency", "USD")], "KES"), ([("Amount", "Ksh5")], "USD")]
)
def test_balance_or_charge_in_another_currency_is_not_understood_and_sets_none(
    key: str, home: list[tuple[str, str]], other: str
) -> None:
    pair = (key, f"{{Amount={{BasicAmount=100.00, CurrencyCode={other}}}}}")

    read = read_parameters([pair, *home])

    assert read.other == (pair,)
    assert read.not_understood == ((key, "it is in another currency than the result"),)
    assert read == dataclasses.replace(read_parameters(home), other=read.other, not_understood=read.not_understood)


def test_balance_in_the_currency_of_the_result_is_read() -> None:
    balance = ("DebitAccountCurrentBalance", "{Amount={BasicAmount=100.00, CurrencyCode=ETB}}")
    assert read_parameters([balance, ("Currency", "ETB")]).balances == {"debit current": Decimal(100)}


def test_account_listed_twice_with_the_same_amounts_is_one() -> None:
    assert len(read_parameters([("AccountBalance", f"{ACCOUNT}&{ACCOUNT}"), ("AccountBalance", ACCOUNT)]).accounts) == 1


def test_the_same_value_twice_is_no_contradiction() -> None:
    read = read_parameters([("Amount", "100"), ("TransactionAmount", "100.00")])

    assert read.amount == Decimal(100)
    assert read.not_understood == ()


def test_the_repr_shows_no_name_and_only_a_masked_number() -> None:
    pairs = [*SECOND_B2C_FORM, ("CreditPartyName", "254700000000 - Jane Doe"), ("Amount", "for Jane Doe")]

    shown = repr(read_parameters(pairs))

    assert "Jane" not in shown
    assert "254700000000" not in shown
    assert "2547****0000" in shown
    assert "LCA618MKDW" in shown


KEYS = st.one_of(st.sampled_from(sorted(_READERS)), st.text(st.characters(codec=None)))
PIECES = st.sampled_from(
    [
        "{Amount={",
        "}}",
        "BasicAmount=",
        "CurrencyCode=KES",
        ",",
        "=",
        "|",
        "&",
        "Ksh",
        "KES",
        "-",
        "22/10/2014",
        "0",
        " ",
    ]
)
VALUES = st.one_of(st.none(), st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(pairs=st.lists(st.tuples(KEYS, VALUES)))
@example(pairs=[("Amount", "9" * 5000)])
@example(pairs=[("TransCompletedTime", "9" * 14)])
@example(pairs=[("Amount", "\ud800")])
def test_no_text_at_all_raises_and_none_is_lost(pairs: list[tuple[str, str | None]]) -> None:
    read = read_parameters(pairs)

    unknown = [(key.strip(), (value or "").strip()) for key, value in pairs]
    unknown = [pair for pair in unknown if "".join(pair[0].split()).lower() not in _READERS]
    assert [pair for pair in read.other if pair in unknown] == unknown
    assert len(read.other) == len(unknown) + len(read.not_understood)
    assert repr(read)


@pytest.mark.skipif(not TWO_READINGS, reason="the shared messages lie beside the project only in its workshop")
@pytest.mark.parametrize("name", TWO_READINGS or ["absent"])
def test_shared_message_with_two_readings_is_not_understood(name: str) -> None:
    listed = decode((MESSAGES / name).read_bytes()).message.result_parameters.result_parameter
    pairs = tuple((pair.key, pair.value) for pair in listed)

    read = read_parameters(pairs)

    assert [key for key, _ in read.not_understood] == [key for key, _ in pairs]
    assert read == ResultParameters(other=pairs, not_understood=read.not_understood)
