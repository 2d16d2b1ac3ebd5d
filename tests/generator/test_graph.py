"""Reach in a graph of names: against the plain definition, for graphs with cycles too."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from mpesa_cbp_generator.render.graph import gathered, reachable

NAMES = "abcdef"
GRAPHS = st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES), max_size=3) for name in NAMES})
OWN = st.fixed_dictionaries({name: st.sets(st.integers(0, 3), max_size=2) for name in NAMES})


def by_definition(edges: Mapping[str, list[str]], start: str) -> set[str]:
    found = {start}
    for _ in NAMES:
        found |= set(itertools.chain.from_iterable(edges[name] for name in found))
    return found


@given(edges=GRAPHS, starts=st.lists(st.sampled_from(NAMES), max_size=3))
def test_everything_that_can_be_got_to_is_reached_once(edges: dict[str, list[str]], starts: list[str]) -> None:
    found = reachable(edges, starts)
    assert len(found) == len(set(found))
    assert set(found) == set().union(*(by_definition(edges, start) for start in starts))


@given(edges=GRAPHS, own=OWN)
def test_each_name_has_what_those_within_its_reach_have(edges: dict[str, list[str]], own: dict[str, set[int]]) -> None:
    found = gathered(edges, own)
    assert found == {name: set().union(*(own[other] for other in by_definition(edges, name))) for name in NAMES}
