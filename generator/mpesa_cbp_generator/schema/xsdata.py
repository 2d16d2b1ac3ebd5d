"""Analyse the schemas with xsdata: types, members, occurrence, inheritance.

The only module that imports xsdata. Its parser reads each schema once and its class analysis resolves groups,
references, substitution groups, redefinitions, inheritance and occurrence. Nothing of it is kept: the result is
frozen values of our own. Whatever xsdata warns about is an error here, since it would go on with a guess.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lxml import etree
from xsdata.codegen.container import ClassContainer, Steps
from xsdata.codegen.exceptions import CodegenError
from xsdata.codegen.mappers import SchemaMapper
from xsdata.codegen.models import Attr, AttrType, Class
from xsdata.codegen.parsers.schema import SchemaParser
from xsdata.exceptions import ConverterError, ParserError, XmlHandlerError
from xsdata.models.config import GeneratorConfig
from xsdata.models.enums import Tag
from xsdata.models.xsd import Schema as XsdSchema

from mpesa_cbp_generator.contract.model import Contract, Schema, line_of
from mpesa_cbp_generator.errors import ContractError, Problem
from mpesa_cbp_generator.schema.declarations import Source
from mpesa_cbp_generator.schema.nesting import too_long_chain

UNBOUNDED = -1
"""Stands for ``maxOccurs="unbounded"``."""

ShapeKind = Literal["complex", "element", "enumeration"]
MemberKind = Literal["element", "attribute", "text", "any", "any-attributes", "mixed"]

_MEMBER_KINDS: dict[str, MemberKind] = {
    Tag.ELEMENT: "element",
    Tag.ATTRIBUTE: "attribute",
    Tag.ANY: "any",
    Tag.ANY_ATTRIBUTE: "any-attributes",
}


@dataclass(frozen=True, slots=True)
class TypeName:
    """What a member holds: a built-in type (``xs`` local name) or the shape of that key."""

    builtin: str | None
    shape: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One element, attribute, text or wildcard of a complex type, or one value of an enumeration."""

    kind: MemberKind
    name: str
    namespace: str
    types: tuple[TypeName, ...]
    min_occurs: int
    max_occurs: int
    nillable: bool
    is_list: bool
    default: str | None
    fixed: bool
    choice: int | None
    sequence: int | None
    rank: int
    """Place in the content model; members between which the order is free share one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A type as xsdata understands it.

    ``key`` is ``element`` or ``type``, the Clark name of the global declaration, and the local names that lead to an
    anonymous type inside it. ``bases`` are the types that it extends or restricts.
    """

    key: tuple[str, ...]
    kind: ShapeKind
    bases: tuple[TypeName, ...]
    is_restriction: bool
    abstract: bool
    mixed: bool
    nillable: bool
    is_root: bool
    members: tuple[Member, ...]
    values: tuple[str, ...]
    value_types: tuple[str, ...]


def analyse(contract: Contract) -> tuple[Shape, ...]:
    """All types of the contract's schemas as shapes, in key order.

    Raises ContractError where xsdata refuses a schema or warns about one, or cannot follow how deeply types are nested.
    """
    classes = []
    # xsdata numbers groups by the address of their schema's objects: all of them live until the shapes are made, lest
    # an address be given twice.
    parsed = []
    for schema in contract.schemas:
        with _xsdata_reports_to(schema):
            parsed.append(_parse(schema))
            classes.extend(SchemaMapper.map(parsed[-1]))
    try:
        with _xsdata_reports_to(None):
            container = _process(classes)
    except RecursionError:
        raise ContractError([too_long_chain(Source(contract))]) from None
    shapes = _shapes(container)
    parsed.clear()
    return shapes


def _parse(schema: Schema) -> XsdSchema:
    data = etree.tostring(schema.element, encoding="UTF-8", with_tail=False)
    parser = SchemaParser(target_namespace=schema.target_namespace, location=f"contract:/{schema.document.name}")
    return parser.from_bytes(data, XsdSchema)


def _process(classes: list[Class]) -> ClassContainer:
    config = GeneratorConfig()
    # A pattern would turn a number into a string; patterns are facets here and change no type.
    config.output.ignore_patterns = True
    container = ClassContainer(config)
    container.extend(classes)
    container.validate_classes()
    container.process_classes(Steps.UNGROUP)
    container.remove_groups()
    for step in (Steps.FLATTEN, Steps.SANITIZE, Steps.RESOLVE):
        container.process_classes(step)
    return container


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _xsdata_reports_to(schema: Schema | None) -> Iterator[None]:
    """Turn xsdata's exceptions and warnings into a ContractError that names the schema."""
    handler = _Warnings()
    logger = logging.getLogger("xsdata")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    # ValueError: an attribute's value that the schema of schemas does not know.
    except (CodegenError, ConverterError, ParserError, XmlHandlerError, ValueError) as error:
        handler.messages.append(str(error) or type(error).__name__)
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
    if handler.messages:
        file, line = (schema.document.name, line_of(schema.element)) if schema else ("contract", 0)
        raise ContractError(Problem(file, line, "xs:schema", message) for message in handler.messages)


# xsdata names a class by its address, ``Class.ref``; the class beside its key stays alive and keeps its address.
_Keys: TypeAlias = dict[int, tuple[tuple[str, ...], Class]]


