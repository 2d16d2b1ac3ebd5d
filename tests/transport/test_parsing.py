"""Phone numbers and amounts as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_cbp.parsing import format_amount, normalise_msisdn, parse_amount
from mpesa_cbp.redaction import mask, mask_msisdn


@pytest.mark.parametrize(
    ("written", "msisdn"),
    [
        ("0712345678", "254712345678"),
        ("712345678", "254712345678"),
        ("254712345678", "254712345678"),
        ("+254712345678", "254712345678"),
        ("00254712345678", "254712345678"),
        ("+254 712 345 678", "254712345678"),
        ("+254-712-345-678", "254712345678"),
        ("(0712) 345.678", "254712345678"),
        ("+(254) 712 345678", "254712345678"),
        ("\t0712 345 678\n", "254712345678"),
        ("0712\u00a0345\u00a0678", "254712345678"),
        ("0110345678", "254110345678"),
        ("110345678", "254110345678"),
        ("254110345678", "254110345678"),
    ],
)
def test_a_phone_number_in_any_usual_form_becomes_an_msisdn(written: str, msisdn: str) -> None:
    assert normalise_msisdn(written) == msisdn


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "07123456789",
        "071234567",
        "+0712345678",
        "+712345678",
        "+255712345678",
        "255712345678",
        "0812345678",
        "254254123456",
        "254712345",
        "2540712345678",
        "+254 (0) 712 345 678",
        "++254712345678",
        "0712+345678",
        "0712345678x",
        "7.12345678E8",
        "71234567.0",
        "712345678.0",
        "٠٧١٢٣٤٥٦٧٨",
        "0712\x00345678",
        "0712345678,0722345678",
        "tel:0712345678",
    ],
)
def test_an_ambiguous_or_wrong_phone_number_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(ValueError, match="phone number") as caught:
        normalise_msisdn(written)

    assert not written.strip() or written.strip() not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "country_code", "msisdn"),
    [
        ("0612345678", "255", "255612345678"),
        ("+255 612 345 678", "255", "255612345678"),
        ("812345678", "258", "258812345678"),
    ],
)
def test_the_country_code_is_a_setting(written: str, country_code: str, msisdn: str) -> None:
    assert normalise_msisdn(written, country_code=country_code) == msisdn


def test_nine_digits_that_may_be_cut_short_are_ambiguous() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        normalise_msisdn("255123456", country_code="255")


@given(subscriber=st.from_regex(r"[17][0-9]{8}", fullmatch=True), prefix=st.sampled_from(["", "0", "254", "+254"]))
def test_normalising_again_changes_nothing(subscriber: str, prefix: str) -> None:
    msisdn = normalise_msisdn(prefix + subscriber)

    assert msisdn == "254" + subscriber == normalise_msisdn(msisdn)


@pytest.mark.parametrize(
    ("value", "amount", "text"),
    [
        (100, "100", "100"),
        ("100", "100", "100"),
        ("100.5", "100.5", "100.50"),
        (" 100.50 ", "100.50", "100.50"),
        ("100.00", "100.00", "100"),
        ("0.01", "0.01", "0.01"),
        (Decimal("1E+3"), "1000", "1000"),
        (Decimal("1.5E+1"), "15", "15"),
        (Decimal("7000.10"), "7000.10", "7000.10"),
        ("9999999999999", "9999999999999", "9999999999999"),
        ("99999999999.99", "99999999999.99", "99999999999.99"),
        ("007", "7", "7"),
    ],
)
def test_an_amount_is_exact_and_is_sent_in_plain_digits(value: Decimal | int | str, amount: str, text: str) -> None:
    parsed = parse_amount(value)

    assert str(parsed) == amount
    assert format_amount(parsed) == text


@pytest.mark.parametrize(
    "value",
    [
        100.0,
        True,
        None,
        b"100",
        "",
        "abc",
        "NaN",
        "Infinity",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        "100.505",
        "1.000",
        Decimal("0.001"),
        "0",
        "0.00",
        "-1",
        -1,
        Decimal("-0.01"),
        "1,000",
        "1_000",
        "1 000",
        "1\u00a0000",
        "١٠٠",
        ".5",
        "5.",
        "10000000000000",
        "100000000000.00",
        "1e3",
        "7e4",
        "1E+2",
        "1.5E1",
        "+20",
        "1E999",
        "1E-999",
        Decimal("1E+999999"),
        pytest.param(10**5000, id="endless"),
    ],
)
def test_what_is_no_amount_of_money_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="the amount"):
        parse_amount(value)  # type: ignore[arg-type]


@given(cents=st.integers(1, 10**13 - 1))
def test_an_amount_survives_being_written_and_read(cents: int) -> None:
    amount = Decimal(cents).scaleb(-2)

    assert parse_amount(format_amount(amount)) == amount
    assert "E" not in format_amount(amount)


@pytest.mark.parametrize(
    ("shown", "masked"),
    [
        ("254712345678", "2547****5678"),
        (" 254712345678 ", "2547****5678"),
        ("888888", "****"),
        ("0712345678", "****"),
        ("a" * 63 + "1", "****"),
        ("", ""),
    ],
)
def test_a_phone_number_is_masked(shown: str, masked: str) -> None:
    assert mask_msisdn(shown) == masked


@pytest.mark.parametrize(
    ("shown", "masked"),
    [("Jane Doe", "J*** D**"), ("J Doe", "* D**"), ("254712345678 - Jane", "**** * J***"), ("", ""), ("  ", "")],
)
def test_a_name_is_masked(shown: str, masked: str) -> None:
    assert mask(shown) == masked


@given(text=st.text())
def test_no_digit_and_no_word_survives_a_mask(text: str) -> None:
    masked = mask(text).split()

    assert not any(character.isdigit() for word in masked for character in word)
    assert all(word[1:] == "*" * (len(word) - 1) for word in masked)


@pytest.mark.parametrize(
    ("text", "country_code", "msisdn"),
    [
        ("58123456", "266", "26658123456"),
        ("+266 5812 3456", "266", "26658123456"),
        ("01012345678", "20", "201012345678"),
        ("0754 123 456", "255", "255754123456"),
        ("0911123456", "251", "251911123456"),
    ],
)
def test_numbers_of_other_markets_have_their_own_length(text: str, country_code: str, msisdn: str) -> None:
    assert normalise_msisdn(text, country_code=country_code) == msisdn


@pytest.mark.parametrize(("text", "country_code"), [("581234567", "266"), ("1012345678", "266"), ("101234567", "20")])
def test_a_number_of_another_length_is_refused_in_that_market(text: str, country_code: str) -> None:
    with pytest.raises(ValueError, match="digits after"):
        normalise_msisdn(text, country_code=country_code)
