"""Whether two type references mean the same content, whatever the types are called."""

from __future__ import annotations

from mpesa_cbp_generator.drift.compare.index import Member, TypePlan, View
from mpesa_cbp_generator.plan.model import ClassPlan, EnumerationPlan, FieldPlan

TypePair = tuple[TypePlan, TypePlan]


class TypeMatcher:
    """Decides which types of two contracts are one, by contract path, by rename, or by equal content."""

    def __init__(self, old: View, new: View) -> None:
        self.old = old
        self.new = new
        self._same_content: dict[tuple[str, str], bool] = {}

    def pairs(self, old: FieldPlan, new: FieldPlan) -> tuple[list[TypePair], list[TypePlan], list[TypePlan]]:
        """The types of two fields that are one, and those that only one of them holds."""
        olds, news = list(self.old.referenced(old)), list(self.new.referenced(new))
        found: list[TypePair] = []
        for same in (self._same_path, self._same_type):
            for before in list(olds):
                after = next((item for item in news if same(before, item)), None)
                if after is not None:
                    found.append((before, after))
                    olds.remove(before)
                    news.remove(after)
        return found, olds, news

    def same(self, old: Member, new: Member) -> bool:
        """Whether two members hold the same types; what those types hold may differ."""
        _, only_old, only_new = self.pairs(old.field, new.field)
        builtins_old = [item.name for item in old.field.types if item.kind == "builtin"]
        builtins_new = [item.name for item in new.field.types if item.kind == "builtin"]
        return not only_old and not only_new and builtins_old == builtins_new

    def _same_path(self, old: TypePlan, new: TypePlan) -> bool:
        return type(old) is type(new) and old.path == new.path

    def _same_type(self, old: TypePlan, new: TypePlan) -> bool:
        if type(old) is not type(new):
            return False
        if len(old.path) > 1 or len(new.path) > 1:
            # An anonymous type has no name of its own to compare; what is inside is compared instead.
            return True
        renamed = not self.new.type_named(old.path, old) and not self.old.type_named(new.path, new)
        return renamed or self.same_content(old, new)

    def same_content(self, old: TypePlan, new: TypePlan) -> bool:
        """Whether two types allow exactly the same content."""
        key = (old.id, new.id)
        if key not in self._same_content:
            # Assumed until shown otherwise, so that recursive types come to an end.
            self._same_content[key] = True
            self._same_content[key] = self._equal(old, new)
        return self._same_content[key]

    def _equal(self, old: TypePlan, new: TypePlan) -> bool:
        if isinstance(old, EnumerationPlan) and isinstance(new, EnumerationPlan):
            values = [{member.value for member in item.members} for item in (old, new)]
            return values[0] == values[1] and (old.builtin, old.facets) == (new.builtin, new.facets)
        if not isinstance(old, ClassPlan) or not isinstance(new, ClassPlan):
            return False
        before, after = self.old.members(old), self.new.members(new)
        whole = [(item.abstract, item.nillable, item.group, item.facets) for item in (old, new)]
        if whole[0] != whole[1] or len(before) != len(after):
            return False
        return all(self._equal_members(a, b) for a, b in zip(before, after, strict=True))

    def _equal_members(self, old: Member, new: Member) -> bool:
        first, second = old.field, new.field
        builtins = [[t.name for t in field.types if t.kind == "builtin"] for field in (first, second)]
        olds, news = list(self.old.referenced(first)), list(self.new.referenced(second))
        if old.key != new.key or old.rank != new.rank or builtins[0] != builtins[1] or len(olds) != len(news):
            return False
        if _occurs(first) != _occurs(second):
            return False
        return all(a.path == b.path or self.same_content(a, b) for a, b in zip(olds, news, strict=True))


def _occurs(field: FieldPlan) -> tuple[object, ...]:
    return (
        field.min_occurs,
        field.max_occurs,
        field.nillable,
        field.is_list,
        field.default,
        field.fixed,
        field.choice,
        field.facets,
        field.composition,
    )