def _shapes(container: ClassContainer) -> tuple[Shape, ...]:
    keys: _Keys = {}
    classes: list[Class] = []
    local: dict[str, list[Class]] = {}
    for item in container:
        name = _own_name(item, local) if item.is_enumeration and item.local_type else item.qname
        _collect(item, ("element" if item.tag == Tag.ELEMENT else "type", name), keys, classes)
    wanted = [item for item in classes if item.is_complex_type or item.is_enumeration]
    return tuple(sorted((_shape(item, keys, container) for item in wanted), key=lambda shape: (shape.key, shape.kind)))


def _own_name(item: Class, local: dict[str, list[Class]]) -> str:
    """Name of an anonymous enumeration: xsdata calls it after its element and the class around, and so calls others.

    Those with the same values share a name, as they share a class; others are numbered.
    """
    same = local.setdefault(item.qname, [])
    known = next((index for index, each in enumerate(same) if _values(each) == _values(item)), len(same))
    if known == len(same):
        same.append(item)
    return f"{item.qname}_{known + 1}" if known else item.qname


def _values(item: Class) -> tuple[object, ...]:
    return tuple((attr.default, tuple(tp.name for tp in attr.types)) for attr in item.attrs)


def _collect(item: Class, key: tuple[str, ...], keys: _Keys, classes: list[Class]) -> None:
    keys[item.ref] = (key, item)
    classes.append(item)
    for inner in item.inner:
        _collect(inner, (*key, inner.name), keys, classes)


def _shape(item: Class, keys: _Keys, container: ClassContainer) -> Shape:
    is_enumeration = item.is_enumeration
    members = () if is_enumeration else tuple(_member(attr, item, keys, container) for attr in item.attrs)
    kind: ShapeKind = "enumeration" if is_enumeration else "element" if item.tag == Tag.ELEMENT else "complex"
    return Shape(
        key=keys[item.ref][0],
        kind=kind,
        bases=tuple(_type_name(extension.type, item, keys, container) for extension in item.extensions),
        is_restriction=item.is_restricted,
        abstract=item.abstract,
        mixed=item.is_mixed,
        nillable=item.is_nillable,
        is_root=item.tag == Tag.ELEMENT or (item.namespace is not None and item.parent is None),
        members=members,
        values=tuple(str(attr.default) for attr in item.attrs) if is_enumeration else (),
        value_types=tuple(dict.fromkeys(tp.name for attr in item.attrs for tp in attr.types)) if is_enumeration else (),
    )


def _member(attr: Attr, owner: Class, keys: _Keys, container: ClassContainer) -> Member:
    restrictions = attr.restrictions
    kind = _MEMBER_KINDS.get(attr.tag, "text")
    in_choice = restrictions.choice is not None and any(step[0] == "c" for step in restrictions.path)
    alone = sum(other.restrictions.choice == restrictions.choice for other in owner.attrs) == 1
    min_occurs = 1 if restrictions.min_occurs is None else restrictions.min_occurs
    max_occurs = 1 if restrictions.max_occurs is None else restrictions.max_occurs
    return Member(
        kind="mixed" if attr.mixed else kind,
        name=attr.local_name,
        namespace=attr.namespace or "",
        types=tuple(_type_name(attr_type, owner, keys, container) for attr_type in attr.types),
        min_occurs=0 if in_choice and not alone else min_occurs,
        max_occurs=UNBOUNDED if max_occurs >= sys.maxsize else max_occurs,
        nillable=bool(restrictions.nillable),
        is_list=bool(restrictions.tokens),
        default=attr.default if isinstance(attr.default, str) else None,
        fixed=attr.fixed,
        choice=_ordinal(owner, "choice", restrictions.choice) if in_choice else None,
        sequence=_ordinal(owner, "sequence", restrictions.sequence),
        rank=_ranks(owner)[owner.attrs.index(attr)],
    )


def _ranks(owner: Class) -> list[int]:
    """Rank of every member: one for each, but one together for a choice, an ``xs:all`` and a repeated group."""
    ranks: list[int] = []
    known: dict[object, int] = {}
    for number, attr in enumerate(owner.attrs):
        free = next(
            ((name, index) for name, index, _, most in attr.restrictions.path if name in "ca" or most > 1), None
        )
        ranks.append(known.setdefault(free if free is not None else number, len(known)))
    return ranks


def _ordinal(owner: Class, attribute: str, number: int | None) -> int | None:
    """xsdata numbers its groups by memory address; within a type, their order says the same and is stable."""
    numbers = list(dict.fromkeys(getattr(attr.restrictions, attribute) for attr in owner.attrs))
    return None if number is None else [n for n in numbers if n is not None].index(number) + 1


def _type_name(attr_type: AttrType, owner: Class, keys: _Keys, container: ClassContainer) -> TypeName:
    if attr_type.native:
        return TypeName(attr_type.name, None)
    referred = keys.get(attr_type.reference)
    # A class that xsdata replaced may have left its address to another one: the name must agree as well.
    if referred is not None and referred[1].qname == attr_type.qname:
        return TypeName(None, referred[0])
    if attr_type.forward or attr_type.circular:
        found = next((inner for inner in owner.inner if inner.qname == attr_type.qname), owner)
        return TypeName(None, keys[found.ref][0])
    candidates = container.data.get(attr_type.qname, [])
    ordered = sorted(candidates, key=lambda item: item.tag == Tag.ELEMENT)
    if not ordered:
        raise ContractError([Problem("contract", 0, "type", f"{attr_type.qname} cannot be resolved")])
    return TypeName(None, keys[ordered[0].ref][0])
