"""Whose a frame is: the user's, stagekit's, Python's, or an installed library's."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import List, Optional, Sequence, Tuple, Type

    from stagekit._base.problem import Location

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_GENERATED = "<string>"  # code that a library made, such as a dataclass; or all of `python -c`
_PACKAGE = "stagekit."
_RUNNER = f"{_PACKAGE}_run."
# The modules whose frames may come between a run and the function of a stage.
_CALLERS = (
    *(_RUNNER, "stagekit._plan.", "stagekit._base.promise", "stagekit.executors."),
    *("stagekit._base.pool_call", "stagekit._base.usage"),
    *("stagekit.testing.chaos", "concurrent.futures."),
)


def is_ours(file: str) -> bool:
    """Say whether a file belongs to stagekit."""
    return os.path.abspath(file).startswith(_OURS)


def is_users(file: str) -> bool:
    """Say whether a file is the user's: not ours, not of Python, not installed, not generated."""
    if file.startswith("<"):
        return file != _GENERATED and not file.startswith("<frozen ")
    path = os.path.abspath(file)
    return not path.startswith((_OURS, _STANDARD)) and not any(each in path for each in _INSTALLED)


def is_runner(frame: FrameType) -> bool:
    """Say whether a frame runs code of ours that runs stages."""
    return str(frame.f_globals.get("__name__")).startswith(_RUNNER)


def is_caller(frame: FrameType) -> bool:
    """Say whether a frame runs what calls stages: a runner of ours, an executor or a pool."""
    return str(frame.f_globals.get("__name__")).startswith(_CALLERS)


def parser_exit(error: Optional[BaseException]) -> Optional[int]:
    """Return the exit code with which ``argparse`` wants to end the program, where it does.

    It prints its help, or what is wrong with the words, and raises ``SystemExit``: no failure.
    """
    if type(error) is not SystemExit or error.code not in {None, 0, 2}:
        return None
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    files = [] if last is None else [last.tb_frame.f_code.co_filename]
    files = [file for file, _ in places_elsewhere(error)] or files
    is_parsers = bool(files) and files[-1] == os.path.join(_STANDARD, "argparse.py")
    return (2 if error.code else 0) if is_parsers else None


def shortened(error: BaseException) -> BaseException:
    """Take our frames from the front of the traceback of what ``run`` and its like raise.

    What is raised on purpose has no other frames; of a defect of ours all are kept. Of Ctrl-C, and
    of the end of a task, those in which Python waited for us are taken, too.
    """
    whole = trace = BaseException.__getattribute__(error, "__traceback__")
    is_ending = isinstance(error, _ending())
    while trace is not None and (
        str(trace.tb_frame.f_globals.get("__name__")).startswith(_PACKAGE)
        or (is_ending and _is_of_python(trace.tb_frame.f_code.co_filename))
    ):
        trace = trace.tb_next
    is_meant = trace is not None or is_ending or getattr(type(error), "_is_of_stagekit", False)
    return BaseException.with_traceback(error, trace if is_meant else whole and whole.tb_next)


def _ending() -> Tuple[Type[BaseException], ...]:
    """Return the errors that end whatever is under way: none of them is of where it is raised."""
    known = sys.modules.get("asyncio.exceptions")
    return (KeyboardInterrupt,) if known is None else (KeyboardInterrupt, known.CancelledError)


def _is_of_python(file: str) -> bool:
    """Say whether a file belongs to Python itself."""
    if file.startswith("<frozen "):
        return True
    path = os.path.abspath(file)
    return path.startswith(_STANDARD) and not any(each in path for each in _INSTALLED)


def user_frames(error: BaseException) -> List[Tuple[Location, str]]:
    """Return place and function name of the user's own frames, the outermost first.

    Where there is none, those of generated code count: all of ``python -c`` is ``<string>``.
    """
    from stagekit._base.problem import Location

    found: List[Tuple[Location, str]] = []
    generated: List[Tuple[Location, str]] = []
    each: Optional[TracebackType] = BaseException.__getattribute__(error, "__traceback__")
    while each is not None:
        code = each.tb_frame.f_code
        entry = (Location(code.co_filename, each.tb_lineno), code.co_name)
        if is_users(code.co_filename):
            found.append(entry)
        elif code.co_filename == _GENERATED:
            generated.append(entry)
        each = each.tb_next
    return found or generated


def places_elsewhere(error: BaseException) -> Sequence[Tuple[str, int]]:
    """Return files and lines of the frames of another process, the outermost first."""
    places: Sequence[Tuple[str, int]] = getattr(error.__cause__, "places", ())
    return places if hasattr(error.__cause__, "is_of_a_worker") else ()


def raised_at(error: BaseException) -> Optional[Location]:
    """Return the user's innermost frame, here or in a worker process; None where there is none."""
    from stagekit._base.problem import Location

    here = user_frames(error)
    if here:
        return here[-1][0]
    there = [Location(*each) for each in places_elsewhere(error) if is_users(each[0])]
    return there[-1] if there else None
