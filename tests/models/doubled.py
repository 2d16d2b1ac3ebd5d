"""Documents in which an element that may stand once stands twice: each must be refused, wherever the second one is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from lxml import etree

from mpesa_cbp_generator.plan.content import leaf_name
from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan, GroupPlan
from mpesa_cbp_generator.render.codec import function_name, is_qname
from mpesa_cbp_generator.render.content import field_names
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.schema.declarations import clark
from tests.effort import examples
from tests.models.arbitrary import Arbitrary

TWICE = "stands more than once"


class Doubling:
    """Doubles the elements of one class in documents that its own writer makes; ``package`` has its bindings."""

    def __init__(self, objects: Arbitrary, item: ClassPlan) -> None:
        self.objects = objects
        self.item = item
        self.layout = objects.layout
        self.module = import_module(f"{objects.package}._codecs.{item.module}")
        self.runtime = import_module(f"{objects.package}._reading")
        self.errors = import_module(f"{objects.package}._errors")
        self.single = {clark(f.namespace, f.xml_name): f for f in single_elements(item, objects.layout)}

    def run(self) -> set[str]:
        """Double every such element of every object drawn, and return the names of those that were refused.

        A second time other objects are drawn, deeper and more of them, for elements that are seldom met.
        """
        found: set[str] = set()
        self._run(found, examples(40), 1)
        if len(found) < len(self.single):
            self._run(found, examples(1000), 3)
        return found

    def _run(self, found: set[str], count: int, depth: int) -> None:
        only_drawing = {"phases": [Phase.generate], "database": None, "derandomize": True}

        @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), **only_drawing)  # type: ignore[arg-type]
        @given(self.objects.of(self.item, depth).filter(lambda value: type(value).__name__ == self.item.name))
        def double(value: Any) -> None:
            element = self._written(value)
            # The objects are right and wrong ones: what is refused as it is says nothing about the second element.
            if element is None or len(found) == len(self.single) or self.problem(element, strict=False) is not None:
                return
            for child in element.iterchildren(etree.Element):
                field = self.single.get(child.tag)
                if field is None or field.name in found:
                    continue
                for doubled in variants(element, child, self._names(field)):
                    problem = self.problem(doubled, strict=False)
                    # A copied name loses its prefix, and is refused for that where it comes first.
                    assert TWICE in (problem or "") or (problem and is_qname(field)), etree.tostring(doubled)
                    assert self.problem(doubled, strict=True) is not None, etree.tostring(doubled)
                found.add(field.name)

        double()

    def _names(self, field: FieldPlan) -> list[str]:
        """Other names by which the element is known, none where a wildcard takes what bears them."""
        if any(other.kind == "any" for other in self.layout.fields(self.item)):
            return []
        names = getattr(self.module, f"_NAMES_{self.item.name}")
        return [name for name in (field.xml_name, *field.aliases) if name in names]

    def _written(self, value: Any) -> etree._Element | None:
        _, prefixed = self.layout.writers[self.item.id]
        write = getattr(self.module, function_name("write", self.item) + ("_prefixed" if prefixed else ""))
        names = [name for name in self.layout.namespaces(self.item) if name]
        declared = [f'xmlns{f":{self.layout.prefix(name)}" if prefixed else ""}="{name}"' for name in names]
        xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        try:
            return etree.fromstring(f"<root {xsi} {' '.join(declared)}{write(value)}</root>".encode())
        except (self.errors.InvalidValue, TypeError, ValueError, AttributeError, etree.XMLSyntaxError):
            return None

    def problem(self, element: etree._Element, *, strict: bool) -> str | None:
        """What reading the class refuses an element for; for a root's class from bytes too, and from an element."""
        found = self._problem(
            lambda: getattr(self.module, function_name("read", self.item))(element, self._new(strict))
        )
        if self.item.roots:
            root = copy.deepcopy(element)
            root.tag = self.item.roots[0]
            kind = getattr(self.module, self.item.name)
            by_element = self._problem(lambda: kind.from_element(root, self._new(strict)))
            by_bytes = self._problem(lambda: kind.from_xml(etree.tostring(root, encoding="UTF-8"), strict=strict))
            assert (by_element is None) == (by_bytes is None)
            assert (by_element is None) == (found is None) or strict
        return found

    def _new(self, strict: bool) -> Any:
        return self.runtime.Reading(strict=strict)

    def _problem(self, read: Any) -> str | None:
        try:
            read()
        except self.errors.InvalidMessage as error:
            return str(error.problem)
        return None


def single_elements(item: ClassPlan, layout: Layout) -> list[FieldPlan]:
    """Fields of a class whose element may stand once; one that a restriction leaves out may not stand at all."""
    allowed = field_names(item, layout) if item.group is None or item.mixed else _names_of(item.group)
    fields = (field for field in layout.fields(item) if field.kind == "element" and not field.repeated)
    return [field for field in fields if clark(field.namespace, field.xml_name) in allowed]


def _names_of(group: GroupPlan) -> set[str]:
    return {leaf_name(group)} if not group.parts else {name for part in group.parts for name in _names_of(part)}


def variants(element: etree._Element, child: etree._Element, names: list[str]) -> Iterator[etree._Element]:
    """The element with a second ``child``: the same one in every place, then one that says something else, then the
    same one under its other ``names``."""
    place = element.index(child)
    for index in range(len(element) + 1):
        yield _with(element, index, copy.deepcopy(child))
    other = copy.deepcopy(child)
    for inner in other.iter(etree.Element):
        if not len(inner) and not inner.keys():
            inner.text = f"{inner.text or ''}9"
    empty = etree.Element(child.tag)
    for index in (place + 1, len(element)):
        yield _with(element, index, copy.deepcopy(other))
        yield _with(element, index, copy.deepcopy(empty))
    for name in names:
        renamed = copy.deepcopy(child)
        renamed.tag = name
        yield _with(element, place + 1, renamed)
    apart = _with(element, place + 1, etree.Element("{urn:none}apart"))
    yield _with(apart, place + 2, copy.deepcopy(child))


def _with(element: etree._Element, index: int, child: etree._Element) -> etree._Element:
    doubled = copy.deepcopy(element)
    doubled.insert(index, child)
    return doubled
