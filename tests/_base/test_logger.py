"""``Logger``: what it is bound to, how it travels, and when loguru is loaded."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any, List, NewType

import pytest
from loguru import logger

import stagekit
from stagekit import Registry, run

Logger: Any = stagekit.Logger  # as it is when it runs; type checkers see loguru's own class
Paid = NewType("Paid", int)


@pytest.fixture
def records() -> Any:
    """Give the records that are logged, as dictionaries."""
    found: List[Any] = []
    number = logger.add(lambda message: found.append(message.record), level="DEBUG")
    yield found
    logger.remove(number)


def test_a_record_is_that_of_the_stage(records: Any) -> None:
    """Its function and line, its values, and what the stage binds besides."""
    registry = Registry()

    @registry.stage(id="load")
    def load(log: stagekit.Logger) -> None:
        log.bind(file="a.csv").warning("{} rows", 3)

    result = run(registry=registry)
    (record,) = records
    assert ("load", "3 rows") == (record["function"], record["message"])
    bound = {"run": result.run_id, "stage": "load", "attempt": 1, "file": "a.csv"}
    assert bound == record["extra"]


def test_what_undoes_a_stage_logs_for_it(records: Any) -> None:
    """With its run and stage."""
    registry = Registry()

    def refund(paid: Paid, log: stagekit.Logger) -> None:
        log.info("refund {}", paid)  # noqa: PLE1205 - a format of loguru's

    @registry.stage(id="pay", undo=refund)
    def pay() -> Paid:
        return Paid(3)

    @registry.stage(id="ship")
    def ship(paid: Paid) -> None:
        raise OSError("no stock")

    result = run(registry=registry, rollback=True, check=False)
    (record,) = [each for each in records if each["message"] == "refund 3"]
    assert (result.run_id, "pay") == (record["extra"]["run"], record["extra"]["stage"])


def test_a_logger_can_be_copied_and_sent() -> None:
    """It says what it is bound to."""
    made = Logger(run="r", stage="load")
    for other in (
        pickle.loads(pickle.dumps(made)),  # noqa: S301 - our own
        copy.copy(made),
        copy.deepcopy(made),
    ):
        assert "<Logger run=r, stage=load>" == repr(other)
    assert "<Logger unbound>" == repr(Logger())
    with pytest.raises(AttributeError):
        _ = made.no_such_method


def test_a_test_of_a_function_needs_no_run(records: Any) -> None:
    """One that is bound to nothing logs as loguru does."""
    Logger().info("plain")
    assert [("plain", {})] == [(each["message"], each["extra"]) for each in records]


def test_loguru_is_loaded_when_a_stage_logs() -> None:
    """Not by a run, nor by a stage that only asks for it."""
    code = (
        "import sys\nfrom stagekit import Logger, Registry, run\nr = Registry()\n"
        "def quiet(log: Logger) -> int:\n    return 'loguru' in sys.modules\n"
        "def loud(log: Logger) -> str:\n"
        "    log.trace('x')\n    return str('loguru' in sys.modules)\n"
        "r.stage(id='quiet')(quiet)\nr.stage(id='loud', depends_on='quiet')(loud)\n"
        "result = run(registry=r)\nprint(result['quiet'], result['loud'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False True\n" == done.stdout
