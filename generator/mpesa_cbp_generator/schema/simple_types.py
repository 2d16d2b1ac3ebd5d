"""The whole derivation of a simple type in one value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from lxml import etree

from mpesa_cbp_generator.contract.model import XS
from mpesa_cbp_generator.render.literals import literal
from mpesa_cbp_generator.schema.builtins import BUILTINS, white_space
from mpesa_cbp_generator.schema.declarations import Declaration, Facets, Source, local_name, namespace_of, resolve_qname

_LISTS = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}
_NUMBERS = ("length", "min_length", "max_length", "total_digits", "fraction_digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleType:
    """One simple type. ``builtin`` is the ``xs`` type that an atomic one goes back to, ``items`` the item type of a
    list or the members of a union in their order, ``named`` the Clark names of the named types on the way."""

    variety: Literal["atomic", "list", "union"]
    builtin: str = ""
    facets: Facets = Facets()
    items: tuple[SimpleType, ...] = ()
    named: tuple[str, ...] = ()


def simple_type(source: Source, declaration: Declaration) -> SimpleType | None:
    """Simple type of an element, an attribute, a simple type or a complex type with simple content.

    None where it has none: elements inside, or no type at all.
    """
    return _Reader(source).of(declaration)


def accepts(kind: SimpleType, text: str) -> bool:
    """Whether a text is of the form of a simple type, and listed where its values are; other facets are not asked."""
    if kind.variety == "list":
        return all(accepts(kind.items[0], part) for part in text.split())
    if kind.variety == "union":
        return any(accepts(item, text) for item in kind.items)
    value = _value(kind, text)
    return value is not None and (
        not kind.facets.enumeration or value in {_value(kind, listed) for listed in kind.facets.enumeration}
    )


def _value(kind: SimpleType, text: str) -> str | None:
    """What tells two texts of a type apart, None where a text is not of its form."""
    if BUILTINS[kind.builtin].kind in ("text", "token", "any", "qname"):
        preserved = (kind.facets.white_space or white_space(kind.builtin)) == "preserve"
        return text if preserved else " ".join(text.split())
    return literal(kind.builtin, text)


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self._open: set[etree._Element] = set()

    def of(self, declaration: Declaration) -> SimpleType | None:
        node = declaration.node
        if node in self._open:
            return None
        self._open.add(node)
        try:
            kind = etree.QName(node).localname
            if kind == "simpleType":
                return self._simple(declaration)
            if kind == "complexType":
                content = node.find(f"{{{XS}}}simpleContent")
                step = None if content is None else next(content.iterchildren(f"{{{XS}}}extension", _RESTRICTION), None)
                return None if step is None else self._derived(Declaration(step, declaration.schema))
            inline = next(node.iterchildren(f"{{{XS}}}simpleType", f"{{{XS}}}complexType"), None)
            if inline is not None:
                return self.of(Declaration(inline, declaration.schema))
            return self._named(declaration, node.get("type"))
        finally:
            self._open.discard(node)

    def _named(self, declaration: Declaration, value: str | None) -> SimpleType | None:
        """Type of a name at the place of a declaration."""
        if value is None:
            return None
        schema = declaration.schema
        qname = resolve_qname(declaration.node, value, schema.target_namespace, schema.element)
        if namespace_of(qname) == XS:
            return _builtin(local_name(qname))
        for kind in ("simpleType", "complexType"):
            found = self.source.find_from(declaration, kind, qname)
            if found is not None:
                result = self.of(found)
                if result is None or kind == "complexType":
                    return result
                return dataclasses.replace(result, named=(qname, *result.named))
        return None

    def _simple(self, declaration: Declaration) -> SimpleType | None:
        for child in declaration.node.iterchildren(etree.Element):
            step = Declaration(child, declaration.schema)
            inline = [Declaration(node, declaration.schema) for node in child.iterchildren(f"{{{XS}}}simpleType")]
            if child.tag == _RESTRICTION:
                return self._derived(step)
            if child.tag == f"{{{XS}}}list":
                item = self.of(inline[0]) if inline else self._named(step, child.get("itemType"))
                return None if item is None else SimpleType(variety="list", items=(item,))
            if child.tag == f"{{{XS}}}union":
                members = [self._named(step, name) for name in (child.get("memberTypes") or "").split()]
                members += [self.of(member) for member in inline]
                known = tuple(member for member in members if member is not None)
                return SimpleType(variety="union", items=known) if len(known) == len(members) else None
        return None

    def _derived(self, step: Declaration) -> SimpleType | None:
        """Type that an ``xs:extension`` of simple content or an ``xs:restriction`` makes of its base."""
        inline = step.node.find(f"{{{XS}}}simpleType")
        base = self._named(step, step.node.get("base")) if inline is None else self.of(Declaration(inline, step.schema))
        if base is None or step.node.tag != _RESTRICTION:
            return base
        return dataclasses.replace(base, facets=_narrowed(base.facets, step.node))


_RESTRICTION = f"{{{XS}}}restriction"


def _builtin(name: str) -> SimpleType | None:
    if name == "anyType":
        return None
    if name in _LISTS:
        item = SimpleType(variety="atomic", builtin=_LISTS[name])
        return SimpleType(variety="list", items=(item,), facets=Facets(min_length=1))
    return SimpleType(variety="atomic", builtin=name)


def _narrowed(base: Facets, restriction: etree._Element) -> Facets:
    """Facets in force after one more restriction: patterns are added, anything else takes the base's place."""
    stated = {
        etree.QName(child).localname: child.get("value") or "" for child in restriction.iterchildren(etree.Element)
    }
    found = {_snake(name): value for name, value in stated.items()}
    values: dict[str, Any] = {
        name: _number(value) if name in _NUMBERS else value
        for name, value in found.items()
        if name in _NUMBERS or name.endswith("clusive") or name == "white_space"
    }
    patterns = [child.get("value") or "" for child in restriction.iterchildren(f"{{{XS}}}pattern")]
    listed = tuple(child.get("value") or "" for child in restriction.iterchildren(f"{{{XS}}}enumeration"))
    if patterns:
        values["patterns"] = ("|".join(patterns), *base.patterns)
    if listed:
        values["enumeration"] = listed
    return dataclasses.replace(base, **values)


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def _number(value: str) -> int | None:
    return int(value) if value.strip().isdigit() else None
