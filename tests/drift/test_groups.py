"""Groups of elements: which combinations a content model allows, and what a change of them means to either side."""

from __future__ import annotations

import pytest

from mpesa_cbp_generator.drift.compare.content_inclusion import Relation, relation
from mpesa_cbp_generator.drift.compare.contracts import compare
from mpesa_cbp_generator.drift.compare.groups import describe
from mpesa_cbp_generator.plan.model import GroupPlan
from tests.drift.contracts import Contract, element, plan, sequence
from tests.drift.rows import P

OPTIONAL = 'type="xs:string" minOccurs="0"'
MIRROR: dict[Relation, Relation] = {
    "same": "same",
    "changed": "changed",
    "tightened": "loosened",
    "loosened": "tightened",
}


def group(text: str) -> GroupPlan:
    """A model from the notation that reports use: ``A, (B | C)?, D*``, ``A & B``, ``A{2,4}``."""
    found, rest = _group(text.replace(" ", ""))
    assert not rest, rest
    return found


def _group(text: str) -> tuple[GroupPlan, str]:
    kinds = {",": "sequence", "|": "choice", "&": "all"}
    parts: list[GroupPlan] = []
    kind = "sequence"
    while True:
        if text.startswith("("):
            part, text = _group(text[1:])
            text = text[1:]
        else:
            part, text = GroupPlan(kind="element", name=text[0]), text[1:]
        least, most, text = _bounds(text)
        parts.append(GroupPlan(kind=part.kind, name=part.name, min_occurs=least, max_occurs=most, parts=part.parts))
        if text[:1] not in kinds or not text:
            return GroupPlan(kind=kind, parts=tuple(parts)), text  # type: ignore[arg-type]
        kind, text = kinds[text[0]], text[1:]


def _bounds(text: str) -> tuple[int, int, str]:
    signs = {"?": (0, 1), "*": (0, -1), "+": (1, -1)}
    if text[:1] in signs and text:
        return *signs[text[0]], text[1:]
    if text.startswith("{"):
        inner, _, rest = text[1:].partition("}")
        least, _, most = inner.partition(",")
        return int(least), int(most or -1), rest
    return 1, 1, text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("A,B", "A,B", "same"),
        ("A,(B,C)", "(A,B),C", "same"),
        ("A|B", "B|A", "same"),
        ("A&B", "B&A", "same"),
        ("(A|B)|C", "A|(B|C)", "same"),
        ("(A?)|B", "(A|B)?", "same"),
        ("(A+)+", "A+", "same"),
        ("(A*,B*)*", "(A|B)*", "same"),
        ("A{3,9}", "A{3,7}", "same"),
        ("A|B", "(A|B)?", "loosened"),
        ("A|B", "A?,B?", "loosened"),
        ("A|B", "(A|B)+", "loosened"),
        ("(A,B)?", "A?,B?", "loosened"),
        ("A,B", "A&B", "loosened"),
        ("A,B", "(A|B)*", "loosened"),
        ("(A,B)+", "(A|B)*", "loosened"),
        ("A&B&C", "A&B?&C", "loosened"),
        ("A{1,2}", "A{1,3}", "loosened"),
        ("A|B", "A,B", "changed"),
        ("(A,B)+", "A+,B+", "changed"),
        ("A,B", "B,A", "changed"),
        ("A,B,A", "A,B", "changed"),
    ],
)
def test_what_a_model_allows_is_compared_not_how_it_is_written(old: str, new: str, expected: Relation) -> None:
    assert relation(group(old), group(new)) == expected
    assert relation(group(new), group(old)) == MIRROR[expected]


@pytest.mark.parametrize("text", ["A, (B | C)?, D*", "A & B", "(A | B)+", "A{2,4}, B"])
def test_a_model_is_shown_as_dtds_write_it(text: str) -> None:
    assert describe(group(text)).replace(" ", "").strip("()") == text.replace(" ", "").strip("()")


def test_what_is_too_large_to_compare_is_changed_and_not_passed_over() -> None:
    names = [chr(ord("A") + number) for number in range(20)]
    many = group("&".join(names))
    assert relation(many, many) == "same"
    assert relation(many, group("&".join([*names[:-1], f"{names[-1]}?"]))) == "changed"


def choice(*elements: str, bounds: str = "") -> str:
    inner = "".join(item if item.startswith("<") else element(item) for item in elements)
    return f"<xs:choice {bounds}>{inner}</xs:choice>"


