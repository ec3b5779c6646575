"""What planning tells: once, and nothing that would lead astray."""

from __future__ import annotations

import pytest

from stagekit import PlanError, Registry, plan, run
from stagekit.errors import StagekitWarning


def test_a_value_that_nobody_takes_is_warned_of_once() -> None:
    """By the plan that a run makes; by the run where the plan was made before."""
    registry = Registry()
    registry.add(lambda: 1, id="load")
    with pytest.warns(StagekitWarning) as warned:
        run("load", registry=registry, values=[3.5], executor="inline")
    assert ["SK220: the value given for `float` is not used"] == [str(w.message) for w in warned]
    made = plan("load", registry=registry)
    with pytest.warns(StagekitWarning) as warned:
        made.run(values=[3.5], executor="inline")
    assert ["the plan does not use the value given for `float`"] == [str(w.message) for w in warned]


def test_a_stage_is_no_near_miss_of_what_it_waits_for_itself() -> None:
    """To write its own name would be a cycle."""
    registry = Registry()
    registry.add(lambda: 1, id="vacuum", depends_on="vaccum")
    registry.add(lambda: 1, id="m:total", depends_on=["totla", "vacum"])
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    told = {each.message.split("'")[1]: each for each in caught.value.problems}
    assert ("stages here: total",) == told["vaccum"].notes
    assert ("stages here: vacuum",) == told["totla"].notes
    assert ('write "vacuum"',) == told["vacum"].fixes
