"""Odd objects for every option: refused together, by ``UsageError``, or taken; nothing else."""

from __future__ import annotations

import inspect
import warnings
from functools import partial
from typing import Any, Callable, Dict, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagekit import Registry, arun, bench, plan, run
from stagekit._options import OPTIONS, PLANNING
from stagekit.errors import StagekitError, UsageError

ODD_METHODS = ("__repr__", "__eq__", "__bool__", "__hash__", "__len__", "__iter__", "__getattr__")

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def _raise(*_: object) -> Any:
    raise ZeroDivisionError("of a user")


def odd(method: str) -> object:
    """Return an object one of whose methods raises."""
    return type(f"Odd{method}", (), {method: _raise})()


class Mean:
    """An object where all of them raise, and that is compared with everything."""


for _each in ODD_METHODS:
    setattr(Mean, _each, _raise)


def _same(value: object) -> object:
    return value


def _list(value: object) -> object:
    return [value]


def _tuple(value: object) -> object:
    return (value,)


def _dict(value: object) -> object:
    return {value: 1}


def _odd_list(method: str) -> object:
    return [odd(method)]


def _odd_dict(method: str) -> object:
    return {"a": odd(method)}


# Made anew for each example; drawn by number, as hypothesis writes out what it draws.
MADE: Tuple[Callable[[], object], ...] = (
    *(partial(_same, each) for each in (None, True, False, 0, 1, 3, -1, 0.0, 1.5, b"", b"x")),
    *(partial(_same, each) for each in (float("nan"), float("inf"), 10**30, object, int)),
    *(partial(_same, each) for each in ("", "inline", "stop", "all", "x\x1b[31m\n", "\ud800")),
    *map(partial(partial, _list), (None, 1, "a", [], b"", object)),
    *(partial(_tuple, each) for each in (None, 1, "a", ())),
    *(partial(_dict, each) for each in (None, 1, "a", "x\x1b[31m\n", int)),
    *(partial(odd, each) for each in ODD_METHODS),
    *(partial(_odd_list, each) for each in ODD_METHODS),
    *(partial(_odd_dict, each) for each in ODD_METHODS),
    Mean,
    object,
    list,
    dict,
    lambda: [Mean()],
    lambda: iter([1, 2]),
    lambda: {1, 2},
)
NUMBERS = st.integers(0, len(MADE) - 1)


def refusal(call: Callable[..., object], *arguments: object, **options: object) -> str:
    """Return the error of ours that a call ends with; empty where it succeeds."""
    try:
        call(*arguments, **options)
    except StagekitError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def registry_of_one() -> Registry:
    """Return a registry with a stage."""
    registry = Registry()
    registry.add(lambda: 7, id="a")
    return registry


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(st.data())
def test_an_odd_option_is_refused_or_taken(data: st.DataObject) -> None:
    """No error of Python, and no defect, whatever it is; of one option or of several."""
    names = data.draw(st.sets(st.sampled_from([each.name for each in OPTIONS]), min_size=1))
    options = {name: MADE[data.draw(NUMBERS, label=name)]() for name in sorted(names)}
    options.setdefault("registry", registry_of_one())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = refusal(run, data.draw(st.sampled_from([None, "a", 6])), **options)
    assert "InternalError" not in said
    assert said.replace("\n", " ").isprintable(), repr(said)


@pytest.mark.parametrize("option", PLANNING, ids=lambda each: str(each.name))
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(number=NUMBERS)
def test_an_odd_option_of_plan_is_refused_or_taken(option: Any, number: int) -> None:
    """``plan`` checks its options as ``run`` does."""
    options = {"registry": registry_of_one(), option.name: MADE[number]()}
    said = refusal(plan, **options)
    assert said.replace("\n", " ").isprintable(), repr(said)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(number=NUMBERS, name=st.sampled_from(["repeat", "warmup", "executors", "memory"]))
def test_an_odd_option_of_bench_is_refused_or_taken(number: int, name: str) -> None:
    """And so does ``bench``."""
    options: Dict[str, Any] = {"repeat": 1, "warmup": 0, name: MADE[number]()}
    said = refusal(bench, registry=registry_of_one(), **options)
    assert said.replace("\n", " ").isprintable(), repr(said)


def test_all_options_of_a_wrong_type_are_one_error() -> None:
    """Each with what it was given, and what to write instead."""
    with pytest.raises(UsageError) as caught:
        run(6, workers="2", deadline="x", hooks=3, params=4, select=5, values=7, check="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert str(caught.value).split("; ") == [
        "target takes a stage, its id, a list of these, a module or a plan, got 6",
        "select takes texts such as '+report', got 5",
        "values takes a list of objects, got 7",
        "write values=[...]",
        'params takes a mapping such as {"load.path": "a.csv"}, got 4',
        "workers takes a whole number from 1 to 1024, got '2'",
        "check takes True or False, got 'no'",
        "hooks takes a list of objects with on_event(event), or of functions, got 3",
        "deadline must be seconds, more than 0 and at most 31,622,400, got 'x'",
    ]


def test_every_option_of_a_wrong_type_is_refused() -> None:
    """The table has a check for each, and each finds that an object is none of what it takes."""
    wrong = {each.name: each.check(each.name, object()) for each in OPTIONS}
    assert [] == [name for name, found in wrong.items() if len(found) != 1]
    assert {each.name for each in OPTIONS} == set(inspect.signature(arun).parameters) - {"target"}


@pytest.mark.parametrize("option", ["order", "keep"])
@pytest.mark.parametrize("number", range(len(MADE)))
def test_odd_things_among_stages_are_refused_or_taken(option: str, number: int) -> None:
    """In a list of stages, too, no error of an object gets out; each is tried, not drawn."""
    said = refusal(run, registry=registry_of_one(), **{option: MADE[number]()})
    assert "InternalError" not in said
