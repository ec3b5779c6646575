"""``run(measure=True)`` counts what each attempt uses, wherever it is carried out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Iterator, List, NewType

from typing_extensions import Annotated

from stagekit import Each, Progress, Retry

if TYPE_CHECKING:
    from tests.contract.conftest import Flow

Page = NewType("Page", int)
Size = NewType("Size", int)
OWN = 0.01  # seconds of CPU time that a call takes


def burn() -> None:
    """Use the processor."""
    end = time.thread_time() + OWN
    while time.thread_time() < end:
        pass


def test_each_attempt_and_item_has_its_own_cpu_time(flow: Flow) -> None:
    """Also those that raise; a stage has the sum, and what it returns is what it returns."""
    tries: List[int] = flow.list()

    @flow.add(retries=Retry(2, wait=0))
    def load(progress: Progress) -> List[Page]:
        burn()
        progress.update(1, 1)
        tries.append(1)
        if len(tries) == 1:
            raise OSError("again")
        return [Page(1), Page(2)]

    @flow.stage
    def size(page: Annotated[Page, Each()]) -> Size:
        burn()
        return Size(page)

    result = flow.run(measure=True)
    assert [1, 2] == result["size"]
    for name in ("load", "size"):
        attempts = result.report(name).attempts
        assert 2 == len(attempts)
        known = [each.cpu_seconds for each in attempts if each.cpu_seconds is not None]
        assert 2 == len(known)
        assert min(known) > 0.9 * OWN
        assert sum(known) == result.report(name).cpu_seconds


def test_a_resource_is_measured_while_it_is_opened(flow: Flow) -> None:
    """And torn down as ever."""
    if flow.is_beyond:
        return  # no stage there can use one
    closed: List[int] = flow.list()

    @flow.registry.stage(id="opened")
    def opened() -> Iterator[Page]:
        burn()
        yield Page(3)
        closed.append(1)

    @flow.stage
    def size(page: Page) -> Size:
        return Size(page)

    result = flow.run(measure=True)
    assert (3, [1]) == (result["size"], list(closed))
    assert (result.report("opened").cpu_seconds or 0) > 0.9 * OWN


def test_nothing_is_measured_unless_asked(flow: Flow) -> None:
    """Neither CPU time nor memory."""

    @flow.stage
    def load() -> Page:
        return Page(1)

    report = flow.run().report("load")
    assert (None, None) == (report.cpu_seconds, report.peak_memory_bytes)
