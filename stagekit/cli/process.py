"""The command line of a whole process: its streams, its signals, and its exit code."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Sequence

from stagekit.cli.interruption import Interruption
from stagekit.cli.streams import adopt


def main(arguments: Sequence[str]) -> int:
    """Carry out a command line; nothing that goes wrong on the way shows as a bare traceback."""
    adopt()
    interruption = Interruption()
    try:
        with interruption.listening():
            from stagekit.cli.app import main as run_command  # click: 30 ms

            code = run_command(arguments, interruption)
    except KeyboardInterrupt:  # before a command could take care of it, or after
        code = int(interruption.exit_code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError, AttributeError):  # closed, or taken away, by a stage
            stream.flush()
    return code
