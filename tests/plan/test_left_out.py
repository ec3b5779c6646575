"""SK208 and ``Each``: what is proposed is pasted, and the problem is gone."""

from __future__ import annotations

import itertools
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest
from typing_extensions import Annotated

import stagekit
from stagekit import Collect, Each, From, Plan, PlanError, Problem, Registry, plan
from stagekit._plan.select import Typed
from stagekit.errors import Code


class Row:
    """What a list has."""

    def __init__(self, *_: object) -> None: ...


class Model(Row):
    """What is made of one."""


class Conf(Row):
    """What no other stage of the flow has to do with."""


class Note(Row):
    """What two stages return."""


def conf() -> Conf:
    """Return what ``report`` and ``last`` take."""
    return Conf()


def load() -> List[Row]:
    """Return a list."""
    return [Row()]


def first() -> Note:
    """Return one of two notes."""
    return Note()


def second(model: List[Model]) -> Note:
    """Return the other."""
    return Note(model)


def count(row: Annotated[Row, Each()]) -> Model:
    """Take one row after another."""
    return Model(row)


def forget(models: List[Model], conf: Conf) -> None:
    """Undo ``report``."""


def report(models: List[Model], conf: Conf, first: Note) -> None:
    """Take a list, a value, and one of two."""


def last(x: Annotated[Any, From(conf)], notes: Annotated[List[Note], Collect()]) -> None:
    """Take a value of any type, and all of one."""


NAMES = ("conf", "load", "first", "count", "second", "report", "last")
REGISTRY = Registry()
for _name in NAMES:
    _undo: Any = {"undo": forget} if _name == "report" else {}
    REGISTRY.add(globals()[_name], **_undo)

Words = Tuple[Tuple[str, ...], Optional[str], Optional[str], Tuple[str, ...]]


def planned(words: Words, **options: Any) -> Tuple[Optional[Plan], Sequence[Problem]]:
    """Plan what a command line selects; return the plan, or its problems."""
    select, start, end, exclude = words
    try:
        chosen = Typed(select, start, end)
        return plan(registry=REGISTRY, select=chosen, exclude=exclude, **options), ()
    except PlanError as error:
        return None, error.problems


def pasted(words: Words, fix: str) -> Words:
    """Return a command line that is changed as a fix says."""
    select, start, end, exclude = words
    if "do not exclude" in fix:
        exclude = ()
    for whole in re.findall(r"write -s (\S+) instead of --from", fix):
        select, start = (*select, whole), None
    if "leave out --from" in fix:
        start = None
    for word in re.findall(r"ancestors too: (\S+)", fix):
        select = (*select, word)
    return select, start, end, exclude


def given_in(problem: Problem) -> Dict[str, Any]:
    """Return the options of the call that a problem proposes, with what it has imported."""
    names: Dict[str, Any] = dict(globals())
    for fix in problem.fixes:
        if fix.startswith("with: "):
            exec(fix[6:], names)  # noqa: S102 - what a user pastes
    (call,) = [fix for fix in problem.fixes if "stagekit.run(" in fix]
    options = call.partition("stagekit.run(..., ")[2]
    found: Dict[str, Any] = eval(f"dict({options}", names)  # noqa: S307 - the same
    return found


def lacks(problems: Sequence[Problem], stage: Optional[str], parameter: Optional[str]) -> bool:
    """Tell whether problems have one of a selection, for a stage, or a parameter of it."""
    return any(
        each.code in {Code.LEFT_OUT, Code.VALUE_CONFLICT}
        and each.stage_id == stage
        and parameter in {None, each.parameter}
        for each in problems
    )


COMMANDS: List[Words] = list(
    itertools.product(
        ((), ("count",), ("report", "last")),
        (None, "count", "first", "+count"),
        (None, "report", "second"),
        ((), ("load",), ("conf",), ("count",)),
    )
)


