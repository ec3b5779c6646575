"""Tracebacks with the user's frames only."""

from __future__ import annotations

import re
import sys
import traceback
from typing import Any, List, Optional, Set

from stagekit._base import frames
from stagekit._base.frames import is_ours, is_users
from stagekit._base.notebook import cell_of
from stagekit._base.problem import Location
from stagekit._base.text import error_line, escape_control

_MOST_CAUSES = 50
_QUOTED = '\n"""\n'
_HEAD = "Traceback (most recent call last):\n"
_FILE = re.compile(r'File "([^"\n]+)"')


def raised_at(error: BaseException) -> Optional[Location]:
    """Return the place to look at: the user's innermost frame, or the line that cannot be read."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return Location(error.filename, error.lineno)
    return frames.raised_at(error)


def short_path(file: str) -> str:
    """Return a path relative to the current folder where it is below it."""
    if file.startswith("<"):
        return file
    cell = cell_of(file)
    if cell:
        return cell
    return str(Location(file, 0)).rpartition(":")[0]


def traceback_lines(
    error: BaseException, *, is_full: bool = False, hint: str = "--tb full shows it"
) -> List[str]:
    """Return the traceback of an error and of its causes, harmless to print.

    Args:
        error: what was raised.
        is_full: with the frames of stagekit and of libraries, which are left out otherwise.
        hint: what shows the frames of libraries, where some are left out.
    """
    try:
        shown = traceback.TracebackException.from_exception(error)
        has_hidden = not is_full and _prune(shown)
        text = "".join(shown.format())
    except RecursionError:  # a chain of causes as long as the stack is deep
        has_hidden, text = False, error_line(error)
    lines = escape_control(text, keep="\n").rstrip("\n").split("\n")
    return [*lines, f"(what libraries did below is left out; {hint})"] if has_hidden else lines


def _prune(first: traceback.TracebackException) -> bool:
    """Leave only the user's frames in an error and all its causes; say if a library lost some."""
    stack: List[Optional[traceback.TracebackException]] = [first]
    seen: Set[int] = set()
    has_hidden = False
    while stack:
        shown = stack.pop()
        if shown is None or id(shown) in seen or len(seen) > _MOST_CAUSES:
            continue
        seen.add(id(shown))
        if _as_from_here(shown):
            continue
        has_hidden = _prune_stack(shown) or has_hidden
        stack += [shown.__cause__, shown.__context__]
        if sys.version_info >= (3, 11):
            stack += shown.exceptions or ()
    return has_hidden


class _RemoteStack(traceback.StackSummary):
    """Frames of another process, as the text that came from there."""

    text = ""

    def format(self, **_: Any) -> List[str]:  # Any: what later Pythons say of colours
        return [self.text]


def _as_from_here(shown: traceback.TracebackException) -> bool:
    """Show an error of another process as one of this process: its frames, and the error once."""
    told = str(shown.__cause__)  # a cause of ours, or of concurrent.futures: a text in quotes
    if not told.startswith(_QUOTED):
        return False
    text = told.partition(_HEAD)[2]
    frames = text[: max(0, text.rfind(next(shown.format_exception_only())))]
    if not frames:  # it is described in other words there
        return False
    shown.stack = _RemoteStack([traceback.FrameSummary("", 0, "")])  # an empty one is not shown
    shown.stack.text = _FILE.sub(lambda found: f'File "{short_path(found[1])}"', frames)
    shown.__cause__ = None
    return True


def _prune_stack(shown: traceback.TracebackException) -> bool:
    """Take the frames of others out; where there are none but of others, only ours."""
    if hasattr(shown, "offset") and shown.filename:  # a SyntaxError: it names its line itself
        shown.filename = short_path(shown.filename)
    users = [number for number, frame in enumerate(shown.stack) if is_users(frame.filename)]
    theirs = [frame for frame in shown.stack if not is_ours(frame.filename)]
    kept = [shown.stack[number] for number in users]
    if not kept and not hasattr(shown, "offset"):
        kept = theirs
    below = shown.stack[users[-1] + 1 :] if users else ()
    shown.stack[:] = [_shortened(frame) for frame in kept]
    return any(not is_ours(frame.filename) for frame in below)


def _shortened(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    frame.line  # noqa: B018 - reads the source while the path still leads to it
    frame.filename = short_path(frame.filename)
    return frame
