"""``simulate``: real decisions, counted time."""

from __future__ import annotations

from typing import Dict, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagekit import Plan, Registry, Retry, plan, run
from stagekit.errors import UsageError
from stagekit.testing import Schedule, VirtualClock, plans, simulate


def nothing() -> None:
    """Stand for work."""


async def nothing_async() -> None:
    """Stand for waiting."""


def planned(**parents: str) -> Plan:
    """Return a plan of stages by id, each with the ids it waits for, separated by spaces."""
    registry = Registry()
    for stage_id, before in parents.items():
        registry.add(nothing, id=stage_id, depends_on=before.split())
    return plan(registry=registry)


def shown(schedule: Schedule) -> List[Tuple[str, float, float, object]]:
    """Return a schedule as plain tuples."""
    return [(step.stage_id, step.start, step.end, step.worker) for step in schedule.steps]


def test_a_step_starts_when_its_parents_have_ended_and_a_worker_is_free() -> None:
    """Start, end and worker of each step are those of list scheduling."""
    made = planned(a="", b="", c="a b", d="a")
    schedule = simulate(made, {"a": 2, "b": 1, "c": 3, "d": 1}, workers=2)
    expected = [("a", 0, 2, 0), ("b", 0, 1, 1), ("c", 2, 5, 0), ("d", 2, 3, 1)]
    assert expected == shown(schedule)
    assert 5 == schedule.makespan
    assert ("a", "c") == schedule.critical_path


def test_short_names_stand_for_ids_where_they_are_unambiguous() -> None:
    """Durations and estimates may be given as everywhere else: by id, or by short name."""
    registry = Registry()
    for name in ("load", "clean", "other"):
        registry.add(nothing, id=f"shop:{name}")
    made = plan(registry=registry)
    seconds = {"load": 1, "shop:clean": 2, "other": 3}
    schedule = simulate(made, seconds, workers=1, estimates={"load": 9})
    assert (6, 0) == (schedule.makespan, schedule["load"].start)


def test_one_worker_runs_everything_after_each_other() -> None:
    """With one worker the makespan is the sum of all durations."""
    schedule = simulate(planned(a="", b="", c="a"), {"a": 1, "b": 2, "c": 4}, workers=1)
    assert 7 == schedule.makespan
    assert {0} == {step.worker for step in schedule.steps}


def test_the_longest_remaining_path_starts_first() -> None:
    """What the durations say decides among ready steps, not the order of declaration."""
    made = planned(short="", long="", after="long")
    schedule = simulate(made, {"short": 2, "long": 1, "after": 2}, workers=1)
    assert 0 == schedule["long"].start
    schedule = simulate(made, {"short": 9, "long": 1, "after": 2}, workers=1)
    assert 0 == schedule["short"].start


def test_estimates_are_what_the_scheduler_knows_and_durations_what_happens() -> None:
    """A wrong estimate leads to a wrong order, but the clock obeys the durations."""
    made = planned(a="", b="")
    durations = {"a": 1, "b": 5}
    assert 0 == simulate(made, durations, 1)["b"].start
    misled = simulate(made, durations, 1, estimates={"a": 9, "b": 1})
    assert (0, 1, 6) == (misled["a"].start, misled["b"].start, misled.makespan)


def test_without_estimates_hops_decide() -> None:
    """``estimates={}`` means that nothing is known: the step with most hops to the end is first."""
    made = planned(heavy="", first="", last="first")
    durations = {"heavy": 100, "first": 1, "last": 1}
    assert 0 == simulate(made, durations, 1)["heavy"].start
    assert 0 == simulate(made, durations, 1, estimates={})["first"].start


def test_priority_comes_before_the_critical_path() -> None:
    """A step of higher priority starts first, however short its remaining path is."""
    registry = Registry()
    registry.add(nothing, id="long")
    registry.add(nothing, id="urgent", priority=1)
    schedule = simulate(plan(registry=registry), {"long": 9, "urgent": 1}, workers=1)
    assert (0, 1) == (schedule["urgent"].start, schedule["long"].start)


def test_workers_do_not_bound_async_stages() -> None:
    """As in real runs, ``async def`` stages go to the loop and take no worker."""
    registry = Registry()
    for number in range(3):
        registry.add(nothing_async, id=f"wait{number}")
        registry.add(nothing, id=f"work{number}")
    durations = {stage.id: 1.0 for stage in registry}
    schedule = simulate(plan(registry=registry), durations, workers=1)
    assert [None] * 3 == [schedule[f"wait{number}"].worker for number in range(3)]
    assert {0.0} == {schedule[f"wait{number}"].start for number in range(3)}
    assert 3 == schedule.makespan


