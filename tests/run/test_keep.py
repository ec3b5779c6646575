"""``keep=``: whose values are held, and when the others are let go of."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any, ClassVar, Dict, Iterator, List

import pytest
from typing_extensions import Annotated

from stagekit import Each, Registry, Rollback, plan, run
from stagekit.errors import NoValueError, UsageError
from tests.run.faraway import Number, joined, twice, up_to
from tests.run.ways import Way

PATIENCE = 30.0  # seconds after which a wait in a test has failed


class Big:
    """A value whose end can be seen."""

    alive: ClassVar[Dict[str, Any]] = {}

    def __init__(self, name: str) -> None:
        self.alive[name] = weakref.ref(self)


class Mid(Big):
    """Made of a big one."""


class Last(Big):
    """Made of the one in the middle."""


@pytest.fixture(autouse=True)
def _look_at_new_objects_only() -> Iterator[None]:
    """Keep the collector from going through all that other tests have left, at each look."""
    gc.freeze()
    yield
    gc.unfreeze()


def lives(name: str) -> bool:
    """Tell whether a value is still held."""
    gc.collect()
    return Big.alive[name]() is not None


def is_gone(name: str) -> bool:
    """Wait for the end of a value: the thread of its last user may be about to let go of it."""
    until = time.monotonic() + PATIENCE
    while lives(name) and time.monotonic() < until:
        time.sleep(0.001)
    return not lives(name)


def chain(way: Way, keep: str = "") -> List[bool]:
    """Declare a chain of three; return a list that is told whether the first value is gone."""
    seen: List[bool] = []

    @way.stage
    def first() -> Big:
        return Big("first")

    @way.stage
    def second(big: Big) -> Mid:
        return Mid("second")

    @way.stage
    def third(mid: Mid) -> Last:
        seen.append(is_gone("first") if keep == "targets" else not lives("first"))
        return Last("third")

    return seen


@pytest.mark.parametrize("keep", ["all", "targets"])
def test_a_value_is_let_go_of_when_its_last_user_has_ended(way: Way, keep: str) -> None:
    """Before the run is over; that of a stage that nobody uses is kept."""
    seen = chain(way, keep)
    result = way.run(keep=keep)
    assert [keep == "targets"] == seen
    assert isinstance(result["third"], Last)
    if keep == "all":
        assert isinstance(result["first"], Big)
        return
    assert is_gone("second")
    for name in ("first", "second"):
        with pytest.raises(NoValueError, match=rf"stage '{name}' has no value any more.*'third'"):
            result[name]


def test_the_values_of_targets_and_of_named_stages_are_kept(way: Way) -> None:
    """Though others use them."""
    chain(way)
    result = way.run(["second", "third"], keep="targets")
    assert isinstance(result["second"], Mid)
    result = way.run(keep=["first"])
    assert isinstance(result["first"], Big)
    with pytest.raises(NoValueError, match=r"write keep=\"all\" or keep=\['third'\]"):
        result["third"]


def test_stages_that_cannot_be_kept_are_told_at_once() -> None:
    """With their near misses; nothing has run."""
    registry = Registry()
    registry.add(lambda: pytest.fail("it ran"), id="load")
    with pytest.raises(UsageError, match=r"keep: there is no stage 'laod'.*; keep: .*'x'"):
        run(registry=registry, keep=["laod", "x"])
    for wrong in ("target", 3):
        with pytest.raises(UsageError, match="keep takes 'all' or 'targets', or a list of stages"):
            run(registry=registry, keep=wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_what_failed_or_never_ran_is_as_ever() -> None:
    """Their users are skipped; values are let go of all the same."""
    registry = Registry()
    registry.add(lambda: Big("first"), id="first", provides=Big)

    @registry.stage(id="fails")
    def fails(big: Big) -> Mid:
        raise ValueError("torn")

    @registry.stage(id="after")
    def after(mid: Mid, big: Big) -> Last:
        return Last("third")

    result = run(registry=registry, keep="targets", check=False)
    assert "1 succeeded" in repr(result)
    report = result.report("fails")
    assert "torn" == str(report.error)
    report.error.__traceback__ = None  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    assert is_gone("first")


def test_items_are_let_go_of_and_those_that_failed_keep_their_texts(way: Way) -> None:
    """Of the others the type is known."""

    @way.stage
    def load() -> List[Big]:
        return [Big("0"), Mid("1"), Big("2")]

    @way.stage
    def size(big: Annotated[Big, Each(on_error="skip")]) -> int:
        return 1 // (not isinstance(big, Mid))

    @way.stage
    def total(sizes: List[int]) -> str:
        return str(sum(sizes))

    result = way.run(keep="targets")
    items = result.report("size").items
    assert "2" == result["total"]
    assert ["Big", "Mid", "Big"] == [each.text for each in items]
    assert [True, True] == [is_gone(each) for each in ("0", "2")]
    assert '"value_type": "builtins.list"' in result.to_json()


def test_a_resource_is_open_until_its_last_user_has_ended() -> None:
    """Whatever is let go of."""
    registry = Registry()
    log: List[str] = []

    @registry.stage(id="resource")
    def resource() -> Iterator[Big]:
        yield Big("resource")
        log.append("closed")

    @registry.stage(id="user")
    def user(big: Big) -> Mid:
        log.append("used")
        return Mid("user")

    @registry.stage(id="after")
    def after(mid: Mid) -> str:
        return "after"

    result = run(registry=registry, keep="targets")
    assert (["used", "closed"], "after") == (log, result["after"])
    with pytest.raises(NoValueError):
        result["resource"]


def test_undoing_has_the_values_that_it_needs() -> None:
    """They are let go of when the run is over."""
    registry = Registry()
    undone: List[bool] = []

    def undo(big: Big) -> None:
        undone.append(type(big) is Big)

    registry.add(lambda: Big("first"), id="first", provides=Big, undo=undo)

    @registry.stage(id="fails")
    def fails(big: Big) -> Mid:
        raise ValueError("torn")

    result = run(registry=registry, keep="targets", rollback=Rollback(), check=False)
    assert [True] == undone
    with pytest.raises(NoValueError):
        result["first"]


def test_what_was_let_go_of_is_told_by_type_and_size() -> None:
    """To whoever looks at what stages were called with."""
    registry = Registry()
    registry.add(lambda: [1, 2, 3], id="load", provides=List[int])
    registry.add(lambda: 1 / 0, id="fails", depends_on="load")
    result = run(registry=registry, keep="targets", check=False)
    held: Any = result._columns.values[result.plan.constants + result.plan.step_of("load")]
    assert ("builtins.list", "3 items") == (held.type_name, held.size)


def test_values_of_a_process_pool_can_be_kept_and_let_go_of(process_pool: Any) -> None:
    """Those of stages that others use, too."""
    registry = Registry()
    registry.add(lambda: [1, 2], id="load", provides=List[int])

    @registry.stage(id="total")
    def total(rows: List[int]) -> int:
        return sum(rows)

    result = run(registry=registry, executor=process_pool, keep=["load", "total"])
    assert ([1, 2], 3) == (result["load"], result["total"])
    with pytest.raises(NoValueError):
        run(registry=registry, executor=process_pool, keep="targets")["load"]


def numbers() -> List[int]:
    """Return two."""
    return [1, 2]


def total(numbers: List[int]) -> int:
    """Add them up."""
    return sum(numbers)


def test_a_plan_of_several_targets_knows_them() -> None:
    """None where a module, or everything, is planned."""
    registry = Registry()
    one = registry.add(numbers, id="m:one")
    registry.add(total, id="m:total")
    assert (0, 1) == plan([one, "total"], registry=registry).targets
    assert (1,) == plan("total", registry=registry).targets
    assert () == plan(registry=registry).targets == plan(__name__, registry=registry).targets


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
@pytest.mark.parametrize("kept", [(), ("numbers",), ("twice",), ("joined",), ("numbers", "joined")])
def test_any_stages_can_be_kept_on_any_executor(executor: Any, kept: Any) -> None:
    """Also when the last stage of the pipeline is none of them."""
    registry = Registry()
    registry.add(up_to(3), id="numbers", provides=List[Number])
    registry.add(twice, id="twice")
    registry.add(joined, id="joined")
    values = {"numbers": [0, 1, 2], "twice": ["0", "2", "4"], "joined": b"024"}
    result = run(registry=registry, executor=executor, keep=list(kept), workers=1)
    for name, value in values.items():
        if name in kept:
            assert value == result[name]
        else:
            with pytest.raises(NoValueError):
                _ = result[name]
