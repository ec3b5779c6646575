"""Tests of the log."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List

import pytest
from loguru import logger

from stagekit import Registry, run
from stagekit.events import Event, Reason, RunStatus
from stagekit.hooks import LogHook

if TYPE_CHECKING:
    from tests.hooks.conftest import Story

Records = List[Dict[str, Any]]  # Any: loguru's record holds values of many types


@pytest.fixture
def records() -> Iterator[Records]:
    """The records that a user's sink receives once the log is enabled."""
    found: Records = []
    sink = logger.add(lambda message: found.append(dict(message.record)), level=0)
    logger.enable("stagekit")
    yield found
    logger.disable("stagekit")
    logger.remove(sink)


def lines(records: Records) -> List[str]:
    """Return level and message of each record."""
    return [f"{record['level'].name} {record['message']}" for record in records]


def test_each_event_is_a_record(records: Records, story: Story) -> None:
    """Starts are for debugging, ends are information, what went wrong is a warning or an error."""
    events: List[Event] = [
        story.begin("load", "clean", "soft", "report"),
        story.start("load"),
        story.ok("load"),
        story.fail("soft", ValueError("odd"), critical=False),
        story.fail("clean", OSError("full\ndisk")),
        story.skip("report", "clean"),
        story.cancel("mail", Reason.STOPPED),
        story.end(status=RunStatus.FAILED),
        Event("r7k2", 0.0),
    ]
    for event in events:
        LogHook().on_event(event)
    place = "failed after 0.02 s (examples/sales.py:61):"
    expected = [
        "INFO run r7k2: 4 stages, threads ×2",
        "DEBUG sales:load started on worker-1",
        "INFO sales:load succeeded in 0.42 s",
        f"WARNING sales:soft {place} ValueError: odd",
        f"ERROR sales:clean {place} OSError: full\\ndisk",
        "WARNING sales:report skipped: upstream_failed, because of sales:clean",
        "WARNING sales:mail cancelled: stopped",
        "ERROR run r7k2 failed in 4.9 s: 1 succeeded, 2 failed, 1 skipped, 1 cancelled",
    ]
    assert expected == lines(records)


def test_records_are_bound_to_run_stage_and_attempt(records: Records, story: Story) -> None:
    """Who filters or formats a log finds what a record is about; failures bring the exception."""
    error = OSError("full")
    for event in (story.begin("load"), story.start("load"), story.fail("load", error)):
        LogHook().on_event(event)
    bound = [(r["extra"]["run"], r["extra"]["stage"], r["extra"]["attempt"]) for r in records]
    assert [("r7k2", None, None), ("r7k2", "sales:load", 1), ("r7k2", "sales:load", 1)] == bound
    assert error is records[-1]["exception"].value


def test_a_message_is_never_a_format(records: Records, story: Story) -> None:
    """Braces, percents, markup, line ends and escape sequences of an error are logged as text."""
    evil = "{0.__class__} {stage} %s <red>x</red>\n2026 INFO ok \x1b[2J"
    LogHook().on_event(story.fail("load", ValueError(evil)))
    shown = "{0.__class__} {stage} %s <red>x</red>\\n2026 INFO ok \\x1b[2J"
    assert records[0]["message"].endswith(f"ValueError: {shown}")


def test_a_real_run_is_logged(records: Records) -> None:
    """With a run of our own: its start, its stages, its end."""
    registry = Registry()
    registry.add(lambda: None, id="m:first")
    run(registry=registry, hooks=[LogHook()])
    assert ["INFO", "DEBUG", "INFO", "INFO"] == [record["level"].name for record in records]
    assert records[-1]["message"].endswith(": 1 succeeded")


def test_an_empty_run_is_logged_as_such(records: Records, story: Story) -> None:
    """A run of no stages says so."""
    LogHook().on_event(story.end())
    assert ["INFO run r7k2 succeeded in 4.9 s: no stages"] == lines(records)


def test_the_library_is_silent_until_it_is_enabled() -> None:
    """Nothing is logged unless the user enables it; sinks are left as they are."""
    script = (
        "from loguru import logger\n"
        "from stagekit import Registry, run\n"
        "from stagekit.hooks import LogHook\n"
        "registry = Registry(); registry.add(lambda: None, id='m:first')\n"
        "run(registry=registry, hooks=[LogHook()])\n"
        "logger.info('mine')\n"
        "logger.enable('stagekit')\n"
        "run(registry=registry, hooks=[LogHook()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    told = done.stderr.splitlines()
    assert "" == done.stdout
    assert 5 == len(told)
    assert told[0].endswith("mine")
