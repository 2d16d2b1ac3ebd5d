"""What people read of a generated package, and what is compiled: each says a thing once, and changes for itself."""

from __future__ import annotations

import ast
import dataclasses
import datetime
import importlib
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import grimp
import pytest

import mpesa_cbp_models
from mpesa_cbp_generator.config.bindings import read_config
from mpesa_cbp_generator.pipeline import generate
from mpesa_cbp_generator.plan.lock import from_json
from mpesa_cbp_models import Request
from tests.generator.shared_contracts import bindings

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "generated" / "mpesa_cbp_models"
MODULES = from_json((PACKAGE / "contract.lock.json").read_text(encoding="utf-8")).modules
NAMES = [module.name for module in MODULES]


def package_of(folder: Path) -> dict[str, list[str]]:
    files = generate(read_config(folder / "bindings.toml"), warn=lambda _: None)
    return {name: text.splitlines() for name, text in files.items()}


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    for name in ("wsdl", "xsd"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "bindings.toml", tmp_path)
    return tmp_path


def changed(contract: Path, file: str, old: str, new: str) -> dict[str, list[tuple[str, str]]]:
    """Lines, old and new, of each file of the package that another text in the contract changes."""
    before = package_of(contract)
    path = contract / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    after = package_of(contract)
    assert after.keys() == before.keys()
    return {
        name: [(one, other) for one, other in zip(before[name], after[name], strict=True) if one != other]
        for name in before
        if before[name] != after[name]
    }


def test_another_documentation_text_changes_the_readable_module_and_the_lock(contract: Path) -> None:
    found = changed(contract, "xsd/CPSInterface_Request.xsd", "at most 64 characters", "no more than 64 of them")
    assert set(found) == {"request.py", "contract.lock.json"}


def test_another_max_length_changes_one_line_of_the_readable_module_and_the_lock(contract: Path) -> None:
    old, new = '<xs:maxLength value="64"/>', '<xs:maxLength value="65"/>'
    found = changed(contract, "xsd/CPSInterface_Request.xsd", old, new)
    assert set(found) == {"request.py", "contract.lock.json"}
    ((before, after),) = found["request.py"]
    assert '"max_length": 64' in before
    assert after == before.replace("64", "65")


def test_another_namespace_changes_one_line_of_the_readable_module_and_no_codec(contract: Path) -> None:
    namespace = "http://www.huawei.com.cn/schema/common/v2_1"
    for path in [contract / "bindings.toml", *(contract / "wsdl").iterdir()]:
        path.write_text(path.read_text(encoding="utf-8").replace(namespace, "urn:header"), encoding="utf-8")
    before = (PACKAGE / "header.py").read_text(encoding="utf-8").splitlines()
    path = contract / "xsd" / "parlayx_common_head_types_2_1.xsd"
    path.write_text(path.read_text(encoding="utf-8").replace(namespace, "urn:header"), encoding="utf-8")
    after = package_of(contract)
    assert [(one, other) for one, other in zip(before, after["header.py"], strict=True) if one != other] == [
        (f'_NAMESPACE = "{namespace}"', '_NAMESPACE = "urn:header"')
    ]
    codecs = (PACKAGE / "_codecs" / "header.py").read_text(encoding="utf-8").splitlines()
    assert after["_codecs/header.py"] == codecs


@pytest.mark.parametrize("name", NAMES)
def test_readable_module_holds_classes_and_enumerations_only(name: str) -> None:
    tree = ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))
    assert {type(node) for node in tree.body} <= {ast.Expr, ast.ImportFrom, ast.Assign, ast.ClassDef}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            assert ast.get_docstring(node)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_namespace_stands_once_in_a_module_and_not_at_all_in_its_codecs(module: Any) -> None:
    for folder, count in ((PACKAGE, 1), (PACKAGE / "_codecs", 0)):
        tree = ast.parse((folder / f"{module.name}.py").read_text(encoding="utf-8"))
        literals = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        for namespace in module.namespaces:
            assert len([text for text in literals if isinstance(text, str) and text == namespace]) == count


