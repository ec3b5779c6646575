"""Which hooks tell a person how far a run is."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Dict, Generator, List, NamedTuple, TextIO, Tuple, cast

from stagekit import __version__
from stagekit._base.ports import Hook
from stagekit._plan.plan import Plan
from stagekit.cli.output import Output
from stagekit.cli.streams import StandardError, hand_on, is_terminal, keep, screen, stand_ins
from stagekit.cli.terminal import ProgressChoice, may_animate
from stagekit.errors import UsageError
from stagekit.events import Event, RunFinished, RunStarted, RunStatus, StageStarted

_LOG = 2  # as many -v ask for the log
_FORMAT = "<level>{level: <7}</level> {message}"


class Watching(NamedTuple):
    """What a person wants to see of a run.

    Attributes:
        progress: ``--progress``.
        is_quiet: ``--quiet``.
        verbosity: how often ``--verbose`` is given.
    """

    progress: ProgressChoice = ProgressChoice.AUTO
    is_quiet: bool = False
    verbosity: int = 0


def chosen(watched: Watching) -> ProgressChoice:
    """Return how progress is shown: rich, plain or not at all.

    Raises:
        UsageError: it is to be drawn where nothing can be.
    """
    if watched.progress is ProgressChoice.AUTO:
        if watched.is_quiet:
            return ProgressChoice.NONE
        can_animate = may_animate(sys.stderr, os.environ)
        return ProgressChoice.RICH if can_animate else ProgressChoice.PLAIN
    if watched.progress is ProgressChoice.RICH and not is_terminal(sys.stderr):
        raise UsageError(
            "--progress rich draws on a terminal, which stderr is not; write --progress plain"
        )
    return watched.progress


@contextlib.contextmanager
def watching(watched: Watching, plan: Plan, output: Output) -> Generator[List[Hook], None, None]:
    """Yield the hooks that a person wants to watch a run with."""
    hooks = _progress(chosen(watched), plan, output)
    ends = _Ends(tuple(hooks))
    if hooks:
        hooks.append(ends)
    if watched.verbosity:
        hooks.append(_Inputs(plan, output))
    try:
        if watched.verbosity < _LOG:
            yield hooks
        else:
            from stagekit.hooks import (
                LogHook,
            )  # before the log is enabled, which its module disables

            with _log(output):
                yield [*hooks, LogHook()]
    finally:
        ends.make_up()


def _progress(choice: ProgressChoice, plan: Plan, output: Output) -> List[Hook]:
    if choice is ProgressChoice.PLAIN:
        from stagekit.hooks import PlainProgress

        return [PlainProgress(cast("TextIO", StandardError()), summary=False)]
    if choice is not ProgressChoice.RICH:
        return []
    from stagekit.hooks import RichProgress

    style = output.error_style
    between = " · " if style.has_unicode else ", "
    return [
        RichProgress(
            screen(),
            title=f"stagekit {__version__}{between}{plan.target or 'all stages'}",
            color=style.has_color,
            animate=True,
            summary=False,
        )
    ]


class _Ends:
    """Tells progress that a run is over where the run itself does not: it had a defect."""

    def __init__(self, hooks: Tuple[Hook, ...]) -> None:
        self._hooks = hooks
        self._open: Dict[str, None] = {}
        self._before = stand_ins()  # those of the user

    def on_event(self, event: Event, /) -> None:
        """Take note of runs that begin and end."""
        if isinstance(event, RunStarted):
            self._open[event.run_id] = None
            hand_on([each for each in stand_ins() if each not in self._before])
        elif isinstance(event, RunFinished):
            keep()
            self._open.pop(event.run_id, None)

    def make_up(self) -> None:
        """End what is open, so that nothing is drawn any more."""
        keep()
        for run_id in self._open:
            for hook in self._hooks:
                hook.on_event(RunFinished(run_id, 0.0, RunStatus.CANCELLED, 0.0, ()))


class _Inputs:
    """Prints what each stage is called with, as it starts."""

    def __init__(self, plan: Plan, output: Output) -> None:
        from stagekit.cli.inputs import input_lines

        self._inputs: Dict[str, str] = input_lines(plan)
        self._output = output

    def on_event(self, event: Event, /) -> None:
        """Print a line when a stage with parameters starts."""
        if isinstance(event, StageStarted) and self._inputs[event.stage_id]:
            self._output.tell(f"        {self._inputs[event.stage_id]}")


@contextlib.contextmanager
def _log(output: Output) -> Generator[None, None, None]:
    """Print the log of stagekit to standard error; a sink that the user has made stays."""
    from loguru import logger  # 60 ms

    try:
        logger.remove(0)  # the one that loguru begins with
        only = None
    except ValueError:  # the user's module has sinks of its own
        only = "stagekit"
    sink = logger.add(
        StandardError(),  # where it leads changes: above the board, while one is drawn
        level="DEBUG",
        filter=only,
        format=_FORMAT,
        colorize=output.error_style.has_color,
    )
    logger.enable("stagekit")
    try:
        yield
    finally:
        logger.disable("stagekit")
        logger.remove(sink)
