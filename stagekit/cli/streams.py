"""Standard output and standard error of this process: safe to print to, claimed for results."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
import threading
import weakref
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Generator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    TextIO,
    Tuple,
    Type,
    TypeVar,
)

from stagekit.errors import StagekitError
from stagekit.hooks.terminal import is_terminal

STDOUT, STDERR = 1, 2
# What begins a workflow command: two colons on a line, in the old form a bracket anywhere.
_COMMAND = re.compile(r"(?:^|[\r\n])[^\S\r\n]*:(?=:)|#(?=#\[)")
_NEWLINE = ord("\n")
_LONGEST = 8192  # characters that wait for the end of their line
# Device and number of each file, pipe or terminal whose last line is not complete.
_unfinished: Set[Tuple[int, int]] = set()
if TYPE_CHECKING:
    _Wrapper = io.TextIOWrapper[Any]  # Any: the buffer below may be of any kind
    _Mark = weakref.ref["_ThreadMark"]
    _Kind = TypeVar("_Kind", bound=_Wrapper)


def is_github(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a step of GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


class NotWrittenError(StagekitError):
    """A stream for results cannot be written: the disk is full, for one."""

    def __init__(self, what: str, error: OSError) -> None:
        self.what = what
        self.reason: str = error.strerror or type(error).__name__
        super().__init__(f"{what} cannot be written: {self.reason}")


class _QuietFile(io.FileIO):
    """A file descriptor whose reader may go away: from then on what is written is dropped.

    A pipe is closed, or a terminal. The descriptor itself then leads nowhere, so that child
    processes are not hurt either. Standard error drops what cannot be written for another reason,
    such as a full disk: there is nowhere to report it. So does standard output for prints of
    stages, which are not at fault; the end of the command says what was lost.

    Attributes:
        lost: why something was dropped that nobody has been told of.
    """

    def __init__(self, descriptor: int, *, closes: bool) -> None:
        super().__init__(descriptor, "wb", closefd=closes)
        self._is_dropping = descriptor in (STDOUT, STDERR)
        self.lost: Optional[OSError] = None
        self._gone = (errno.EPIPE, errno.EIO) if self.isatty() else (errno.EPIPE,)

    # Any: whatever has a buffer
    def write(self, data: Any, /) -> Optional[int]:  # type: ignore[override]  # typing.IO says int
        if data:
            (_unfinished.discard if data[-1] == _NEWLINE else _unfinished.add)(self.place())
        try:
            return super().write(data)
        except OSError as error:
            if error.errno in self._gone:
                _lead_nowhere(self.fileno())
            elif not self._is_dropping:
                raise
            else:
                self.lost = error
            return len(data)

    def place(self) -> Tuple[int, int]:
        """Return device and number of the file: equal where another descriptor leads to it."""
        found = os.fstat(self.fileno())
        return found.st_dev, found.st_ino


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


class _ThreadMark:
    """Stands for a thread: the thread alone holds it, and so it goes with the thread."""


_of_thread = threading.local()


class _Stream(io.TextIOWrapper):
    r"""A standard stream where lines of threads do not mix, and that a board can stand in for.

    ``print`` writes each of its arguments apart. What a thread has begun is kept until its line is
    complete. It is written before that when the thread flushes, as ``input`` does for its prompt;
    with a ``\r``, as a bar has; when it gets long; and when the thread has ended. Under ``-u`` also
    after ``print(..., end="")``, which ends with an empty text.

    Handlers of ``logging`` and sinks of loguru are made when a module is imported, and keep the
    stream: what is written to it goes to *instead* where that is set.
    """

    instead: Optional[TextIO] = None
    is_unbuffered = False
    prints: Optional[Callable[[int, str], bool]] = None  # takes what stages print, see cli.prints

    def __init__(self, buffer: Any, **options: Any) -> None:  # Any: see _wrapped
        self.begin_again()
        super().__init__(buffer, **options)

    def begin_again(self) -> None:
        """Forget what threads have begun: in a child process they are gone, and so is the lock."""
        self._lock = threading.RLock()  # a handler of signals may print while its thread does
        self._begun: Dict[_Mark, str] = {}

    def write(self, text: str, /) -> int:
        if self.prints is not None and self.prints(self.fileno(), text):
            return len(text)
        mark = _mark()
        with self._lock:
            line = self._begun.pop(mark, "") + text
            end = line.rfind("\n") + 1
            is_seen = "\r" in line[end:] or (self.is_unbuffered and not text)
            if is_seen or len(line) - end > _LONGEST:
                self._put(line)
                self._flush()
            else:
                if end < len(line):
                    self._begun[mark] = line[end:]
                if end:
                    self._put(line[:end])
        return len(text)

    def flush(self) -> None:
        with self._lock:
            self._put(self._begun.pop(_mark(), ""))
            self._flush()

    def close(self) -> None:
        self.gather()
        super().close()

    def gather(self) -> None:
        """Let this thread have what others have begun: it is written with the next flush."""
        with self._lock:
            self._begun = {_mark(): "".join(self._begun.values())}

    def put_whole(self, text: str) -> None:
        """Write text of whole lines at once, whoever has begun a line."""
        with self._lock:
            self._put(text)
            self._flush()

    def place(self) -> object:
        """Return what is the same where another stream leads to the same file or terminal."""
        if self.instead is not None:  # both boards are one
            return "board"
        raw = getattr(self.buffer, "raw", None)
        return raw.place() if isinstance(raw, _QuietFile) else id(self)

    def _put(self, text: str) -> None:
        """Write *text* after what threads that have ended have left."""
        ended = [mark for mark in self._begun if mark() is None]
        text = "".join([*map(self._begun.pop, ended), text])
        if self.instead is not None:
            self.instead.write(text)
        else:
            super().write(text)

    def _flush(self) -> None:
        if self.instead is not None:
            self.instead.flush()
        else:
            super().flush()


def _mark() -> _Mark:
    """Return what stands for this thread, and knows when it has ended."""
    try:
        mark: _Mark = _of_thread.mark
    except AttributeError:
        _of_thread.held = held = _ThreadMark()
        _of_thread.mark = mark = weakref.ref(held)
    return mark


class StandardError:
    """Standard error, as it is at each moment; what is written begins on a line of its own."""

    def write(self, message: str) -> None:
        """Write *message* in one piece, below what a stage has printed without a newline.

        In GitHub Actions no line of it is a command, whatever the texts of users are.
        """
        if is_github(os.environ):
            message = _COMMAND.sub(r"\g<0> ", message)
        self.command(message)

    def command(self, message: str) -> None:
        """Write *message* as it is: a command of GitHub Actions."""
        stream = sys.stderr
        buffer = getattr(stream, "buffer", None)
        raw = getattr(buffer, "raw", None)
        if isinstance(stream, _Stream) and stream.instead is None and isinstance(raw, _QuietFile):
            stream.flush()
            if raw.place() in _unfinished:
                message = f"\n{message}"
        stream.write(message)

    def flush(self) -> None:
        """Hand on what is written."""
        sys.stderr.flush()

    def isatty(self) -> bool:
        """Say whether a person watches."""
        return is_terminal(sys.stderr)

    @property
    def encoding(self) -> str:
        """The encoding of the stream behind."""
        return getattr(sys.stderr, "encoding", None) or "ascii"


def adopt() -> None:
    r"""Make the standard streams safe to print to: closed pipes, any encoding, no stream at all.

    A stage that prints goes on working after ``| head`` has seen enough, and a character that the
    encoding lacks is shown as ``\u2502``. The lines of threads do not mix.
    """
    global _closed  # noqa: PLW0603 - there is one standard output
    _occupy()
    is_closed = sys.stdout is None
    sys.stdout = _adopted(sys.stdout, STDOUT)
    _closed = sys.stdout if is_closed else None
    sys.stderr = _adopted(sys.stderr, STDERR)
    if hasattr(os, "register_at_fork"):  # not on Windows
        for each in _ours():
            os.register_at_fork(after_in_child=each.begin_again)


_closed: Optional[TextIO] = None  # stands for a standard output that was closed


def _occupy() -> None:
    """Let descriptors of standard streams that are closed lead nowhere.

    Else the next file that is opened gets one of them, and has in it what programs print that a
    stage starts.
    """
    for descriptor in (0, STDOUT, STDERR):
        if not _is_open(descriptor):
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - it takes no names


def gather() -> None:
    """Let the calling thread, the last one, write and flush what others have left."""
    for each in _ours():
        each.gather()


def _ours() -> List[_Stream]:
    return [each for each in (sys.stdout, sys.stderr) if isinstance(each, _Stream)]


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
    ours = _wrapped(_Stream, descriptor, wrapper, closes=False)
    ours.is_unbuffered = getattr(wrapper, "write_through", False)
    return ours


PrintStream = _Stream


def print_streams() -> Dict[int, _Stream]:
    """Return our standard streams, by descriptor; with results claimed, both are standard error."""
    return {each.fileno(): each for each in _ours()}


def stand_ins() -> List[TextIO]:
    """Return the standard streams of today that have replaced ours: boards."""
    return [each for each in (sys.stdout, sys.stderr) if _behind(each) is not None]


def hand_on(boards: Sequence[TextIO]) -> None:
    """Let our streams write to the boards that have replaced them, until ``keep``.

    Our streams are the standard ones again: they hand whole lines on.
    """
    for board in boards:
        behind = _behind(board)
        if behind is None:
            continue
        behind.instead = board
        _handing_on.append(behind)
        if sys.stdout is board:
            sys.stdout = behind
        if sys.stderr is board:
            sys.stderr = behind


def keep() -> None:
    """Write to our streams what is written to them."""
    while _handing_on:
        _handing_on.pop().instead = None


def _behind(stream: TextIO) -> Optional[_Stream]:
    """Return the stream of ours that a board of rich has replaced."""
    found = getattr(stream, "rich_proxied_file", None)
    return found if isinstance(found, _Stream) else None


_handing_on: List[_Stream] = []


def screen() -> Optional[TextIO]:
    """Return a stream to standard error for what draws there; None where it is captured."""
    wrapper = _wrapper_of(sys.stderr, STDERR)
    return wrapper and _wrapped(io.TextIOWrapper, STDERR, wrapper, closes=False)


def _wrapped(kind: Type[_Kind], descriptor: int, like: _Wrapper, *, closes: bool) -> _Kind:
    raw = _QuietFile(descriptor, closes=closes)
    raw.name = like.name
    return kind(
        io.BufferedWriter(raw),
        encoding=like.encoding,
        errors="backslashreplace",
        line_buffering=like.line_buffering or bool(getattr(like, "write_through", False)),
    )


def _wrapper_of(stream: TextIO, descriptor: int) -> Optional[_Wrapper]:
    """Return a stream as what it is, if it writes to a descriptor; None where it is captured."""
    try:
        if stream.fileno() != descriptor:
            return None
    except (AttributeError, OSError, ValueError):
        return None
    return stream if isinstance(stream, io.TextIOWrapper) else None  # pyright: ignore[reportUnknownVariableType]


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


@contextlib.contextmanager
def muted_stdout() -> Generator[None, None, None]:
    """Drop what is printed in the block, by this process and by those that it starts."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        if not _is_open(STDOUT):
            yield
            return
        kept = os.dup(STDOUT)
        os.dup2(nowhere.fileno(), STDOUT)
        try:
            yield
        finally:
            os.dup2(kept, STDOUT)
            os.close(kept)


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
    moved = _wrapped(io.TextIOWrapper, kept, stream, closes=True)
    try:
        yield moved
        with results_to(moved):
            moved.flush()
    finally:
        stream.flush()
        os.dup2(kept, STDOUT)
        with contextlib.suppress(OSError):
            moved.close()


@contextlib.contextmanager
def results_to(stream: TextIO, *, are_asked: bool = True) -> Generator[None, None, None]:
    """Write results to standard output in the block.

    Args:
        stream: where they go.
        are_asked: without it only what click prints itself is to be written.

    Raises:
        NotWrittenError: they cannot be written; what is written from then on is dropped.
    """
    if are_asked and stream is _closed:
        raise NotWrittenError("standard output", OSError(errno.EBADF, "it is closed"))
    try:
        yield
    except OSError as error:
        _lead_nowhere(stream.fileno())
        raise NotWrittenError("standard output", error) from None
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if are_asked and isinstance(raw, _QuietFile) and raw.lost is not None:
        lost, raw.lost = raw.lost, None
        _lead_nowhere(raw.fileno())
        raise NotWrittenError("standard output", lost)
