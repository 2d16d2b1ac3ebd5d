"""Compare two types that belong together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mpesa_cbp_generator.drift.compare import members as member_changes
from mpesa_cbp_generator.drift.compare.change import Change, change
from mpesa_cbp_generator.drift.compare.facets import compare_facets
from mpesa_cbp_generator.drift.compare.groups import compare_groups
from mpesa_cbp_generator.drift.compare.index import Member, TypePlan, View
from mpesa_cbp_generator.drift.compare.members import MemberComparison, plain
from mpesa_cbp_generator.drift.compare.name_matching import match_members
from mpesa_cbp_generator.drift.compare.order import compare_order
from mpesa_cbp_generator.drift.compare.type_matching import TypeMatcher
from mpesa_cbp_generator.plan.model import ClassPlan, EnumerationPlan, MemberPlan

MemberPairs = tuple[tuple[Member, Member], ...]


@dataclass(frozen=True, slots=True)
class ClassComparison:
    """What two classes have in common, what only one of them has, and every change between them."""

    pairs: MemberPairs
    removed: tuple[Member, ...]
    added: tuple[Member, ...]
    changes: tuple[Change, ...]


def compare_classes(old: ClassPlan, new: ClassPlan, types: TypeMatcher) -> ClassComparison:
    """Compare the whole content of two classes, inherited members included, and what is said of the classes."""
    before, after = types.old.members(old), types.new.members(new)
    found, removed, added = match_members(before, after, types.same)
    pairs = tuple(sorted(found, key=lambda pair: before.index(pair[0])))
    changes = [
        found_change
        for first, second in pairs
        for found_change in MemberComparison(
            first, types.old, second, types.new, same_type=types.same(first, second)
        ).changes()
    ]
    changes += [member_changes.removed(member) for member in removed]
    changes += [member_changes.added(member, absorbed=_absorbs(before, member)) for member in added]
    changes += compare_order(old, new, pairs)
    changes += compare_groups((old, before), (new, after), pairs, changes)
    changes += _class_changes(old, new, types)
    return ClassComparison(pairs, tuple(removed), tuple(added), tuple(changes))


def compare_enumerations(old: EnumerationPlan, new: EnumerationPlan) -> Iterator[Change]:
    """Values that came and went, names of values, and texts."""
    before = {member.value: member for member in old.members}
    after = {member.value: member for member in new.members}
    names = {member.name for member in new.members}
    for value, member in before.items():
        key = (*old.path, *new.path, value)
        if value not in after:
            yield change(
                "enumeration-value-removed",
                key=key,
                old=_value_text(member),
                new=None,
                old_place=member.place,
                new_place=new.place,
                source="none" if member.name in names else "breaking",
            )
            continue
        yield from _same_value(key, member, after[value])
    for value, member in after.items():
        if value not in before:
            yield change(
                "enumeration-value-added",
                key=(*old.path, *new.path, value),
                old=None,
                new=_value_text(member),
                old_place=old.place,
                new_place=member.place,
                inbound_open="warning",
            )
    if old.builtin != new.builtin:
        yield _of_type("type-changed", old, new, f"xs:{old.builtin}", f"xs:{new.builtin}")
    yield from _facets(old, new)
    yield from _texts(old, new)


def python_name(old: TypePlan, new: TypePlan) -> Iterator[Change]:
    """The change of a type's Python name, where there is one."""
    if old.id != new.id:
        yield _of_type("python-name-changed", old, new, old.id, new.id)


def type_gone(item: TypePlan) -> Change:
    """A named type that only the old contract has and no operation used."""
    return change("type-removed", key=item.path, old=item.path[-1], new=None, old_place=item.place)


def type_new(item: TypePlan) -> Change:
    """A named type that only the new contract has and no operation uses."""
    return change("type-added", key=item.path, old=None, new=item.path[-1], new_place=item.place)


