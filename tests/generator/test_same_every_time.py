"""The same contract gives the same plan, the same bindings and no drift, however memory is reused and hashes fall."""

from __future__ import annotations

import ast
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.plan.lock import to_json
from mpesa_cbp_generator.render.package import render
from tests.drift.contracts import Contract, plan

ROOT = Path(__file__).resolve().parents[2]
HANDWRITTEN = ("generator", "transport", "service", "simulator")
RUNS = 100


def nested(elements: int, groups: int) -> Contract:
    """Elements that each hold ``groups`` optional sequences of anonymous types, side by side in a sequence."""
    names = "".join(f'<xs:element ref="t:e{number}"/>' for number in range(elements))
    return Contract(
        content=f"<xs:sequence>{names}</xs:sequence>",
        types="".join(_element(number, groups) for number in range(elements)),
        schema='elementFormDefault="qualified" xmlns:xs="http://www.w3.org/2001/XMLSchema"',
    )


def _element(number: int, groups: int) -> str:
    inner = "".join(
        f'<xs:sequence minOccurs="0"><xs:sequence><xs:element name="part{group}"><xs:complexType><xs:sequence>'
        f'<xs:element name="code" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">'
        f'<xs:enumeration value="a{group}"/><xs:enumeration value="b{group}"/></xs:restriction></xs:simpleType>'
        f"</xs:element></xs:sequence></xs:complexType></xs:element></xs:sequence></xs:sequence>"
        for group in range(groups)
    )
    content = f"<xs:complexType><xs:sequence>{inner}</xs:sequence></xs:complexType>"
    return f'<xs:element name="e{number}">{content}</xs:element>'


def test_a_schema_of_sixty_elements_with_twelve_nested_anonymous_groups_each_is_planned_and_rendered() -> None:
    made = plan(nested(60, 12))
    assert len(made.classes) == 2 + 60 + 60 * 12
    assert len(made.enumerations) == 12
    assert compare(made, plan(nested(60, 12))) == ()
    for name, text in render(made).items():
        if name.endswith(".py"):
            compile(text, name, "exec")


def test_a_hundred_plans_of_one_process_are_the_same_while_memory_is_collected() -> None:
    contract = nested(4, 6)
    first = plan(contract)
    threshold = gc.get_threshold()
    gc.set_threshold(7)
    try:
        for _ in range(RUNS):
            again = plan(contract)
            assert to_json(again) == to_json(first)
            assert compare(first, again) == ()
            gc.collect()
    finally:
        gc.set_threshold(*threshold)


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_fresh_processes_with_other_hash_seeds_print_the_same_plan(seed: str) -> None:
    script = (
        "from tests.generator.test_same_every_time import nested, plan, to_json\n"
        "print(to_json(plan(nested(6, 6))), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == to_json(plan(nested(6, 6)))


def test_no_element_of_a_document_is_known_by_its_address() -> None:
    """lxml frees its proxies, and addresses are given again: sets and tables hold the nodes themselves."""
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for room in HANDWRITTEN
        for path in sorted((ROOT / room).rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "id"
    ]
    allowed = {
        "generator/mpesa_cbp_generator/render/context.py": "fields of the plan, which lives as long as the table",
        "generator/mpesa_cbp_generator/render/structure.py": "fields of the plan, which lives as long as the table",
        "transport/mpesa_cbp/http/errors.py": "exceptions of one chain, all of which are alive",
    }
    assert [place for place in found if place.rpartition(":")[0] not in allowed] == []