def grouped(content: str, types: str = "") -> Contract:
    return Contract(content=content, types=types)


def optional_group(content: str) -> Contract:
    return grouped(f"<xs:sequence>{element('A')}{content}</xs:sequence>")


CASES = {
    "a choice becomes a sequence": (
        grouped(choice("A", "B")),
        grouped(sequence("A", "B")),
        {"model-group-changed": "error", "element-became-required": "error"},
    ),
    "elements that stood together may stand alone": (
        optional_group(sequence("B", "C").replace("<xs:sequence>", '<xs:sequence minOccurs="0">')),
        optional_group(element(f"B {OPTIONAL}") + element(f"C {OPTIONAL}")),
        {"model-group-loosened": "info"},
    ),
    "an alternative is added": (
        grouped(choice("A", "B")),
        grouped(choice("A", "B", "C")),
        {"optional-element-added": "info"},
    ),
    "an alternative is removed": (
        grouped(choice("A", "B", "C")),
        grouped(choice("A", "B")),
        {"element-removed": "error"},
    ),
    "an alternative is renamed": (
        grouped(choice("Amount", "PrimartyParty")),
        grouped(choice("Amount", "PrimaryParty")),
        {"element-renamed": "error"},
    ),
    "a choice may be repeated": (
        grouped(choice("A", "B")),
        grouped(choice("A", "B", bounds='maxOccurs="unbounded"')),
        {"element-became-repeated": "info"},
    ),
    "rounds become lists": (
        grouped(sequence("A", "B").replace("<xs:sequence>", '<xs:sequence maxOccurs="unbounded">')),
        grouped(sequence('A type="xs:string" maxOccurs="unbounded"', 'B type="xs:string" maxOccurs="unbounded"')),
        {"model-group-changed": "error", "element-order-changed": "error"},
    ),
    "a named group is written out": (
        grouped(
            '<xs:sequence><xs:group ref="t:G"/></xs:sequence>',
            f'<xs:group name="G">{choice("A", "B")}</xs:group>',
        ),
        grouped(f"<xs:sequence>{choice('A', 'B')}</xs:sequence>"),
        {},
    ),
    "another element may stand for a head": (
        grouped(
            '<xs:sequence><xs:element ref="t:Party"/></xs:sequence>',
            '<xs:element name="Party" type="xs:string" abstract="true"/>'
            '<xs:element name="Person" type="xs:string" substitutionGroup="t:Party"/>',
        ),
        grouped(
            '<xs:sequence><xs:element ref="t:Party"/></xs:sequence>',
            '<xs:element name="Party" type="xs:string" abstract="true"/>'
            '<xs:element name="Person" type="xs:string" substitutionGroup="t:Party"/>'
            '<xs:element name="Company" type="xs:string" substitutionGroup="t:Party"/>',
        ),
        {"optional-element-added": "info", "element-became-optional": "info"},
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES)
def test_groups_are_told_where_single_elements_do_not_say_it(
    old: Contract, new: Contract, expected: dict[str, str]
) -> None:
    findings = compare(plan(old), plan(new))
    assert {finding.rule: finding.wire for finding in findings if finding.role != "unused"} == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (sequence("A"), sequence("B")),
        (sequence("A"), sequence("A", "B")),
        (sequence("A"), sequence('A type="xs:int"')),
        (sequence('A type="t:Inner"'), sequence('A type="t:Other"')),
    ],
)
def test_mixed_content_is_compared_although_the_bindings_have_no_fields_for_it(old: str, new: str) -> None:
    def mixed(content: str) -> Contract:
        types = "".join(
            f'<xs:complexType name="{name}">{sequence(inner)}</xs:complexType>'
            for name, inner in (("Inner", "X"), ("Other", "Y"))
        )
        outer = f'<xs:element name="Note"><xs:complexType mixed="true">{content}</xs:complexType></xs:element>'
        return Contract(content=f"<xs:sequence>{outer}</xs:sequence>", types=types)

    told = [(f.rule, f.wire, f.path) for f in compare(plan(mixed(old)), plan(mixed(new))) if f.role != "unused"]
    assert told in (
        [("model-group-changed", "error", f"{P}/Note")],
        [("model-group-loosened", "info", f"{P}/Note")],
    )
