"""Print the facets of a simple type."""

from __future__ import annotations

from collections.abc import Iterator

from mpesa_cbp_generator.render.literals import literal
from mpesa_cbp_generator.schema.builtins import BUILTINS, JUDGED, white_space
from mpesa_cbp_generator.schema.declarations import Facets

_FACET_NAMES = {
    "min_inclusive": "minInclusive",
    "max_inclusive": "maxInclusive",
    "min_exclusive": "minExclusive",
    "max_exclusive": "maxExclusive",
}
_BOUNDS = {"min_inclusive": "minimum", "max_inclusive": "maximum", "min_exclusive": "above", "max_exclusive": "below"}


def facet_arguments(facets: Facets, builtin: str, fixed: str | None = None) -> Iterator[tuple[str, str]]:
    """Arguments of the run-time ``Facets`` of a simple type, as Python expressions."""
    kind = BUILTINS[builtin].kind
    for name in ("length", "min_length", "max_length", "total_digits", "fraction_digits"):
        value = getattr(facets, name)
        if value is not None:
            yield name, repr(value)
    if facets.patterns:
        yield "patterns", repr(facets.patterns)
        if kind not in ("text", "token", "any"):
            yield "write", f"{kind}_text"
    yield from _bounds(facets, builtin)
    if facets.enumeration:
        values = [literal(builtin, value) for value in facets.enumeration]
        yield "enumeration", f"({', '.join(value for value in values if value is not None)},)"
    if builtin in JUDGED:
        yield "builtin", repr(builtin)
    rule = facets.white_space or white_space(builtin)
    if kind in ("text", "token") and rule != "preserve":
        yield "white_space", repr(rule)
    if fixed is not None:
        yield "fixed", fixed


def stated_facets(facets: Facets, builtin: str) -> Iterator[tuple[str, str]]:
    """What the contract states, as entries of a field's metadata in the words of xsdata."""
    for name in ("length", "min_length", "max_length", "total_digits", "fraction_digits"):
        value = getattr(facets, name)
        if value is not None:
            yield name, repr(value)
    for name in _BOUNDS:
        value = getattr(facets, name)
        if value is not None:
            yield name, repr(value) if _is_lexical(builtin) else literal(builtin, value) or "None"
    if facets.patterns:
        yield "pattern", repr(facets.patterns if len(facets.patterns) > 1 else facets.patterns[0])
    if facets.enumeration:
        yield from (one for one in facet_arguments(facets, builtin) if one[0] == "enumeration")


def derived_facets(facets: Facets, builtin: str, fixed: str | None = None) -> Iterator[tuple[str, str]]:
    """Arguments of the run-time ``facets_of``: what follows from the type, and is not in the metadata."""
    if _is_lexical(builtin) and any(getattr(facets, name) is not None for name in _BOUNDS):
        yield "lexical", "True"
    stated = {_BOUNDS.get(name, name) for name, _ in stated_facets(facets, builtin)}
    for name, value in facet_arguments(facets, builtin, fixed):
        if name not in stated and name not in ("patterns", "bounds"):
            yield name, value


def _is_lexical(builtin: str) -> bool:
    """Whether bounds of a type are texts, as those of a duration are."""
    return BUILTINS[builtin].kind == "token"


def _bounds(facets: Facets, builtin: str) -> Iterator[tuple[str, str]]:
    known = BUILTINS[builtin]
    own = {"min_inclusive": known.minimum, "max_inclusive": known.maximum}
    lexical = []
    for name, argument in _BOUNDS.items():
        value = getattr(facets, name)
        if value is not None and _is_lexical(builtin):
            lexical.append((_FACET_NAMES[name], value))
        elif value is not None:
            yield argument, literal(builtin, value) or "None"
        elif own.get(name) is not None:
            yield argument, repr(own[name])
    if lexical:
        yield "bounds", repr(tuple(lexical))
