"""Whatever is changed in a contract, drift tells; and told backwards, what was added is removed."""

from __future__ import annotations

import functools
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp_generator.config.bindings import read_config
from mpesa_cbp_generator.contract.load import load_files
from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.findings import Finding
from mpesa_cbp_generator.plan.build import make_plan
from mpesa_cbp_generator.plan.model import Plan
from tests.drift.contracts import ROOT
from tests.effort import examples

XS = "{http://www.w3.org/2001/XMLSchema}"
SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
CONFIG = read_config(ROOT / "bindings.toml")

Mutation = Callable[[etree._Element], bool]
"""Changes a node; False where there is nothing to change."""


@functools.cache
def sources() -> dict[str, bytes]:
    return {
        f"{folder.name}/{path.name}": path.read_bytes()
        for folder in CONFIG.sources
        for path in sorted(folder.iterdir())
    }


@functools.cache
def original() -> Plan:
    return make_plan(load_files(sources()), CONFIG)


def rename(node: etree._Element) -> bool:
    node.set("name", f"{node.get('name')}X")
    return True


def replace_name(node: etree._Element) -> bool:
    node.set("name", "Wholly_Other")
    return True


def remove(node: etree._Element) -> bool:
    parent = node.getparent()
    if parent is None:
        return False
    parent.remove(node)
    return True


def add_beside(node: etree._Element) -> bool:
    node.addnext(
        etree.Element(f"{XS}element", {"name": "Extra", "type": "xs:string", "minOccurs": "0"}, {"xs": XS[1:-1]})
    )
    return True


def add_required(node: etree._Element) -> bool:
    node.addprevious(etree.Element(f"{XS}element", {"name": "Extra", "type": "xs:string"}, {"xs": XS[1:-1]}))
    return True


def flip_minimum(node: etree._Element) -> bool:
    node.set("minOccurs", "1" if node.get("minOccurs") == "0" else "0")
    return True


def flip_maximum(node: etree._Element) -> bool:
    node.set("maxOccurs", "1" if node.get("maxOccurs") == "unbounded" else "unbounded")
    return True


def flip_nillable(node: etree._Element) -> bool:
    node.set("nillable", "false" if node.get("nillable") == "true" else "true")
    return True


def change_type(node: etree._Element) -> bool:
    prefix, _, name = (node.get("type") or "").rpartition(":")
    if name not in ("string", "integer", "int"):
        return False
    node.set("type", f"{prefix}:{'dateTime' if prefix else name}")
    return bool(prefix)


def swap(node: etree._Element) -> bool:
    following = node.getnext()
    if following is None or following.tag != node.tag:
        return False
    following.addnext(node)
    return True


def document(node: etree._Element) -> bool:
    found = node.find(f"{XS}annotation/{XS}documentation")
    if found is None:
        return False
    found.text = "Wholly other words."
    return True


def change_value(node: etree._Element) -> bool:
    node.set("value", "77777")
    return True


def change_id(node: etree._Element) -> bool:
    node.set("id", "SomethingElse")
    return True


def change_action(node: etree._Element) -> bool:
    node.set("soapAction", "urn:other")
    return True


def change_address(node: etree._Element) -> bool:
    node.set("location", "https://other.example/")
    return True


LOCAL = f"{XS}sequence/{XS}element"
ENUMERATION = f"{XS}restriction/{XS}enumeration"
MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    *((LOCAL, item) for item in (rename, replace_name, remove, add_beside, add_required, flip_minimum)),
    *((LOCAL, item) for item in (flip_maximum, flip_nillable, change_type, swap, document)),
    *((ENUMERATION, item) for item in (remove, change_value, change_id)),
    (f"{SOAP}operation", change_action),
    (f"{SOAP}address", change_address),
    (f"{SOAP}header", remove),
)

MIRROR = {
    "required-element-added": "element-removed",
    "optional-element-added": "element-removed",
    "element-became-required": "element-became-optional",
    "element-became-repeated": "element-became-single",
    "occurrence-narrowed": "occurrence-widened",
    "facet-tightened": "facet-loosened",
    "model-group-tightened": "model-group-loosened",
    "enumeration-value-added": "enumeration-value-removed",
    "operation-added": "operation-removed",
    "type-added": "type-removed",
    "derived-type-added": "derived-type-removed",
}
SIDES = MIRROR | {value: value for value in MIRROR.values()}


def mutated(mutation: tuple[str, Mutation], number: int) -> Plan | None:
    path, change = mutation
    documents = {name: etree.fromstring(data) for name, data in sources().items()}
    nodes = [node for name in sorted(documents) for node in documents[name].iterfind(f".//{path}")]
    if not change(nodes[number % len(nodes)]):
        return None
    return make_plan(
        load_files({name: etree.tostring(root) for name, root in documents.items()}), CONFIG, strict_settings=False
    )


@given(st.sampled_from(MUTATIONS), st.integers(min_value=0, max_value=200))
# The long form: MPESA_CBP_TEST_EFFORT=30 nox -s tests-3.11 -- tests/drift/test_mutations.py
@settings(
    max_examples=examples(50),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_every_mutation_is_told_and_backwards_likewise(mutation: tuple[str, Mutation], number: int) -> None:
    new = mutated(mutation, number)
    if new is None:
        return
    there, back = compare(original(), new), compare(new, original())
    assert there, mutation[1].__name__
    assert compare(new, new) == ()
    assert sorted(map(forwards, there)) == sorted(map(backwards, back))


def forwards(finding: Finding) -> tuple[str, ...]:
    return (SIDES.get(finding.rule, finding.rule), finding.role, finding.old or "", finding.new or "")


def backwards(finding: Finding) -> tuple[str, ...]:
    return (SIDES.get(finding.rule, finding.rule), finding.role, finding.new or "", finding.old or "")