@dataclass(frozen=True, slots=True)
class DerivedTypes:
    """Types that can stand for two classes with ``xsi:type``: those that are one, and those of one side only."""

    pairs: tuple[tuple[ClassPlan, ClassPlan], ...]
    removed: tuple[ClassPlan, ...]
    added: tuple[ClassPlan, ...]

    def changes(self) -> Iterator[Change]:
        """The changes for types that came and went."""
        for item in self.removed:
            yield change("derived-type-removed", key=item.path, old=item.path[-1], new=None, old_place=item.place)
        for item in self.added:
            yield change("derived-type-added", key=item.path, old=None, new=item.path[-1], new_place=item.place)


def derived_types(old: ClassPlan, new: ClassPlan, types: TypeMatcher) -> DerivedTypes:
    """Match the types derived from two classes by contract path, then by equal content."""
    before = {item.path: item for item in types.old.derived(old)}
    after = {item.path: item for item in types.new.derived(new)}
    pairs = [(item, after[path]) for path, item in before.items() if path in after]
    gone = [item for path, item in before.items() if path not in after]
    came = [item for path, item in after.items() if path not in before]
    for item in list(gone):
        other = next((candidate for candidate in came if types.same_content(item, candidate)), None)
        if other is not None:
            pairs.append((item, other))
            gone.remove(item)
            came.remove(other)
    return DerivedTypes(tuple(pairs), tuple(gone), tuple(came))


def _class_changes(old: ClassPlan, new: ClassPlan, types: TypeMatcher) -> Iterator[Change]:
    if old.abstract != new.abstract:
        source = "breaking" if new.abstract else "none"
        before, after = ("abstract" if item.abstract else "concrete" for item in (old, new))
        yield _of_type("abstract-changed", old, new, before, after, source=source)
    if old.nillable != new.nillable:
        before, after = ("true" if item.nillable else "false" for item in (old, new))
        yield _of_type("nillable-changed", old, new, before, after, source="none")
    first, second = _base(old, types.old), _base(new, types.new)
    if (first is None) != (second is None) or (
        first is not None and second is not None and first.path != second.path and not types.same_content(first, second)
    ):
        yield _of_type("base-type-changed", old, new, *(item.path[-1] if item else None for item in (first, second)))
    yield from _facets(old, new, "/#text")
    yield from _texts(old, new)


def _facets(old: TypePlan, new: TypePlan, suffix: str = "") -> Iterator[Change]:
    for rule_id, before, after in compare_facets(old.facets, new.facets):
        yield _of_type(rule_id, old, new, before, after, suffix=suffix)


def _base(item: ClassPlan, view: View) -> TypePlan | None:
    return view.types[item.base] if item.base is not None else None


def _texts(old: TypePlan, new: TypePlan) -> Iterator[Change]:
    before, after = plain(old.documentation), plain(new.documentation)
    if before != after:
        yield _of_type("documentation-changed", old, new, before, after)


def _same_value(key: tuple[str, ...], old: MemberPlan, new: MemberPlan) -> Iterator[Change]:
    common = {"key": key, "old_place": old.place, "new_place": new.place}
    if old.name != new.name or old.id != new.id:
        yield change(
            "enumeration-id-renamed",
            old=_value_text(old),
            new=_value_text(new),
            source="none" if old.name == new.name else "breaking",
            **common,  # type: ignore[arg-type]
        )
    if plain(old.documentation) != plain(new.documentation):
        yield change(
            "documentation-changed",
            suffix=f"/={old.value}",
            old=plain(old.documentation),
            new=plain(new.documentation),
            **common,  # type: ignore[arg-type]
        )


def _of_type(
    rule_id: str,
    old: TypePlan,
    new: TypePlan,
    before: str | None,
    after: str | None,
    *,
    source: str | None = None,
    suffix: str = "",
) -> Change:
    return change(
        rule_id,
        key=(*old.path, "", *new.path),
        suffix=suffix,
        old=before,
        new=after,
        old_place=old.place,
        new_place=new.place,
        source=source,  # type: ignore[arg-type]
    )


def _value_text(member: MemberPlan) -> str:
    """A value with its name: ``6 (O2CLink)``."""
    return f"{member.value} ({member.id or member.name})"


def _absorbs(members: tuple[Member, ...], member: Member) -> bool:
    """Whether a wildcard takes a member that the class does not know."""
    wildcard = "any-attributes" if member.field.kind == "attribute" else "any"
    return any(other.field.kind == wildcard for other in members)
