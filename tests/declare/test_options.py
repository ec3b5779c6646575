"""Options that a run manages: refused where they make no sense, all mistakes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, Tuple

import pytest

from stagekit import DeclarationError, Registry, Retry
from stagekit._declare.options import PolicyOptions
from stagekit.executors import NAMES


def nothing() -> None:
    """Do nothing."""


def mistakes_of(**options: Any) -> Tuple[str, ...]:
    """Return what is wrong with the options of a declaration."""
    registry = Registry()
    with pytest.raises(DeclarationError) as caught:
        registry.stage(**options)(nothing)
    assert 0 == len(registry)
    return caught.value.mistakes


def declared(**options: Any) -> PolicyOptions:
    """Return what a declaration keeps of options."""
    registry = Registry()
    found = registry.get(registry.add(nothing, **options))
    assert found is not None
    assert found.options.policy is not None
    return found.options.policy


@pytest.mark.parametrize("retries", [-1, True, False, 1.5, 10**9, 1000, "2", float("nan")])
def test_retries_are_a_small_whole_number_or_a_retry(retries: Any) -> None:
    """A thousand attempts are the most; booleans are refused."""
    assert (
        f"retries must be a whole number from 0 to 999, or a Retry, got {retries!r}",
    ) == mistakes_of(retries=retries)


@pytest.mark.parametrize("retries", [0, 1, 999, Retry(3)])
def test_retries_are_kept_as_given(retries: Any) -> None:
    """A number or a ``Retry``."""
    assert retries == declared(retries=retries).retries


TIMEOUTS = [float("nan"), float("inf"), -1, 0, 10**20, "5", True]


@pytest.mark.parametrize("timeout", TIMEOUTS, ids=repr)
def test_a_timeout_is_a_time_that_can_pass(timeout: Any) -> None:
    """What would be up at once, or never, is refused."""
    assert (
        f"timeout must be seconds, more than 0 and at most 31,622,400, got {timeout!r}",
    ) == mistakes_of(timeout=timeout)


def test_none_is_as_if_nothing_was_said() -> None:
    """Of each of these options, so that they can be passed on."""
    registry = Registry()
    found = registry.get(
        registry.add(nothing, retries=None, timeout=None, executor=None, resources=None, undo=None)
    )
    assert found is not None
    assert found.options.policy is None


@pytest.mark.parametrize("executor", [ThreadPoolExecutor, 3, object(), "", "thread", b"threads"])
def test_an_executor_is_a_name_or_has_submit(executor: Any) -> None:
    """A class of pools is no pool, and a misspelt name gets the one that was meant."""
    (mistake,) = mistakes_of(executor=executor)
    names = "'auto', 'inline', 'threads', 'processes', 'dask'"
    said = f"executor must be one of {names}, or an object with submit(), got {executor!r}"
    hint = "; did you mean 'threads'?" if executor == "thread" else ""
    assert said + hint == mistake


def test_an_executor_is_kept_as_given() -> None:
    """Each name, and a pool, which is not touched."""
    assert list(NAMES) == [declared(executor=name).executor for name in NAMES]
    with ThreadPoolExecutor(1) as pool:
        assert pool is declared(executor=pool).executor


@pytest.mark.parametrize(
    ("resources", "mistakes"),
    [
        (["db"], ("resources must be slots and how many of each: {\"db\": 1}, got ['db']",)),
        ("db", ("resources must be slots and how many of each: {\"db\": 1}, got 'db'",)),
        ({"db": 0}, ("resources: 'db' must be a whole number from 1 to 1,000,000, got 0",)),
        ({"db": True}, ("resources: 'db' must be a whole number from 1 to 1,000,000, got True",)),
        ({"db": 1.5}, ("resources: 'db' must be a whole number from 1 to 1,000,000, got 1.5",)),
        ({"": 1}, ("resources: the name of a slot must be a text that is not empty, got ''",)),
        (
            {"async": 1},
            ('resources: "async" counts async stages already; name the slot otherwise',),
        ),
        (
            {3: 1, "db": -1},
            (
                "resources: the name of a slot must be a text that is not empty, got 3",
                "resources: 'db' must be a whole number from 1 to 1,000,000, got -1",
            ),
        ),
    ],
    ids=repr,
)
def test_slots_have_names_and_counts(resources: Any, mistakes: Tuple[str, ...]) -> None:
    """Every wrong name and count of a mapping is told."""
    assert mistakes == mistakes_of(resources=resources)


def test_slots_are_kept_by_name() -> None:
    """Whatever mapping they came in, and none is fine."""
    slots = MappingProxyType({"gpu": 1, "db": 2})
    assert (("db", 2), ("gpu", 1)) == declared(resources=slots).resources
    assert () == declared(resources={}).resources


def test_undo_is_a_function() -> None:
    """Anything that can be called."""
    assert ("undo must be a function, got 'drop'",) == mistakes_of(undo="drop")
    assert nothing is declared(undo=nothing).undo


def test_all_mistakes_are_told_at_once() -> None:
    """Of these options and the others, in the order they were written in."""
    assert [
        "priority must be a whole number, got 1.5",
        "retries must be a whole number from 0 to 999, or a Retry, got -1",
        "timeout must be seconds, more than 0 and at most 31,622,400, got 0",
        "undo must be a function, got 3",
    ] == list(mistakes_of(retries=-1, timeout=0, priority=1.5, undo=3))


def test_a_misspelt_option_gets_the_one_that_was_meant() -> None:
    """These options are among those that are known."""
    assert ("there is no option 'retry'; did you mean 'retries'?",) == mistakes_of(retry=3)
