"""``Chaos``: what is decided, and that a run meets it, whoever carries the run out."""

from __future__ import annotations

from typing import Any, AsyncIterator, Dict, Iterator, List, NewType

import pytest
from typing_extensions import Annotated

from stagekit import Each, Registry, Result, Retry, plan
from stagekit.testing import Chaos, ChaosError

Seed = NewType("Seed", int)
Square = NewType("Square", int)
Sum = NewType("Sum", int)

EXECUTORS = ["inline", "threads", "processes"]


def seeds() -> List[Seed]:
    """Return twelve numbers."""
    return [Seed(number) for number in range(12)]


def square(number: Annotated[Seed, Each()]) -> Square:
    """Square one."""
    return Square(number * number)


async def add(squares: List[Square], *, more: Annotated[List[Seed], "all"]) -> Sum:
    """Add all of them up."""
    return Sum(sum(squares) + sum(more))


def told() -> None:
    """Promise nothing."""


def pipeline() -> Registry:
    """Return a pipeline that is tried again up to five times."""
    registry, retry = Registry(), Retry(6, wait=0)
    registry.add(seeds, id="seeds", retries=retry)
    registry.add(square, id="square", retries=retry)
    registry.add(add, id="add", retries=retry)
    registry.add(told, id="told", depends_on="add", retries=retry)
    return registry


def history(result: Result) -> Dict[str, List[Any]]:
    """Return the attempts of each stage: item, number, and how it ended."""
    return {
        report.stage_id: sorted(
            (-1 if each.item is None else each.item, each.number, type(each.error).__name__)
            for each in report.attempts
        )
        for report in result.reports()
    }


def expected(chaos: Chaos) -> Dict[str, List[Any]]:
    """Return what the attempts must be, from what is decided."""
    items: Dict[str, List[int]] = {"seeds": [-1], "square": [*range(12)], "add": [-1], "told": [-1]}
    found: Dict[str, List[Any]] = {}
    names = {"raise": "ChaosError", "kill": "WorkerDiedError"}
    for stage_id, indices in items.items():
        found[stage_id] = []
        for item in indices:
            for number in range(1, 7):
                troubles = chaos.troubles(stage_id, number, None if item < 0 else item)
                ends = [names[each] for each in troubles if each in names]
                found[stage_id].append((item, number, *(ends or ["NoneType"])))
                if not ends:
                    break
    return found


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_executor_meets_what_is_decided(executor: str, process_pool: Any) -> None:
    """Attempt by attempt, item by item: the schedule has no say in it."""
    chaos = Chaos(5, raise_=0.3, slow=0.2, seconds=0.001)
    made = chaos.wrap(plan(registry=pipeline()))
    pool = process_pool if executor == "processes" else executor
    result = made.run(executor=pool, workers=2)
    assert expected(chaos) == history(result)
    assert sum(n * n + n for n in range(12)) == result["add"]


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_that_is_lost_is_told_as_one(executor: str, process_pool: Any) -> None:
    """A process is killed; where there is none, the stage fails as if it had been."""
    chaos = Chaos(1, kill=0.2)
    assert any("WorkerDiedError" in each for each in expected(chaos)["square"])
    made = chaos.wrap(plan(registry=pipeline()))
    pool = process_pool if executor == "processes" else executor
    result = made.run(executor=pool, workers=2)
    assert expected(chaos) == history(result)
    assert result.ok


def test_a_plan_without_policies_meets_trouble_too() -> None:
    """Its only attempt is the first one."""
    registry = Registry()
    registry.add(seeds, id="seeds")
    for seed in range(20):
        chaos = Chaos(seed, raise_=0.5)
        result = chaos.wrap(plan(registry=registry)).run(check=False)
        fails = chaos.troubles("seeds") == ("raise",)
        assert ("failed" if fails else "succeeded") == result.report("seeds").outcome.value
        if fails:
            error = result.report("seeds").error
            assert isinstance(error, ChaosError)
            assert "raised on purpose: stage 'seeds', attempt 1" == str(error)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_items_without_a_policy_meet_what_is_decided(executor: str, process_pool: Any) -> None:
    """One item fails and another does not, although they follow one another in one place."""
    registry, chaos = Registry(), Chaos(2, raise_=0.4)
    registry.add(seeds, id="seeds")
    registry.add(square, id="square")
    pool = process_pool if executor == "processes" else executor
    made = chaos.wrap(plan(registry=registry))
    ended = made.run(executor=pool, workers=2, on_failure="continue", check=False)
    wanted = [n for n in range(12) if chaos.troubles("square", 1, n)]
    attempts = ended.report("square").attempts
    assert wanted == sorted(each.item or 0 for each in attempts if each.error is not None)
    assert 0 < len(wanted) < len(attempts) == 12


