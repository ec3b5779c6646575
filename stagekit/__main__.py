"""``python -m stagekit``, and the console script ``stagekit``: the command line of a process."""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import SIG_IGN, getsignal, signal
    from types import ModuleType
    from typing import Optional, Sequence, TextIO
else:
    from _signal import SIG_IGN, getsignal, signal  # without the enums of ``signal``: 2 ms

_ENDING = (1, 2, 15) if os.name == "posix" else (2, 15)  # SIGHUP, SIGINT, SIGTERM
_INVALID, _NOT_WRITTEN = 3, 74  # ExitCode.INVALID_PIPELINE, ExitCode.NOT_WRITTEN
_NOTHING_RUN = b"interrupted; no stage was run\n"


class _AtOnce:
    """A handler of signals that ends the process, while no command handles them.

    It raises nothing: an exception may get lost in the middle of an import, or of the end.

    Attributes:
        words: what is written to standard error.
    """

    def __init__(self) -> None:
        self.words = _NOTHING_RUN

    def __call__(self, number: int, _frame: object) -> None:
        _write_error(self.words)
        os._exit(128 + number)


def main(script: Optional[ModuleType] = None) -> int:
    """Run the command line of this process; return its exit code.

    Of a *script* that calls ``stagekit.main()`` it is that of the script.

    From its first line on a signal ends the process with the exit code that shells give it. What
    this process was started to ignore stays ignored: with ``nohup``, SIGHUP.
    """
    at_once = _AtOnce()
    for number in _ENDING:
        if getsignal(number) is not SIG_IGN:
            signal(number, at_once)
    arguments = sys.argv[1:]
    if script is None and arguments in (["--version"], ["-V"]) and sys.stdout is not None:
        return _print_version()  # before anything is imported
    code = _run_command_line(arguments, at_once, script)
    is_written = _is_written(sys.stdout)
    _is_written(sys.stderr)  # where not, there is nowhere to say so
    # Python kills itself with SIGINT if KeyboardInterrupt has left the last text that exec() ran,
    # handled or not: of a named tuple, for one, whose import was interrupted.
    exec("")  # noqa: S102 - of nothing
    return code if is_written or code else _NOT_WRITTEN


def _run_command_line(
    arguments: Sequence[str], at_once: _AtOnce, script: Optional[ModuleType]
) -> int:
    """Run a command; from here on a signal raises ``KeyboardInterrupt``, or cancels its run."""
    collects = gc.isenabled()
    gc.disable()  # nothing of these imports is garbage, and looking for it takes 5 ms
    path = list(sys.path)
    sys.path[:] = path[_users_folders(script) :]  # what is in it hides nothing from us
    try:
        from stagekit.cli.app import main as run_app  # click: 50 ms
        from stagekit.cli.interruption import Interruption
        from stagekit.cli.streams import adopt, gather
    except (AttributeError, ImportError) as error:
        from stagekit._base.shadowing import blamed

        hiding = blamed(error)
        if hiding is None:
            raise
        _write_error(f"error: {hiding}; rename the file\n".encode("utf-8", "backslashreplace"))
        return _INVALID
    finally:
        if script is not None:  # with -m a command puts the folder back that it imports from
            sys.path[:] = path
        if collects:
            gc.enable()
    adopt()
    interruption = Interruption(at_once)
    at_once.words = b""
    try:
        with interruption.listening():
            return run_app(arguments, interruption, script)
    except KeyboardInterrupt:  # before the command could handle it, or after
        if not interruption.has_run:
            _write_error(_NOTHING_RUN)
        return int(interruption.exit_code)
    finally:
        gather()


def _users_folders(script: Optional[ModuleType]) -> int:
    """Return how many folders of the user Python has put first on ``sys.path``: one, or none."""
    if getattr(sys.flags, "safe_path", False) or not sys.path:
        return 0
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if script is None and (spec is None or main.__dict__ is not globals()):
        return 0  # the console script: it is put into no folder of the user
    first = sys.path[0]
    if spec is None:
        file = getattr(main, "__file__", None) or ""
        return int(os.path.dirname(os.path.abspath(file)) == first)
    try:
        return int(os.path.realpath(first or ".") == os.path.realpath("."))
    except OSError:  # the current folder is gone
        return 0


def _print_version() -> int:
    from stagekit.cli.version import version_line

    is_written = _is_written(sys.stdout, f"{version_line()}\n")  # without click: 50 ms
    return 0 if is_written else _NOT_WRITTEN


def _is_written(stream: Optional[TextIO], text: str = "") -> bool:
    """Write what a standard stream has left, and *text*; say on standard error what is wrong."""
    if stream is None:  # a stage has taken it away
        return True
    try:
        stream.write(text)
        stream.flush()
        lost = getattr(getattr(getattr(stream, "buffer", None), "raw", None), "lost", None)
        if lost is not None and stream is sys.stdout:
            raise lost
    except BrokenPipeError:  # the reader has gone, and wants no more
        _lead_nowhere(stream)
    except OSError as error:
        _lead_nowhere(stream)  # or Python fails again at its end, with an exit code of its own
        text = f"error: standard output cannot be written: {error.strerror}\n"
        _write_error(text.encode("ascii", "backslashreplace"))
        return False
    except (ValueError, AttributeError):  # a stage has closed it, or replaced it
        pass
    return True


def _write_error(text: bytes) -> None:
    try:  # noqa: SIM105 - without contextlib: 1 ms
        os.write(2, text)
    except OSError:  # it is closed, or full
        pass


def _lead_nowhere(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
