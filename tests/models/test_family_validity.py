"""The family's own types: an object is faultless exactly when libxml2 finds its document valid, in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp_generator.plan.lock import from_json
from mpesa_cbp_generator.plan.model import ClassPlan
from mpesa_cbp_models import _errors as errors
from tests.effort import examples
from tests.models.arbitrary import Arbitrary
from tests.models.schema_set import combined_schema

ROOT = Path(__file__).resolve().parents[2]
PLAN = from_json((ROOT / "generated/mpesa_cbp_models/contract.lock.json").read_text(encoding="utf-8"))
OBJECTS = Arbitrary(PLAN, "mpesa_cbp_models")
ROOTS = [item for item in PLAN.classes if item.roots and not item.abstract]
SCHEMA = combined_schema([ROOT / "wsdl", ROOT / "xsd"])


@pytest.mark.parametrize("item", ROOTS, ids=lambda item: item.id)
@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_validate_is_silent_exactly_when_the_document_is_valid(item: ClassPlan, data: st.DataObject) -> None:
    value: Any = data.draw(OBJECTS.of(item))
    found = problems(value)
    try:
        written = value.to_xml()
    except errors.InvalidValue:
        assert found, "validate() was silent about an object that cannot be written"
        return
    valid = bool(SCHEMA.validate(etree.fromstring(written)))
    if valid and found:
        # What the document cannot say is a fault of the object too: reading it back gives another one.
        assert not survives(value, written), found
    else:
        assert valid == (not found), (found, SCHEMA.error_log, written)
    if valid and not found:
        assert type(value).from_xml(written, strict=True) == value


def problems(value: Any) -> tuple[Any, ...]:
    try:
        value.validate()
    except errors.InvalidValue as error:
        return tuple(error.problems)
    return ()


def survives(value: Any, written: bytes) -> bool:
    """Whether reading what was written gives the object again."""
    try:
        return bool(type(value).from_xml(written) == value)
    except errors.InvalidMessage:
        return False
