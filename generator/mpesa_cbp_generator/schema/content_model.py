"""Content models of complex types, where a field list is not enough.

A plain sequence says nothing of the kind. Choices, repeated and optional groups, wildcards and mixed content do, and no
list of fields holds it all: of two elements that may be absent, only the group knows whether one of them must be there.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

from lxml import etree

from mpesa_cbp_generator.contract.model import XS, Schema
from mpesa_cbp_generator.plan.model import GroupPlan
from mpesa_cbp_generator.schema.declarations import Declaration, Source, clark
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED

_PARTICLES = frozenset(f"{{{XS}}}{name}" for name in ("element", "any", "group", "sequence", "choice", "all"))
_DERIVATIONS = ("extension", "restriction")
_QNAMES = frozenset({"type", "base", "ref", "itemType", "substitutionGroup"})
_TARGETS = ("complexType", "simpleType", "element", "group", "attributeGroup", "attribute")


class Groups:
    """Reads model groups of a contract; substitution groups are followed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._substitutes: dict[str, list[str]] = defaultdict(list)
        for name, declaration in sorted(source.all("element").items()):
            head = source.resolve(declaration.node, "substitutionGroup", declaration.schema)
            if head is not None:
                self._substitutes[head].append(name)

    def of(self, declaration: Declaration, *, mixed: bool) -> GroupPlan | None:
        """The whole content of a complex type, what it inherits included; None where it is a plain sequence."""
        whole = self.whole(declaration, mixed=mixed)
        names = [leaf.name for leaf in _leaves(whole)]
        plain = not mixed and _is_plain(whole) and len(names) == len(set(names))
        return None if plain else whole

    def whole(self, declaration: Declaration, *, mixed: bool) -> GroupPlan:
        """The whole content of a complex type, or of an element with one, be it plain or not."""
        found = list(self._content(declaration, mixed, set()))
        return found[0] if len(found) == 1 else GroupPlan(kind="sequence", parts=tuple(found))

    def _content(self, declaration: Declaration, mixed: bool, visited: set[etree._Element]) -> Iterator[GroupPlan]:
        node = declaration.node
        if node in visited:
            return
        visited.add(node)
        if node.tag == f"{{{XS}}}element":
            inline = node.find(f"{{{XS}}}complexType")
            named = self._named(declaration, "type")
            if inline is not None:
                yield from self._content(Declaration(inline, declaration.schema), mixed, visited)
            elif named is not None:
                yield from self._content(named, mixed, visited)
            elif self._is_open(declaration):
                yield GroupPlan(kind="any", name="##any lax", min_occurs=0, max_occurs=UNBOUNDED)
            return
        derivation = next((n for n in node.iterfind(f"{{{XS}}}complexContent/*") if _local(n) in _DERIVATIONS), None)
        if derivation is not None:
            base = self._named(Declaration(derivation, declaration.schema), "base")
            if _local(derivation) == "extension" and base is not None:
                yield from self._content(base, mixed, visited)
            node = derivation
        for child in node.iterchildren(*_PARTICLES):
            yield from self._particle(Declaration(child, declaration.schema), mixed, frozenset())

    def _named(self, declaration: Declaration, attribute: str) -> Declaration | None:
        name = self._source.resolve(declaration.node, attribute, declaration.schema)
        return self._source.find_from(declaration, "complexType", name) if name is not None else None

    def _is_open(self, declaration: Declaration) -> bool:
        """Whether an element may hold anything."""
        name = self._source.resolve(declaration.node, "type", declaration.schema)
        return name in (None, f"{{{XS}}}anyType") and declaration.node.find(f"{{{XS}}}simpleType") is None

    def _particle(self, declaration: Declaration, mixed: bool, groups: frozenset[str]) -> Iterator[GroupPlan]:
        node, schema = declaration.node, declaration.schema
        least, most = _occurs(node.get("minOccurs")), _occurs(node.get("maxOccurs"))
        if most == 0:
            return
        kind = _local(node)
        if kind == "element":
            yield self._element(declaration, least, most, mixed)
        elif kind == "any":
            allowed = f"{node.get('namespace') or '##any'} {node.get('processContents') or 'strict'}"
            yield GroupPlan(kind="any", name=allowed, min_occurs=least, max_occurs=most)
        elif kind == "group":
            name = self._source.resolve(node, "ref", schema) or ""
            group = self._source.find_from(declaration, "group", name)
            inner = () if group is None or name in groups else group.node.iterchildren(*_PARTICLES)
            for child in inner:
                inside = self._particle(Declaration(child, group.schema if group else schema), mixed, groups | {name})
                yield _repeated(tuple(inside), least, most)
        else:
            children = [Declaration(child, schema) for child in node.iterchildren(*_PARTICLES)]
            parts = [part for child in children for part in self._particle(child, mixed, groups)]
            yield GroupPlan(kind=kind, min_occurs=least, max_occurs=most, parts=tuple(parts))  # type: ignore[arg-type]

    def _element(self, declaration: Declaration, least: int, most: int, mixed: bool) -> GroupPlan:
        target = self._source.target(declaration)
        if target is declaration:
            name = self._source.member_name(declaration)
            # What stands between the words of mixed content has no field of its own to be compared by.
            shown = f"{name} {self._digest(declaration)}" if mixed else name
            return GroupPlan(kind="element", name=shown, min_occurs=least, max_occurs=most)
        head = clark(target.schema.target_namespace, target.node.get("name") or "")
        if head not in self._substitutes:
            return GroupPlan(kind="element", name=head, min_occurs=least, max_occurs=most)
        parts = tuple(GroupPlan(kind="element", name=name) for name in self._standing_for(head))
        return GroupPlan(kind="choice", min_occurs=least, max_occurs=most, parts=parts)

    def _standing_for(self, head: str) -> Iterator[str]:
        declaration = self._source.find("element", head)
        if declaration is not None and declaration.node.get("abstract") not in ("true", "1"):
            yield head
        for name in self._substitutes.get(head, ()):
            yield from self._standing_for(name)

    def _digest(self, declaration: Declaration) -> str:
        text = "".join(self._text(declaration.node, declaration.schema, set()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _text(self, node: etree._Element, schema: Schema, visited: set[str]) -> Iterator[str]:
        """A declaration and all that it refers to, prefixes resolved, words of documentation left out."""
        yield f"<{_local(node)}"
        for name, value in sorted((str(name), str(value)) for name, value in node.attrib.items()):
            resolved = (self._source.resolve(node, name, schema) or "") if name in _QNAMES else value
            yield f" {name}={resolved!r}"
            if name in _QNAMES and resolved not in visited:
                visited.add(resolved)
                for target in (self._source.find(kind, resolved) for kind in _TARGETS):
                    if target is not None:
                        yield from self._text(target.node, target.schema, visited)
        for child in node.iterchildren(f"{{{XS}}}*"):
            if _local(child) != "annotation":
                yield from self._text(child, schema, visited)
        yield ">"


def _repeated(parts: tuple[GroupPlan, ...], least: int, most: int) -> GroupPlan:
    if len(parts) == 1 and (parts[0].min_occurs, parts[0].max_occurs) == (1, 1):
        return GroupPlan(
            kind=parts[0].kind, name=parts[0].name, min_occurs=least, max_occurs=most, parts=parts[0].parts
        )
    return GroupPlan(kind="sequence", min_occurs=least, max_occurs=most, parts=parts)


def _is_plain(group: GroupPlan) -> bool:
    if group.kind == "element":
        return True
    once = (group.min_occurs, group.max_occurs) == (1, 1)
    return group.kind == "sequence" and (once or not group.parts) and all(map(_is_plain, group.parts))


def _leaves(group: GroupPlan) -> Iterator[GroupPlan]:
    if group.kind in ("element", "any"):
        yield group
    for part in group.parts:
        yield from _leaves(part)


def _occurs(value: str | None) -> int:
    if value is None:
        return 1
    return UNBOUNDED if value.strip() == "unbounded" else int(value)


def _local(node: etree._Element) -> str:
    return str(etree.QName(node).localname)
