"""Whether the facets of a simple value became tighter, looser or different."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Literal

from mpesa_cbp_generator.schema.declarations import Facets

Verdict = Literal["facet-tightened", "facet-loosened", "facet-changed"]

_LOWER = {"min_length": "minLength", "min_inclusive": "minInclusive", "min_exclusive": "minExclusive"}
_UPPER = {
    "max_length": "maxLength",
    "max_inclusive": "maxInclusive",
    "max_exclusive": "maxExclusive",
    "total_digits": "totalDigits",
    "fraction_digits": "fractionDigits",
}
_EXACT = {"length": "length", "white_space": "whiteSpace"}


def compare_facets(old: Facets, new: Facets) -> Iterator[tuple[Verdict, str | None, str | None]]:
    """Rule, old and new text of every facet that differs, e.g. ``maxLength 255`` and ``maxLength 100``."""
    for names, sign in ((_LOWER, 1), (_UPPER, -1)):
        for attribute, name in names.items():
            before, after = getattr(old, attribute), getattr(new, attribute)
            if before != after:
                yield _bound(before, after, sign), _shown(name, before), _shown(name, after)
    for attribute, name in _EXACT.items():
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before != after:
            verdict = _presence(before, after) if attribute == "length" else "facet-changed"
            yield verdict, _shown(name, before), _shown(name, after)
    yield from _sets(old, new)


def _sets(old: Facets, new: Facets) -> Iterator[tuple[Verdict, str | None, str | None]]:
    # All patterns must match, so that one more is tighter; of the listed values one must match.
    for name, before, after, more in (
        ("pattern", old.patterns, new.patterns, "facet-tightened"),
        ("enumeration", old.enumeration, new.enumeration, "facet-loosened"),
    ):
        if set(before) == set(after):
            continue
        verdict: Verdict = "facet-changed"
        if not before:
            verdict = "facet-tightened"
        elif not after:
            verdict = "facet-loosened"
        elif set(before) < set(after):
            verdict = "facet-tightened" if more == "facet-tightened" else "facet-loosened"
        elif set(after) < set(before):
            verdict = "facet-loosened" if more == "facet-tightened" else "facet-tightened"
        yield verdict, _listed(name, before), _listed(name, after)


def _bound(before: object, after: object, sign: int) -> Verdict:
    if before is None or after is None:
        return _presence(before, after)
    try:
        difference = (Decimal(str(after)) - Decimal(str(before))) * sign
    except InvalidOperation:
        # Bounds of dates and times: legal, but in which order they stand is not worth a calendar here.
        return "facet-changed"
    if difference.is_nan() or difference == 0:
        return "facet-changed"
    return "facet-tightened" if difference > 0 else "facet-loosened"


def _presence(before: object, after: object) -> Verdict:
    if before is None:
        return "facet-tightened"
    return "facet-loosened" if after is None else "facet-changed"


def _shown(name: str, value: object) -> str | None:
    return None if value is None else f"{name} {value}"


def _listed(name: str, values: tuple[str, ...]) -> str | None:
    return f"{name} {' , '.join(sorted(values))}" if values else None
