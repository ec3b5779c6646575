"""Context variables, and what loguru binds, in stages that runs manage."""

from __future__ import annotations

import contextvars
import subprocess
import sys
from typing import Any, Dict, Iterator, List

import pytest
from loguru import logger
from typing_extensions import Annotated

from stagekit import Each, run
from stagekit.testing import RecordingHook
from tests.run import things
from tests.run.things import Base, Page, Size, Total, pages
from tests.run.ways import Way

flavor: contextvars.ContextVar[str] = contextvars.ContextVar("flavor", default="plain")


@pytest.fixture
def records() -> Iterator[List[Dict[str, Any]]]:
    """Give what is bound to each record that loguru writes: its text, and its words."""
    found: List[Dict[str, Any]] = []

    def sink(message: Any) -> None:
        found.append({"text": message.record["message"], **message.record["extra"]})

    number = logger.add(sink, format="{message}")
    yield found
    logger.remove(number)


def test_stages_start_from_the_callers_variables(anyway: Way) -> None:
    """Each call from a copy of its own: what one sets, no other sees."""
    before = things.color.set("red")

    @anyway.stage(retries=1)
    def load() -> List[Page]:
        assert "red" == things.color.get()
        things.color.set("blue")
        return pages(1, 2)

    @anyway.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        assert "red" == things.color.get()
        things.color.set("green")
        return Size(page.number)

    assert anyway.run().ok
    assert "red" == things.color.get()
    things.color.reset(before)


def test_a_resource_keeps_its_variables_from_opening_to_closing(way: Way) -> None:
    """What it sets before it yields it finds again when it is torn down; nobody else does."""
    log: List[str] = []

    @way.stage
    def base() -> Iterator[Base]:
        flavor.set("open")
        yield Base(1)
        log.append(flavor.get())

    @way.stage
    def size(base: Base) -> Size:
        log.append(flavor.get())
        return Size(base)

    assert way.run().ok
    assert ["plain", "open"] == log


def test_what_a_stage_logs_names_run_stage_and_attempt(
    way: Way, records: List[Dict[str, Any]]
) -> None:
    """In whatever thread, task or attempt it is; items have their index besides."""
    tries: List[int] = []

    @way.stage(retries=1)
    def load() -> List[Page]:
        logger.info("load")
        tries.append(1)
        if len(tries) == 1:
            raise OSError("again")
        return pages(1, 2)

    @way.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        logger.info("size")
        return Size(page.number)

    @way.stage
    def base(sizes: List[Size]) -> Iterator[Base]:
        logger.info("open")
        yield Base(1)
        logger.info("close")

    @way.stage(undo=lambda: logger.info("undo"))
    def total(base: Base) -> Total:
        logger.info("total")
        return Total(base)

    @way.stage
    def fail(total: Total) -> None:
        raise ValueError("no")

    with logger.contextualize(user="me"):
        result = way.run(rollback=True, check=False)
    always = {"run": result.run_id, "user": "me"}
    assert [
        {"text": "load", **always, "stage": "load", "attempt": 1},
        {"text": "load", **always, "stage": "load", "attempt": 2},
        {"text": "size", **always, "stage": "size", "attempt": 1, "item": 0},
        {"text": "size", **always, "stage": "size", "attempt": 1, "item": 1},
        {"text": "open", **always, "stage": "base", "attempt": 1},
        {"text": "total", **always, "stage": "total", "attempt": 1},
        {"text": "undo", **always, "stage": "total"},
        {"text": "close", **always, "stage": "base", "attempt": 1},
    ] == sorted(records, key=_place)


def _place(record: Dict[str, Any]) -> Any:
    order = ["load", "size", "open", "total", "undo", "close"]
    return order.index(record["text"]), record.get("attempt"), record.get("item", -1)


def test_what_is_logged_after_a_run_is_bound_to_nothing(records: List[Dict[str, Any]]) -> None:
    """Nothing of a run is left in the caller's context."""
    way = Way("threads")

    @way.stage(retries=1)
    def load() -> Page:
        return Page(1)

    way.run()
    logger.info("after")
    assert [{"text": "after"}] == records


def test_runs_in_runs_name_their_own(records: List[Dict[str, Any]]) -> None:
    """A stage of an inner run logs for that run, not for the outer one."""
    outer, inner = Way("inline"), Way("inline")

    @inner.stage(retries=1)
    def deep() -> Size:
        logger.info("deep")
        return Size(1)

    ids: List[str] = []

    @outer.stage(retries=1)
    def shallow() -> Page:
        ids.append(run(registry=inner.registry).run_id)
        logger.info("shallow")
        return Page(1)

    result = outer.run()
    assert [("deep", ids[0], "deep"), ("shallow", result.run_id, "shallow")] == [
        (each["text"], each["run"], each["stage"]) for each in records
    ]


def test_hooks_are_called_in_the_callers_context(way: Way) -> None:
    """They are not part of any stage."""
    seen: List[str] = []
    hook = RecordingHook()
    flavor_before = flavor.get()

    def listen(_event: object) -> None:
        seen.append(flavor.get())

    @way.stage(retries=1)
    def load() -> Page:
        flavor.set("stage")
        return Page(1)

    way.run(hooks=[hook, listen])
    assert {flavor_before} == set(seen)


def test_loguru_is_not_loaded_for_a_run_with_retries() -> None:
    """Whoever does not use it does not pay for it."""
    code = (
        "import sys\n"
        "from stagekit import Registry, run\n"
        "registry = Registry()\n"
        "registry.add(lambda: None, id='load', retries=1)\n"
        "assert run(registry=registry).ok\n"
        "assert 'loguru' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