def test_a_bad_value_is_none_where_one_is_promised() -> None:
    """A stage that promises nothing is left alone."""
    made = Chaos(1, bad_value=1).wrap(plan(registry=pipeline()))
    result = made.run(check=False)
    assert ["bad_value", "upstream_failed", "upstream_failed", "upstream_failed"] == [
        report.reason.value for report in result.reports() if report.reason is not None
    ]
    registry = Registry()
    registry.add(told, id="told")
    assert Chaos(1, bad_value=1).wrap(plan(registry=registry)).run().ok


@pytest.mark.parametrize("trouble", [{"raise_": 1.0}, {"bad_value": 1.0}, {"kill": 1.0}], ids=str)
def test_a_resource_in_trouble_does_not_open(trouble: Dict[str, float]) -> None:
    """What needs it is skipped; one that is only slow is opened and closed as ever."""
    log: List[str] = []

    def opened() -> Iterator[Seed]:
        yield Seed(1)
        log.append("closed")

    async def opened_too() -> AsyncIterator[Square]:
        yield Square(2)
        log.append("closed, too")

    def use(one: Seed, two: Square) -> Sum:
        return Sum(one + two)

    registry = Registry()
    for fn in (opened, opened_too, use):
        registry.add(fn, id=fn.__name__)
    made = plan(registry=registry)
    result = (
        Chaos(1, slow=1, seconds=0, **trouble).wrap(made).run(check=False, on_failure="continue")
    )
    assert ["failed", "failed", "skipped"] == [each.outcome.value for each in result.reports()]
    log.clear()
    assert 3 == Chaos(1, slow=1, seconds=0).wrap(made).run()["use"]
    assert ["closed", "closed, too"] == sorted(log)


def test_the_plan_itself_is_left_alone() -> None:
    """Wrapping makes another plan, which tells the same to people."""
    made = plan(registry=pipeline())
    wrapped = Chaos(1, raise_=1).wrap(made)
    assert type(made) is type(wrapped)
    assert made.explain() == wrapped.explain()
    assert made.run().ok


def test_a_seed_decides_once_and_for_all() -> None:
    """Equal seeds agree, others do not; probabilities are kept."""
    chaos = Chaos("a", raise_=0.25, kill=0.25, bad_value=0.25, slow=0.5)
    drawn = [chaos.troubles("stage", attempt) for attempt in range(1, 4001)]
    again = Chaos("a", raise_=0.25, kill=0.25, bad_value=0.25, slow=0.5)
    assert drawn == [again.troubles("stage", attempt) for attempt in range(1, 4001)]
    assert drawn != [chaos.troubles("other", attempt) for attempt in range(1, 4001)]
    assert 0.45 < sum("slow" in each for each in drawn) / 4000 < 0.55
    assert 0.2 < sum("kill" in each for each in drawn) / 4000 < 0.3
    assert () == Chaos(1).troubles("stage")


@pytest.mark.parametrize("name", ["kill", "slow", "raise_", "bad_value"])
@pytest.mark.parametrize("chance", [-0.1, 1.1, float("nan")])
def test_a_probability_is_from_0_to_1(name: str, chance: float) -> None:
    """Anything else is refused at once."""
    with pytest.raises(ValueError, match=f"^{name} takes a probability from 0 to 1"):
        Chaos(1, **{name: chance})
    with pytest.raises(ValueError, match="seconds must be 0 or more"):
        Chaos(1, seconds=-1)
    assert "<Chaos 1, raise=0.5>" == repr(Chaos(1, raise_=0.5))
