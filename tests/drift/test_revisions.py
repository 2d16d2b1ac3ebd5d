"""The two revisions of the real contract, the project's own, and sets that only look different."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpesa_cbp_generator.config.bindings import read_config
from mpesa_cbp_generator.contract.load import load, load_files
from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.sources import resolve
from mpesa_cbp_generator.plan.build import make_plan
from mpesa_cbp_generator.plan.lock import from_json, to_json
from mpesa_cbp_generator.plan.model import Plan
from tests.drift.contracts import ROOT, SHARED, needs_shared

CONFIG = read_config(ROOT / "bindings.toml")


def shared(name: str) -> Plan:
    return resolve(str(SHARED / name), CONFIG).plan


@needs_shared
def test_the_two_revisions_differ_by_three_renames_and_the_c2b_interface() -> None:
    findings = compare(shared("v1.0-as-shipped"), shared("v1.5-as-documented"))
    assert [(f.wire, f.role, f.rule, f.path) for f in findings if f.wire != "info"] == [
        ("error", "outbound", "element-renamed", "GenericAPIRequest/RequestMsg/request/Identity/PrimartyParty"),
        ("error", "outbound", "element-renamed", "queryTransaction/queryTranscation"),
        ("warning", "inbound", "element-renamed", "notifyQueueTimeout/notifyQueueTimeout/originReqeust"),
        ("warning", "inbound", "element-renamed", "queryTransaction/queryTranscationResponse"),
    ]
    assert [(f.rule, f.role, f.path) for f in findings if f.wire == "info"] == [
        ("operation-added", "inbound", "ConfirmC2BPayment"),
        ("operation-added", "inbound", "ValidateC2BPayment"),
    ]
    assert {f.source for f in findings if f.rule == "element-renamed"} == {"breaking"}


@needs_shared
@pytest.mark.parametrize("name", ["lone-cr", "crlf-tabs", "prefix-renamed", "utf8-bom", "utf16le-bom"])
def test_line_ends_blanks_prefixes_and_encodings_are_no_drift(name: str) -> None:
    original = SHARED / "v1.5-as-documented"
    files = {
        "main.wsdl": (original / "CBPInterface_Request.wsdl").read_bytes(),
        "parlayx_common_head_types_2_1.xsd": (original / "parlayx_common_head_types_2_1.xsd").read_bytes(),
    }
    old = make_plan(load_files(files), CONFIG, strict_settings=False)
    assert compare(old, shared(f"hostile/{name}")) == ()


@pytest.mark.parametrize("repeat", [1, 2])
def test_a_contract_against_itself_is_no_drift(repeat: int) -> None:
    plans = [make_plan(load(CONFIG.sources), CONFIG) for _ in range(repeat)]
    assert compare(plans[0], plans[-1]) == ()


def test_a_plan_and_its_lock_are_no_drift() -> None:
    plan = make_plan(load(CONFIG.sources), CONFIG)
    assert compare(from_json(to_json(plan)), plan) == ()


def test_the_committed_lock_is_what_the_contract_gives() -> None:
    lock = Path(CONFIG.output) / "contract.lock.json"
    assert compare(from_json(lock.read_text(encoding="utf-8")), make_plan(load(CONFIG.sources), CONFIG)) == ()


def test_the_order_of_declarations_and_comments_are_no_drift() -> None:
    plan = make_plan(load(CONFIG.sources), CONFIG)
    files = {}
    for folder in CONFIG.sources:
        for path in folder.iterdir():
            text = path.read_text(encoding="utf-8").replace("</xs:schema>", "<!-- the end --></xs:schema>")
            # Files in another order give other orders of types, modules and operations.
            files[f"{folder.name}/{path.name}"] = text.encode()
    swapped = _last_type_first(files)
    assert compare(plan, make_plan(load_files(swapped), CONFIG)) == ()


def _last_type_first(files: dict[str, bytes]) -> dict[str, bytes]:
    from lxml import etree

    result = {}
    for name, data in files.items():
        root = etree.fromstring(data)
        schemas = [root] if name.endswith(".xsd") else list(root.iter("{http://www.w3.org/2001/XMLSchema}schema"))
        for schema in schemas:
            declared = [child for child in schema if "import" not in str(child.tag)]
            for child in reversed(declared):
                schema.remove(child)
                schema.append(child)
        result[name] = etree.tostring(root)
    return result
