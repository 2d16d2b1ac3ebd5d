"""Compare an element, attribute or text with its counterpart."""

from __future__ import annotations

from collections.abc import Iterator

from mpesa_cbp_generator.drift.compare.change import Change, change
from mpesa_cbp_generator.drift.compare.facets import compare_facets
from mpesa_cbp_generator.drift.compare.index import Member, View
from mpesa_cbp_generator.drift.compare.name_matching import aliased
from mpesa_cbp_generator.drift.compare.python_impact import constructor_requires, effect, tolerates_absence, type_effect
from mpesa_cbp_generator.plan.model import FieldPlan
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED


def added(member: Member, *, absorbed: bool) -> Change:
    """A member that only the new contract has; ``absorbed`` where a wildcard of the old one takes it."""
    field = member.field
    required = field.required and field.kind not in ("mixed", "any-attributes")
    return change(
        "required-element-added" if required else "optional-element-added",
        key=_key(member),
        suffix=f"/{member.shown}",
        old=None,
        new=_occurrence(field),
        new_place=field.place,
        inbound="info" if absorbed else "warning",
        source="breaking" if required and constructor_requires(field) else "additive",
    )


def removed(member: Member) -> Change:
    """A member that only the old contract has."""
    return change(
        "element-removed",
        key=_key(member),
        suffix=f"/{member.shown}",
        old=_occurrence(member.field),
        new=None,
        old_place=member.field.place,
        inbound="warning" if tolerates_absence(member.field) else "error",
    )


class MemberComparison:
    """All changes between two members that belong together."""

    def __init__(self, old: Member, old_view: View, new: Member, new_view: View, *, same_type: bool) -> None:
        self.old: FieldPlan = old.field
        self.new: FieldPlan = new.field
        self.old_view: View = old_view
        self.new_view: View = new_view
        self.same_type = same_type
        self._key = (*_key(old), *_key(new))
        self._suffix = f"/{old.shown}"

    def changes(self) -> Iterator[Change]:
        """The changes, in the order of the rules' table."""
        yield from self._name()
        yield from self._occurrences()
        yield from self._type()
        yield from self._values()

    def _change(self, rule_id: str, old: str | None, new: str | None, **severities: str | None) -> Change:
        return change(
            rule_id,
            key=self._key,
            suffix=self._suffix,
            old=old,
            new=new,
            old_place=self.old.place,
            new_place=self.new.place,
            **severities,  # type: ignore[arg-type]
        )

    def _name(self) -> Iterator[Change]:
        old, new = self.old, self.new
        if old.xml_name != new.xml_name:
            both = aliased(old.xml_name, old.aliases, new.xml_name, new.aliases)
            yield self._change(
                "element-renamed",
                old.xml_name,
                new.xml_name,
                inbound="warning" if both else "error",
                source="none" if old.name == new.name else "breaking",
            )
        elif old.name != new.name:
            yield self._change("python-name-changed", old.name, new.name)
        if old.namespace != new.namespace:
            form = not old.namespace or not new.namespace
            yield self._change("form-changed" if form else "namespace-changed", old.namespace, new.namespace)

    def _occurrences(self) -> Iterator[Change]:
        old, new = self.old, self.new
        source = effect(old, self.old_view, new, self.new_view)
        if new.required and not old.required:
            yield self._change("element-became-required", _occurrence(old), _occurrence(new), source=source)
        elif old.required and not new.required:
            inbound = "info" if tolerates_absence(old) else "error"
            yield self._change(
                "element-became-optional", _occurrence(old), _occurrence(new), inbound=inbound, source=source
            )
        if old.repeated != new.repeated:
            rule_id = "element-became-repeated" if new.repeated else "element-became-single"
            yield self._change(rule_id, _occurrence(old), _occurrence(new))
        elif old.repeated:
            yield from self._bounds()

    def _bounds(self) -> Iterator[Change]:
        """Bounds of a list; a lower bound that comes from or goes to 0 is told as required or optional."""
        old, new = self.old, self.new
        below = new.min_occurs - old.min_occurs if old.required and new.required else 0
        above = _ceiling(new) - _ceiling(old)
        if below > 0 or above < 0:
            yield self._change("occurrence-narrowed", _occurrence(old), _occurrence(new))
        if below < 0 or above > 0:
            yield self._change("occurrence-widened", _occurrence(old), _occurrence(new))

    def _type(self) -> Iterator[Change]:
        old, new = self.old, self.new
        if not self.same_type or old.is_list != new.is_list:
            source = type_effect(old, self.old_view, new, self.new_view)
            before, after = self.old_view.type_text(old), self.new_view.type_text(new)
            content = self.old_view.simple_content(old)
            wire = "info" if content is not None and content == self.new_view.simple_content(new) else "error"
            yield self._change("type-changed", before, after, outbound=wire, inbound=wire, source=source)
        if old.nillable != new.nillable:
            source = effect(old, self.old_view, new, self.new_view)
            yield self._change("nillable-changed", _flag(old.nillable), _flag(new.nillable), source=source)
        if self.same_type and old.is_list == new.is_list and old.composition != new.composition:
            yield self._change("facet-changed", old.composition or None, new.composition or None)
        for verdict, before_facet, after_facet in compare_facets(old.facets, new.facets):
            yield self._change(verdict, before_facet, after_facet)

    def _values(self) -> Iterator[Change]:
        old, new = self.old, self.new
        if (old.default, old.fixed) != (new.default, new.fixed):
            rule_id = "fixed-changed" if old.fixed or new.fixed else "default-changed"
            source = effect(old, self.old_view, new, self.new_view)
            yield self._change(rule_id, _default(old), _default(new), source=source)
        if plain(old.documentation) != plain(new.documentation):
            yield self._change("documentation-changed", plain(old.documentation), plain(new.documentation))


def plain(text: str) -> str:
    """A documentation text with its line breaks and runs of blanks made one blank each."""
    return " ".join(text.split())


def _key(member: Member) -> tuple[str, ...]:
    return (*member.owner.path, *member.key)


def _occurrence(field: FieldPlan) -> str:
    """How often a member stands, as XML Schema says it."""
    if field.kind == "attribute":
        return "required" if field.required else "optional"
    most = "unbounded" if field.max_occurs == UNBOUNDED else str(field.max_occurs)
    return f"{field.min_occurs}..{most}"


def _ceiling(field: FieldPlan) -> float:
    return float("inf") if field.max_occurs == UNBOUNDED else field.max_occurs


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _default(field: FieldPlan) -> str | None:
    if field.default is None:
        return None
    return f"fixed {field.default}" if field.fixed else f"default {field.default}"
