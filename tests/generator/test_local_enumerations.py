"""Anonymous enumerations whose elements have one name: each keeps its own values."""

from __future__ import annotations

from mpesa_cbp_generator.plan.model import Plan
from tests.drift.contracts import Contract, plan


def contract(*values: str) -> Contract:
    """One global element for each text of values, every one with ``part/code`` inside."""
    types = "".join(
        f'<xs:element name="e{number}"><xs:complexType><xs:sequence><xs:element name="part"><xs:complexType>'
        f'<xs:sequence><xs:element name="code"><xs:simpleType><xs:restriction base="xs:string">'
        f"{_enumerated(text)}"
        f"</xs:restriction></xs:simpleType></xs:element></xs:sequence></xs:complexType></xs:element></xs:sequence>"
        f"</xs:complexType></xs:element>"
        for number, text in enumerate(values)
    )
    elements = "".join(f'<xs:element ref="t:e{number}"/>' for number in range(len(values)))
    return Contract(content=f"<xs:sequence>{elements}</xs:sequence>", types=types)


def _enumerated(text: str) -> str:
    return "".join(f'<xs:enumeration value="{value}"/>' for value in text.split())


def values_of_codes(made: Plan) -> list[tuple[str, ...]]:
    """The values of each ``code``, in the order of the elements around."""
    enumerations = {f"{each.module}.{each.name}": each for each in made.enumerations}
    codes = [
        field
        for item in sorted(made.classes, key=lambda item: item.path)
        if item.path[-1] == "part"
        for field in item.fields
    ]
    return [tuple(member.value for member in enumerations[field.types[0].name].members) for field in codes]


def test_enumerations_of_one_name_keep_their_own_values() -> None:
    made = plan(contract("a b", "c", "a b", "b a"))
    assert values_of_codes(made) == [("a", "b"), ("c",), ("a", "b"), ("b", "a")]


def test_equal_enumerations_of_one_name_are_one_class() -> None:
    assert [each.name for each in plan(contract("a", "a")).enumerations] == ["PartCode"]
