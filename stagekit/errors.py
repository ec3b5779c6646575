"""Every error of stagekit: data in, text in ``__str__``.

``StagekitError`` is the root. Errors hold what they know as attributes, can be pickled, and say
what is wrong, where, and what to write instead.

Example:
    >>> from stagekit import Registry, plan
    >>> from stagekit.errors import PlanError
    >>> registry = Registry()
    >>> @registry.stage
    ... def total(orders: bytes) -> int: ...
    >>> try:
    ...     plan(registry=registry)
    ... except PlanError as error:
    ...     print(error.problems[0].code.value)
    SK201
"""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from stagekit._base.problem import Code, Location, Problem

__all__ = [
    "BadValueError",
    "Code",
    "DeciderError",
    "DeclarationError",
    "DuplicateStageError",
    "InternalError",
    "Location",
    "MachineLimitError",
    "MissingExtraError",
    "NoValueError",
    "PlanError",
    "Problem",
    "RemoteError",
    "RunAtImportError",
    "RunCancelledError",
    "RunFailedError",
    "RunningLoopError",
    "StageCancelledError",
    "StageTimeoutError",
    "StagekitError",
    "StagekitWarning",
    "TargetError",
    "TooDeepError",
    "UsageError",
    "WorkerDiedError",
]


def _visible(text: str) -> str:
    """Return a text with its control characters escaped, so that a terminal does not obey them."""
    from stagekit._base.text import escape_control

    return escape_control(text, keep="\n")


class StagekitWarning(UserWarning):
    """A warning of a plan or a run.

    Attributes:
        result: the whole ``Result``, if a warning filter turned a warning at the end of a run into
            an error; else None.
    """

    result: Any = None  # Any: Result is a floor above
    _is_of_stagekit = True

    def __str__(self) -> str:
        return _visible(super().__str__())


class StagekitError(Exception):
    """The root of every error that stagekit raises on purpose.

    IPython and notebooks show only your frames of its traceback.
    """

    _is_of_stagekit = True

    def __str__(self) -> str:
        return _visible(super().__str__())

    def _render_traceback_(self) -> List[str]:
        from stagekit._base.tracebacks import traceback_lines  # only in an IPython shell

        return traceback_lines(self, hint="traceback.print_last() shows it")


class DeclarationError(StagekitError, ValueError):
    """A stage was declared with something that is not allowed.

    Attributes:
        stage: the id or name of the stage, as far as it is known.
        location: where it is declared; None if the function has no source.
        mistakes: one sentence for each: the option, the value, and what is allowed.
    """

    def __init__(self, stage: str, location: Optional[Location], mistakes: Tuple[str, ...]) -> None:
        super().__init__(stage, location, mistakes)
        self.stage = stage
        self.location = location
        self.mistakes = mistakes

    code = Code.INVALID_OPTION

    def __str__(self) -> str:
        place = f" ({self.location})" if self.location is not None else ""
        return _visible(f"stage {self.stage!r}{place}: " + "; ".join(self.mistakes))


class DuplicateStageError(DeclarationError):
    """Two stages have the same id. The message names both places; the first one stays.

    Attributes:
        first: where the stage that keeps the id is declared.
        twin: True if one file was imported twice, under two names.
    """

    def __init__(
        self,
        stage: str,
        location: Optional[Location],
        mistakes: Tuple[str, ...],
        first: Optional[Location] = None,
        twin: bool = False,  # noqa: FBT001, FBT002 - positional for pickling
    ) -> None:
        super().__init__(stage, location, mistakes)
        self.args: Tuple[Any, ...] = (stage, location, mistakes, first, twin)
        self.first = first
        self.twin = twin
        self.code = Code.IMPORTED_TWICE if twin else Code.DUPLICATE_STAGE


