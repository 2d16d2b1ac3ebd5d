"""In every class of the family, an element that may stand once is refused when it stands twice, adjacent or apart."""

from __future__ import annotations

import pytest

from mpesa_cbp_generator.model import ClassPlan
from tests.models.arbitrary import Arbitrary
from tests.models.doubled import Doubling, single_elements
from tests.models.test_family_round_trip import PLAN

OBJECTS = Arbitrary(PLAN, "mpesa_cbp_models")
CLASSES = [item for item in PLAN.classes if not item.abstract and single_elements(item, OBJECTS.layout)]


@pytest.mark.parametrize("item", CLASSES, ids=lambda item: item.id)
def test_second_element_where_one_may_stand_is_refused(item: ClassPlan) -> None:
    assert Doubling(OBJECTS, item).run() == {field.name for field in single_elements(item, OBJECTS.layout)}
