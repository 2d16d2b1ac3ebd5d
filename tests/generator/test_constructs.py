"""Each construct of XML Schema that contracts use: a small contract, what it allows and what it forbids.

``constructs/NAME/`` holds the contract and ``documents.xml``, whose ``valid`` and ``invalid`` documents are the
specification. libxml2 must agree with every one of them. Then hypothesis makes objects, right and wrong.
"""

from __future__ import annotations

import functools
import importlib
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp_generator.plan.model import ClassPlan, Plan
from tests.effort import examples
from tests.generator.judges import canonical, register_dates, xsdata_codecs
from tests.generator.shared_contracts import bindings
from tests.models.arbitrary import Arbitrary

FOLDER = Path(__file__).parent / "constructs"
CONSTRUCTS = sorted(path.name for path in FOLDER.iterdir())

# Where xsdata cannot judge, and why. libxml2 judges alone there.
_ORDER = "xsdata forgets the order in which the elements stood"
_EMPTY = "xsdata's parser makes no value of an empty element, and leaves out an empty list"
_FOREIGN = "xsdata has types of its own for what is an lxml element or an lxml QName here"
XSDATA_IS_WRONG: dict[str, str] = {
    "all": _ORDER,
    "all-optional": _ORDER,
    "any-type": _FOREIGN,
    "attribute-defaults": _EMPTY,
    "builtin-binary": _EMPTY,
    "builtin-numbers": "xsdata writes some floats with another number of digits",
    "builtin-qname": _FOREIGN,
    "choice-of-sequences": _ORDER,
    "choice-repeated": _ORDER,
    "element-defaults": _EMPTY,
    "enumerations": "xsdata knows no format of bytes inside an enumeration",
    "facets": _EMPTY,
    "lists": _EMPTY,
    "mixed": _FOREIGN,
    "nested-choice-in-repeated-sequence": _ORDER,
    "nillable": "xsdata takes the empty text of a nillable element for nil",
    "nillable-optional": "xsdata writes a nillable element that is not there as nil",
    "same-element-twice": _ORDER,
    "sequence-repeated-with-optional": _ORDER,
    "substitution-group": _ORDER,
    "unions": _EMPTY,
    "wildcard": _FOREIGN,
}

# A qualified name has as many spellings as there are prefixes, so canonical XML tells two spellings apart.
SPELLED_FREELY = {"builtin-qname"}


@dataclass(frozen=True)
class Example:
    """A document of ``documents.xml``."""

    construct: str
    data: bytes
    valid: bool
    why: str

    def __str__(self) -> str:
        return f"{self.construct}: {self.why or self.data.decode()[:60]}"


def documents(construct: str) -> Iterator[Example]:
    for node in etree.parse(FOLDER / construct / "documents.xml").getroot().iterchildren(etree.Element):
        (document,) = node
        document.tail = None
        data = etree.tostring(document, encoding="unicode").encode()
        yield Example(construct, data, node.tag == "valid", node.get("why") or "")


EXAMPLES = [example for construct in CONSTRUCTS for example in documents(construct)]


@functools.cache
def schemas(construct: str) -> tuple[etree.XMLSchema, ...]:
    """libxml2's reading of the contract, one schema for each file that is complete in itself."""
    found = []
    for path in sorted((FOLDER / construct).glob("*.xsd")):
        try:
            found.append(etree.XMLSchema(etree.parse(path)))
        except etree.XMLSchemaParseError:
            continue
    return tuple(found)


def is_valid(construct: str, data: bytes) -> bool:
    return any(bool(schema.validate(etree.fromstring(data))) for schema in schemas(construct))


def class_of(construct: str, data: bytes) -> Any:
    """Class of a document's root."""
    _, package = bindings(FOLDER / construct)
    elements = importlib.import_module(f"{package}.operations").ELEMENTS
    # A document of another root is read as what the contract has.
    module, _, name = elements.get(etree.fromstring(data).tag, next(iter(elements.values()))).rpartition(".")
    return getattr(importlib.import_module(f"{package}.{module}"), name)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_libxml2_reads_the_contract_the_same_way(example: Example) -> None:
    assert is_valid(example.construct, example.data) == example.valid


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.valid], ids=str)
def test_valid_document_is_read_and_written_again_as_it_was(example: Example) -> None:
    kind = class_of(example.construct, example.data)
    value = kind.from_xml(example.data, strict=True)
    value.validate()
    written = value.to_text(kind).encode()
    assert is_valid(example.construct, written)
    assert canonical(kind.from_xml(written, strict=True).to_text(kind).encode()) == canonical(written)
    if example.construct not in SPELLED_FREELY:
        assert canonical(written) == canonical(example.data)


