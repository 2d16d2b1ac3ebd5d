"""Compare the content models of two types, where a field list is not enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from mpesa_cbp_generator.drift.compare.change import Change, change
from mpesa_cbp_generator.drift.compare.content_inclusion import Relation, relation
from mpesa_cbp_generator.drift.compare.index import Member
from mpesa_cbp_generator.drift.findings import at_least, worst
from mpesa_cbp_generator.plan.model import ClassPlan, GroupPlan
from mpesa_cbp_generator.schema.declarations import clark, local_name
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED

MemberPairs = Sequence[tuple[Member, Member]]
Members = Sequence[Member]

_RULES: Mapping[Relation, str] = {
    "tightened": "model-group-tightened",
    "loosened": "model-group-loosened",
    "changed": "model-group-changed",
}
_OF_SINGLE_ELEMENTS = frozenset(
    {
        "element-became-required",
        "element-became-optional",
        "element-became-repeated",
        "element-became-single",
        "namespace-changed",
        "occurrence-narrowed",
        "occurrence-widened",
    }
)
_ORDER = "element-order-changed"


def compare_groups(
    old: tuple[ClassPlan, Members], new: tuple[ClassPlan, Members], pairs: MemberPairs, told: Sequence[Change]
) -> Iterator[Change]:
    """One change where groups allow other combinations, unless ``told`` says as much of the elements in them.

    Elements that only one side has are told apart, and are left out of both models here.
    """
    (first, before), (second, after) = old, new
    if first.group is None and second.group is None:
        return
    models = _model(first, before), _model(second, after)
    names = {_clark(b): _clark(a) for a, b in pairs if a.field.kind == "element"}
    known = frozenset(names.values())
    mixed = first.mixed and second.mixed
    compared = models if mixed else (_reduced(models[0], {}, known), _reduced(models[1], names, known))
    if any(item.rule == _ORDER for item in told):
        compared = _sorted(compared[0]), _sorted(compared[1])
    found = relation(*compared)
    if found == "same":
        return
    result = change(
        _RULES[found],
        key=(*first.path, "", *second.path),
        old=describe(models[0]),
        new=describe(models[1]),
        old_place=first.place,
        new_place=second.place,
    )
    if not _covered(result, [item for item in told if item.rule in _OF_SINGLE_ELEMENTS]):
        yield result


def describe(group: GroupPlan) -> str:
    """The model in the notation of DTDs: ``A, (B | C)?, D*``; ``&`` stands in an ``xs:all``."""
    return _described(group).removeprefix("(").removesuffix(")") if _once(group) else _described(group)


def _described(group: GroupPlan) -> str:
    if group.kind == "element":
        name, _, digest = group.name.partition(" ")
        text = f"{local_name(name)}#{digest[:6]}" if digest else local_name(name)
    elif group.kind == "any":
        text = f"*[{group.name}]"
    else:
        sign = {"sequence": ", ", "choice": " | ", "all": " & "}[group.kind]
        text = f"({sign.join(map(_described, group.parts))})"
    signs = {(1, 1): "", (0, 1): "?", (0, UNBOUNDED): "*", (1, UNBOUNDED): "+"}
    bounds = (group.min_occurs, group.max_occurs)
    most = "" if group.max_occurs == UNBOUNDED else group.max_occurs
    return text + signs.get(bounds, f"{{{group.min_occurs},{most}}}")


def _model(item: ClassPlan, members: Members) -> GroupPlan:
    """The class's group, or the plain sequence of its elements where it has none."""
    if item.group is not None:
        return item.group
    elements = [member for member in members if member.field.kind == "element"]
    parts = tuple(
        GroupPlan(
            kind="element",
            name=_clark(member),
            min_occurs=member.field.min_occurs,
            max_occurs=member.field.max_occurs,
        )
        for member in sorted(elements, key=lambda member: member.rank)
    )
    return GroupPlan(kind="sequence", parts=parts)


def _clark(member: Member) -> str:
    return clark(member.field.namespace, member.field.xml_name)


def _reduced(group: GroupPlan, names: Mapping[str, str], known: frozenset[str]) -> GroupPlan:
    """The model with elements under the old contract's names, those that only one side has left out."""
    parts = []
    for part in group.parts:
        if part.kind == "element":
            name = names.get(part.name, part.name)
            if name in known:
                parts.append(dataclasses.replace(part, name=name))
        elif part.kind == "any" or (inner := _reduced(part, names, known)).parts:
            parts.append(part if part.kind == "any" else inner)
    return dataclasses.replace(group, parts=tuple(parts))


def _sorted(group: GroupPlan) -> GroupPlan:
    """The model without its order, which is told apart."""
    parts = sorted(map(_sorted, group.parts), key=repr)
    kind = "sequence" if group.kind == "all" else group.kind
    return dataclasses.replace(group, kind=kind, parts=tuple(parts))


def _covered(group: Change, told: Sequence[Change]) -> bool:
    """Whether the changes of single elements are as bad as the group's in either direction."""
    directions = ((group.outbound, [c.outbound for c in told]), (group.inbound, [c.inbound for c in told]))
    return bool(told) and all(at_least(worst(severities), severity) for severity, severities in directions)


def _once(group: GroupPlan) -> bool:
    return group.kind not in ("element", "any") and (group.min_occurs, group.max_occurs) == (1, 1)