class PlanError(StagekitError):
    """The stages cannot be planned; no stage was called.

    Attributes:
        problems: every problem that was found, ordered by file and line.
    """

    def __init__(self, problems: Tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        from stagekit._base.problem_blocks import blocks_of, text_of

        count = len(self.problems)
        head = "1 problem in the plan" if count == 1 else f"{count} problems in the plan"
        return "\n".join([f"{head}:", *map(text_of, blocks_of(self.problems))])


class UsageError(StagekitError, ValueError):
    """A call of stagekit got a wrong value. The message says what is allowed."""


class TargetError(StagekitError):
    """A target cannot be found or imported. ``__cause__`` is what the import raised, if it ran.

    Attributes:
        code: ``Code.MODULE_NOT_FOUND`` or ``Code.MODULE_RAISED``.
        target: the target as it was written.
        fixes: what to write instead.
    """

    def __init__(self, code: Code, target: str, message: str, fixes: Tuple[str, ...] = ()) -> None:
        super().__init__(code, target, message, fixes)
        self.code = code
        self.target = target
        self.message = message
        self.fixes = fixes

    def __str__(self) -> str:
        return _visible("\n".join([self.message, *(f"    fix: {fix}" for fix in self.fixes)]))


class MissingExtraError(StagekitError, ImportError):
    """A feature needs an optional dependency. The message has the command that installs it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)
        self.feature = feature
        self.extra = extra
        self.code = Code.MISSING_EXTRA

    def __str__(self) -> str:
        return (
            f"{self.code.value}: {self.feature} needs the {self.extra!r} extra: "
            f"pip install '.[{self.extra}]'"
        )


class RunningLoopError(StagekitError, RuntimeError):
    """``run()`` was called in a running event loop. Use ``await arun(...)`` there."""

    def __str__(self) -> str:
        return "run() cannot block a running event loop; write: result = await arun(...)"


class RunAtImportError(StagekitError, RuntimeError):
    """``run()``, or ``main()``, was called while the module that holds the stages is imported.

    Attributes:
        name: which of them.
    """

    def __init__(self, name: str = "run") -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"{self.name}() was called while this module is being imported to find its stages; "
            'put the call below:  if __name__ == "__main__":'
        )


class TooDeepError(StagekitError, RuntimeError):
    """Stages call ``run`` in each other more than *limit* deep. Most likely a stage runs itself."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"runs are nested {self.limit} deep; does a stage run a pipeline that contains it?"


class InternalError(StagekitError, RuntimeError):
    """stagekit itself failed, not a stage. The run has ended; ``__cause__`` is the defect."""


class MachineLimitError(StagekitError, RuntimeError):
    """The machine refuses what a run needs: threads, processes, open files or memory.

    Args:
        what: what ran out, such as ``"threads"``.
        said: the error of the system.
        advice: what to do about it.

    Attributes:
        what: as above.
    """

    def __init__(self, what: str, said: str, advice: str) -> None:
        super().__init__(what, said, advice)
        self.what = what
        self._said = said
        self._advice = advice

    def __str__(self) -> str:
        return f"the machine gives no more {self.what} ({self._said}): {self._advice}"


class BadValueError(StagekitError, TypeError):
    """A stage did not return what its annotation says.

    Attributes:
        stage_id: the stage that returned it; None if that is the stage that failed.
    """

    stage_id: Optional[str] = None


class NoValueError(StagekitError, LookupError):
    """You asked for the value of a stage that has none. The message says what happened to it."""


class StageCancelledError(StagekitError):
    """Raised by ``CancelToken.raise_if_cancelled()``, to end the stage.

    Attributes:
        reason: why, as ``cancel(...)`` got it; may be empty.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _visible(f"cancelled: {self.reason}" if self.reason else "cancelled")


class StageTimeoutError(StagekitError, TimeoutError):
    """An attempt of a stage took longer than its time limit.

    Attributes:
        seconds: the time limit.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"took longer than its time limit of {self.seconds:g} s"


class WorkerDiedError(StagekitError, RuntimeError):
    """A worker died while it ran a call, or a value was lost with it.

    Attributes:
        worker: which one, or what was lost: ``process 77``.
        exitcode: as in ``multiprocessing``: ``-9`` for SIGKILL; None if it is unknown.
        reason: why the pool ended it; empty if the pool did not.
    """

    def __init__(self, worker: str, exitcode: Optional[int] = None, reason: str = "") -> None:
        super().__init__(worker, exitcode, reason)
        self.worker = worker
        self.exitcode = exitcode
        self.reason = reason

    def __str__(self) -> str:
        how = self.reason or self._end()
        return f"worker died: {how}, {self.worker}" if how else f"worker died: {self.worker}"

    def _end(self) -> str:
        if self.exitcode is None:
            return ""
        if self.exitcode >= 0:
            return f"exited with code {self.exitcode} without a result"
        import signal  # enum: only where a worker was killed

        try:
            name = signal.Signals(-self.exitcode).name
        except ValueError:
            name = f"signal {-self.exitcode}"
        return f"{name} (possibly out of memory)" if name == "SIGKILL" else name


class DeciderError(StagekitError):
    """The decider of a run raised, or returned something wrong. The stage fails with this error.

    Attributes:
        decider: the name of its class.
        method: ``before`` or ``after``.
        stage_id: the stage in question.
        item: the index of the item in question, or None.
        mistake: what it did.
    """

    def __init__(
        self, decider: str, method: str, stage_id: str, item: Optional[int], mistake: str
    ) -> None:
        super().__init__(decider, method, stage_id, item, mistake)
        self.decider = decider
        self.method = method
        self.stage_id = stage_id
        self.item = item
        self.mistake = mistake

    def __str__(self) -> str:
        of_item = "" if self.item is None else f"item {self.item} of "
        stage = f"{of_item}{self.stage_id}"
        return _visible(f"{self.decider}.{self.method}, asked about {stage}, {self.mistake}")


class RemoteError(StagekitError):
    """A stage in another process raised an exception that could not be sent back as an object.

    Attributes:
        type_name: the name of its class.
        message: its text.
        traceback: where it was raised, as text.
        notes: the notes that were added to it.
        kinds: its class and the bases of that, in order, each as ``module:qualname``.
    """

    def __init__(
        self,
        type_name: str,
        message: str,
        traceback: str = "",
        notes: Tuple[str, ...] = (),
        kinds: Tuple[str, ...] = (),
    ) -> None:
        super().__init__(type_name, message, traceback, notes, kinds)
        self.type_name = type_name
        self.message = message
        self.traceback = traceback
        self.notes = notes
        self.kinds = kinds

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}" if self.message else self.type_name


class RunFailedError(StagekitError):
    """At least one critical stage failed.

    ``__cause__`` is the exception of the first failed stage in plan order.

    Attributes:
        result: the whole ``Result`` of the run.
    """

    def __init__(self, message: str, result: Any = None) -> None:  # Any: Result is a floor above
        super().__init__(message, result)
        self.message = message
        self.result = result

    def __str__(self) -> str:
        return _visible(self.message)


class RunCancelledError(StagekitError):
    """The run was cancelled before it was complete.

    Attributes:
        result: the whole ``Result`` of the run.
        reason: why it was cancelled: ``"deadline"``, ``"interrupted"``, or the text that
            ``CancelToken.cancel`` got.
    """

    def __init__(
        self,
        message: str,
        result: Any = None,  # Any: Result is a floor above
        *,
        reason: str = "cancelled",
    ) -> None:
        super().__init__(message, result)
        self.message = message
        self.result = result
        self.reason = reason

    def __str__(self) -> str:
        return _visible(self.message)
