"""Parameters such as ``path: str`` where only later stages return a ``str``: they are set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, List, NewType, Optional

import pytest

from stagekit import PlanError, Problem, Registry, plan, run
from stagekit.errors import Code

Report = NewType("Report", str)


def load(path: str) -> List[int]:
    """Take what the user has to say."""
    return [len(path)]


def total(rows: List[int]) -> int:
    """Come later."""
    return sum(rows)


def report(total: int) -> str:
    """Return what `load` asks for, and wait for it."""
    return f"sum {total}"


def registry_of(*functions: Any) -> Registry:
    """Return a registry of some functions."""
    registry = Registry()
    for each in functions:
        registry.add(each)
    return registry


def problems_of(registry: Registry, **options: Any) -> List[Problem]:
    """Return the problems of a plan."""
    with pytest.raises(PlanError) as caught:
        plan(registry=registry, **options)
    return list(caught.value.problems)


def test_what_only_a_later_stage_returns_is_set() -> None:
    """Three stages around, and by a bare name, too."""
    registry = registry_of(load, total, report)
    for params in ({"load.path": "abc"}, {"path": "abc"}):
        assert "sum 3" == run(registry=registry, params=params)[report]
    (problem,) = problems_of(registry)
    assert (Code.MISSING_PROVIDER, "path") == (problem.code, problem.parameter)
    assert any("load.path" in fix for fix in problem.fixes)
    assert "`report` returns it, and waits for `load`" in problem.notes


def test_several_later_stages_are_as_one() -> None:
    """None of them is proposed."""

    def title(report: Report) -> str:
        return str(report)

    def made(total: int) -> Report:
        return Report(str(total))

    def shout(rows: List[int]) -> str:
        return "!" * len(rows)

    registry = registry_of(load, total, made, title, shout)
    assert "!" == run(registry=registry, params={"path": "ab"})[shout]
    (problem,) = problems_of(registry)
    assert Code.MISSING_PROVIDER == problem.code
    assert "title" not in " ".join(problem.fixes)
    assert any("return it, and wait for `load`" in note for note in problem.notes)


@pytest.mark.parametrize("count", [1, 2])
def test_a_default_stays_where_only_later_stages_return_the_type(count: int) -> None:
    """It did where no stage returned it."""
    registry = Registry()

    @registry.stage
    def read(path: Path = Path("x.csv"), limit: Optional[int] = None) -> List[str]:
        return [str(path), str(limit)]

    for number in range(count):

        def write(rows: List[str]) -> Path:
            return Path(rows[0])

        registry.add(write, id=f"write{number}")
    registry.add(total_of, id="total_of")
    assert ["x.csv", "None"] == run(registry=registry)[read]
    assert ["y.csv", "7"] == run(registry=registry, params={"path": Path("y.csv"), "limit": 7})[
        read
    ]
    names = [each.name.rpartition(".")[2] for each in plan(registry=registry).parameters]
    assert ["path", "limit"] == names


def total_of(rows: List[str]) -> int:
    """Come later."""
    return len(rows)


def test_a_stage_that_comes_before_fills_it_as_ever() -> None:
    """And goes on to when a later one of the same type is added; two before it are ambiguous."""
    registry = Registry()

    @registry.stage
    def where() -> str:
        return "abcd"

    registry.add(load)
    registry.add(total)
    assert 4 == run(registry=registry)[total]
    registry.add(report)
    made = plan(registry=registry)
    assert "sum 4" == made.run()[report]
    (binding,) = made.bindings[made.order.index(next(s for s in made.order if "load" in s))]
    assert "by order" == binding.reason
    assert "where by order" in made.explain()

    @registry.stage
    def elsewhere() -> str:
        raise NotImplementedError

    (problem,) = problems_of(registry)
    assert Code.AMBIGUOUS_PROVIDER == problem.code
    assert "report" not in problem.message


class Table:
    """No simple type."""


def test_types_of_ones_own_are_told_apart_by_whoever_writes_them() -> None:
    """That the other one comes later is said; nothing is chosen."""
    registry = Registry()
    registry.add(Table, id="early", provides=Table)

    @registry.stage
    def count(table: Table) -> int:
        return len([table])

    @registry.stage
    def late(count: int) -> Table:
        raise NotImplementedError(count)

    (problem,) = problems_of(registry)
    assert "2 stages provide `Table`" in problem.message
    assert any("waits for" in note and "late" in note for note in problem.notes)
    assert "early" in problem.fixes[0]


def count_words(path: str) -> int:
    """Take a text and return a number."""
    return len(path)


def show(number: int) -> str:
    """Take a number and return a text."""
    return "x" * number


@pytest.mark.parametrize(
    ("name", "value", "stage", "expected"),
    [("count_words.path", "abc", "show", "xxx"), ("show.number", 4, "count_words", 4)],
)
def test_a_cycle_of_parameters_that_could_be_set_says_so(
    name: str, value: Any, stage: str, expected: Any
) -> None:
    """Nothing tells which of them comes from outside: each of the two makes a pipeline."""
    registry = registry_of(count_words, show)
    (problem,) = problems_of(registry)
    assert Code.CYCLE == problem.code
    assert {"count_words.path", "show.number"} == set(re.findall(r"--set (\S+)=", problem.fixes[0]))
    assert expected == run(registry=registry, params={name: value})[stage]


def test_values_of_ones_own_types_come_from_their_stage() -> None:
    """So what has to be set is the other one of the two."""

    def made(text: Report) -> int:
        return len(text)

    def told(number: int) -> Report:
        return Report("x" * number)

    registry = registry_of(made, told)
    (problem,) = problems_of(registry)
    assert (Code.MISSING_PROVIDER, "number") == (problem.code, problem.parameter)
    assert 2 == run(registry=registry, params={"number": 2})[made]


def test_a_parameter_that_is_called_after_its_stage_means_it() -> None:
    """A cycle of these is one, and nothing of it can be set."""

    def first(second: str) -> int:
        raise NotImplementedError(second)

    def second(first: int) -> str:
        raise NotImplementedError(first)

    registry = registry_of(first, second)
    (problem,) = problems_of(registry)
    assert Code.CYCLE == problem.code
    assert not any("--set" in fix for fix in problem.fixes)


def test_what_is_said_is_never_let_go_of() -> None:
    """A cycle by ``depends_on`` of two plain stages has nothing that could be set."""
    registry = Registry()
    registry.add(lambda: 1, id="one", depends_on="two")
    registry.add(lambda: 2, id="two", depends_on="one")
    (problem,) = problems_of(registry)
    assert Code.CYCLE == problem.code
    assert not any("--set" in fix for fix in problem.fixes)


def test_a_later_stage_that_is_left_out_does_not_come_back() -> None:
    """The target decides as ever: what `load` alone needs is its path."""
    registry = registry_of(load, total, report)
    made = plan(load, registry=registry, params={"load.path": "abc"})
    assert [load.__name__] == [each.rpartition(":")[2] for each in made.order]
    assert [3] == made.run()[load]


def branch(targets: str) -> bytes:
    """Take a text that no stage is meant to return."""
    return targets.encode()


def test_what_is_set_outweighs_a_stage_that_happens_to_return_the_type() -> None:
    """Of another branch, whose value then goes nowhere; the two do not wait for each other."""
    registry = registry_of(load, total, report, branch)
    params = {"load.path": "abc", "targets": "t"}
    made = plan(registry=registry, params=params)
    assert b"t" == made.run()[branch]
    assert [] == [edge for edge in made.edges if made.order[edge.after].endswith("branch")]
    alone = plan(branch, registry=registry, params={"targets": "t"})
    assert 1 == len(alone)
    assert b"sum 3" == run(registry=registry, params={"path": "abc"})[branch]


def test_what_is_set_decides_among_several_stages() -> None:
    """None of which is meant."""
    registry = registry_of(load, total)
    for name in ("one", "two"):
        registry.add(lambda: "never", id=name, provides=str)
    assert Code.AMBIGUOUS_PROVIDER == problems_of(registry)[0].code
    assert 3 == run(registry=registry, params={"load.path": "abc"})[total]


def test_a_bare_name_is_first_that_of_what_nothing_fills() -> None:
    """The number that goes from stage to stage is not set with it."""

    def count(number: int = 1) -> int:
        return number

    def twice(number: int) -> str:
        return str(2 * number)

    registry = Registry()
    registry.add(count, id="count")
    registry.add(twice, id="twice")
    assert "10" == run(registry=registry, params={"number": 5})[twice]
    assert "14" == run(registry=registry, params={"number": 5, "twice.number": 7})[twice]


@pytest.mark.parametrize("name", ["report.total", "total.rows", "total"])
def test_what_a_stage_is_meant_to_fill_cannot_be_set(name: str) -> None:
    """By the parameter's name, or by a type of its own."""
    registry = registry_of(load, total, report)
    found = problems_of(registry, params={"load.path": "abc", name: 3})
    assert [Code.NO_PARAMETER] == [each.code for each in found]
    assert "fills it" in found[0].message


def test_an_undo_that_several_stages_could_fill_is_ambiguous_still() -> None:
    """Its parameters cannot be set, and are none of the stage."""

    def take_back(path: str) -> None:
        raise NotImplementedError(path)

    registry = registry_of(load, total, report)
    for name in ("one", "two"):
        registry.add(lambda: "x", id=name, provides=str)
    registry.add(lambda: None, id="act", undo=take_back)
    for params in ({"load.path": "abc"}, {"path": "abc"}):
        (problem,) = problems_of(registry, params=params)
        assert (Code.AMBIGUOUS_PROVIDER, "act", "path") == (
            problem.code,
            problem.stage_id,
            problem.parameter,
        )


def test_what_is_wrong_with_an_undo_stays_where_a_parameter_is_set() -> None:
    """One value in two parameters of the undo has nothing to do with that of the stage."""

    def take_back(one: Report, other: Report) -> None:
        raise NotImplementedError(one, other)

    def act(path: str) -> bytes:
        return path.encode()

    registry = Registry()
    registry.add(lambda: Report("x"), id="made", provides=Report)
    registry.add(act, id="act", undo=take_back)
    (problem,) = problems_of(registry, params={"act.path": "abc"})
    assert Code.SAME_VALUE == problem.code
