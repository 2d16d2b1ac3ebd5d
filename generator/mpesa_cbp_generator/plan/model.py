"""The plan as frozen values.

One model with three uses: what is rendered, what ``contract.lock.json`` holds, and what drift compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mpesa_cbp_generator.schema.declarations import Facets, Place
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED

FORMAT = 2
"""Version of the lock file's layout; a lock of another one says too little, or what is not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeReference:
    """What a field holds. ``name`` is a built-in's ``xs`` name, or ``module.ClassName``."""

    kind: Literal["builtin", "enumeration", "class"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleTypePlan:
    """A list or a union, down to its atomic types: those have a ``type``, the others ``items``."""

    variety: Literal["atomic", "list", "union"]
    type: TypeReference | None = None
    facets: Facets = Facets()
    items: tuple[SimpleTypePlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPlan:
    """One field of a class.

    ``name`` is the Python name, ``xml_name`` and ``namespace`` what stands on the wire. ``absent_on_reading`` marks
    a required element whose absence is tolerated when a message is read. ``values`` maps spellings met on the wire
    to the contract's value. ``sensitive`` fields are left out of every representation; a
    ``secret`` one is sensitive, and no part of it may ever be shown. ``composition`` tells of what a
    union or list is made, where ``types`` and ``facets`` do not say it all, and ``simple`` how it is read and written.
    ``namespaces`` are those that a wildcard lets in, or ``!`` and those that it excludes; none means all.
    """

    name: str
    xml_name: str
    namespace: str
    kind: Literal["element", "attribute", "text", "any", "any-attributes", "mixed"]
    types: tuple[TypeReference, ...]
    min_occurs: int
    max_occurs: int
    nillable: bool = False
    is_list: bool = False
    default: str | None = None
    fixed: bool = False
    choice: int | None = None
    sequence: int | None = None
    rank: int = 0
    facets: Facets = Facets()
    composition: str = ""
    simple: SimpleTypePlan | None = None
    namespaces: tuple[str, ...] = ()
    documentation: str = ""
    aliases: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    absent_on_reading: bool = False
    sensitive: bool = False
    secret: bool = False
    place: Place = Place("", 0)

    @property
    def required(self) -> bool:
        """Whether the contract wants it to be there."""
        return self.min_occurs > 0

    @property
    def repeated(self) -> bool:
        """Whether it may stand more than once."""
        return self.max_occurs == UNBOUNDED or self.max_occurs > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """A model group, an element or a wildcard of a content model, as often as it may stand.

    ``name`` is an element's Clark name, or namespace and processContents of a wildcard.
    """

    kind: Literal["sequence", "choice", "all", "element", "any"]
    name: str = ""
    min_occurs: int = 1
    max_occurs: int = 1
    parts: tuple[GroupPlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPlan:
    """A dataclass for a complex type, or for an element with simple content.

    ``roots`` are the global elements that it is written as, by Clark name, ``root_aliases`` other local names under
    which they are met; ``path`` is the contract's own name:
    the Clark name of the global declaration, then the local names down to an anonymous type. ``group`` is the whole
    content model, inherited content included, where it is not a plain sequence; ``facets`` are those of a restriction
    of another class's simple content, ``prohibited`` the inherited fields that may not be given. ``is_named`` tells a
    named type from a global element with a type of its own.
    """

    module: str
    name: str
    path: tuple[str, ...]
    roots: tuple[str, ...]
    root_aliases: tuple[str, ...]
    base: str | None
    abstract: bool
    mixed: bool
    nillable: bool
    fields: tuple[FieldPlan, ...]
    documentation: str
    place: Place
    group: GroupPlan | None = None
    facets: Facets = Facets()
    prohibited: tuple[str, ...] = ()
    is_named: bool = False

    @property
    def type_name(self) -> str | None:
        """Clark name of the named type that the class stands for, None where the type has no name."""
        return self.path[0] if self.is_named else None

    @property
    def id(self) -> str:
        """Module and name, by which other plans refer to it."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlan:
    """One enumeration member; ``id`` is the contract's ``id`` attribute where there is one."""

    name: str
    value: str
    id: str | None
    documentation: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumerationPlan:
    """An enumeration class; ``builtin`` is the ``xs`` type of its values, ``facets`` what is stated besides them."""

    module: str
    name: str
    path: tuple[str, ...]
    builtin: str
    members: tuple[MemberPlan, ...]
    documentation: str
    place: Place
    facets: Facets = Facets()

    @property
    def id(self) -> str:
        """Module and name, by which other plans refer to it."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlan:
    """One direction of an operation: elements by Clark name, classes by id.

    ``payload`` is the class of the document that the body's text carries, ``payload_root`` its element.
    """

    body: str | None
    body_class: str | None
    headers: tuple[str, ...]
    header_classes: tuple[str, ...]
    payload_root: str | None
    payload: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPlan:
    """A port of a service, and the address at which it is reached."""

    service: str
    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPlan:
    """One operation; ``role`` is caller where we send the input, callee where we receive it.

    ``service``, ``port`` and ``address`` are those of the first port of its binding; ``other_ports`` are the others.
    """

    name: str
    constant: str
    namespace: str
    port_type: str
    binding: str
    service: str
    port: str
    address: str
    soap_action: str
    style: str
    role: Literal["caller", "callee"]
    input: MessagePlan
    output: MessagePlan | None
    faults: tuple[tuple[str, str], ...]
    documentation: str
    place: Place
    other_ports: tuple[PortPlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulePlan:
    """A module of the generated package and the namespaces whose types it holds.

    ``constraints`` are what their schemas demand that no type of the plan holds.
    """

    name: str
    namespaces: tuple[str, ...]
    documentation: str
    sources: tuple[str, ...]
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """A file of the contract and the sha256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of it."""

    package: str
    generator: str
    trim: bool
    sources: tuple[SourcePlan, ...]
    modules: tuple[ModulePlan, ...]
    enumerations: tuple[EnumerationPlan, ...]
    classes: tuple[ClassPlan, ...]
    operations: tuple[OperationPlan, ...]
    format: int = FORMAT
