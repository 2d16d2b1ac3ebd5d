"""Dialects: any message, in any combination of them, is read as what it means, with each of them named."""

from __future__ import annotations

import dataclasses
import re
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp.errors import MalformedMessage
from mpesa_cbp.soap import decode
from mpesa_cbp.soap.dialects import DIALECTS
from mpesa_cbp.soap.routes import ROUTES, Route
from mpesa_cbp_models import RequestSOAPHeader
from mpesa_cbp_models.operations import OPERATIONS
from tests.effort import examples
from tests.models.test_family_round_trip import OBJECTS
from tests.transport.dialect_writer import ALL, Writing, write

ROOT = Path(__file__).resolve().parents[2]
HEADER = RequestSOAPHeader(sp_id="107031", sp_password="c2VjcmV0", service_id="107031000", time_stamp="20261124100000")
BY_NAME = {operation.name: operation for operation in OPERATIONS}
CLASSES = {item.id: item for item in OBJECTS.plan.classes}
IDENTIFYING = {
    "result_code": "0",
    "response_code": "0",
    "trans_id": "LCA618MKDW",
    "trans_amount": "70.00",
    "originator_conversation_id": "600000_Acme_1",
}
# What no message is written in, but only found in: a record, a fault, or another name that the alias table has.
ELSEWHERE = {
    "doubled-quotes",
    "nested-parameters",
    "result-in-response",
    "plain-fault-code",
    "element-alias",
    "other-namespace",
}


def plain(value: Any) -> Any:
    """The same object without blanks around its texts, which dialect 7 drops, and with what identifies it."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.strip()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for field in dataclasses.fields(value):
        item = plain(getattr(value, field.name))
        changed[field.name] = IDENTIFYING[field.name] if item == "" and field.name in IDENTIFYING else item
    return dataclasses.replace(value, **changed)


@st.composite
def spoken(draw: st.DrawFn, route: Route, chosen: frozenset[str]) -> tuple[bytes, Writing]:
    message = plain(draw(OBJECTS.of(CLASSES[route.type_name])))
    root = etree.fromstring(message.to_xml())
    writing = Writing(draw, BY_NAME[route.operation], route.direction, root, message, chosen)
    return write(writing, draw(st.sampled_from([HEADER, None]))), writing


@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: f"{route.operation}-{route.name}")
@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_combination_of_dialects_is_read_as_what_it_means_and_named(route: Route, data: st.DataObject) -> None:
    chosen = frozenset(name for name in ALL if data.draw(st.booleans()))
    written, writing = data.draw(spoken(route, chosen))
    decoded = decode(written)
    event(f"{len(writing.applied)} dialects")
    assert decoded.message == writing.expected
    assert (decoded.operation, decoded.direction) == (route.operation, route.direction)
    assert set(decoded.deviations) == writing.applied
    assert sorted(path.rpartition("/")[2] for path in decoded.unknown) == sorted(writing.unknown)
    assert decoded.header in (None, HEADER)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=examples(6), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_strict_reading_refuses_each_dialect_alone_but_blanks(name: str, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from(list(ROUTES.values())))
    written, writing = data.draw(spoken(route, frozenset({name})))
    if not writing.applied:
        assert decode(written, strict=True).message == writing.expected
    elif name != "blank-padding":
        with pytest.raises(MalformedMessage):
            decode(written, strict=True)


def test_every_dialect_has_a_writer_or_a_test_of_its_own() -> None:
    assert set(ALL) | ELSEWHERE == set(DIALECTS)


def test_every_number_of_the_protocol_has_a_name() -> None:
    assert {number for numbers, _ in DIALECTS.values() for number in numbers} == set(range(1, 20))


def test_documentation_lists_every_dialect_with_its_number_and_meaning() -> None:
    text = (ROOT / "docs/decode.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \| ([^|]*) \|$", text, re.MULTILINE)
    assert {name: (numbers, what) for name, numbers, what in rows} == {
        name: (", ".join(map(str, numbers)) or "–", what) for name, (numbers, what) in DIALECTS.items()
    }
