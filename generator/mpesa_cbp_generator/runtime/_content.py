"""Content models that are more than one sequence: which order of elements the contract allows, and which is written.

Particles are tuples: ``(kind, least, most, inner)`` with ``most`` -1 for unbounded. ``kind`` is ``element``, whose
``inner`` is the name of the field (or of the tag, in mixed content), or ``sequence``, ``choice`` or ``all``, whose
``inner`` are particles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ._values import is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Particle = tuple[str, int, int, Any]

UNCLEAR = "the order of the elements cannot be told from the fields: say it in element_order"


class Content:
    """The content model of one type."""

    __slots__ = ("_model", "_names")

    def __init__(self, model: Particle) -> None:
        self._model = model
        self._names = frozenset(_leaves(model))

    def problem(self, names: Sequence[str]) -> str | None:
        """What is wrong with elements that stand in that order, None where nothing is.

        Time grows with the number of elements, not exponentially, whatever the model: positions that can be reached
        are followed together.
        """
        farthest = [0]
        ends = _ends(self._model, {0}, names, farthest)
        if len(names) in ends:
            return None
        if farthest[0] < len(names):
            return f"{names[farthest[0]]} may not stand as element {farthest[0] + 1}"
        return "ends too early"

    def name_of(self, tag: str) -> str:
        """Name by which the model knows an element of mixed content: its tag, or ``*`` where a wildcard lets it in."""
        return tag if tag in self._names else "*"

    def arranged(self, counts: Mapping[str, int], order: Sequence[str]) -> list[str]:
        """Names of the fields in the order in which their elements are written.

        Raises ValueError where ``order`` does not fit the counts, or the model does not say what comes first.
        """
        if order:
            for name in {*order, *counts}:
                if order.count(name) != counts.get(name, 0):
                    raise ValueError(f"element_order does not fit {name}")
            return list(order)
        left = {name: count for name, count in counts.items() if count}
        result: list[str] = []
        _arrange(self._model, left, result)
        if left:
            raise ValueError(f"{' and '.join(left)} cannot stand together with the other elements, or so often")
        return result

    def recorded(self, names: list[str]) -> list[str]:
        """What ``element_order`` holds for elements that were read in that order: nothing, where it is the usual."""
        counts = {name: names.count(name) for name in dict.fromkeys(names)}
        try:
            return [] if self.arranged(counts, ()) == names else names
        except ValueError:
            return names

    def joined(self, parts: Mapping[str, list[str]], order: Sequence[str]) -> str:
        """Written elements, by field, as one text in their order."""
        names = self.arranged({name: len(written) for name, written in parts.items()}, order)
        rest = {name: iter(written) for name, written in parts.items()}
        return "".join([next(rest[name]) for name in names])


def counted(value: object, *, nillable: bool = False) -> int:
    """How many elements the value of a field stands for."""
    if is_list(value):
        return len(value)
    return 0 if value is None and not nillable else 1


def _leaves(particle: Particle) -> Iterable[str]:
    kind, _, _, inner = particle
    if kind == "element":
        yield inner
        return
    for item in inner:
        yield from _leaves(item)


def _ends(particle: Particle, starts: set[int], names: Sequence[str], farthest: list[int]) -> set[int]:
    """Positions behind which a particle can end when it begins at one of ``starts``."""
    _, least, most, _ = particle
    reached: set[int] = set(starts) if least == 0 else set()
    current, count = starts, 0
    while current and (most < 0 or count < most):
        following = _once(particle, current, names, farthest)
        count += 1
        if count < least and following == current:
            # Rounds without elements: there are as many as are wanted.
            count = least
        if count >= least:
            following = following - reached
            reached |= following
        current = following
    farthest[0] = max([farthest[0], *reached])
    return reached


def _once(particle: Particle, starts: set[int], names: Sequence[str], farthest: list[int]) -> set[int]:
    kind, _, _, inner = particle
    if kind == "element":
        return {start + 1 for start in starts if start < len(names) and names[start] == inner}
    if kind == "sequence":
        for item in inner:
            starts = _ends(item, starts, names, farthest)
        return starts
    if kind == "choice":
        return {end for item in inner for end in _ends(item, starts, names, farthest)}
    return {end for start in starts for end in _ends_of_all(inner, start, names, farthest)}


def _ends_of_all(items: Sequence[Particle], start: int, names: Sequence[str], farthest: list[int]) -> set[int]:
    """Ends of an ``xs:all``: its elements in any order, each as often as it says."""
    left = {item[3]: item for item in items}
    position = start
    while position < len(names) and names[position] in left:
        del left[names[position]]
        position += 1
    farthest[0] = max(farthest[0], position)
    return set() if any(least for _, least, _, _ in left.values()) else {position}


def _arrange(particle: Particle, left: dict[str, int], result: list[str]) -> None:
    """Put what is left of the counts in the order of the model, as far as it allows."""
    kind, _, most, inner = particle
    rounds: set[tuple[str, ...]] = set()
    count = 0
    while most < 0 or count < most:
        before = len(result)
        if kind == "element":
            if left.get(inner, 0):
                _take(inner, left, result)
        elif kind == "choice":
            chosen = next((item for item in inner if _is_served(item, left)), None) or next(
                (item for item in inner if any(name in left for name in _leaves(item))), None
            )
            if chosen is not None:
                _arrange(chosen, left, result)
        else:
            for item in inner:
                _arrange(item, left, result)
        count += 1
        if len(result) == before:
            break
        if kind == "sequence":
            rounds.add(tuple(result[before:]))
    if len(rounds) > 1:
        # Which optional element belongs to which round is known to the caller alone.
        raise ValueError(UNCLEAR)


def _take(name: str, left: dict[str, int], result: list[str]) -> None:
    result.append(name)
    left[name] -= 1
    if not left[name]:
        del left[name]


def _is_served(particle: Particle, left: Mapping[str, int]) -> bool:
    """Whether there is something for a particle, and all that it cannot do without."""
    return any(name in left for name in _leaves(particle)) and _is_complete(particle, left)


def _is_complete(particle: Particle, left: Mapping[str, int]) -> bool:
    kind, least, _, inner = particle
    if least == 0:
        return True
    if kind == "element":
        return left.get(inner, 0) >= least
    found = (_is_complete(item, left) for item in inner)
    return any(found) if kind == "choice" else all(found)
