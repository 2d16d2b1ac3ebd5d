"""Objects that may break any rule of their contract, made by hypothesis: right and wrong ones in about equal parts."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from importlib import import_module
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp_generator.plan.content import leaf_name
from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan, GroupPlan, Plan, SimpleTypePlan, TypeReference
from mpesa_cbp_generator.render.content import field_names
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.schema.builtins import BUILTINS
from mpesa_cbp_generator.schema.declarations import Facets
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED
from tests.models.strategies import TOKENS, XML_TEXT, from_pattern

ZONES: Any = st.none() | st.sampled_from(
    [
        datetime.UTC,
        datetime.timezone(datetime.timedelta(hours=3)),
        datetime.timezone(datetime.timedelta(hours=-9.5)),
    ]
)
_EDGES = [
    "",
    " ",
    "a",
    " a",
    "a ",
    "a  b",
    "a b",
    "\t",
    "a\nb",
    "1",
    "-1",
    "0",
    "true",
    "small",
    "A-1",
    "AB",
    "é",
    "𝒳𝒳",
    "&<>\"'",
    "ab:c",
]
_MOST = 3


class Arbitrary:
    """Strategies for the classes of one plan; ``package`` is the importable name of its bindings."""

    def __init__(self, plan: Plan, package: str) -> None:
        self.package = package
        self.layout = Layout(plan, "")
        # A strategy is made once: making it costs hypothesis more than drawing from it.
        self._made: dict[tuple[Any, ...], st.SearchStrategy[Any]] = {}

    def type(self, type_id: str) -> Any:
        module, _, name = type_id.rpartition(".")
        return getattr(import_module(f"{self.package}.{module}"), name)

    def of(self, item: ClassPlan, depth: int = 3) -> st.SearchStrategy[Any]:
        """Objects of a class, or of a class derived from it."""
        key = ("of", item.id, depth)
        if key not in self._made:
            concrete = [c for c in (item, *self.layout.descendants(item)) if not c.abstract]
            self._made[key] = st.one_of([self._exactly(c, depth) for c in concrete])
        return self._made[key]

    def _exactly(self, item: ClassPlan, depth: int) -> st.SearchStrategy[Any]:
        fields = self.layout.fields(item)
        counted = _counts(self, item, depth)

        @st.composite
        def build(draw: st.DrawFn) -> Any:
            counts, order = draw(counted)
            values: dict[str, Any] = {}
            for field in fields:
                count = counts.get(field.name)
                key = ("field", item.id, field.name, count, depth)
                if key not in self._made:
                    self._made[key] = self._field(field, count, depth)
                value = draw(self._made[key])
                if value is not _DEFAULT:
                    values[field.name] = value
            if order:
                values["element_order"] = order
            return self.type(item.id)(**values)

        return build()

    def content(self, item: ClassPlan) -> Any:
        return getattr(import_module(f"{self.package}._codecs.{item.module}"), f"_CONTENT_{item.name}")

    def _field(self, field: FieldPlan, count: int | None, depth: int) -> st.SearchStrategy[Any]:
        if field.kind == "any-attributes":
            return st.dictionaries(st.sampled_from(["{urn:x}a", "plain", "{urn:c}b"]), XML_TEXT, max_size=1)
        if field.kind == "mixed":
            return st.lists(XML_TEXT.filter(bool) | st.sampled_from([_element("b"), _element("i")]), max_size=1)
        one = self._one(field, depth)
        if field.kind in ("attribute", "text"):
            optional = self.layout.is_optional(field) or self.layout.has_python_default(field)
            return one | st.just(None if self.layout.is_optional(field) else _DEFAULT) if optional else one
        if field.nillable and (field.repeated or field.required):
            one = one | st.none()
        if field.repeated:
            return st.lists(one, min_size=count or 0, max_size=count or 0)
        return one if count else st.none()

    def _one(self, field: FieldPlan, depth: int) -> st.SearchStrategy[Any]:
        if field.kind == "any":
            return st.sampled_from([_element("a", "urn:w"), _element("b"), _element("c", "")])
        if field.simple is not None:
            return self.simple(field.simple)
        if self.layout.is_any(field):
            return XML_TEXT
        (reference,) = field.types
        if reference.kind == "class":
            return st.deferred(lambda: self.of(self.layout.by_id[reference.name], depth - 1))
        if field.fixed and field.default is not None and reference.kind == "builtin":
            text = field.default
            fixed = {"integer": int, "decimal": Decimal}.get(BUILTINS[reference.name].kind, str)(text)
            return st.just(fixed) | self.atomic(reference, field.facets)
        return self.atomic(reference, field.facets)

    def simple(self, tree: SimpleTypePlan) -> st.SearchStrategy[Any]:
        """Values of a list or a union."""
        if tree.type is not None:
            return self.atomic(tree.type, tree.facets)
        parts = st.one_of([self.simple(item) for item in tree.items])
        # libxml2 takes an empty xs:NMTOKENS for valid, which has a minLength of 1 (XML Schema part 2, 3.3.4).
        least = 1 if tree.facets == Facets(min_length=1) else 0
        return st.lists(parts, min_size=least, max_size=3) if tree.variety == "list" else parts

    def atomic(self, reference: TypeReference, facets: Facets) -> st.SearchStrategy[Any]:
        if reference.kind == "enumeration":
            return st.sampled_from(list(self.type(reference.name)))
        return values(reference.name, facets)


_DEFAULT: Any = object()


@st.composite
def _counts(draw: st.DrawFn, objects: Arbitrary, item: ClassPlan, depth: int) -> tuple[dict[str, int], list[str]]:
    """How many elements each field gets, and in which order where there is a choice."""
    fields = [f for f in objects.layout.fields(item) if f.kind in ("element", "any")]
    broken = draw(st.integers(0, 9)) == 0
    if item.group is None or item.mixed:
        counts = {}
        for field in fields:
            low, high = field.min_occurs, _MOST if field.max_occurs == UNBOUNDED else field.max_occurs
            deep = depth <= 0 and any(t.kind == "class" for t in field.types)
            counts[field.name] = draw(st.integers(max(0, low - broken), low if deep else min(high, low + 2) + broken))
        return counts, []
    names = field_names(item, objects.layout)
    order = [names[name] for name in draw(derivation(item.group, depth))]
    if broken and order:
        order = draw(st.permutations(order)) if draw(st.booleans()) else order[: draw(st.integers(0, len(order)))]
    single = {f.name for f in fields if not f.repeated}
    order = [name for n, name in enumerate(order) if name not in single or name not in order[:n]]
    counts = {field.name: order.count(field.name) for field in fields}
    content = objects.content(item)
    return counts, content.recorded(order)


def _element(name: str, namespace: str = "urn:c") -> etree._Element:
    return etree.Element(f"{{{namespace}}}{name}" if namespace else name)


@st.composite
def derivation(draw: st.DrawFn, group: GroupPlan, depth: int) -> list[str]:
    """Names of elements as a content model allows them."""
    high = group.min_occurs + 2 if group.max_occurs == UNBOUNDED else group.max_occurs
    rounds = draw(st.integers(group.min_occurs, group.min_occurs if depth <= 0 else min(high, group.min_occurs + 2)))
    result: list[str] = []
    for _ in range(rounds):
        if group.kind in ("element", "any"):
            result.append(leaf_name(group))
        elif group.kind == "choice":
            result.extend(draw(derivation(draw(st.sampled_from(group.parts)), depth)) if group.parts else [])
        else:
            items = draw(st.permutations(group.parts)) if group.kind == "all" else group.parts
            for item in items:
                result.extend(draw(derivation(item, depth)))
    return result


def values(builtin: str, facets: Facets) -> st.SearchStrategy[Any]:
    """Values of the Python type of a built-in, within and without its facets."""
    kind = BUILTINS[builtin].kind
    if facets.enumeration and kind in ("text", "token"):
        return st.sampled_from(facets.enumeration) | st.sampled_from(_EDGES)
    if kind in ("text", "token", "any"):
        found = st.sampled_from(_EDGES) | XML_TEXT | TOKENS.get(builtin, st.just("x"))
        sizes = [
            size for size in (facets.length, facets.min_length, facets.max_length) if size is not None and size < 5000
        ]
        if sizes:
            found = found | st.sampled_from(sizes).flatmap(lambda n: st.integers(max(0, n - 1), n + 1)).map("x".__mul__)
        for pattern in facets.patterns:
            found = found | from_pattern(pattern)
        return found
    if kind in ("integer", "decimal"):
        return _numbers(facets, builtin)
    made: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "float": st.floats(width=32 if builtin == "float" else 64) | st.sampled_from([0.0, 1.0, math.inf, math.nan]),
        "datetime": st.datetimes(min_value=datetime.datetime(1000, 1, 1), timezones=ZONES),
        "date": st.dates(min_value=datetime.date(1000, 1, 1)),
        "time": st.times(timezones=ZONES),
        "base64": st.binary(max_size=4),
        "hex": st.binary(max_size=4),
        "qname": st.sampled_from([etree.QName("urn:q", "a"), etree.QName("b"), etree.QName("urn:c", "c")]),
    }
    return made[kind]


def _numbers(facets: Facets, builtin: str) -> st.SearchStrategy[Any]:
    known = BUILTINS[builtin]
    edges = [known.minimum, known.maximum, 0, 1, 100, 12345, 123456]
    stated = [facets.min_inclusive, facets.max_inclusive, facets.min_exclusive, facets.max_exclusive]
    edges += [int(Decimal(text)) for text in stated if text is not None]
    numbers = st.sampled_from([edge for edge in edges if edge is not None])
    near = st.builds(lambda edge, step: edge + step, numbers, st.integers(-1, 1))
    if known.kind == "integer":
        return near | st.integers()
    places = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-10000, max_value=10000)
    return (
        near.map(Decimal)
        | places
        | st.builds(lambda n, e: Decimal((0, (n,), -e)), st.integers(0, 9), st.integers(0, 6))
    )