@pytest.mark.parametrize("example", [example for example in EXAMPLES if not example.valid], ids=str)
def test_invalid_document_is_refused_by_strict_reading(example: Example) -> None:
    package = bindings(FOLDER / example.construct)[1]
    errors = importlib.import_module(f"{package}._errors")
    kind = class_of(example.construct, example.data)
    with pytest.raises(errors.InvalidMessage) as caught:
        kind.from_xml(example.data, strict=True)
    assert caught.value.path


def roots(plan: Plan) -> list[ClassPlan]:
    return [item for item in plan.classes if item.roots and not item.abstract]


@functools.cache
def arbitrary(construct: str) -> Arbitrary:
    return Arbitrary(*bindings(FOLDER / construct))


@pytest.mark.parametrize("construct", CONSTRUCTS)
@settings(max_examples=examples(12), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_object_is_faultless_exactly_when_its_document_is_valid(construct: str, data: st.DataObject) -> None:
    plan, package = bindings(FOLDER / construct)
    errors = importlib.import_module(f"{package}._errors")
    item = data.draw(st.sampled_from(roots(plan)))
    value = data.draw(arbitrary(construct).of(item))
    kind = getattr(importlib.import_module(f"{package}.{item.module}"), item.name)
    problems = problems_of(kind, value, errors)
    if problems:
        assert not survives(construct, kind, value, errors), problems
        return
    written = value.to_text(kind).encode()
    assert is_valid(construct, written)
    assert same(kind.from_xml(written, strict=True), value)
    # The root of a derived type's object is its own for xsdata, and here the one that it is written as.
    if construct not in XSDATA_IS_WRONG and type(value) is kind:
        parser, serializer = xsdata_codecs(package)
        register_dates(package)
        assert canonical(serializer.render(value).encode()) == canonical(written)
        again = parser.from_bytes(written, kind)
        # Before 3.11 a dataclass with slots leaves a twin of its class behind, which xsdata may take for an xsi:type.
        assert same(again, value) or (sys.version_info < (3, 11) and repr(again) == repr(value))


def test_none_in_a_list_is_named_with_its_place() -> None:
    kind = class_of("element-defaults", b'<r xmlns="urn:c"/>')
    errors = importlib.import_module(f"{bindings(FOLDER / 'element-defaults')[1]}._errors")
    value = kind(token=["a", None], certain=[None])
    assert problems_of(kind, value, errors) == (
        "r/token[2]: is required and missing",
        "r/certain[1]: is required and missing",
    )


def test_empty_list_of_a_built_in_type_is_reported_although_libxml2_takes_it() -> None:
    construct = "builtin-identifiers"
    kind = class_of(construct, b'<r xmlns="urn:c"/>')
    package = bindings(FOLDER / construct)[1]
    item = importlib.import_module(f"{package}.c").Item(id="a", tokens=[])
    errors = importlib.import_module(f"{package}._errors")
    assert problems_of(kind, kind(item=[item]), errors) == (
        "r/item[1]/@tokens: must be at least 1 long, not 0, not []",
    )


EMPTY = {"word": "", "token": [""], "bytes_": b"", "numbers": [], "either": "", "padded": "", "nothing": ""}


@pytest.mark.parametrize("name", EMPTY)
def test_empty_element_that_would_mean_the_default_cannot_be_said(name: str) -> None:
    kind = class_of("element-defaults", b'<r xmlns="urn:c"/>')
    errors = importlib.import_module(f"{bindings(FOLDER / 'element-defaults')[1]}._errors")
    (problem,) = problems_of(kind, kind(**{name: EMPTY[name]}), errors)
    assert "may not be empty: an empty element means the contract's default" in problem


def problems_of(kind: Any, value: Any, errors: Any) -> tuple[str, ...]:
    try:
        kind.validate(value)
    except errors.InvalidValue as error:
        return tuple(error.problems)
    return ()


def survives(construct: str, kind: Any, value: Any, errors: Any) -> bool:
    """Whether an object makes a valid document that says the same as the object."""
    try:
        written = value.to_text(kind).encode()
    except errors.InvalidValue:
        return False
    if not is_valid(construct, written):
        return False
    try:
        return same(kind.from_xml(written), value)
    except errors.InvalidMessage:
        return False


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN equals itself, and lxml elements are their text."""
    return bool(shown(one) == shown(other))


def shown(value: Any) -> Any:
    if isinstance(value, etree._Element):
        return canonical(etree.tostring(value))
    if isinstance(value, list):
        return [shown(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return type(value), [shown(getattr(value, name)) for name in value.__dataclass_fields__]
    # False equals 0 in Python, and is another value in a contract.
    return type(value), "NaN" if isinstance(value, float) and math.isnan(value) else value
