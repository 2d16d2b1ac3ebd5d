"""Names in all bindings are such as a person would have written."""

from __future__ import annotations

import re

import pytest

from mpesa_cbp_generator.plan.identifiers import class_name, field_name, member_name
from mpesa_cbp_generator.plan.model import Plan
from tests.generator.shared_contracts import SHARED, bindings, index, needs_shared
from tests.models.test_family_round_trip import PLAN

GENERATED = [name for name, expected in index("generic") if expected == "generate"]

# What generators make up when they run out of ideas: Request1, Type_2, VALUE_1, or a name of the tool's own.
MADE_UP = re.compile(r".*[a-z]\d+$|.*_\d+$|VALUE_.*|Anonymous.*|.*InnerClass")


def made_up(plan: Plan) -> list[str]:
    """Names in a plan whose number is not the contract's."""
    found = [(item.name, item.path[-1]) for item in plan.classes]
    found += [(item.name, item.path[-1]) for item in plan.enumerations]
    found += [(m.name, m.id or m.value) for item in plan.enumerations for m in item.members]
    found += [(field.name, field.xml_name) for item in plan.classes for field in item.fields]
    return [name for name, own in found if MADE_UP.fullmatch(name) and not re.search(r"\d$", own)]


@needs_shared
@pytest.mark.parametrize("name", GENERATED)
def test_no_name_of_a_foreign_contract_is_made_up(name: str) -> None:
    assert made_up(bindings(SHARED / "generic" / name)[0]) == []


def test_no_name_of_our_contract_is_made_up() -> None:
    assert made_up(PLAN) == []


def test_names_of_our_contract_keep_its_words() -> None:
    classes = {item.name for item in PLAN.classes}
    assert "RequestSOAPHeader" in classes
    constants = {operation.name for operation in PLAN.operations}
    assert "GenericAPIRequest" in constants
    members = {f"{item.name}.{member.name}" for item in PLAN.enumerations for member in item.members}
    assert "IdentifierType.MSISDN" in members
    fields = {field.name for item in PLAN.classes for field in item.fields}
    assert "originator_conversation_id" in fields


@pytest.mark.parametrize(
    ("make", "own", "python"),
    [
        (class_name, "requestSOAPHeader", "RequestSOAPHeader"),
        (class_name, "class", "Class"),
        (class_name, "Facets", "Facets_"),
        (class_name, "été-2", "Été2"),
        (class_name, "1st", "N1St"),
        (field_name, "OriginatorConversationID", "originator_conversation_id"),
        (field_name, "toXml", "to_xml_"),
        (field_name, "import", "import_"),
        (field_name, "1st", "n1_st"),
        (field_name, "---", "field_"),
        (member_name, "MSISDN", "MSISDN"),
        (member_name, "Organization Short Code", "ORGANIZATION_SHORT_CODE"),
        (member_name, "1", "N1"),
        (member_name, "-5", "MINUS_5"),
        (member_name, "", "EMPTY"),
        (member_name, "name", "NAME"),
        (member_name, "<=", "LESS_THAN_SIGN_EQUALS_SIGN"),
    ],
)
def test_name(make: object, own: str, python: str) -> None:
    assert callable(make)
    assert make(own) == python
