"""Contracts of other operators and vendors: generated without a toml, and judged by xsdata and libxml2."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp_generator.contract.load import load
from mpesa_cbp_generator.errors import ContractError
from tests.effort import examples
from tests.generator.judges import canonical, open_content, register_dates, xsdata_codecs
from tests.generator.shared_contracts import SHARED, bindings, index, needs_shared, workspace
from tests.models.schema_set import combined_schema
from tests.models.strategies import Objects

GENERIC = index("generic")
GENERATED = [name for name, expected in GENERIC if expected == "generate"]
REFUSED = [name for name, expected in GENERIC if expected.startswith("refuse")]
# The schema of this one is illegal (an xs:sequence stands directly in an xs:element, a type is declared nowhere), so
# there is no XML Schema to judge by; its bindings leave open what it leaves open.
ILLEGAL = {"nodesoap-xsd-include"}
REVISIONS = ["v1.0-as-shipped", "v1.5-as-documented"]


def folder(name: str) -> Any:
    return SHARED / ("generic" if (SHARED / "generic" / name).is_dir() else "") / name


@needs_shared
@pytest.mark.parametrize("name", [*GENERATED, *REVISIONS])
def test_contract_generates_and_every_module_imports(name: str) -> None:
    plan, package = bindings(folder(name))
    for module in plan.modules:
        __import__(f"{package}.{module.name}")
    __import__(f"{package}.operations")


@needs_shared
@pytest.mark.parametrize("name", REFUSED)
def test_unusable_contract_is_refused_with_file_line_and_construct(name: str) -> None:
    with pytest.raises(ContractError) as caught:
        bindings(folder(name))
    for problem in caught.value.problems:
        assert problem.file
        assert problem.line > 0
        assert problem.construct


def with_one_runtime(packages: list[str], target: Path) -> None:
    """Copy packages without their runtime, which is the same in all of them, and let them share a single one."""
    shutil.copytree(workspace() / packages[0], target / "runtime", ignore=lambda _, names: {*names} - runtime(names))
    (target / "runtime" / "__init__.py").touch()
    for package in packages:
        (target / package / "_codecs").mkdir(parents=True)
        for path in (workspace() / package).rglob("*.py"):
            if path.name not in runtime([path.name]):
                text = re.sub(rf"\b{package}\._(?!codecs)", "runtime._", path.read_text(encoding="utf-8"))
                (target / path.relative_to(workspace())).write_text(text, encoding="utf-8")


def runtime(names: list[str]) -> set[str]:
    return {name for name in names if re.fullmatch(r"(_[a-z]+|xml)\.py", name)}


@needs_shared
def test_all_generated_packages_pass_mypy_strict(tmp_path: Path) -> None:
    here = Path(__file__).parent
    constructs = [*(here / "constructs").iterdir(), *(here / "wsdl_constructs").iterdir()]
    hostile = [SHARED / "hostile" / name for name, expected in index("hostile") if expected.startswith("accept")]
    packages = [bindings(path)[1] for path in [*map(folder, [*GENERATED, *REVISIONS]), *sorted(constructs), *hostile]]
    with_one_runtime(packages, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "-pruntime", *(f"-p{package}" for package in packages)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"no issues found in {len(list(tmp_path.rglob('*.py')))} source files" in done.stdout


JUDGED = [name for name in [*GENERATED, *REVISIONS] if name not in ILLEGAL and name != "zeep-circular-xsd"]


@functools.cache
def objects_of(name: str) -> Objects:
    return Objects(*bindings(folder(name)), wildcards=True)


@needs_shared
@pytest.mark.parametrize("name", JUDGED)
@settings(max_examples=examples(12), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_object_survives_our_codec_and_xsdatas_and_validates(name: str, data: st.DataObject) -> None:
    plan, package = bindings(folder(name))
    register_dates(package)
    objects = objects_of(name)
    item = data.draw(st.sampled_from([item for item in plan.classes if item.roots and not item.abstract]))
    value: Any = data.draw(objects.of(item, 2))
    value.validate()
    written = value.to_xml()

    read = type(value).from_xml(written, strict=True)
    assert canonical(read.to_xml()) == canonical(written)
    if not open_content(objects, item):
        schema(name).assertValid(etree.fromstring(written))
        assert read == value
        parser, serializer = xsdata_codecs(package)
        assert canonical(written) == canonical(serializer.render(value).encode())
        again = parser.from_bytes(written, type(value))
        # Before 3.11 a dataclass with slots leaves a twin of its class behind, which xsdata may take for an xsi:type.
        assert again == value or (sys.version_info < (3, 11) and repr(again) == repr(value))


@functools.cache
def schema(name: str) -> etree.XMLSchema:
    return combined_schema([folder(name)])


@needs_shared
def test_a_folder_a_zip_and_a_single_wsdl_give_the_same_documents() -> None:
    path = SHARED / "generic" / "vies"
    assert [d.sha256 for d in load([path]).documents] == [d.sha256 for d in load([path / "vies.wsdl"]).documents]
