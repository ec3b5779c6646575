"""Corner cases of runs: providers, values, exceptions, threads.

Each test has the id of its case in ``tests/data/resolution_cases.json``.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Union

import pytest
from typing_extensions import Annotated

from stagekit import From, PlanError, Registry, RunFailedError, plan, run, use_registry
from stagekit._base.ports import Pool
from stagekit.errors import Code
from stagekit.events import Outcome


class Orders(List[int]):
    """A list of rows."""


class Users:
    """Something else."""


class Total(int):
    """A number of its own type."""


@pytest.fixture(params=["inline", "threads", "auto", "pool"])
def executor(request: pytest.FixtureRequest) -> Iterator[Union[str, Pool]]:
    """Return each executor in turn."""
    if request.param == "pool":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    else:
        yield request.param


def test_case_coroutine_sync(executor: Union[str, Pool]) -> None:
    """An ``async def`` stage runs on a loop under every executor; its value is no coroutine."""
    registry = Registry()

    @registry.stage
    async def load() -> Orders:
        await asyncio.sleep(0)
        return Orders([3, 4])

    @registry.stage
    def total(orders: Orders) -> Total:
        return Total(sum(orders))

    result = run(total, registry=registry, executor=executor)
    assert (Orders([3, 4]), 7) == (result[load], result[total])


def test_case_shared_once(executor: Union[str, Pool]) -> None:
    """A provider that several stages need runs once in a run, and again in the next."""
    registry = Registry()
    calls: List[str] = []

    @registry.stage
    def load() -> Orders:
        calls.append("load")
        return Orders()

    @registry.stage
    def one(orders: Orders) -> int:
        return id(orders)

    @registry.stage
    def other(orders: Orders) -> int:
        return id(orders)

    result = run(registry=registry, executor=executor)
    assert (["load"], id(result[load])) == (calls, result[one])
    assert result[one] == result[other]
    run(registry=registry, executor=executor)
    assert ["load", "load"] == calls


def shop() -> Registry:
    """Return a registry of three stages: load, total, report."""
    registry = Registry()

    def load() -> Orders:
        return Orders([3, 4])

    def total(orders: Orders) -> Total:
        return Total(sum(orders))

    def report(orders: Orders, total: Total) -> str:
        return f"{len(orders)}: {total}"

    for fn in (load, total, report):
        registry.add(fn, id=fn.__name__)
    return registry


def test_case_override() -> None:
    """A stand-in is used wherever the stage is, and only in that one run."""
    registry = shop()
    assert "2: 7" == run("report", registry=registry)["report"]
    stood_in = run("report", registry=registry, overrides={"load": Orders([1])})
    assert "1: 1" == stood_in["report"]
    assert "2: 7" == run("report", registry=registry)["report"]


def test_case_override_missing_dep() -> None:
    """A function that stands in brings its own dependencies, not those of the original."""
    registry = shop()
    called: List[str] = []

    def users() -> Users:
        called.append("users")
        return Users()

    def counted(users: Users) -> Total:
        assert isinstance(users, Users)
        return Total(100)

    registry.add(users, id="users")
    made = plan("total", registry=registry, overrides={"total": counted})
    assert ("users", "total") == made.order
    result = run("report", registry=registry, overrides={"total": counted})
    assert ("2: 100", ["users"]) == (result["report"], called)
    registry.remove("users")
    with pytest.raises(PlanError) as caught:
        plan("total", registry=registry, overrides={"total": counted})
    (problem,) = caught.value.problems
    assert (Code.MISSING_PROVIDER, "users") == (problem.code, problem.parameter)


def test_case_two_providers() -> None:
    """Two providers of a type are ambiguous, unless ``depends_on`` names exactly one of them."""
    registry = Registry()
    registry.add(lambda: Orders([1]), id="web", provides=Orders)
    registry.add(lambda: Orders([2]), id="file", provides=Orders)

    def total(orders: Orders) -> int:
        return sum(orders)

    registry.add(total, id="total")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert (Code.AMBIGUOUS_PROVIDER, "orders") == (problem.code, problem.parameter)
    assert "`web`, `file`" in problem.message
    registry.remove("total")
    assert 2 == run(registry.add(total, id="t1", depends_on="file"), registry=registry)["t1"]
    registry.add(total, id="t2", depends_on=["web", "file"])
    with pytest.raises(PlanError):
        plan("t2", registry=registry)


def one_more() -> Callable[..., int]:
    """Return a fresh function that adds one."""

    def stage(before: int) -> int:
        return before + 1

    return stage


@pytest.mark.slow
def test_case_deep_10k() -> None:
    """A chain of 10,000 stages, each needing the value before it, plans and runs."""
    registry = Registry()
    registry.add(lambda: 0, id="s0")
    for number in range(1, 10_000):
        fn = one_more()
        fn.__annotations__ = {"before": Annotated[int, From(f"s{number - 1}")]}
        registry.add(fn, id=f"s{number}")
    assert 9_999 == run(registry=registry, executor="inline")["s9999"]


def test_case_mutable_value() -> None:
    """In one process all stages share one object: what one does to it, others see."""
    for executor in ("inline", "threads"):
        registry = Registry()

        @registry.stage
        def load() -> Orders:
            return Orders([1])

        @registry.stage
        def append(orders: Orders) -> None:
            orders.append(2)

        @registry.stage(depends_on=append)
        def count(orders: Orders) -> int:
            return len(orders)

        result = run(registry=registry, executor=executor)
        assert (2, Orders([1, 2])) == (result[count], result[load])


USER: contextvars.ContextVar[str] = contextvars.ContextVar("USER", default="nobody")


def test_case_contextvars(executor: Union[str, Pool]) -> None:
    """A context variable set by the caller is seen by every stage; what stages set is not."""
    registry = Registry()

    @registry.stage
    def plain() -> Total:
        seen = USER.get()
        USER.set("plain")
        return Total(len(seen))

    @registry.stage
    async def waiting() -> int:
        seen = USER.get()
        USER.set("waiting")
        return len(seen)

    @registry.stage(depends_on=[plain, waiting])
    def after() -> str:
        return USER.get()

    token = USER.set("admin")
    try:
        result = run(registry=registry, executor=executor)
        assert "admin" == USER.get()
    finally:
        USER.reset(token)
    assert (5, 5, "admin") == (result[plain], result[waiting], result[after])


class Unpicklable(Exception):
    """An exception that holds a lock and cannot be rebuilt from its arguments."""

    def __init__(self, stage: str, lock: object) -> None:
        super().__init__(f"{stage} is broken")
        self.lock = lock


def test_case_exc_unpicklable(executor: Union[str, Pool]) -> None:
    """An exception that cannot be pickled ends the run like any other, with stage and text."""
    registry = Registry()

    @registry.stage
    def load() -> Orders:
        raise Unpicklable("load", threading.Lock())

    with pytest.raises(RunFailedError) as caught:
        run(registry=registry, executor=executor)
    assert isinstance(caught.value.__cause__, Unpicklable)
    assert "load" in str(caught.value)
    assert "load is broken" in str(caught.value)


def test_case_sys_exit(executor: Union[str, Pool]) -> None:
    """``sys.exit`` in a stage fails that stage; ``KeyboardInterrupt`` ends the run."""
    before = threading.active_count()
    registry = Registry()

    @registry.stage
    def leave() -> Orders:
        sys.exit(0)

    @registry.stage
    def total(orders: Orders) -> int:
        raise AssertionError(orders)

    result = run(registry=registry, executor=executor, check=False)
    assert (False, Outcome.FAILED) == (result.ok, result.report(leave).outcome)
    assert Outcome.SKIPPED is result.report(total).outcome
    assert isinstance(result.report(leave).error, SystemExit)

    interrupting = Registry()

    @interrupting.stage
    def interrupt() -> Orders:
        raise KeyboardInterrupt

    interrupting.add(total)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=interrupting, executor=executor)
    result = vars(caught.value)["result"]
    assert Outcome.SUCCEEDED is not result.report(total).outcome
    assert before + 8 >= threading.active_count()


def test_case_thread_leak() -> None:
    """Twenty runs of four workers leave at most eight threads behind."""
    registry = Registry()
    for number in range(8):
        registry.add(lambda: None, id=f"s{number}")
    before = threading.active_count()
    for _ in range(20):
        run(registry=registry, executor="threads", workers=4)
    assert before + 8 >= threading.active_count()


def test_case_input_not_mutated() -> None:
    """What the user passed in is unchanged by planning and running."""
    waits = ["load"]
    tags = ["nightly"]
    values = [Users()]
    overrides = {"load": Orders([1])}
    registry = Registry()
    registry.add(lambda: None, id="load", tags=tags)
    registry.add(lambda: None, id="last", depends_on=waits)

    @registry.stage
    def use(users: Users) -> None:
        assert users is values[0]

    before = (list(waits), list(tags), list(values), dict(overrides), list(registry))
    run(registry=registry, values=values, overrides=overrides, executor="inline")
    assert before == (waits, tags, values, overrides, list(registry))
    waits.append("nobody")
    tags.append("daily")
    assert ("load", "last") == plan("last", registry=registry).order
    found = registry.get("load")
    assert found is not None
    assert ("nightly",) == found.tags


SEEDED = """
from stagekit import Registry, plan
registry = Registry()
for name in "delta alpha charlie bravo echo".split():
    registry.add(lambda: None, id=name, depends_on={"root", "other"})
