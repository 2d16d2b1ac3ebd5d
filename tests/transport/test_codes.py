"""What the operator's codes mean and what to do about them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_cbp.payment.codes import (
    all_codes,
    answer_meaning,
    find_codes,
    is_credential_refusal,
    is_duplicate,
    is_success,
    is_throttling,
    meanings,
    response_meaning,
    result_meaning,
)

# Written out from the protocol, section 5, so that a code lost from the tables is noticed.
RESPONSE_CODES = [
    0, *range(100000000, 100000015), 100000022, 18, 23, 24, 25, 26, 30, 2001, 8006,
]  # fmt: skip
RESULT_CODES = [
    *range(9), *range(11, 16), 17, 18, 19, 20, 21, 22, 25, 26, 28, 29, *range(31, 53),
    2001, 2006, 2028, 2032, 2040, 8006, "SFC_IC0003", "R000001", "R000002",
]  # fmt: skip


@pytest.mark.parametrize("code", RESPONSE_CODES)
def test_every_response_code_of_the_protocol_is_known(code: int) -> None:
    assert response_meaning(str(code)).known


@pytest.mark.parametrize("code", RESULT_CODES)
def test_every_result_code_of_the_protocol_is_known(code: int | str) -> None:
    assert result_meaning(str(code)).known


@pytest.mark.parametrize(
    "code",
    ["00000000", "000000001", "200000001", "200000002", "200000003", *(f"C2B0001{last}" for last in range(1, 7))],
)
def test_every_answer_of_ours_is_known(code: str) -> None:
    assert answer_meaning(code).known


def test_no_other_codes_are_claimed_to_be_known() -> None:
    known = [meaning.code for meaning in all_codes()]

    assert len(known) == len(RESPONSE_CODES) + len(RESULT_CODES) + 11


@pytest.mark.parametrize("code", ["0", "00000000", "000000000", " 0 ", "\n00\t"])
def test_zero_is_success_however_it_is_written(code: str) -> None:
    assert is_success(code)
    assert response_meaning(code).success
    assert result_meaning(code).success
    assert result_meaning(code).final
    assert result_meaning(code).code == code


@pytest.mark.parametrize(
    "code", ["", " ", "1", "-0", "+0", "0.0", "0x0", "O", "٠", "０", "None", "Success", "9" * 5000]
)
def test_anything_else_is_no_success_and_no_error(code: str) -> None:
    assert not is_success(code)
    assert not response_meaning(code).success
    assert not result_meaning(code).success


@pytest.mark.parametrize("code", ["15", " 15 ", "0000015", "41"])
def test_duplicates_are_told_and_settle_nothing(code: str) -> None:
    assert is_duplicate(code)
    assert not result_meaning(code).final
    assert result_meaning(code).retry == "ask"


@pytest.mark.parametrize("code", ["100000001", "100000002", "100000011", "26", " 026 "])
def test_throttling_is_a_certain_refusal_to_be_sent_again_later(code: str) -> None:
    assert is_throttling(code)
    assert response_meaning(code).final
    assert response_meaning(code).retry == "later"


@pytest.mark.parametrize("code", ["100000000", "100000004", "100000007", "0", "99", "overloaded"])
def test_nothing_else_is_throttling(code: str) -> None:
    assert not is_throttling(code)


def test_a_stored_request_is_pending_and_not_failed() -> None:
    meaning = response_meaning("100000000")

    assert meaning.pending
    assert not meaning.final
    assert not meaning.success


def test_an_accepted_request_is_not_yet_a_payment() -> None:
    assert response_meaning("0").success
    assert not response_meaning("0").final


@pytest.mark.parametrize("code", ["43", "46"])
def test_a_transaction_in_two_stages_is_not_over_before_its_end(code: str) -> None:
    assert not result_meaning(code).final


def test_a_result_that_waits_for_confirmation_is_pending() -> None:
    assert result_meaning("43").pending


@pytest.mark.parametrize("code", ["0", "00000000", "1", "43", "9999"])
def test_a_result_after_which_more_follow_is_pending_and_settles_nothing(code: str) -> None:
    meaning = result_meaning(code, result_type=1)
    assert (meaning.success, meaning.final, meaning.pending, meaning.retry) == (False, False, True, "ask")
    assert "ResultType 1" in meaning.advice


@pytest.mark.parametrize("result_type", [None, 0, 2, 10**30])
def test_only_result_type_1_announces_more(result_type: int | None) -> None:
    assert result_meaning("0", result_type=result_type) == result_meaning("0")


def test_the_same_number_means_different_things_in_different_places() -> None:
    assert [meaning.kind for meaning in meanings("000000001")] == ["result", "answer"]
    assert [meaning.kind for meaning in meanings("0")] == ["response", "result", "answer"]
    assert meanings("12345") == ()


@pytest.mark.parametrize("code", ["18", "018", "2001", " 8006 "])
def test_a_refused_credential_is_told_apart_in_results_and_in_answers(code: str) -> None:
    assert is_credential_refusal(code)
    assert result_meaning(code).disposition == response_meaning(code).disposition == "credential"
    assert result_meaning(code).final


@pytest.mark.parametrize("code", ["sfc_ic0003", " SFC_IC0003 "])
def test_a_code_that_is_no_number_is_compared_as_text(code: str) -> None:
    assert result_meaning(code) == replace(result_meaning("SFC_IC0003"), code=code)
    assert not result_meaning("SFC_IC3").known


def test_codes_are_found_by_words() -> None:
    assert {each.code for each in find_codes("locked")} == {"8006"}
    assert {each.code for each in find_codes("Already reversed")} == {"R000001"}
    assert find_codes("") == find_codes("no such word") == ()


@given(code=st.text())
def test_an_unknown_code_is_told_apart_and_never_raises(code: str) -> None:
    for meaning in (response_meaning(code), result_meaning(code), answer_meaning(code)):
        assert meaning.code == code
        if not meaning.known:
            assert (meaning.success, meaning.final, meaning.pending) == (False, False, False)
            assert meaning.retry == "ask"


def test_each_meaning_and_each_advice_is_one_sentence() -> None:
    for meaning in all_codes():
        for sentence in (meaning.meaning, meaning.advice):
            assert sentence[0].isupper(), meaning
            assert sentence.endswith("."), meaning
            assert ". " not in sentence, meaning


def test_success_is_nobodys_fault_and_is_not_repeated() -> None:
    for meaning in all_codes():
        assert meaning.success == (meaning.code == "0")
        assert not meaning.success or (meaning.at_fault, meaning.retry) == ("nobody", "never")
