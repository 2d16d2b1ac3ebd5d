"""Plan: shapes, operations and settings become the plan, where every name and choice is fixed."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import TypeVar

from mpesa_cbp_generator import names
from mpesa_cbp_generator.analyse import Member, Shape, TypeName, analyse
from mpesa_cbp_generator.composition import composition
from mpesa_cbp_generator.config import Config
from mpesa_cbp_generator.constraints import constraints
from mpesa_cbp_generator.errors import ConfigurationError, Problem
from mpesa_cbp_generator.groups import Groups
from mpesa_cbp_generator.load import Contract
from mpesa_cbp_generator.loosen import loosen
from mpesa_cbp_generator.model import (
    ClassPlan,
    EnumerationPlan,
    FieldPlan,
    GroupPlan,
    MemberPlan,
    MessagePlan,
    ModulePlan,
    OperationPlan,
    Plan,
    SourcePlan,
    TypeReference,
)
from mpesa_cbp_generator.source import (
    Declaration,
    Facets,
    Place,
    Source,
    documentation,
    local_name,
    namespace_of,
)
from mpesa_cbp_generator.validate import validate
from mpesa_cbp_generator.wsdl import MessageShape, OperationShape, operations

Key = tuple[str, ...]
_T = TypeVar("_T")


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
        builder.check_settings(plan)
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
        self.merged = _merged_elements(shapes)
        self.shapes = {key: shape for key, shape in shapes.items() if key not in self.merged}
        self.declarations = {key: self._declaration(key) for key in self.shapes}
        self.modules = self._modules()
        self.names = self._names()
        self.used: set[str] = set()

    def plan(self, found: tuple[OperationShape, ...]) -> Plan:
        classes = tuple(self._class(shape) for shape in self.shapes.values() if shape.kind != "enumeration")
        enumerations = tuple(self._enumeration(shape) for shape in self.shapes.values() if shape.kind == "enumeration")
        classes, modules = self._joined_modules(classes)
        return Plan(
            package=self.config.package,
            generator=generator_version(),
            trim=self.config.trim,
            sources=tuple(
                SourcePlan(name=document.name, sha256=document.sha256) for document in self.contract.documents
            ),
            modules=modules,
            enumerations=tuple(sorted(enumerations, key=lambda item: (item.module, item.place.file, item.place.line))),
            classes=classes,
            operations=self._operations(found, classes),
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
            found = members.get(("element", name)) or members.get(("attribute", name))
        return found

    def _place(self, key: Key) -> Place:
        declaration = self.declarations.get(key)
        return declaration.place if declaration is not None else Place("", 0)

    # -- names --------------------------------------------------------------------------------------------------

    def _modules(self) -> dict[str, str]:
        namespaces = sorted({namespace_of(key[1]) for key in self.shapes})
        taken: set[str] = set(self.config.modules.values())
        assigned = {}
        for namespace in namespaces:
            configured = self.config.modules.get(namespace)
            assigned[namespace] = configured or names.unique(names.module_name(namespace or "types"), taken)
        return assigned

    def _names(self) -> dict[Key, tuple[str, str]]:
        """Module and class name of every shape: anonymous types after their element, parents added on collision."""
        wanted = {key: self._own_name(key) for key in self.shapes}
        depth = dict.fromkeys(self.shapes, 1)
        while True:
            counts = Counter(wanted.values())
            clashing = [key for key, name in wanted.items() if counts[name] > 1 and depth[key] < len(self._path(key))]
            if not clashing:
                break
            for key in clashing:
                depth[key] += 1
                module = wanted[key][0]
                joined = "".join(
                    names.class_name(part, self.config.acronyms) for part in self._path(key)[-depth[key] :]
                )
                wanted[key] = (module, joined)
        taken: dict[str, set[str]] = defaultdict(set)
        result = {}
        for key in sorted(wanted, key=lambda key: (len(key), key[0] != "type", key)):
            module, name = wanted[key]
            if name in taken[module] and key[0] == "element":
                name = f"{name}Element"
            result[key] = (module, names.unique(name, taken[module]))
        return result

    def _path(self, key: Key) -> list[str]:
        return [local_name(key[1]), *key[2:]]

    def _own_name(self, key: Key) -> tuple[str, str]:
        module = self.modules[namespace_of(key[1])]
        return module, names.class_name(self._path(key)[-1], self.config.acronyms)

    def _id(self, key: Key) -> str:
        return ".".join(self.names[self.merged.get(key, key)])

    # -- classes ------------------------------------------------------------------------------------------------

    def _class(self, shape: Shape) -> ClassPlan:
        module, name = self.names[shape.key]
        declaration = self.declarations[shape.key]
        base = next((self._id(b.shape) for b in shape.bases if b.shape is not None), None)
        members = list(shape.members)
        taken: set[str] = set()
        inherited = self._inherited(shape)
        taken.update(names.field_name(member.name, self.config.acronyms) for member in inherited)
        declared = self.source.members(declaration) if declaration is not None else {}
        overridden = {(m.kind, m.namespace, m.name) for m in inherited}
        fields = []
        for member in members:
            wanted = self._field_wish(member)
            if (member.kind, member.namespace, member.name) in overridden:
                chosen = wanted
            else:
                chosen = names.unique(wanted, taken)
            fields.append(self._field(shape, member, chosen, declared))
        return ClassPlan(
            module=module,
            name=name,
            path=tuple(shape.key[1:]),
            roots=tuple(self._roots(shape)),
            root_aliases=tuple(
                alias for root in self._roots(shape) for alias in self.config.aliases.get(local_name(root), ())
            ),
            base=base,
            abstract=shape.abstract,
            mixed=shape.mixed,
            nillable=shape.nillable,
            fields=tuple(fields),
            documentation=self._documentation(shape, declaration),
            place=self._place(shape.key),
            group=self._group(shape, declaration),
            facets=self.source.simple_content(declaration) if declaration is not None else Facets(),
        )

    def _group(self, shape: Shape, declaration: Declaration | None) -> GroupPlan | None:
        return self.groups.of(declaration, mixed=shape.mixed) if declaration is not None else None

    def _inherited(self, shape: Shape) -> list[Member]:
        result: list[Member] = []
        for base in shape.bases:
            parent = self.shapes.get(self.merged.get(base.shape, base.shape)) if base.shape else None
            if parent is not None:
                result = [*self._inherited(parent), *parent.members]
        return result

    def _roots(self, shape: Shape) -> Iterable[str]:
        if len(shape.key) == 2 and shape.is_root and not (shape.kind == "element" and shape.abstract):
            yield shape.key[1]
        for element, target in self.merged.items():
            if target == shape.key:
                yield element[1]

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

    def _field_wish(self, member: Member) -> str:
        wishes = {"any": "any_element", "any-attributes": "any_attributes", "mixed": "content", "text": "value"}
        return wishes.get(member.kind) or names.field_name(member.name, self.config.acronyms)

    def _field(
        self, shape: Shape, member: Member, name: str, declared: Mapping[tuple[str, str], Declaration]
    ) -> FieldPlan:
        owner = self._path(shape.key)[-1]
        called = owner if member.kind == "text" else member.name
        declaration = declared.get((member.kind, "" if member.kind == "any" else member.name))
        # xsdata takes every wildcard for optional.
        wildcard_required = member.kind == "any" and declaration is not None and self.source.is_required(declaration)
        own = self.declarations[shape.key]
        if declaration is None and member.kind == "text":
            declaration = own
        facets, text, made_of, nillable = Facets(), "", "", member.nillable
        listed = any(t.shape for t in member.types)
        if declaration is not None:
            target = self.source.target(declaration)
            facets = self.source.facets(target)
            made_of = composition(self.source, target, with_values=not listed)
            # xsdata forgets it where the type is a restriction of a built-in one.
            nillable = nillable or (member.kind == "element" and target.node.get("nillable") in ("true", "1"))
            text = "" if member.kind == "text" else documentation(declaration.node) or documentation(target.node)
        return FieldPlan(
            name=name,
            xml_name=member.name if member.kind in ("element", "attribute") else "",
            namespace=member.namespace,
            kind=member.kind,
            types=self._types(owner, member),
            min_occurs=1 if wildcard_required else member.min_occurs,
            max_occurs=member.max_occurs,
            nillable=nillable,
            is_list=member.is_list,
            default=member.default,
            fixed=member.fixed,
            choice=member.choice,
            sequence=member.sequence,
            rank=member.rank,
            facets=Facets() if listed else facets,
            composition=made_of,
            documentation=text,
            aliases=self._setting(self.config.aliases, owner, called) or (),
            values=tuple(sorted((self._setting(self.config.values, owner, called) or {}).items())),
            absent_on_reading=self._named(self.config.absent_on_reading, owner, called),
            sensitive=self._named(self.config.sensitive, owner, called),
            place=declaration.place if declaration is not None else self._place(shape.key),
        )

    def _types(self, owner: str, member: Member) -> tuple[TypeReference, ...]:
        configured = self._setting(self.config.types, owner, member.name)
        if configured is not None:
            return (TypeReference(kind="builtin", name=configured),)
        return tuple(dict.fromkeys(self._reference(type_name) for type_name in member.types))

    def _reference(self, type_name: TypeName) -> TypeReference:
        if type_name.shape is None:
            return TypeReference(kind="builtin", name=type_name.builtin or "string")
        shape = self.shapes[self.merged.get(type_name.shape, type_name.shape)]
        kind = "enumeration" if shape.kind == "enumeration" else "class"
        return TypeReference(kind=kind, name=self._id(shape.key))  # type: ignore[arg-type]

    def _setting(self, table: Mapping[str, _T], owner: str, name: str) -> _T | None:
        for key in (f"{owner}.{name}", name):
            if key in table:
                self.used.add(key)
                return table[key]
        return None

    def _named(self, keys: frozenset[str], owner: str, name: str) -> bool:
        found = keys & {f"{owner}.{name}", name}
        self.used |= found
        return bool(found)

    def _enumeration(self, shape: Shape) -> EnumerationPlan:
        module, name = self.names[shape.key]
        declaration = self.declarations[shape.key]
        known = self.source.enumeration_values(declaration) if declaration is not None else {}
        taken: set[str] = set()
        members = []
        for value in dict.fromkeys(shape.values):
            entry = known.get(value)
            identifier = entry.id if entry is not None else None
            members.append(
                MemberPlan(
                    name=names.unique(names.member_name(identifier or value, self.config.acronyms), taken),
                    value=value,
                    id=identifier,
                    documentation=entry.documentation if entry is not None else "",
                    place=entry.place if entry is not None else self._place(shape.key),
                )
            )
        builtin = shape.value_types[0] if len(shape.value_types) == 1 else "string"
        return EnumerationPlan(
            module=module,
            name=name,
            path=tuple(shape.key[1:]),
            builtin=builtin,
            members=tuple(members),
            documentation=documentation(declaration.node) if declaration is not None else "",
            place=self._place(shape.key),
            facets=dataclasses.replace(self.source.facets(declaration), enumeration=()) if declaration else Facets(),
        )

    # -- modules ------------------------------------------------------------------------------------------------

    def _joined_modules(self, classes: tuple[ClassPlan, ...]) -> tuple[tuple[ClassPlan, ...], tuple[ModulePlan, ...]]:
        modules = []
        for module in sorted(set(self.modules.values())):
            namespaces = tuple(sorted(ns for ns, name in self.modules.items() if name == module))
            schemas = [schema for schema in self.contract.schemas if schema.target_namespace in namespaces]
            texts = [documentation(schema.element) for schema in schemas]
            modules.append(
                ModulePlan(
                    name=module,
                    namespaces=namespaces,
                    documentation="\n\n".join(dict.fromkeys(text for text in texts if text)),
                    sources=tuple(sorted({schema.document.name for schema in schemas})),
                    constraints=constraints(schemas),
                )
            )
        return _bases_first(classes), tuple(modules)

    # -- operations ---------------------------------------------------------------------------------------------

    def _operations(
        self, found: tuple[OperationShape, ...], classes: tuple[ClassPlan, ...]
    ) -> tuple[OperationPlan, ...]:
        roots = {root: item.id for item in classes for root in item.roots}
        taken: set[str] = set()
        plans = []
        for shape in found:
            role = self.config.roles.get(shape.name, "caller")
            self.used.add(shape.name)
            constant = "_".join(names.words(shape.name, self.config.acronyms)).upper()
            constant = constant if constant[:1].isalpha() else f"OPERATION_{constant}"
            plans.append(
                OperationPlan(
                    name=shape.name,
                    constant=names.unique(constant, taken),
                    namespace=shape.namespace,
                    port_type=shape.port_type,
                    binding=shape.binding,
                    service=shape.service,
                    port=shape.port,
                    address=shape.address,
                    soap_action=shape.soap_action,
                    style=shape.style,
                    role=role,
                    input=self._message(shape.input, roots),
                    output=self._message(shape.output, roots) if shape.output is not None else None,
                    faults=shape.faults,
                    documentation=shape.documentation,
                    place=shape.place,
                )
            )
        return tuple(plans)

    def _message(self, shape: MessageShape, roots: Mapping[str, str]) -> MessagePlan:
        # A revision that lacks the document has no payload, whatever the settings of another one say.
        linked = self.config.payloads.get(shape.body or "")
        payload_root = linked if linked in roots else None
        return MessagePlan(
            body=shape.body,
            body_class=roots.get(shape.body or ""),
            headers=shape.headers,
            header_classes=tuple(roots[header] for header in shape.headers if header in roots),
            payload_root=payload_root,
            payload=roots.get(payload_root) if payload_root is not None else None,
        )

    def check_settings(self, plan: Plan) -> None:
        """Settings that speak of what the contract does not have are mistakes; say so instead of ignoring them."""
        roots = {root for item in plan.classes for root in item.roots}
        unknown = [local_name(name) for pair in self.config.payloads.items() for name in pair if name not in roots]
        root_names = {local_name(root) for root in roots}
        keyed = [*self.config.types, *self.config.values, *self.config.absent_on_reading, *self.config.sensitive]
        keyed += [*self.config.roles, *(key for key in self.config.aliases if key not in root_names)]
        unknown += [key for key in keyed if key not in self.used]
        if unknown:
            raise ConfigurationError(
                f"settings name what the contract does not have: {', '.join(sorted(set(unknown)))}"
            )


def _merged_elements(shapes: Mapping[Key, Shape]) -> dict[Key, Key]:
    """Global elements that are nothing but a name for a complex type of which there is no other: one class for both."""
    aliases: dict[Key, list[Key]] = defaultdict(list)
    for key, shape in shapes.items():
        if shape.kind == "element" and not shape.members and len(shape.bases) == 1 and shape.bases[0].shape:
            base = shapes.get(shape.bases[0].shape)
            if base is not None and base.kind == "complex" and not shape.abstract and not shape.nillable:
                aliases[base.key].append(key)
    return {elements[0]: base for base, elements in aliases.items() if len(elements) == 1 and not shapes[base].is_root}


def _bases_first(classes: tuple[ClassPlan, ...]) -> tuple[ClassPlan, ...]:
    """Classes in module and file order, each after its base."""
    by_id = {item.id: item for item in classes}
    ordered: dict[str, ClassPlan] = {}

    def add(item: ClassPlan) -> None:
        if item.id in ordered:
            return
        if item.base is not None and item.base in by_id:
            add(by_id[item.base])
        ordered[item.id] = item

    for item in sorted(classes, key=lambda c: (c.module, c.place.file, c.place.line, len(c.path), c.name)):
        add(item)
    in_modules = sorted(ordered.values(), key=lambda c: c.module)
    return tuple(in_modules)
