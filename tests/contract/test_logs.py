"""What a stage logs through loguru bears its run, its stage and its attempt, wherever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NewType

from loguru import logger
from typing_extensions import Annotated

from stagekit import Each, Logger, Retry

if TYPE_CHECKING:
    from tests.contract.conftest import Flow

Page = NewType("Page", int)
Size = NewType("Size", int)


def log(text: str, records: Any) -> None:
    """Log a text, and append what is bound to the record that was made of it, here."""

    def sink(message: Any) -> None:
        records.append({"text": text, **message.record["extra"]})

    number = logger.add(sink, filter=lambda record: record["message"] == text)
    logger.info(text)
    logger.remove(number)


def place(record: Dict[str, Any]) -> str:
    """Return by what records are sorted."""
    return repr([record["text"], record.get("item"), record.get("attempt")])


def test_records_of_a_stage_are_bound_to_it(flow: Flow) -> None:
    """In threads, tasks and worker processes; with what the caller has bound, and the item."""
    records: List[Dict[str, Any]] = flow.list()
    tries: List[int] = flow.list()

    @flow.add(retries=Retry(2, wait=0))
    def load() -> List[Page]:
        log("load", records)
        tries.append(1)
        if len(tries) == 1:
            raise OSError("again")
        return [Page(1), Page(2)]

    @flow.add(retries=1)
    def size(page: Annotated[Page, Each()]) -> Size:
        log(f"size {page}", records)
        return Size(page)

    with logger.contextualize(user="me"):
        result = flow.run()
    always = {"run": result.run_id, "user": "me"}
    assert [
        {"text": "load", **always, "stage": "load", "attempt": 1},
        {"text": "load", **always, "stage": "load", "attempt": 2},
        {"text": "size 1", **always, "stage": "size", "attempt": 1, "item": 0},
        {"text": "size 2", **always, "stage": "size", "attempt": 1, "item": 1},
    ] == sorted(records, key=place)


def test_records_of_stages_without_a_policy_are_bound_as_well(flow: Flow) -> None:
    """In runs that watch over nothing; what a stage binds itself is not seen by the next."""
    records: List[Dict[str, Any]] = flow.list()

    @flow.add()
    def load() -> Page:
        log("load", records)
        return Page(1)

    @flow.add()
    def size(page: Page, *, factor: int = 2) -> Size:
        log("size", records)
        return Size(page * factor)

    with logger.contextualize(user="me"):
        result = flow.run()
        log("after", records)
    always = {"run": result.run_id, "user": "me"}
    assert [
        {"text": "after", "user": "me"},
        {"text": "load", **always, "stage": "load", "attempt": 1},
        {"text": "size", **always, "stage": "size", "attempt": 1},
    ] == sorted(records, key=place)


def use(given: Any, text: str, records: Any) -> None:
    """Log a text by what a stage was given, and append what is bound to the record, here."""

    def sink(message: Any) -> None:
        records.append({"text": text, **message.record["extra"]})

    number = logger.add(sink, filter=lambda record: record["message"] == text)
    given.info(text)
    logger.remove(number)


def test_a_stage_can_ask_for_its_logger(flow: Flow) -> None:
    """It is bound to run, stage, attempt and item, wherever the stage runs."""
    records: List[Dict[str, Any]] = flow.list()
    tries: List[int] = flow.list()

    @flow.add(retries=Retry(2, wait=0))
    def load(given: Logger) -> List[Page]:
        use(given, "load", records)
        tries.append(1)
        if len(tries) == 1:
            raise OSError("again")
        return [Page(1), Page(2)]

    @flow.stage
    def size(page: Annotated[Page, Each()], *, given: Logger) -> Size:
        use(given, f"size {page}", records)
        return Size(page)

    result = flow.run()
    run_id = result.run_id
    assert [
        {"text": "load", "run": run_id, "stage": "load", "attempt": 1},
        {"text": "load", "run": run_id, "stage": "load", "attempt": 2},
        {"text": "size 1", "run": run_id, "stage": "size", "attempt": 1, "item": 0},
        {"text": "size 2", "run": run_id, "stage": "size", "attempt": 1, "item": 1},
    ] == sorted(records, key=place)
