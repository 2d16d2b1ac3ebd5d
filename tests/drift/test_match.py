"""Names, types and places: what counts as a rename, and what as one thing gone and another come."""

from __future__ import annotations

import pytest

from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.compare.name_matching import NEAR, likeness
from tests.drift.contracts import Contract, plan, sequence


@pytest.mark.parametrize(
    ("old", "new", "near"),
    [
        ("PrimartyParty", "PrimaryParty", True),
        ("queryTranscation", "queryTransaction", True),
        ("originReqeust", "originRequest", True),
        ("ConversationID", "ConversationId", True),
        ("Amount", "Currency", False),
        ("ResultCode", "ResponseDesc", False),
    ],
)
def test_near_names_are_near_in_both_directions(old: str, new: str, near: bool) -> None:
    assert (likeness(old, new) >= NEAR) is near
    assert likeness(old, new) == likeness(new, old)


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (("Amount", "Remark"), ("Amount", "Remarks"), ["element-renamed"]),
        (("Amount", "Remark"), ("Amount", 'Remarks type="xs:int"'), ["element-removed", "required-element-added"]),
        (("Remark", "Amount", "Note"), ("Amount", "Remarks", "Note"), ["element-removed", "required-element-added"]),
        (
            ("Remark", "Amount"),
            ('Remarks type="xs:string" minOccurs="0"', "Amount"),
            ["element-became-optional", "element-renamed"],
        ),
        (("Remark", "Reamrk"), ("Remark1", "Reamrk1"), ["element-renamed", "element-renamed"]),
    ],
)
def test_a_rename_keeps_type_and_place(old: tuple[str, ...], new: tuple[str, ...], rules: list[str]) -> None:
    before, after = (plan(Contract(content=sequence(*items))) for items in (old, new))
    assert sorted(finding.rule for finding in compare(before, after)) == rules


def test_what_is_below_a_renamed_element_is_told_under_its_old_name() -> None:
    def nested(name: str, *inner: str) -> Contract:
        content = f'<xs:sequence><xs:element name="{name}"><xs:complexType>{sequence(*inner)}</xs:complexType>'
        return Contract(content=f"{content}</xs:element></xs:sequence>")

    findings = compare(plan(nested("PrimartyParty", "A")), plan(nested("PrimaryParty", "A", "B")))
    assert [(f.rule, f.path) for f in findings] == [
        ("element-renamed", "Pay/PayRequest/PrimartyParty"),
        ("required-element-added", "Pay/PayRequest/PrimartyParty/B"),
    ]


def test_two_named_types_of_equal_content_are_one_type() -> None:
    def using(name: str) -> Contract:
        types = "".join(f'<xs:complexType name="{n}">{sequence("Key")}</xs:complexType>' for n in ("One", "Two"))
        return Contract(content=sequence(f'Part type="t:{name}"'), types=types)

    findings = compare(plan(using("One")), plan(using("Two")))
    assert {finding.wire for finding in findings} == {"info"}


def test_an_element_of_another_type_is_one_change() -> None:
    def using(name: str) -> Contract:
        one = f'<xs:complexType name="One">{sequence("Key")}</xs:complexType>'
        two = f'<xs:complexType name="Two">{sequence("Value", "More")}</xs:complexType>'
        return Contract(content=sequence(f'Part type="t:{name}"'), types=one + two)

    findings = [f for f in compare(plan(using("One")), plan(using("Two"))) if f.wire != "info"]
    assert [(f.rule, f.path, f.old, f.new) for f in findings] == [("type-changed", "Pay/PayRequest/Part", "One", "Two")]


def test_the_same_name_in_two_ports_has_a_path_for_each() -> None:
    text = Contract().text()
    service = '<w:port name="Second" binding="t:PayBinding"><s:address location="http://x.example/"/></w:port>'
    both = text.replace("</w:service>", f"{service}</w:service>")
    assert compare(plan(both), plan(both)) == ()