def test_values_that_a_run_would_be_given_are_not_needed() -> None:
    """A plan that needs values is simulated without them: nothing is called."""
    registry = Registry()

    @registry.stage
    def stage(limit: float) -> None:
        raise AssertionError(limit)

    made = plan(registry=registry, values=[1.5])
    assert 2 == simulate(made, {made.order[0]: 2}, 1).makespan


def test_an_empty_plan_takes_no_time() -> None:
    """No stage, no second, no path."""
    schedule = simulate(plan(registry=Registry()), {}, 1)
    assert (0, 0, ()) == (len(schedule), schedule.makespan, schedule.critical_path)


def test_every_duration_that_is_missing_or_wrong_is_listed() -> None:
    """The clock needs a length of time for each stage, and the error names all that lack one."""
    made = planned(a="", b="", c="", d="")
    with pytest.raises(UsageError) as caught:
        simulate(made, {"a": -1, "b": float("nan"), "d": 1}, 1)
    assert (
        "each stage needs a duration of 0 seconds or more: 'a' has -1; 'b' has nan; 'c' has none"
        == str(caught.value)
    )


def test_a_name_that_is_no_stage_is_refused() -> None:
    """In durations and in estimates, with what may have been meant; at most five are told."""
    made = planned(load="", clean="")
    with pytest.raises(UsageError) as caught:
        simulate(made, {"laod": 1.0, "clean": 2}, 1)
    text = "there is no stage 'laod'; did you mean 'load'?"
    assert f"durations names 'laod': {text}" == str(caught.value)
    with pytest.raises(UsageError) as caught:
        simulate(
            made, {"load": 1, "clean": 2}, 1, estimates={"laod": 1, **dict.fromkeys("abcdef", 1)}
        )
    assert str(caught.value).startswith(f"estimates names 'laod': {text}; estimates names 'a': ")
    assert str(caught.value).endswith("; and 2 more")


@pytest.mark.parametrize("workers", [0, -1, True, 1.5])
def test_there_must_be_a_worker(workers: int) -> None:
    """Anything but a whole number from 1 is refused."""
    with pytest.raises(UsageError, match="workers must be a whole number"):
        simulate(planned(a=""), {"a": 1}, workers)


@given(st.data(), plans(), st.integers(1, 4))
def test_every_schedule_is_possible(data: st.DataObject, made: Plan, workers: int) -> None:
    """Edges are obeyed, no worker does two things at once, no worker idles beside a ready step."""
    durations: Dict[str, float] = {
        stage_id: float(data.draw(st.integers(0, 5))) for stage_id in made.order
    }
    schedule = simulate(made, durations, workers)
    steps = schedule.steps
    ready = [max((steps[p].end for p in above), default=0.0) for above in made.parents]
    for step, begin in zip(steps, ready):
        assert step.start >= begin
        assert step.end == step.start + durations[step.stage_id]
        assert step.worker is not None or step.start == begin
    plain = [step for step in steps if step.worker is not None]
    for worker in range(workers):
        mine = sorted((s.start, s.end) for s in plain if s.worker == worker)
        assert all(end <= start for (_, end), (start, _) in zip(mine, mine[1:]))
    for step, begin in zip(steps, ready):
        for moment in {s.end for s in plain if begin <= s.end < step.start} | {begin}:
            busy = sum(s.start <= moment < s.end for s in plain)
            assert moment == step.start or busy == workers or 0 in durations.values()
    longest = sum(durations[stage_id] for stage_id in schedule.critical_path)
    assert longest <= schedule.makespan


def test_a_result_tells_how_long_stages_take() -> None:
    """From their first start to their last end; a run that failed does not."""
    registry = Registry()
    clock = VirtualClock()
    tries: List[int] = []

    def flaky() -> None:
        clock.advance(2)
        tries.append(1)
        if len(tries) == 1:
            raise OSError("again")

    registry.add(lambda: clock.advance(3), id="load")
    registry.add(flaky, id="flaky", retries=Retry(2, wait=1, jitter=False))
    made = plan(registry=registry)
    result = run(made, clock=clock, executor="inline")
    assert 8.0 == simulate(made, result, workers=1).makespan
    assert 5.0 == simulate(made, result, workers=2).makespan

    def bad() -> None:
        raise ValueError("no")

    registry.add(bad, id="bad")
    failed = run(registry=registry, check=False)
    with pytest.raises(UsageError, match="durations takes a run that succeeded, got <Res"):
        simulate(plan(registry=registry), failed, workers=1)
