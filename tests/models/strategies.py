"""Objects of the generated classes, made by hypothesis from the plan in the contract lock."""

from __future__ import annotations

import dataclasses
import datetime
import sys
from decimal import Decimal
from importlib import import_module
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan, Plan, TypeReference
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.schema.builtins import BUILTINS
from mpesa_cbp_generator.schema.xsdata import UNBOUNDED

# Characters that XML 1.0 allows; line ends other than LF would be normalised by any parser inside text.
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\ufffe\uffff", exclude_categories=["Cs", "Cc"])
    | st.sampled_from("\n\t &<>\"']"),
    max_size=20,
)


class Objects:
    """Strategies for the classes of one plan; ``package`` is the importable name of its bindings."""

    def __init__(self, plan: Plan, package: str, *, wildcards: bool = False) -> None:
        self.plan = plan
        self.package = package
        self.wildcards = wildcards
        self.layout = Layout(plan, "")
        # A strategy is made once: making it costs hypothesis more than drawing from it.
        self._made: dict[tuple[str, int], st.SearchStrategy[Any]] = {}

    def type(self, type_id: str) -> Any:
        module, _, name = type_id.rpartition(".")
        return getattr(import_module(f"{self.package}.{module}"), name)

    def of(self, item: ClassPlan, depth: int = 4) -> st.SearchStrategy[Any]:
        """Valid objects of a class, or of a class derived from it."""
        if (item.id, depth) not in self._made:
            concrete = [item, *self._derived(item)] if item.path and len(item.path) == 1 else [item]
            self._made[item.id, depth] = st.one_of([self._exactly(c, depth) for c in concrete if not c.abstract])
        return self._made[item.id, depth]

    def _derived(self, item: ClassPlan) -> list[ClassPlan]:
        found = list(self.layout.derived(item))
        return found + [deeper for child in found for deeper in self._derived(child)]

    def _exactly(self, item: ClassPlan, depth: int) -> st.SearchStrategy[Any]:
        fields = self.layout.fields(item)
        choices = {field.choice for field in fields if field.choice is not None}
        picked = {c: [f.name for f in fields if f.choice == c] for c in choices}

        @st.composite
        def build(draw: st.DrawFn) -> Any:
            chosen = {choice: draw(st.sampled_from(names)) for choice, names in picked.items()}
            values = {}
            for field in fields:
                if field.choice is not None:
                    if field.name != chosen[field.choice]:
                        continue
                    values[field.name] = draw(self.field(field, depth, present=True))
                else:
                    values[field.name] = draw(self.field(field, depth))
            kept = {name: value for name, value in values.items() if value is not _ABSENT}
            return self.type(item.id)(**kept)

        return build()

    def field(self, field: FieldPlan, depth: int, *, present: bool = False) -> st.SearchStrategy[Any]:
        if field.kind == "any-attributes":
            return st.just({})
        if field.kind in ("any", "mixed"):
            stated = field.namespaces
            namespace = "urn:wild" if not stated or stated[0] == "!" else stated[0]
            wild = XML_TEXT.map(lambda text: _wild(text, namespace))
            if field.kind == "mixed":
                return st.just([]) if not self.wildcards else st.lists(wild, min_size=1, max_size=1)
            if not self.wildcards:
                return st.just([]) if field.repeated else st.just(_ABSENT)
            most = 2 if field.max_occurs == UNBOUNDED else min(2, field.max_occurs)
            one = wild if field.required or present else wild | st.just(_ABSENT)
            return (
                st.lists(wild, min_size=max(field.min_occurs, 1 if present else 0), max_size=most)
                if field.repeated
                else one
            )
        if depth <= 0 and not field.required and not present and not field.nillable:
            return st.just([]) if field.repeated else st.just(_ABSENT)
        one = self.value(field, depth)
        if field.nillable:
            # xsdata takes an empty text of a nillable element for nil, both ways; here they are two things.
            one = one.filter(_is_not_empty)
            one = one | st.none() if field.required or field.repeated else one
        if field.repeated:
            least = max(field.min_occurs, 1 if present else 0)
            most = 3 if field.max_occurs == UNBOUNDED else min(field.max_occurs, max(3, least))
            return st.lists(one, min_size=least, max_size=max(least, most) if depth > 0 else least)
        # xsdata writes an optional nillable element that is not there as nil; here it is left out.
        if field.required or present or field.nillable:
            return one
        return one | st.just(_ABSENT)

    def value(self, field: FieldPlan, depth: int) -> st.SearchStrategy[Any]:
        if field.fixed and field.default is not None:
            return st.just(eval_default(self, field))
        alternatives = [self.simple(reference, field, depth) for reference in field.types]
        one = st.one_of(alternatives)
        return st.lists(one, min_size=1, max_size=3) if field.is_list else one

    def simple(self, reference: TypeReference, field: FieldPlan, depth: int) -> st.SearchStrategy[Any]:
        if reference.kind == "enumeration":
            return st.sampled_from(list(self.type(reference.name)))
        if reference.kind == "class":
            return st.deferred(lambda: self.of(self.layout.by_id[reference.name], depth - 1))
        return builtin(reference.name, field)


