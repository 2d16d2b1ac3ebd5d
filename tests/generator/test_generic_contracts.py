"""Contracts of other operators and vendors: generated without a toml, and judged by xsdata and libxml2."""

from __future__ import annotations

import datetime
import io
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from xsdata.formats.converter import Converter, converter
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

from mpesa_cbp_generator.errors import ContractError
from mpesa_cbp_generator.load import load
from mpesa_cbp_generator.model import ClassPlan
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


class IsoConverter(Converter):
    """xsdata has no dates of the standard library without a format; ours are written as XML Schema has them."""

    def __init__(self, read: Any, write: Any) -> None:
        self.read, self.write = read, write

    def deserialize(self, value: Any, **_: Any) -> Any:
        return self.read(value)

    def serialize(self, value: Any, **_: Any) -> str:
        return str(self.write(value))


def register_dates(package: str) -> None:
    lexical = __import__(f"{package}._lexical", fromlist=["x"])
    for kind, name in ((datetime.datetime, "datetime"), (datetime.date, "date"), (datetime.time, "time")):
        converter.register_converter(
            kind, IsoConverter(getattr(lexical, f"read_{name}"), getattr(lexical, f"{name}_text"))
        )


def folder(name: str) -> Any:
    return SHARED / ("generic" if (SHARED / "generic" / name).is_dir() else "") / name


XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def canonical(data: bytes) -> bytes:
    root = etree.fromstring(data)
    namespaces = sorted({etree.QName(element).namespace or "" for element in root.iter()} - {""})
    out = io.BytesIO()
    fresh = _renamed(root, {f"n{i}": namespace for i, namespace in enumerate(namespaces)})
    etree.ElementTree(fresh).write_c14n(out, exclusive=True)  # type: ignore[call-arg]
    return out.getvalue()


def _renamed(element: etree._Element, nsmap: dict[str, str]) -> etree._Element:
    fresh = etree.Element(element.tag, {str(k): str(v) for k, v in element.attrib.items()}, nsmap=nsmap)
    type_name = fresh.get(XSI_TYPE)
    if type_name is not None:
        prefix, _, name = type_name.rpartition(":")
        fresh.set(XSI_TYPE, f"{{{element.nsmap.get(prefix or None, '')}}}{name}")
    fresh.text, fresh.tail = element.text, element.tail
    fresh.extend(_renamed(child, nsmap) for child in element)
    return fresh


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


@needs_shared
def test_all_generated_packages_pass_mypy_strict() -> None:
    packages = [bindings(folder(name))[1] for name in [*GENERATED, *REVISIONS]]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *(f"-p{package}" for package in packages)],
        cwd=workspace(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


JUDGED = [name for name in [*GENERATED, *REVISIONS] if name not in ILLEGAL and name != "zeep-circular-xsd"]


@needs_shared
@pytest.mark.parametrize("name", JUDGED)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_object_survives_our_codec_and_xsdatas_and_validates(name: str, data: st.DataObject) -> None:
    plan, package = bindings(folder(name))
    register_dates(package)
    objects = Objects(plan, package, wildcards=True)
    item = data.draw(st.sampled_from([item for item in plan.classes if item.roots and not item.abstract]))
    value: Any = data.draw(objects.of(item, 2))
    value.validate()
    written = value.to_xml()

    read = type(value).from_xml(written, strict=True)
    assert canonical(read.to_xml()) == canonical(written)
    if not open_content(objects, item):
        schema(name).assertValid(etree.fromstring(written))
        assert read == value
        assert canonical(written) == canonical(XmlSerializer().render(value).encode())
        assert XmlParser().from_bytes(written, type(value)) == value


def open_content(objects: Objects, item: ClassPlan) -> bool:
    """Whether lxml elements can stand inside.

    xsdata has types of its own for them, and a schema may demand elements that it declares nowhere: neither is a judge
    there, and the round trip alone decides.
    """
    fields = [field for inner in objects.layout.closure(item) for field in objects.layout.fields(inner)]
    return any(field.kind in ("any", "mixed") or objects.layout.is_any(field) for field in fields)


_SCHEMAS: dict[str, etree.XMLSchema] = {}


def schema(name: str) -> etree.XMLSchema:
    if name not in _SCHEMAS:
        _SCHEMAS[name] = combined_schema([folder(name)])
    return _SCHEMAS[name]


@needs_shared
def test_a_folder_a_zip_and_a_single_wsdl_give_the_same_documents() -> None:
    path = SHARED / "generic" / "vies"
    assert [d.sha256 for d in load([path]).documents] == [d.sha256 for d in load([path / "vies.wsdl"]).documents]
