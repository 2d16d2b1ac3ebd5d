"""Plan an enumeration, with a name for each value."""

from __future__ import annotations

import dataclasses

from mpesa_cbp_generator.plan import identifiers as names
from mpesa_cbp_generator.plan.model import EnumerationPlan, MemberPlan
from mpesa_cbp_generator.schema.declarations import Declaration, Facets, Place, Source, documentation
from mpesa_cbp_generator.schema.simple_types import simple_type
from mpesa_cbp_generator.schema.xsdata import Shape


def enumeration_plan(
    shape: Shape, declaration: Declaration | None, source: Source, acronyms: tuple[str, ...], *, module: str, name: str
) -> EnumerationPlan:
    """The plan of an enumeration; its members are named by their ids, and by their values where they have none."""
    simple = simple_type(source, declaration) if declaration is not None else None
    known = source.enumeration_values(declaration) if declaration is not None else {}
    place = declaration.place if declaration is not None else Place("", 0)
    taken: set[str] = set()
    members = []
    for value in dict.fromkeys(shape.values):
        entry = known.get(value)
        identifier = entry.id if entry is not None else None
        members.append(
            MemberPlan(
                name=names.unique(names.member_name(identifier or value, acronyms), taken),
                value=value,
                id=identifier,
                documentation=entry.documentation if entry is not None else "",
                place=entry.place if entry is not None else place,
            )
        )
    return EnumerationPlan(
        module=module,
        name=name,
        path=tuple(shape.key[1:]),
        builtin=shape.value_types[0] if len(shape.value_types) == 1 else "string",
        members=tuple(members),
        documentation=documentation(declaration.node) if declaration is not None else "",
        place=place,
        facets=dataclasses.replace(simple.facets, enumeration=()) if simple is not None else Facets(),
    )