@pytest.mark.parametrize("name", NAMES)
def test_codecs_repeat_no_facet(name: str) -> None:
    text = (PACKAGE / "_codecs" / f"{name}.py").read_text(encoding="utf-8")
    assert not [word for word in ("Facets(", "max_length", "pattern") if word in text]


def test_no_module_of_the_package_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("mpesa_cbp_models", cache_dir=None)
    modules = sorted(graph.modules - {"mpesa_cbp_models"})
    for module in modules:
        for imported in graph.find_modules_directly_imported_by(module) - {"mpesa_cbp_models"}:
            assert not graph.chain_exists(importer=imported, imported=module), f"{module} and {imported}"


def in_new_process(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_codecs_are_loaded_with_a_class_that_the_package_or_an_operation_gives() -> None:
    shown = "print('mpesa_cbp_models._codecs.result' in sys.modules)"
    assert in_new_process(f"import sys, mpesa_cbp_models; mpesa_cbp_models.Result; {shown}") == "True"
    by_operation = "operations.GENERIC_API_RESULT.input.payload_type"
    assert in_new_process(f"import sys; from mpesa_cbp_models import operations; {by_operation}; {shown}") == "True"


@pytest.mark.parametrize("first", ["mpesa_cbp_models.header", "mpesa_cbp_models._codecs.header"])
def test_class_writes_itself_whichever_of_its_modules_is_imported_first(first: str) -> None:
    script = (
        f"import {first}; from mpesa_cbp_models.header import RequestSOAPHeader as H; print(H(sp_id='1').to_text())"
    )
    assert in_new_process(script).endswith("<spId>1</spId></RequestSOAPHeader>")


def test_class_that_somebody_derives_has_the_codecs_of_the_contracts() -> None:
    class Own(mpesa_cbp_models.RequestSOAPHeader):
        pass

    assert Own(sp_id="1").to_text() == mpesa_cbp_models.RequestSOAPHeader(sp_id="1").to_text()


def test_object_is_written_as_its_own_element_or_as_that_of_its_base() -> None:
    module = importlib.import_module(f"{bindings(Path(__file__).parent / 'constructs' / 'extension')[1]}.c")
    value = module.Derived(a="1", c="", y=2)
    assert value.to_text().startswith('<r xmlns="urn:c"')
    written = value.to_text(module.Base)
    assert written.startswith('<base xmlns="urn:c"')
    assert module.Base.from_xml(written.encode(), strict=True) == value


FACETS: dict[str, dict[str, Any]] = {
    "Length": {"length": 3},
    "Lengths": {"min_length": 2, "max_length": 4},
    "Bytes": {"max_length": 2, "format": "base16"},
    "Pattern": {"pattern": r"[A-Z]{2}|\d+"},
    "Patterns": {"pattern": (".{3}", "[a-z]+")},
    "Inclusive": {"min_inclusive": 1, "max_inclusive": 10},
    "Exclusive": {"min_exclusive": Decimal(0), "max_exclusive": Decimal("1.5")},
    "Digits": {"total_digits": 5, "fraction_digits": 2},
    "Day": {"min_inclusive": datetime.date(2026, 1, 1), "max_exclusive": datetime.date(2027, 1, 1)},
    "Ratio": {"min_inclusive": 0.0, "max_inclusive": 1.0},
    "Number": {"pattern": r"\d{3}"},
}


@pytest.mark.parametrize("name", FACETS)
def test_metadata_states_every_facet_in_values_of_the_fields_own_type(name: str) -> None:
    module = importlib.import_module(f"{bindings(Path(__file__).parent / 'constructs' / 'facets')[1]}.c")
    (field,) = dataclasses.fields(getattr(module, name))
    assert dict(field.metadata) == {"required": True, **FACETS[name]}


def test_public_names_of_a_class_are_those_of_the_contract_and_of_its_methods() -> None:
    own = {field.name for field in dataclasses.fields(Request)}
    public = {name for name in dir(Request) if not name.startswith("_")}
    assert public - own == {"Meta", "from_element", "from_xml", "to_text", "to_xml", "validate"}
