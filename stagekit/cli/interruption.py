"""Ctrl-C and SIGTERM: one way to end early, two exit codes."""

from __future__ import annotations

import contextlib
import signal
from types import FrameType
from typing import Iterator, Optional

from stagekit.cli.exitcode import ExitCode

__all__ = ["Interruption"]


class Interruption:
    """What has asked this process to end: Ctrl-C unless SIGTERM is known to have come.

    Attributes:
        exit_code: how a command ends that was interrupted.
    """

    def __init__(self) -> None:
        self.exit_code = ExitCode.INTERRUPTED

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM as Ctrl-C is handled at that moment. For the main thread only."""
        before = signal.signal(signal.SIGTERM, self._terminate)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _terminate(self, _number: int, frame: Optional[FrameType]) -> None:
        self.exit_code = ExitCode.TERMINATED
        handle = signal.getsignal(signal.SIGINT)
        if callable(handle):
            handle(signal.SIGINT, frame)
        else:  # Ctrl-C is ignored, as in a job in the background
            raise KeyboardInterrupt
