"""In every class of every contract, an element that may stand once is refused when it stands twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generator.shared_contracts import bindings, needs_shared
from tests.generator.test_constructs import CONSTRUCTS, FOLDER
from tests.generator.test_generic_contracts import GENERATED, folder
from tests.models.arbitrary import Arbitrary
from tests.models.doubled import Doubling, single_elements


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_second_element_where_one_may_stand_is_refused_in_every_construct(construct: str) -> None:
    assert not_refused(FOLDER / construct) == []


@needs_shared
@pytest.mark.parametrize("name", GENERATED)
def test_second_element_where_one_may_stand_is_refused_in_every_generic_contract(name: str) -> None:
    assert not_refused(folder(name)) == []


def not_refused(contract: Path) -> list[str]:
    """Elements that may stand once and were never met, so that they could be doubled."""
    objects = Arbitrary(*bindings(contract))
    left = []
    for item in objects.layout.plan.classes:
        names = [field.name for field in single_elements(item, objects.layout)]
        if item.abstract or not names or not any(objects.layout.writers[item.id]):
            continue
        refused = Doubling(objects, item).run()
        left += [f"{item.id}.{name}" for name in names if name not in refused]
    return left
