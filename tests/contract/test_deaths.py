"""Workers that are killed under a run: the stage that ran fails, and no other."""

from __future__ import annotations

import os
import random
import signal
from typing import Any

import pytest

from stagekit import Registry, run
from stagekit.errors import WorkerDiedError
from stagekit.events import Reason

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")

CODES = {"SIGKILL": -signal.SIGKILL, "SIGSEGV": -signal.SIGSEGV, "exit": 7}


def dies_by(name: str) -> Any:
    """Return a stage that ends its process."""

    def die() -> None:
        if name == "exit":
            os._exit(CODES[name])
        os.kill(os.getpid(), -CODES[name])

    return die


def gives(number: int) -> Any:
    """Return a stage that returns a number."""

    def give() -> int:
        return number

    return give


def deaths_in_a_run(pool: Any, count: int, seed: int) -> None:
    """Run twice as many stages as are to die, and compare who failed with who was meant to."""
    chance, registry = random.Random(seed), Registry()  # noqa: S311 - no secret
    dying = set(chance.sample(range(2 * count), count))
    how = {number: chance.choice(list(CODES)) for number in dying}
    for number in range(2 * count):
        registry.add(dies_by(how[number]) if number in dying else gives(number), id=f"s{number}")
    result = run(registry=registry, executor=pool, on_failure="continue", check=False)
    for number in range(2 * count):
        report = result.report(f"s{number}")
        if number in dying:
            assert Reason.CRASHED is report.reason, f"seed {seed}: {report}"
            assert isinstance(report.error, WorkerDiedError)
            assert CODES[how[number]] == report.error.exitcode
        else:
            assert number == result[f"s{number}"], f"seed {seed}"
        assert 1 == len(report.attempts)


def test_p11_a_death_fails_its_stage_and_no_other(process_pool: Any) -> None:
    """P11: whatever signal or exit code it is."""
    deaths_in_a_run(process_pool, 8, seed=8)


@pytest.mark.heavy
def test_p11_two_hundred_deaths_in_a_run(process_pool: Any) -> None:
    """P11: attribution 200/200, and none of 200 others is affected."""
    deaths_in_a_run(process_pool, 200, seed=200)