@pytest.mark.parametrize("words", COMMANDS, ids=str)
def test_what_is_proposed_for_a_selection_that_leaves_out_a_value_plans(words: Words) -> None:
    """The words, pasted, and the value, pasted: either way nothing is left out any more."""
    for problem in planned(words)[1]:
        assert Code.LEFT_OUT is problem.code
        changed = pasted(words, problem.fixes[0])
        assert changed != words, problem
        assert not lacks(planned(changed)[1], problem.stage_id, None), problem
        after = planned(words, **given_in(problem))[1]
        assert not lacks(after, problem.stage_id, problem.parameter), problem


def only(words: Words, stage: str) -> Problem:
    """Return the problem of the first parameter of a stage."""
    problems = planned(words)[1]
    return next(each for each in problems if str(each.stage_id).endswith(f":{stage}"))


def test_a_list_is_given_to_a_stage_that_takes_its_items() -> None:
    """Not one item, which brought the same problem again."""
    problem = only((("count",), None, None, ()), "count")
    assert "the selection leaves out `load`, whose `list[Row]` stage `count` needs" == (
        problem.message
    )
    assert (
        "select its ancestors too: +count",
        "or give the value: stagekit.run(..., values=[given(..., as_=List[Row])])",
        "with: from stagekit import given",
    ) == problem.fixes


def test_from_is_told_what_it_means() -> None:
    """No word beside it brings back what comes before."""
    problem = only((("+count",), "count", None, ()), "count")
    note = "--from count leaves out what `count` needs from elsewhere"
    assert (f"{note}, and no value of an earlier run is kept",) == problem.notes
    assert "write -s @count instead of --from count" == problem.fixes[0]
    problem = only(((), "count", None, ("load",)), "count")
    assert "do not exclude `load`, and write -s @count instead of --from count" == problem.fixes[0]


def agen(n: Annotated[int, Each()]) -> str:
    """Take what nothing provides."""
    return str(n)


def problem_of(function: Any, **options: Any) -> Problem:
    """Return the first problem of planning one stage."""
    registry = Registry()
    registry.add(function)
    with pytest.raises(PlanError) as caught:
        plan(registry=registry, **options)
    return caught.value.problems[-1]


LIST = "stagekit.run(..., values=[given(..., as_=List[int])])"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, f"or give a value: {LIST}"),
        ({"values": [1]}, f"or give a value: {LIST}"),
        ({"params": {"agen.n": 1}}, f"give the list: {LIST}"),
    ],
    ids=["nothing", "an item", "set"],
)
def test_what_each_takes_is_given_as_a_list(options: Dict[str, Any], told: str) -> None:
    """It cannot be set, and no fix sets it; the value that is proposed plans and runs."""
    problem = problem_of(agen, **options)
    assert told in problem.fixes
    assert not any("--set" in each or "params=" in each for each in problem.fixes)
    registry = Registry()
    registry.add(agen)
    plan(registry=registry, **given_in(problem))
    values = [stagekit.given([1, 2], as_=List[int])]
    assert ["1", "2"] == stagekit.run(registry=registry, values=values)["agen"]


def test_why_each_cannot_be_set_is_told() -> None:
    """Texts do stand for its type."""
    message = problem_of(agen, params={"agen.n": 1}).message
    assert message.endswith("cannot set `agen.n`: `Each()` takes it from a list")


def take(row: Row) -> None:
    """Take a base class."""


@pytest.mark.parametrize(
    ("function", "value", "told"),
    [
        (agen, 1, "the caller gives `int`; did you mean values=[given(..., as_=List[int])]?"),
        (take, Model(), "the caller gives `Model`; did you mean values=[given(..., as_=Row)]?"),
    ],
)
def test_a_value_is_given_otherwise_not_annotated(function: Any, value: object, told: str) -> None:
    """A value has no annotation, and is published by nobody."""
    problem = problem_of(function, values=[value])
    assert told == problem.notes[0]
    if function is take:
        assert "give it as that: values=[given(..., as_=Row)]" == problem.fixes[0]


def test_a_value_of_another_class_of_one_name_is_told_apart() -> None:
    """By the modules; how it is given would say nothing."""
    other = type("Row", (), {"__module__": "elsewhere"})
    problem = problem_of(take, values=[other()])
    assert "the caller gives `elsewhere.Row`, another type than `" in problem.notes[0]
    assert "have a stage return it: -> Row" == problem.fixes[0]
