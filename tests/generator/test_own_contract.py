"""The project's own contract describes the operator's, to the last facet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from mpesa_cbp_generator.contract.model import WSDL, XS
from tests.generator.shared_contracts import SHARED, needs_shared

ROOT = Path(__file__).resolve().parents[2]
REAL = SHARED / "v1.5-as-documented"
QNAMES = {"type", "ref", "base", "element", "message", "binding"}
# The operation of Ethiopian billers, which the published contract does not have (protocol, section 12).
ADDED = ("QueryC2BPayment", "C2BPaymentQuery")
DROPPED = {f"{{{XS}}}annotation", f"{{{WSDL}}}documentation"}


def structure(element: etree._Element) -> tuple[Any, ...]:
    """Tag, attributes with prefixes resolved, and children; documentation and blanks left out."""
    attributes = {}
    for name, value in element.attrib.items():
        text = str(value)
        if str(name) in QNAMES:
            prefix, _, local = text.rpartition(":")
            text = f"{{{element.nsmap.get(prefix or None)}}}{local}"
        attributes[str(name)] = text
    children = [
        child
        for child in element.iterchildren(etree.Element)
        if child.tag not in DROPPED and not str(child.get("name", "")).startswith(ADDED)
    ]
    return element.tag, attributes, [structure(child) for child in children]


def own(name: str) -> Path:
    return ROOT / ("wsdl" if name.endswith(".wsdl") else "xsd") / name


@needs_shared
@pytest.mark.parametrize("name", sorted(path.name for path in REAL.glob("*.*")) if REAL.is_dir() else [])
def test_file_has_the_structure_of_the_operators(name: str) -> None:
    assert structure(etree.parse(own(name)).getroot()) == structure(etree.parse(REAL / name).getroot())


def test_everything_that_becomes_a_docstring_is_documented() -> None:
    bare = [
        f"{path.name}:{node.sourceline}"
        for path in [*ROOT.glob("wsdl/*"), *ROOT.glob("xsd/*")]
        for node in etree.parse(path).iter(f"{{{XS}}}element", f"{{{XS}}}enumeration")
        if node.get("ref") is None and node.find(f"{{{XS}}}annotation/{{{XS}}}documentation") is None
    ]
    assert bare == []
