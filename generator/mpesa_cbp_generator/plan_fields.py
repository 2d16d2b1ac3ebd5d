"""Plan: the fields of a class."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from lxml import etree

from mpesa_cbp_generator import names
from mpesa_cbp_generator.analyse import Member, Shape, TypeName
from mpesa_cbp_generator.builtins import BUILTINS
from mpesa_cbp_generator.composition import composition
from mpesa_cbp_generator.contract import line_of
from mpesa_cbp_generator.errors import Problem
from mpesa_cbp_generator.literals import literal
from mpesa_cbp_generator.model import FieldPlan, SimpleTypePlan, TypeReference
from mpesa_cbp_generator.naming import Key, path_of
from mpesa_cbp_generator.settings import Settings
from mpesa_cbp_generator.simple_types import SimpleType, simple_type
from mpesa_cbp_generator.source import Declaration, Facets, Place, Source, clark, documentation, namespace_of

Declared = Mapping[tuple[str, str], Declaration]


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
        called = owner if member.kind == "text" else member.name
        declaration = self._declaration(member, declared, own)
        target = self.source.target(declaration) if declaration is not None else None
        place = declaration.place if declaration is not None else own.place if own is not None else Place("", 0)
        tree = simple_type(self.source, target) if target is not None and member.kind in _SIMPLE_KINDS else None
        types = tuple(dict.fromkeys(self._reference(type_name) for type_name in member.types))
        simple, facets, is_list = None, Facets(), False
        if tree is not None and not any(t.kind == "class" for t in types):
            types, facets, simple = self._simple(tree, types, place, member)
            is_list = tree.variety == "list"
        configured = self.settings.value(self.settings.config.types, owner, member.name)
        if configured is not None:
            types, simple, is_list = (TypeReference(kind="builtin", name=configured),), None, False
        text = ""
        if declaration is not None and target is not None and member.kind != "text":
            text = documentation(declaration.node) or documentation(target.node)
        # xsdata forgets it where the type is a restriction of a built-in one.
        stated = member.kind == "element" and target is not None and target.node.get("nillable") in ("true", "1")
        nillable = member.nillable or stated
        listed = any(reference.kind == "enumeration" for reference in types)
        made_of = composition(self.source, target, with_values=not listed) if target is not None else ""
        config = self.settings.config
        result = FieldPlan(
            name=name,
            xml_name=_xml_name(member),
            namespace=member.namespace,
            kind=member.kind,
            types=types,
            min_occurs=member.min_occurs,
            max_occurs=member.max_occurs,
            nillable=nillable,
            is_list=is_list,
            default=member.default,
            fixed=member.fixed,
            choice=member.choice,
            sequence=member.sequence,
            rank=member.rank,
            facets=facets,
            composition=made_of,
            simple=simple,
            namespaces=_namespaces(declaration) if member.kind in ("any", "any-attributes") and declaration else (),
            documentation=text,
            aliases=self.settings.value(config.aliases, owner, called) or (),
            values=tuple(sorted((self.settings.value(config.values, owner, called) or {}).items())),
            absent_on_reading=self.settings.named(config.absent_on_reading, owner, called),
            sensitive=self.settings.named(config.sensitive, owner, called),
            place=place,
        )
        self._check(result, target)
        return result

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

    def _simple(
        self, tree: SimpleType, types: tuple[TypeReference, ...], place: Place, member: Member
    ) -> tuple[tuple[TypeReference, ...], Facets, SimpleTypePlan | None]:
        one = len(types) == 1 and types[0].kind == "enumeration"
        if one and tree.variety != "list":
            return types, dataclasses.replace(tree.facets, enumeration=(), white_space=None), None
        if tree.variety == "atomic":
            return (TypeReference(kind="builtin", name=tree.builtin),), tree.facets, None
        found = self._tree(tree, place, member)
        leaves = tuple(dict.fromkeys(_atoms(found)))
        return leaves, tree.facets, found

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
        if field.types and len(builtins) == 1 == len(field.types) and field.simple is None and not field.is_list:
            (builtin,) = builtins
            kind = BUILTINS[builtin].kind
            if builtin in _SCOPED and (field.default is not None or field.facets != Facets()):
                self._refuse(place, field.kind, f"{shown}: a default or a facet of xs:{builtin}")
            elif (
                field.default is not None
                and kind not in ("text", "token", "any")
                and not literal(builtin, field.default)
            ):
                self.problems.append(
                    Problem(place.file, place.line, f"xs:{field.kind}", f"{shown}: the default is no xs:{builtin}")
                )
        if len(field.types) > 1 and any(t.kind == "class" or t.name == "anyType" for t in field.types):
            self._refuse(place, field.kind, f"{shown}: one element with different types")


_SIMPLE_KINDS = ("element", "attribute", "text")
_SCOPED = frozenset({"QName", "NOTATION"})
"""Types whose values mean something only together with the namespaces that are in force around them."""


def _xml_name(member: Member) -> str:
    return member.name if member.kind in ("element", "attribute") else ""


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
