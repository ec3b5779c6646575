"""Equal declarations give equal plans, byte for byte; the order of declaration only breaks ties."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from stagekit import Plan, Registry, plan
from stagekit.testing import registries

# Everything whose order a hash could disturb: sets in depends_on, unions, collections, problems.
SCRIPT = """
from typing import List, NewType, Optional, Union
from stagekit import Collect, PlanError, Registry, plan, stage, use_registry
from stagekit._base.compat import Annotated

class Part: ...
class Whole: ...
class Gone: ...
Left, Right = NewType("Left", int), NewType("Right", int)

with use_registry(Registry()) as good:
    @stage
    def whole(parts: Annotated[List[Part], Collect()], left: Union[Right, Left]) -> Whole: ...
    @stage
    def other(whole: Optional[Whole] = None) -> None: ...
    @stage
    def left() -> Left: ...
    for n in range(20):
        good.add(lambda: None, id=f"before{n}")
    for n in range(10):
        def part() -> Part: ...
        waits = {f"before{(7 * n + k) % 20}" for k in range(5)}
        good.add(part, id=f"part{n}", depends_on=waits, tags=["a", "b"])

with use_registry(Registry()) as bad:
    for n in range(5):
        @stage(id=f"lost{n}", depends_on={f"nobody{k}" for k in range(4)})
        def lost(gone: Gone, either: Union[Left, Right]) -> Gone: ...

made = plan(registry=good)
print(made.to_json(), made.to_mermaid(), made.to_dot(), made.explain(), made.generations())
print(made.to_svg(), made.to_svg(fold=False))
print(made.rank, made.parents, made.edges)
try:
    plan(registry=bad)
except PlanError as error:
    print(error)
"""


def under(seed: str, script: Path) -> str:
    """Return what the script prints under one hash seed."""
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


def test_plans_and_errors_are_byte_equal_under_any_hash_seed(tmp_path: Path) -> None:
    """Three hash seeds give the same JSON, pictures, ranks and error texts."""
    script = tmp_path / "shop.py"
    script.write_text(SCRIPT, encoding="utf-8")
    first, *others = [under(seed, script) for seed in ("0", "1234", "31415")]
    assert "there is no stage 'nobody0'" in first
    assert [first, first] == others


@given(registries())
def test_planning_again_gives_the_same_bytes(registry: Registry) -> None:
    """One registry planned twice gives equal plans, byte for byte."""
    assert plan(registry=registry).to_json() == plan(registry=registry).to_json()


@given(st.data(), registries())
def test_shuffled_declarations_give_an_equal_plan_up_to_ties(
    data: st.DataObject, registry: Registry
) -> None:
    """Shuffled declarations give equal edges and bindings, and an equal order up to ties.

    Ties are stages of equally many hops to the end; they are compared sorted by id.
    """
    shuffled = Registry()
    for stage in data.draw(st.permutations(registry.snapshot())):
        shuffled.register(stage)
    one, other = plan(registry=registry), plan(registry=shuffled)
    assert by_id(one) == by_id(other)
    assert order_without_ties(one) == order_without_ties(other)


@given(st.data(), registries())
def test_declared_in_another_order_but_equal_where_ties_are(
    data: st.DataObject, registry: Registry
) -> None:
    """Sorted by id before they are declared, shuffled stages give equal plans, byte for byte."""
    shuffled = data.draw(st.permutations(registry.snapshot()))
    texts: List[str] = []
    for stages in (registry.snapshot(), shuffled):
        again = Registry()
        for stage in sorted(stages, key=lambda stage: stage.id):
            again.register(stage)
        texts.append(plan(registry=again).to_json())
    assert texts[0] == texts[1]


def by_id(made: Plan) -> Dict[str, Tuple[object, ...]]:
    """Return what each stage waits for and is bound to, by ids only."""
    found: Dict[str, Tuple[object, ...]] = {}
    for step, stage_id in enumerate(made.order):
        waits = sorted(made.order[parent] for parent in made.parents[step])
        needs = sorted(made.order[parent] for parent in made.needs[step])
        bindings = [
            (b.parameter, b.kind, tuple(made.order[each] for each in b.providers))
            for b in made.bindings[step]
        ]
        found[stage_id] = (waits, needs, bindings)
    return found


def order_without_ties(made: Plan) -> List[Tuple[int, str]]:
    """Return the order of a plan, those of equally many hops to the end sorted by id."""
    far = [0] * len(made)
    for step in reversed(range(len(made))):
        far[step] = max((far[child] + 1 for child in made.children[step]), default=0)
    order = [(far[step], stage_id) for step, stage_id in enumerate(made.order)]
    assert sorted(far, reverse=True) == far
    return sorted(order)
