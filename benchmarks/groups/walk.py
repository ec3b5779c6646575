"""How far a stage walks through stagekit: calls of its functions, counted, and files entered.

Counted are calls in this process, on all threads, from the declaration to the value; and what one
stage more adds to a run of a plan. Counts hardly depend on the machine, nor on how busy it is.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import stagekit
from benchmarks.groups.everyday import Silent
from benchmarks.measurement import Measurement
from benchmarks.settings import Settings

__all__ = ["Walk", "measure", "walked"]

HOME = str(Path(stagekit.__file__).resolve().parent) + os.sep
SHORT, LONG = 20, 70


class Walk:
    """Calls of functions of ours, which they were, in which files, and changes of file."""

    def __init__(self) -> None:
        self.calls = 0
        self.changes = 0
        self.functions: Set[CodeType] = set()
        self.files: Set[str] = set()
        self._last: Dict[int, str] = {}

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """Take an event of the interpreter."""
        name = frame.f_code.co_filename
        if event != "call" or not name.startswith(HOME):
            return
        self.calls += 1
        self.functions.add(frame.f_code)
        self.files.add(name)
        thread = threading.get_ident()
        self.changes += self._last.get(thread, name) != name
        self._last[thread] = name


def walked(call: Callable[[], object]) -> Walk:
    """Make a call, and return how far it walked, on threads that start meanwhile, too."""
    walk = Walk()
    threading.setprofile(walk.profile)
    sys.setprofile(walk.profile)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return walk


def measure(settings: Settings) -> Iterator[Measurement]:
    """Count whole runs of two stages, and what a stage more costs; the least of some tries."""
    tries = min(settings.rounds, 3)
    for name, script in SCRIPTS.items():
        script()  # imports, and what is kept of a function
        least = min((walked(script) for _ in range(tries)), key=lambda walk: walk.calls)
        for what, count in (
            ("calls", least.calls),
            ("functions", len(least.functions)),
            ("files", len(least.files)),
            ("changes of file", least.changes),
        ):
            yield Measurement("walk", f"two stages, {name}", what, count, "count", rounds=tries)
    for name, make in RUNS.items():
        short, long = (_least(make(stages), tries) for stages in (SHORT, LONG))
        for what, (few, many) in zip(("calls", "changes of file"), zip(short, long)):
            value = (many - few) / (LONG - SHORT)
            yield Measurement("walk", f"a stage more, {name}", what, value, "count", rounds=tries)


def _least(run: Callable[[], object], tries: int) -> Tuple[int, int]:
    run()
    found = [walked(run) for _ in range(tries)]
    return min(walk.calls for walk in found), min(walk.changes for walk in found)


def _script(executor: str, retries: int = 0) -> Callable[[], None]:
    """Return what a script does: it declares two stages, and runs them."""
    first = _first if executor == "processes" else _flaky
    more: Any = {"retries": retries} if retries else {}  # options of a stage

    def script() -> None:
        del _failures[retries:]
        registry = stagekit.Registry()
        registry.stage(id="first", **more)(first)
        if executor == "processes":
            registry.stage(id="second", executor="threads")(_second)
        else:
            registry.stage(id="second")(_second)
        result = stagekit.run(_second, registry=registry, executor=executor, workers=1)
        assert result["second"] == 2
        _failures[:] = [ValueError("not yet")]

    return script


_failures: List[Exception] = []


def _first() -> int:
    return 1


def _flaky() -> int:
    """Fail as often as there are failures left."""
    if _failures:
        raise _failures.pop()
    return 1


def _second(number: int) -> int:
    return number + 1


for _function in (_first, _flaky):
    _function.__annotations__ = {"return": int}  # objects, as without the import from __future__
_second.__annotations__ = {"number": int, "return": int}


def _nothing() -> None: ...


async def _nothing_async() -> None: ...


def _chain(
    stages: int, *, policies: int = 0, function: Callable[..., object] = _nothing, **how: Any
) -> Callable[[], object]:  # Any: options of Plan.run
    registry = stagekit.Registry()
    for number in range(stages):
        before: List[str] = [f"s{number - 1}"] if number else []
        retries = int(number < policies)
        registry.add(function, id=f"s{number}", depends_on=before, retries=retries)
    plan = stagekit.plan(registry=registry)
    return partial(plan.run, **how)


SCRIPTS: Dict[str, Callable[[], None]] = {
    "inline": _script("inline"),
    "threads, one retry that happens": _script("threads", 1),
    "one of them on processes": _script("processes"),
}
RUNS: Dict[str, Callable[[int], Callable[[], object]]] = {
    "inline": partial(_chain, executor="inline"),
    "threads": partial(_chain, executor="threads", workers=4),
    "asyncio": partial(_chain, function=_nothing_async),
    "inline with a hook": partial(_chain, executor="inline", hooks=[Silent()]),
    "inline beside a stage with retries": partial(_chain, executor="inline", policies=1),
    "threads beside a stage with retries": partial(_chain, executor="threads", policies=1),
    "asyncio beside a stage with retries": partial(_chain, function=_nothing_async, policies=1),
    "processes": partial(_chain, executor="processes", workers=1),
    "threads, all with retries that are not needed": partial(
        _chain, executor="threads", policies=LONG
    ),
}