registry.add(lambda: None, id="root")
registry.add(lambda: None, id="other")
print(plan(registry=registry).order)
"""


def test_case_hash_seed() -> None:
    """The order is the same under any hash seed, even where the user passes sets."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", SEEDED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1234", "31415")
    ]
    assert ["('root', 'other', 'delta', 'alpha', 'charlie', 'bravo', 'echo')\n"] * 2 == printed


def test_case_only_needed() -> None:
    """With targets given, they and their ancestors run, and nothing else."""
    registry = shop()
    called: Optional[str] = None

    def unrelated() -> None:
        nonlocal called
        called = "unrelated"

    registry.add(unrelated, id="unrelated")
    result = run(["total"], registry=registry)
    assert (("load", "total"), None) == (result.plan.order, called)


def test_case_reregister_reload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is reloaded replaces its stages; they stay one each."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    source = "from stagekit import stage\n@stage\ndef load() -> int:\n    return {}\n"
    file = tmp_path / "reloaded_for_case.py"
    file.write_text(source.format(1), encoding="utf-8")
    with use_registry(Registry()) as registry:
        module = importlib.import_module("reloaded_for_case")
        file.write_text(source.format(22), encoding="utf-8")
        try:
            importlib.reload(module)
        finally:
            del sys.modules["reloaded_for_case"]
    assert 1 == len(registry)
    assert 22 == run(module.load, registry=registry)[module.load]
