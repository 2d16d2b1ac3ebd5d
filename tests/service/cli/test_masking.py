"""Masks for what the contract calls sensitive: none for a secret, and none for an element that does not exist."""

from __future__ import annotations

from typing import Any

import pytest

from mpesa_cbp.redaction import MASK
from mpesa_cbp_models import SECRET_ELEMENTS, SENSITIVE_ELEMENTS, Caller
from mpesa_cbp_service.cli import masking


def test_masks_are_for_sensitive_elements_that_are_no_secrets() -> None:
    assert set(masking._MASKS) <= SENSITIVE_ELEMENTS - SECRET_ELEMENTS


@pytest.mark.parametrize("field", ["password", "check_sum"])
def test_secret_is_left_out_whatever_it_holds(field: str) -> None:
    values: Any = {
        "caller_type": 2,
        "third_party_id": "x",
        "result_url": "https://us.example/a/result",
        field: "hidden",
    }
    shown = masking.masked_message(Caller(**values), masked=True)
    assert MASK in shown.values()
    assert "hidden" not in str(shown)