def eval_default(objects: Objects, field: FieldPlan) -> Any:
    expression = objects.layout.default_expression(field)
    return eval(expression, {"Decimal": Decimal})


def _is_not_empty(value: Any) -> bool:
    if dataclasses.is_dataclass(value):
        return any(getattr(value, field.name) not in (None, []) for field in dataclasses.fields(value))
    return bool(value != "")


def _wild(text: str, namespace: str) -> etree._Element:
    element = etree.Element(f"{{{namespace}}}wild" if namespace else "wild")
    element.text = text or None
    return element


_ABSENT: Any = object()
_TIMES = st.times().map(lambda t: t.replace(microsecond=t.microsecond))
_ZONES: Any = st.none() | st.sampled_from(
    [
        datetime.UTC,
        datetime.timezone(datetime.timedelta(hours=3)),
        datetime.timezone(-datetime.timedelta(hours=3, minutes=30)),
    ]
)


def builtin(name: str, field: FieldPlan) -> st.SearchStrategy[Any]:
    facets = field.facets
    kind = BUILTINS[name].kind
    if facets.patterns:
        return from_pattern(facets.patterns[0])
    if kind in ("text", "any"):
        least = facets.length or facets.min_length or 0
        most = facets.length or facets.max_length or max(least, 20)
        return st.text(XML_TEXT.map(lambda t: (t + "x")[0]), min_size=least, max_size=min(most, max(least, 30)))
    if kind == "token":
        return TOKENS.get(name, st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,10}", fullmatch=True))
    if kind == "integer":
        low, high = BUILTINS[name].minimum, BUILTINS[name].maximum
        low = int(facets.min_inclusive) if facets.min_inclusive is not None else low
        high = int(facets.max_inclusive) if facets.max_inclusive is not None else high
        return st.integers(low, high)
    if kind == "decimal":
        return st.decimals(
            allow_nan=False,
            allow_infinity=False,
            places=facets.fraction_digits if facets.fraction_digits is not None else 3,
            min_value=-(10**8),
            max_value=10**8,
        )
    if kind == "boolean":
        return st.booleans()
    if kind == "float":
        return st.floats(allow_nan=False, allow_infinity=False, width=32 if name == "float" else 64)
    if kind == "datetime":
        return st.datetimes(min_value=datetime.datetime(1000, 1, 1), timezones=_ZONES)
    if kind == "date":
        return st.dates(min_value=datetime.date(1000, 1, 1))
    if kind == "time":
        return st.times()
    return st.binary(max_size=20)


TOKENS: dict[str, st.SearchStrategy[str]] = {
    "language": st.sampled_from(["en", "sw", "en-KE"]),
    "anyURI": st.sampled_from(["urn:a:b", "http://192.0.2.10/x?y=1&z=2", "sip:a@b"]),
    "duration": st.sampled_from(["P1D", "-P1Y2M3DT4H5M6.7S", "PT0S"]),
    "gYear": st.sampled_from(["2026", "1999Z"]),
    "gYearMonth": st.just("2026-11"),
    "gMonth": st.just("--11"),
    "gMonthDay": st.just("--11-24"),
    "gDay": st.just("---24"),
}


def from_pattern(pattern: str) -> st.SearchStrategy[str]:
    """Texts that match a pattern of XML Schema."""
    return st.from_regex(to_python_pattern(pattern), fullmatch=True)


def to_python_pattern(pattern: str) -> str:
    return pattern.replace("\\i", "[A-Za-z_:]").replace("\\c", "[A-Za-z0-9._:-]").replace("\\d", "[0-9]")


if sys.flags.optimize:
    raise RuntimeError("tests rely on assert")
