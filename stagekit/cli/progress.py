"""The hooks that show a person how far a run is, and which stages run."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Dict, Generator, List, Optional, Sequence, TextIO, Tuple, cast

from stagekit._base.keys import describe
from stagekit._base.ports import Hook
from stagekit._base.record import Record
from stagekit._base.text import escape_control, listed, short_names
from stagekit._base.version import __version__
from stagekit._plan.plan import Plan
from stagekit._plan.slots import COLLECT, Binding
from stagekit.cli.output import Output, PrintsChoice, ProgressChoice
from stagekit.cli.streams import StandardError, hand_on, keep, screen, stand_ins
from stagekit.errors import UsageError
from stagekit.events import (
    Event,
    RunFinished,
    RunStarted,
    RunStatus,
    StageEvent,
    StageStarted,
    StageSucceeded,
)
from stagekit.hooks.terminal import QuietStream, can_animate

if TYPE_CHECKING:
    from stagekit._plan.parameters import PlanParameter

_LOG = 2  # as many -v ask for the log
_FORMAT = "<level>{level: <7}</level> {message}"
_MOST_NAMED = 5  # of the stages that run
_SOURCES = {
    "given": "given by the caller",
    "value": "stands in for a stage",
    "injectable": "of the run",
    "default": "default",
    "none": "None, as nothing provides it",
    "set": "set",
}


class Watching(Record):
    """What a person wants to see of a run.

    Attributes:
        progress: ``--progress``.
        is_quiet: ``--quiet``.
        verbosity: how often ``--verbose`` is given.
        prints: ``--prints``.
    """

    progress: ProgressChoice = ProgressChoice.AUTO
    is_quiet: bool = False
    verbosity: int = 0
    prints: PrintsChoice = PrintsChoice.AUTO


def chosen(watched: Watching) -> ProgressChoice:
    """Return how progress is shown: rich, plain or not at all.

    Raises:
        UsageError: it is to be drawn where nothing can be.
    """
    if watched.progress is ProgressChoice.AUTO:
        if watched.is_quiet:
            return ProgressChoice.NONE
        is_drawn = can_animate(QuietStream(sys.stderr), os.environ)
        return ProgressChoice.RICH if is_drawn else ProgressChoice.PLAIN
    if watched.progress is ProgressChoice.RICH and not QuietStream(sys.stderr).isatty():
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
            from stagekit.hooks import LogHook  # before the log is enabled: its module disables it

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
    """Ends the progress of a run that did not end itself: it had a defect."""

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
    """Prints what a stage is called with, as it starts, and at its end how large its value is."""

    def __init__(self, plan: Plan, output: Output) -> None:
        self._inputs: Dict[str, str] = input_lines(plan)
        self._output = output

    def on_event(self, event: Event, /) -> None:
        """Print a line when a stage with parameters starts."""
        if isinstance(event, StageStarted) and self._inputs[event.stage_id]:
            self._output.print_message(f"        {self._inputs[event.stage_id]}")
        elif isinstance(event, StageSucceeded) and event.size:
            self._output.print_message(f"        value: {escape_control(event.size)}")


def input_lines(plan: Plan) -> Dict[str, str]:
    """Return for each stage, by id, its parameters and what fills them."""
    names = short_names(plan.order)
    shown = [escape_control(names[each]) for each in plan.order]
    made = {(each.stage, each.parameter): each for each in plan.parameters}
    return {
        stage_id: ", ".join(
            _input(binding, shown, made.get((stage_id, binding.parameter))) for binding in bindings
        )
        for stage_id, bindings in zip(plan.order, plan.bindings)
    }


def _input(binding: Binding, names: Sequence[str], parameter: Optional[PlanParameter]) -> str:
    key = "" if binding.key is None else f": {escape_control(describe(binding.key))}"
    if binding.providers or binding.others:
        others = [_SOURCES[kind] for kind in dict.fromkeys(binding.others)]
        source = " + ".join([*others, *(names[step] for step in binding.providers)])
    elif binding.kind == COLLECT:
        source = "nothing"
    elif parameter is not None and parameter.value is not None:
        source = escape_control(f"{parameter.value} ({parameter.source})")
    else:
        source = _SOURCES[binding.kind]
    return f"{binding.parameter}{key} = {source}"


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


class RunningStages:
    """A hook that knows which stages have started and not ended."""

    def __init__(self, plan: Plan) -> None:
        self._names = short_names(plan.order)
        self._running: Dict[str, None] = {}

    def on_event(self, event: Event, /) -> None:
        """Take note of a stage that starts or ends."""
        if isinstance(event, StageStarted):
            self._running[event.stage_id] = None
        elif isinstance(event, StageEvent):
            self._running.pop(event.stage_id, None)

    def text(self, patience: float) -> str:
        """Return the message after a signal: which stages the run waits for, and how long."""
        running = [escape_control(self._names[each]) for each in tuple(self._running)]
        named = listed(running, _MOST_NAMED) or "stages that run"
        return (
            f"interrupted: nothing new starts, waiting for {named}, {patience:g} s at most; "
            "Ctrl-C again ends the wait"
        )
