"""Standard output and standard error of this process: who has gone, who is claimed."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any, Generator, Optional, TextIO, cast

__all__ = ["adopt", "claimed_stdout", "is_terminal"]

STDOUT, STDERR = 1, 2
if TYPE_CHECKING:
    _Wrapper = io.TextIOWrapper[Any]  # Any: the buffer below may be of any kind


class _QuietFile(io.FileIO):
    """A file descriptor whose reader may go away: from then on what is written is dropped.

    The descriptor itself then leads nowhere, so that child processes are not hurt either.
    """

    # Any: whatever has a buffer
    def write(self, data: Any, /) -> Optional[int]:  # type: ignore[override]  # typing.IO says int
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return super().write(data)


def adopt() -> None:
    r"""Make the standard streams safe to print to: closed pipes, any encoding, no stream at all.

    A stage that prints goes on working after ``| head`` has seen enough, and a character that the
    encoding lacks is shown as ``\u2502``.
    """
    sys.stdout = _adopted(sys.stdout, STDOUT)
    sys.stderr = _adopted(sys.stderr, STDERR)


def _adopted(stream: Optional[TextIO], descriptor: int) -> TextIO:
    if stream is None:  # the process was started without it
        return open(os.devnull, "w", encoding="utf-8")
    wrapper = _wrapper_of(stream, descriptor)
    if wrapper is None:
        return stream
    stream.flush()
    if sys.platform == "win32" and stream.isatty():
        wrapper.reconfigure(errors="backslashreplace")  # the console has a writer of its own
        return stream
    return _wrapped(descriptor, wrapper, closes=False)


def _wrapped(descriptor: int, like: _Wrapper, *, closes: bool) -> _Wrapper:
    raw = _QuietFile(descriptor, "wb", closefd=closes)
    raw.name = like.name
    unbuffered = bool(getattr(like, "write_through", False))
    return io.TextIOWrapper(
        cast("Any", raw if unbuffered else io.BufferedWriter(raw)),  # as CPython does for -u
        encoding=like.encoding,
        errors="backslashreplace",
        line_buffering=like.line_buffering,
        write_through=unbuffered,
    )


def _wrapper_of(stream: TextIO, descriptor: int) -> Optional[_Wrapper]:
    """Return a stream as what it is, if it writes to a descriptor; None where it is captured."""
    try:
        if stream.fileno() != descriptor:
            return None
    except (AttributeError, OSError, ValueError):
        return None
    return stream if isinstance(stream, io.TextIOWrapper) else None  # pyright: ignore[reportUnknownVariableType]


def is_terminal(stream: TextIO) -> bool:
    """Say whether a person watches the stream."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # closed, or no stream of a file
        return False


@contextlib.contextmanager
def claimed_stdout(*, claim: bool) -> Generator[TextIO, None, None]:
    """Yield standard output for what was asked for; all else that is printed goes to stderr.

    That holds for the prints of stages, of their libraries, and of processes they start.

    Args:
        claim: without it nothing is redirected.
    """
    stream = sys.stdout
    if not claim:
        yield stream
        return
    with contextlib.redirect_stdout(sys.stderr):
        wrapper = _wrapper_of(stream, STDOUT)
        if wrapper is None or not _is_open(STDERR):
            yield stream
        else:
            with _moved(wrapper) as moved:
                yield moved


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _moved(stream: _Wrapper) -> Generator[TextIO, None, None]:
    """Let descriptor 1 lead to standard error, and yield a stream to where it led before."""
    stream.flush()
    kept = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    moved = _wrapped(kept, stream, closes=True)
    try:
        yield moved
    finally:
        moved.flush()
        stream.flush()
        os.dup2(kept, STDOUT)
        moved.close()
