"""Plan the fields of a class."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lxml import etree

from mpesa_cbp_generator.config.overrides import Settings
from mpesa_cbp_generator.contract.model import line_of
from mpesa_cbp_generator.errors import Problem
from mpesa_cbp_generator.plan import identifiers as names
from mpesa_cbp_generator.plan.model import FieldPlan, SimpleTypePlan, TypeReference
from mpesa_cbp_generator.plan.naming import Key, path_of
from mpesa_cbp_generator.schema.declarations import (
    Declaration,
    Facets,
    Place,
    Source,
    clark,
    documentation,
    namespace_of,
)
from mpesa_cbp_generator.schema.list_union import composition
from mpesa_cbp_generator.schema.simple_types import SimpleType, accepts, simple_type
from mpesa_cbp_generator.schema.xsdata import Member, Shape, TypeName

Declared = Mapping[tuple[str, str], Declaration]


@dataclass(frozen=True, slots=True)
class _Held:
    """What a field holds, as in ``FieldPlan``."""

    types: tuple[TypeReference, ...]
    facets: Facets = Facets()
    simple: SimpleTypePlan | None = None
    is_list: bool = False


class FieldPlanner:
    """Turns members into fields; ``problems`` collects what the codecs do not cover."""

    def __init__(
        self,
        source: Source,
        settings: Settings,
        modules: Mapping[str, str],
        references: Mapping[Key, TypeReference],
        shapes: Mapping[Key, Shape],
    ) -> None:
        self.source = source
        self.settings = settings
        self.modules = modules
        self.references = references
        self.shapes = shapes
        self.problems: list[Problem] = []

    def fields(
        self, shape: Shape, own: Declaration | None, inherited: tuple[FieldPlan, ...], members: Iterable[Member]
    ) -> tuple[FieldPlan, ...]:
        """Fields of a class, in the order of its members; one that overrides an inherited field has its name."""
        declared = self.source.members(own) if own is not None else {}
        overridden = {(field.kind, field.namespace, field.xml_name): field for field in inherited}
        taken = {field.name for field in inherited}
        result = []
        for member in members:
            base = overridden.get((member.kind, member.namespace, _xml_name(member)))
            if base is not None:
                chosen = base.name
            else:
                wanted = _wish(member, self.settings.config.acronyms)
                chosen = names.unique(self._told_apart(member, wanted, shape.key, taken), taken)
            field = self._field(shape, member, chosen, declared, own)
            if base is not None and base.repeated and not field.repeated:
                field = dataclasses.replace(field, max_occurs=base.max_occurs)
            result.append(field)
        return tuple(result)

    def _told_apart(self, member: Member, wanted: str, owner: Key, taken: set[str]) -> str:
        """A name that says what tells a member apart from the one that has the wanted name already."""
        if wanted not in taken:
            return wanted
        if member.kind == "attribute" and f"{wanted}_attribute" not in taken:
            return f"{wanted}_attribute"
        if member.namespace != namespace_of(owner[1]) and member.namespace in self.modules:
            return f"{self.modules[member.namespace]}_{wanted}"
        return wanted

    def _field(self, shape: Shape, member: Member, name: str, declared: Declared, own: Declaration | None) -> FieldPlan:
        owner = path_of(shape.key)[-1]
        declaration = self._declaration(member, declared, own)
        target = self.source.target(declaration) if declaration is not None else None
        place = declaration.place if declaration is not None else own.place if own is not None else Place("", 0)
        held = self._held(member, owner, target, place)
        listed = any(reference.kind == "enumeration" for reference in held.types)
        result = FieldPlan(
            name=name,
            xml_name=_xml_name(member),
            namespace=member.namespace,
            kind=member.kind,
            types=held.types,
            min_occurs=member.min_occurs,
            max_occurs=member.max_occurs,
            nillable=member.nillable or _states_nillable(member, target),
            is_list=held.is_list,
            default=member.default,
            fixed=member.fixed,
            choice=member.choice,
            sequence=member.sequence,
            rank=member.rank,
            facets=held.facets,
            composition=composition(self.source, target, with_values=not listed) if target is not None else "",
            simple=held.simple,
            namespaces=_namespaces(declaration) if member.kind in ("any", "any-attributes") and declaration else (),
            documentation=_field_documentation(member, declaration, target),
            place=place,
        )
        self._check(result, target)
        return self._configured(result, owner, owner if member.kind == "text" else member.name)

    def _configured(self, field: FieldPlan, owner: str, called: str) -> FieldPlan:
        """A field with what the settings say of it."""
        config = self.settings.config
        secret = self.settings.named(config.secret, owner, called)
        sensitive = self.settings.named(config.sensitive, owner, called)
        return dataclasses.replace(
            field,
            aliases=self.settings.value(config.aliases, owner, called) or (),
            values=tuple(sorted((self.settings.value(config.values, owner, called) or {}).items())),
            absent_on_reading=self.settings.named(config.absent_on_reading, owner, called),
            sensitive=sensitive or secret,
            secret=secret,
        )

    def _declaration(self, member: Member, declared: Declared, own: Declaration | None) -> Declaration | None:
        if member.kind == "text":
            return own
        if member.kind in ("any", "any-attributes"):
            return declared.get((member.kind, ""))
        found = declared.get((member.kind, clark(member.namespace, member.name)))
        # A member of a substitution group stands where only its head is declared.
        return found or self.source.find(member.kind, clark(member.namespace, member.name))

    def _reference(self, type_name: TypeName) -> TypeReference:
        if type_name.shape is None:
            return TypeReference(kind="builtin", name=type_name.builtin or "string")
        return self.references[type_name.shape]

    # -- simple types -------------------------------------------------------------------------------------------

    def _held(self, member: Member, owner: str, target: Declaration | None, place: Place) -> _Held:
        """What a member holds: its types as xsdata has them, more exactly where they are simple, or as configured."""
        configured = self.settings.value(self.settings.config.types, owner, member.name)
        if configured is not None:
            return _Held((TypeReference(kind="builtin", name=configured),))
        types = tuple(dict.fromkeys(self._reference(type_name) for type_name in member.types))
        tree = simple_type(self.source, target) if target is not None and member.kind in _SIMPLE_KINDS else None
        if tree is None or any(t.kind == "class" for t in types):
            return _Held(types)
        if tree.variety != "list" and len(types) == 1 and types[0].kind == "enumeration":
            return _Held(types, dataclasses.replace(tree.facets, enumeration=(), white_space=None))
        if tree.variety == "atomic":
            return _Held((TypeReference(kind="builtin", name=tree.builtin),), tree.facets)
        found = self._tree(tree, place, member)
        return _Held(tuple(dict.fromkeys(_atoms(found))), tree.facets, found, tree.variety == "list")

    def _tree(self, tree: SimpleType, place: Place, member: Member) -> SimpleTypePlan:
        reference = None
        if tree.variety == "atomic":
            named = (("type", qname) for qname in tree.named)
            key = next((key for key in named if key in self.shapes and self.shapes[key].kind == "enumeration"), None)
            reference = self.references[key] if key is not None else TypeReference(kind="builtin", name=tree.builtin)
            if tree.builtin in _SCOPED:
                self._refuse(place, member.kind, f"{member.name!r}: xs:{tree.builtin} in a list or union")
        if any(item.variety == "list" for item in tree.items):
            self._refuse(place, member.kind, f"{member.name!r}: a list inside a list or union")
        items = tuple(self._tree(item, place, member) for item in tree.items)
        return SimpleTypePlan(variety=tree.variety, type=reference, facets=tree.facets, items=items)

    def _refuse(self, place: Place, kind: str, message: str) -> None:
        self.problems.append(Problem(place.file, place.line, f"xs:{kind}", f"{message} is not supported"))

    def _check(self, field: FieldPlan, target: Declaration | None) -> None:
        """Refuse what would come out wrong."""
        place = Place(target.schema.document.name, line_of(target.node)) if target is not None else field.place
        builtins = {reference.name for reference in field.types if reference.kind == "builtin"}
        shown = repr(field.xml_name)
        tree = simple_type(self.source, target) if target is not None and field.kind in _SIMPLE_KINDS else None
        if builtins & _SCOPED and field.simple is None and (field.default is not None or field.facets != Facets()):
            self._refuse(place, field.kind, f"{shown}: a default or a facet of xs:{min(builtins & _SCOPED)}")
        elif tree is not None and field.default is not None and not accepts(tree, field.default):
            problem = f"{shown}: the default is no {f'xs:{tree.builtin}' if tree.builtin else 'value of its type'}"
            self.problems.append(Problem(place.file, place.line, f"xs:{field.kind}", problem))
        open_types = any(t.kind == "class" or t.name == "anyType" for t in field.types)
        if field.default is not None and open_types:
            self._refuse(place, field.kind, f"{shown}: a default or a fixed value of a type that is not simple")
        if len(field.types) > 1 and open_types:
            self._refuse(place, field.kind, f"{shown}: one element with different types")


_SIMPLE_KINDS = ("element", "attribute", "text")
_SCOPED = frozenset({"QName", "NOTATION"})
"""Types whose values mean something only together with the namespaces that are in force around them."""


def _xml_name(member: Member) -> str:
    return member.name if member.kind in ("element", "attribute") else ""


def _states_nillable(member: Member, target: Declaration | None) -> bool:
    # xsdata forgets it where the type is a restriction of a built-in one.
    return member.kind == "element" and target is not None and target.node.get("nillable") in ("true", "1")


def _field_documentation(member: Member, declaration: Declaration | None, target: Declaration | None) -> str:
    if declaration is None or target is None or member.kind == "text":
        return ""
    return documentation(declaration.node) or documentation(target.node)


def _wish(member: Member, acronyms: Iterable[str]) -> str:
    wishes = {"any": "any_element", "any-attributes": "any_attributes", "mixed": "content", "text": "value"}
    return wishes.get(member.kind) or names.field_name(member.name, acronyms)


def _atoms(tree: SimpleTypePlan) -> Iterable[TypeReference]:
    if tree.type is not None:
        yield tree.type
    for item in tree.items:
        yield from _atoms(item)


def _namespaces(declaration: Declaration) -> tuple[str, ...]:
    """Namespaces that a wildcard lets in: those named, or ``!`` and those excluded; nothing where all may come."""
    target = declaration.schema.target_namespace
    words = (declaration.node.get("namespace") or "##any").split()
    if "##any" in words or not words:
        return ()
    if "##other" in words:
        return tuple(dict.fromkeys(("!", target, "")))
    return tuple(dict.fromkeys({"##local": "", "##targetNamespace": target}.get(word, word) for word in words))


def has_own_restriction(declaration: Declaration | None) -> bool:
    """Whether a complex type restricts the simple content of its base."""
    xs = "{http://www.w3.org/2001/XMLSchema}"
    found: etree._Element | None = None
    if declaration is not None:
        found = declaration.node.find(f"{xs}simpleContent/{xs}restriction")
        if found is None:
            found = declaration.node.find(f"{xs}complexType/{xs}simpleContent/{xs}restriction")
    return found is not None
