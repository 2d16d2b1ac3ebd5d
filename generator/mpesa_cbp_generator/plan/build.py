"""Build the plan, where every name and choice is fixed."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.config.overrides import Settings
from mpesa_cbp_generator.contract.model import Contract
from mpesa_cbp_generator.errors import ContractError, Problem
from mpesa_cbp_generator.plan.content import ANY, bounds, leaf_names
from mpesa_cbp_generator.plan.enumerations import enumeration_plan
from mpesa_cbp_generator.plan.fields import FieldPlanner, has_own_restriction
from mpesa_cbp_generator.plan.model import (
    ClassPlan,
    EnumerationPlan,
    FieldPlan,
    GroupPlan,
    Plan,
    SourcePlan,
    TypeReference,
)
from mpesa_cbp_generator.plan.modules import bases_first, module_plans
from mpesa_cbp_generator.plan.naming import Key, class_names, module_names
from mpesa_cbp_generator.plan.operations import operation_plans
from mpesa_cbp_generator.schema.content_model import Groups
from mpesa_cbp_generator.schema.declarations import (
    Declaration,
    Facets,
    Place,
    Source,
    clark,
    documentation,
    local_name,
    namespace_of,
)
from mpesa_cbp_generator.schema.relax import loosen
from mpesa_cbp_generator.schema.simple_types import simple_type
from mpesa_cbp_generator.schema.validate import validate
from mpesa_cbp_generator.schema.xsdata import Member, Shape, analyse
from mpesa_cbp_generator.soap.operations import OperationShape, operations


def _ignore(_: Problem) -> None:
    """Default for ``warn``."""


def make_plan(
    contract: Contract, config: Config, *, strict_settings: bool = True, warn: Callable[[Problem], None] = _ignore
) -> Plan:
    """Decide everything about the bindings of a contract.

    With ``strict_settings`` off, settings that speak of what the contract does not have are passed over: another
    revision of a contract is compared under the settings of this one. ``warn`` is told of everything that was left
    open because the settings are not strict.

    Raises ContractError for a contract that is illegal or uses what is not supported, ConfigurationError for
    settings that speak of what the contract does not have.
    """
    source = Source(contract)
    if not config.strict:
        for note in loosen(contract, source):
            warn(note)
    validate(contract, source)
    found_operations = operations(contract, source, warn=None if config.strict else warn)
    shapes = analyse(contract)
    builder = _Builder(contract, config, source, {shape.key: shape for shape in shapes})
    plan = builder.plan(found_operations)
    if strict_settings:
        builder.settings.check(plan)
    return plan


def generator_version() -> str:
    """Name and version of this generator as generated files state it."""
    return f"mpesa-cbp-gen {metadata.version('mpesa-cbp')}"


class _Builder:
    def __init__(self, contract: Contract, config: Config, source: Source, shapes: Mapping[Key, Shape]) -> None:
        self.contract = contract
        self.config = config
        self.source = source
        self.groups = Groups(source)
        self.settings = Settings(config)
        self.merged = _merged_elements(shapes)
        self.shapes = {key: shape for key, shape in shapes.items() if key not in self.merged}
        self.declarations = {key: self._declaration(key) for key in self.shapes}
        self.modules = module_names(self.shapes, config)
        self.names = class_names(self.shapes, self.modules, config)
        references = {key: self._reference(self.merged.get(key, key)) for key in shapes}
        self.fields = FieldPlanner(source, self.settings, self.modules, references, self.shapes)
        self.built: dict[Key, ClassPlan] = {}
        self.problems: list[Problem] = []

    def plan(self, found: tuple[OperationShape, ...]) -> Plan:
        classes = tuple(self._class(shape) for shape in self.shapes.values() if shape.kind != "enumeration")
        enumerations = [self._enumeration(shape) for shape in self.shapes.values() if shape.kind == "enumeration"]
        problems = [*self.problems, *self.fields.problems]
        if problems:
            raise ContractError(problems)
        classes = bases_first(classes)
        return Plan(
            package=self.config.package,
            generator=generator_version(),
            trim=self.config.trim,
            sources=tuple(
                SourcePlan(name=document.name, sha256=document.sha256) for document in self.contract.documents
            ),
            modules=module_plans(self.modules, self.contract),
            enumerations=tuple(sorted(enumerations, key=lambda item: (item.module, item.place.file, item.place.line))),
            classes=classes,
            operations=operation_plans(found, classes, self.settings),
        )

    # -- where things are declared ------------------------------------------------------------------------------

    def _declaration(self, key: Key) -> Declaration | None:
        kind, qname, *inner = key
        kinds = (
            ("element",) if kind == "element" else ("complexType", "simpleType", "element", "group", "attributeGroup")
        )
        found = next((d for d in (self.source.find(k, qname) for k in kinds) if d is not None), None)
        for name in inner:
            if found is None:
                return None
            members = self.source.members(found)
            named = [d for (_, qname), d in members.items() if local_name(qname) == name]
            # Of an element and an attribute of one name, the one that has the anonymous type is meant.
            found = next((d for d in named if d.node.get("type") is None and len(d.node)), None)
        return found

    def _place(self, key: Key) -> Place:
        declaration = self.declarations.get(key)
        return declaration.place if declaration is not None else Place("", 0)

    def _reference(self, key: Key) -> TypeReference:
        name = ".".join(self.names[key])
        return TypeReference(kind="enumeration" if self.shapes[key].kind == "enumeration" else "class", name=name)

    def _base(self, shape: Shape) -> Shape | None:
        keys = (self.merged.get(base.shape, base.shape) for base in shape.bases if base.shape is not None)
        return next((self.shapes[key] for key in keys if self.shapes[key].kind != "enumeration"), None)

    # -- classes ------------------------------------------------------------------------------------------------

    def _class(self, shape: Shape) -> ClassPlan:
        if shape.key not in self.built:
            self.built[shape.key] = self._made_class(shape)
        return self.built[shape.key]

    def _made_class(self, shape: Shape) -> ClassPlan:
        module, name = self.names[shape.key]
        declaration = self.declarations[shape.key]
        base = self._base(shape)
        inherited = self._all_fields(base) if base is not None else ()
        members = self._own_members(shape, declaration)
        fields = self.fields.fields(shape, declaration, inherited, [m for m in members if m.types or m.kind == "any"])
        group, fields = self._group(shape, declaration, inherited, fields)
        return ClassPlan(
            module=module,
            name=name,
            path=tuple(shape.key[1:]),
            roots=tuple(self._roots(shape)),
            root_aliases=tuple(
                alias for root in self._roots(shape) for alias in self.config.aliases.get(local_name(root), ())
            ),
            base=self._class(base).id if base is not None else None,
            abstract=shape.abstract,
            mixed=shape.mixed,
            nillable=shape.nillable,
            fields=fields,
            documentation=self._documentation(shape, declaration),
            place=self._place(shape.key),
            group=group,
            facets=self._own_facets(declaration),
            is_named=shape.key[0] == "type" and len(shape.key) == 2,
            prohibited=self._prohibited(declaration, inherited),
        )

    def _all_fields(self, shape: Shape) -> tuple[FieldPlan, ...]:
        base = self._base(shape)
        own = self._class(shape).fields
        names_of_own = {field.name for field in own}
        inherited = self._all_fields(base) if base is not None else ()
        return (*(field for field in inherited if field.name not in names_of_own), *own)

    def _own_members(self, shape: Shape, declaration: Declaration | None) -> list[Member]:
        """Members of a shape; xsdata leaves out the text of a type that only narrows its base's."""
        members = list(shape.members)
        base = self._base(shape)
        while base is not None and has_own_restriction(declaration) and not any(m.kind == "text" for m in members):
            members.extend(member for member in base.members if member.kind == "text")
            base = self._base(base)
        return members

    def _prohibited(self, declaration: Declaration | None, inherited: tuple[FieldPlan, ...]) -> tuple[str, ...]:
        declared = self.source.members(declaration) if declaration is not None else {}
        known = ((field, declared.get(("attribute", clark(field.namespace, field.xml_name)))) for field in inherited)
        return tuple(
            field.name
            for field, found in known
            if field.kind == "attribute" and found is not None and found.node.get("use") == "prohibited"
        )

    def _own_facets(self, declaration: Declaration | None) -> Facets:
        """Facets by which a complex type restricts the simple content of another one."""
        found = simple_type(self.source, declaration) if declaration is not None else None
        return found.facets if found is not None and has_own_restriction(declaration) else Facets()

    def _group(
        self,
        shape: Shape,
        declaration: Declaration | None,
        inherited: tuple[FieldPlan, ...],
        own: tuple[FieldPlan, ...],
    ) -> tuple[GroupPlan | None, tuple[FieldPlan, ...]]:
        """Content model where it is not a plain sequence, and the own fields as often as the model has them."""
        if declaration is None:
            self._report(shape, declaration, "its declaration cannot be found")
            return None, own
        whole = self.groups.whole(declaration, mixed=shape.mixed)
        group = self.groups.of(declaration, mixed=shape.mixed)
        if shape.mixed:
            return group, own
        names_of_own = {field.name for field in own}
        every = (*(field for field in inherited if field.name not in names_of_own), *own)
        tags = {ANY if f.kind == "any" else clark(f.namespace, f.xml_name): f for f in every if f.kind in _CHILDREN}
        stated = set(leaf_names(whole))
        for name in sorted(stated - set(tags)):
            self._report(shape, declaration, f"{name} stands where it is not expected")
        if not shape.is_restriction and not stated >= set(tags):
            self._report(shape, declaration, f"{', '.join(sorted(set(tags) - stated))} does not stand in it")
        bounded = {field.name: bounds(whole, name) for name, field in tags.items()}
        dropped = shape.is_restriction and stated != set(tags)
        return whole if dropped else group, tuple(_bounded(field, bounded.get(field.name), inherited) for field in own)

    def _report(self, shape: Shape, declaration: Declaration | None, message: str) -> None:
        place = declaration.place if declaration is not None else Place(namespace_of(shape.key[1]) or "contract", 0)
        construct = "xs:element" if shape.key[0] == "element" else "xs:complexType"
        shown = "/".join((local_name(shape.key[1]), *shape.key[2:]))
        self.problems.append(Problem(place.file, place.line, construct, f"{shown!r} is not supported: {message}"))

    def _roots(self, shape: Shape) -> Iterable[str]:
        if len(shape.key) == 2 and shape.is_root and not (shape.kind == "element" and shape.abstract):
            yield shape.key[1]
        for element, target in self.merged.items():
            if target == shape.key:
                yield element[1]

    def _enumeration(self, shape: Shape) -> EnumerationPlan:
        module, name = self.names[shape.key]
        declaration = self.declarations[shape.key]
        return enumeration_plan(shape, declaration, self.source, self.config.acronyms, module=module, name=name)

    def _documentation(self, shape: Shape, declaration: Declaration | None) -> str:
        texts = [documentation(declaration.node)] if declaration is not None else []
        if declaration is not None and declaration.node.tag.endswith("}element"):
            inline = next((c for c in declaration.node if str(c.tag).endswith("}complexType")), None)
            texts.append(documentation(inline))
        for root in self._roots(shape):
            element = self.source.find("element", root)
            if element is not None and element is not declaration:
                texts.append(documentation(element.node))
        return "\n\n".join(dict.fromkeys(text for text in texts if text))


_CHILDREN = ("element", "any")


def _bounded(field: FieldPlan, found: tuple[int, int] | None, inherited: tuple[FieldPlan, ...]) -> FieldPlan:
    """A field with the occurrences that the whole content model gives it."""
    if found is None:
        return field
    low, high = found
    base = next((f for f in inherited if f.name == field.name), None)
    if base is not None and base.repeated:
        high = base.max_occurs
    return dataclasses.replace(field, min_occurs=low, max_occurs=high)


def _merged_elements(shapes: Mapping[Key, Shape]) -> dict[Key, Key]:
    """Global elements that are nothing but a name for a complex type of which there is no other: one class for both."""
    aliases: dict[Key, list[Key]] = defaultdict(list)
    for key, shape in shapes.items():
        if shape.kind == "element" and not shape.members and len(shape.bases) == 1 and shape.bases[0].shape:
            base = shapes.get(shape.bases[0].shape)
            if base is not None and base.kind == "complex" and not shape.abstract and not shape.nillable:
                aliases[base.key].append(key)
    return {elements[0]: base for base, elements in aliases.items() if len(elements) == 1 and not shapes[base].is_root}
