"""Our codecs against two independent judges: xsdata's parser and serializer, and libxml2's XML Schema validator."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

from mpesa_cbp_generator.plan.lock import from_json
from mpesa_cbp_generator.plan.model import ClassPlan
from tests.effort import examples
from tests.models.schema_set import combined_schema
from tests.models.strategies import Objects

ROOT = Path(__file__).resolve().parents[2]
PLAN = from_json((ROOT / "generated/mpesa_cbp_models/contract.lock.json").read_text(encoding="utf-8"))
OBJECTS = Objects(PLAN, "mpesa_cbp_models")
ROOTS = [item for item in PLAN.classes if item.roots]
SCHEMA = combined_schema([ROOT / "wsdl", ROOT / "xsd"])
PARSER = XmlParser()
SERIALIZER = XmlSerializer()


def c14n(data: bytes) -> bytes:
    out = io.BytesIO()
    etree.ElementTree(etree.fromstring(data)).write_c14n(out, exclusive=True)  # type: ignore[call-arg]
    return out.getvalue()


def same_names(data: bytes) -> bytes:
    """Canonical XML with one prefix for each namespace, since canonical XML keeps prefixes and writers choose them."""
    root = etree.fromstring(data)
    namespaces = sorted({etree.QName(element).namespace or "" for element in root.iter()} - {""})
    fresh = _renamed(root, {f"n{i}": namespace for i, namespace in enumerate(namespaces)})
    return c14n(etree.tostring(fresh))


def _renamed(element: etree._Element, nsmap: dict[str, str]) -> etree._Element:
    fresh = etree.Element(element.tag, {str(k): str(v) for k, v in element.attrib.items()}, nsmap=nsmap)
    fresh.text, fresh.tail = element.text, element.tail
    fresh.extend(_renamed(child, nsmap) for child in element)
    return fresh


@pytest.mark.parametrize("item", ROOTS, ids=lambda item: item.id)
@settings(
    max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_object_survives_both_codecs_and_validates(item: ClassPlan, data: st.DataObject) -> None:
    value: Any = data.draw(OBJECTS.of(item))
    value.validate()
    written = value.to_xml()

    SCHEMA.assertValid(etree.fromstring(written))
    assert same_names(written) == same_names(SERIALIZER.render(value).encode())
    assert type(value).from_xml(written, strict=True) == value
    assert PARSER.from_bytes(written, type(value)) == value


def test_every_type_of_the_family_stands_in_some_root() -> None:
    reached = {inner.id for item in ROOTS for inner in OBJECTS.layout.closure(item)}
    assert {item.id for item in PLAN.classes} == reached
