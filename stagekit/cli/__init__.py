"""The command line: ``stagekit`` and ``python -m stagekit``. Outside of everything else.

Example:
    >>> from stagekit.cli import ExitCode
    >>> int(ExitCode.STAGE_FAILED)
    1
"""

from __future__ import annotations

import enum

__all__ = ["ExitCode"]


class ExitCode(enum.IntEnum):
    """The exit codes of every command. They are stable: scripts may rely on them.

    Example:
        >>> ExitCode(3).name
        'INVALID_PIPELINE'
    """

    OK = 0
    STAGE_FAILED = 1
    USAGE = 2
    INVALID_PIPELINE = 3
    NOTHING_SELECTED = 4
    INTERNAL_ERROR = 5
    SLOWER = 6  # `stagekit bench --fail-over`: by more than that, and more than the noise
    INCOMPLETE = 7  # something was not undone, or not torn down
    NOT_WRITTEN = 74  # standard output, or the file of events: the disk is full, for one
    DEADLINE = 124
    HUNG_UP = 129  # its terminal was closed
    INTERRUPTED = 130
    TERMINATED = 143
