"""The command line: ``stagekit`` and ``python -m stagekit``. Outside of everything else.

Example:
    >>> from stagekit.cli import ExitCode
    >>> int(ExitCode.STAGE_FAILED)
    1
"""

from __future__ import annotations

from stagekit.cli.exitcode import ExitCode

__all__ = ["ExitCode"]
