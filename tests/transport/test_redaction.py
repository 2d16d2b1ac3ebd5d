"""Redaction: what is taken out of a text, what is left in it, and types whose repr shows nothing."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_cbp.redaction import (
    MASK,
    MessageBytes,
    PersonalText,
    SecretText,
    personal,
    redact,
    redact_bytes,
    redact_header,
)
from mpesa_cbp_models import SECRET_ELEMENTS, SENSITIVE_ELEMENTS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<SecurityCredential>c2VjcmV0</SecurityCredential>", f"<SecurityCredential>{MASK}</SecurityCredential>"),
        ("<a:Password x='1'>p&amp;q</a:Password >", f"<a:Password x='1'>{MASK}</a:Password >"),
        ("&lt;spPassword&gt;secret&lt;/spPassword&gt;", f"&lt;spPassword&gt;{MASK}&lt;/spPassword&gt;"),
        ("<newPassword>broken off", f"<newPassword>{MASK}"),
        ("<originRequest>" + "QUJD" * 9 + "\n</originRequest>", f"<originRequest>{MASK}</originRequest>"),
        ("<n:submitApiResult>" + "QUJD" * 9, f"<n:submitApiResult>{MASK}"),
        ("<KYCValue>Jane Doe</KYCValue>", "<KYCValue>J*** D***</KYCValue>"),
        ("<Value>254712345678 - Jane Doe</Value>", "<Value>2547****5678 - J*** D***</Value>"),
        ("paid to 254712345678.", "paid to 2547****5678."),
        ("to +254712345678, to 0712345678", "to 2547****5678, to ****"),
        ("+254 712 345 678 / 0712-345-678", "2547****5678 / ****"),
        ("msisdn=%2B254712345678&x", "msisdn=%2B2547****5678&x"),
        ("600000_254712345678", "600000_2547****5678"),
        (">https://us.example/an-unguessable-word/result<", f">https://us.example/{MASK}/result<"),
        (">https://us.example/result<", ">https://us.example/result<"),
        (">https://us.example/an-unguessable-word<", f">https://us.example/{MASK}<"),
        (">https://us.example/result/an-unguessable-word<", f">https://us.example/{MASK}<"),
        (">https://us.example/a-word/result?word=hidden&amp;b=2<", f">https://us.example/{MASK}/result?{MASK}<"),
        ("&gt;https://us.example?hidden&lt;", f"&gt;https://us.example?{MASK}&lt;"),
        (">https://name:secret@us.example:8443/a-word/<", f">https://{MASK}@us.example:8443/{MASK}<"),
        (">https://us.example/<", ">https://us.example/<"),
        (">https://us.example<", ">https://us.example<"),
        ("AG_20150424_0000643cae726da52ba8", "AG_20150424_0000643cae726da52ba8"),
        ("20261124083000 2714803.00 LCA618MKDW 1254712345678", "20261124083000 2714803.00 LCA618MKDW 1254712345678"),
        (
            'xmlns="http://www.csapi.org/schema/transaction/data"',
            'xmlns="http://www.csapi.org/schema/transaction/data"',
        ),
    ],
)
def test_text_is_shown_without_what_is_secret_or_personal(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("name", sorted(SECRET_ELEMENTS))
def test_secret_element_of_the_contract_shows_nothing(name: str) -> None:
    assert redact(f"<n:{name}>hidden</n:{name}>") == f"<n:{name}>{MASK}</n:{name}>"
    assert redact(f"&lt;{name}&gt;hidden&lt;/{name}&gt;") == f"&lt;{name}&gt;{MASK}&lt;/{name}&gt;"


@pytest.mark.parametrize("name", sorted(SENSITIVE_ELEMENTS))
def test_sensitive_element_of_the_contract_shows_no_customer(name: str) -> None:
    for text in ("254712345678", "0712 345 678", "254712345678 - Jane Doe"):
        shown = redact(f"<n:{name}>{text}</n:{name}>")
        assert "345" not in shown
        assert "Doe" not in shown


def test_only_the_beginning_of_a_message_is_redacted_and_shown_so_that_it_costs_little() -> None:
    hostile = b"<Password>" * 2_000_000
    assert redact_bytes(hostile) == f"<Password>{MASK}"
    assert len(redact_bytes(b"x" * 10_000_000)) <= 65536


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "x-auth-token", "X-Signature"])
def test_header_that_lets_somebody_in_is_masked(name: str) -> None:
    assert redact_header(name, "secret") == MASK


def test_other_header_is_redacted_like_any_text() -> None:
    assert redact_header("X-Customer", "254712345678") == "2547****5678"
    assert redact_header("Content-Type", "text/xml; charset=utf-8") == "text/xml; charset=utf-8"


@given(st.text())
def test_secret_is_a_text_like_any_other_but_for_its_repr(text: str) -> None:
    secret = SecretText(text)
    assert (secret, f"{secret}", secret + "x", secret.encode()) == (text, text, text + "x", text.encode())
    assert repr(secret) == repr([secret])[1:-1] == f"'{MASK}'"
    assert repr(pickle.loads(pickle.dumps(secret))) == repr(copy.deepcopy(secret)) == f"'{MASK}'"


def test_number_and_message_show_what_helps_and_no_more() -> None:
    assert repr(PersonalText("254712345678")) == "'2547****5678'"
    assert repr(PersonalText("Jane Doe")) == "'J*** D**'"
    assert repr(MessageBytes(b"secret")) == "<message of 6 bytes>"
    assert MessageBytes(b"secret") == b"secret"


def test_what_is_no_text_is_left_to_whoever_refuses_it() -> None:
    assert personal(254712345678) == 254712345678
    assert repr(personal("254712345678")) == "'2547****5678'"


@pytest.mark.parametrize(
    "number",
    [
        "254712345678", "255754123456", "+251 911 123456", "258841234567", "243812345678", "233241234567",
        "26658123456", "201012345678", "0712 345 678", "0654123456", "0911123456",
    ],
)  # fmt: skip
def test_a_number_of_each_market_is_masked(number: str) -> None:
    shown = redact(f"paid to {number}, thanks")
    assert number not in shown
    assert "****" in shown


@pytest.mark.parametrize("text", ["20261124113000", "2026-11-24 11:30:00", "AG_20261124_00004f1c", "KES 2012.50"])
def test_times_ids_and_amounts_are_no_numbers_of_customers(text: str) -> None:
    assert redact(text) == text
