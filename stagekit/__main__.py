"""``python -m stagekit``, and the console script ``stagekit``: both come in here."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Carry out the command line of this process; return its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]) and sys.stdout is not None:
        return _print_version()  # before anything is imported
    from stagekit.cli.process import main as process_main

    return process_main(arguments)


def _print_version() -> int:
    from stagekit.cli.version import version_line

    try:
        print(version_line(), flush=True)  # noqa: T201 - without click, which costs 60 ms
    except BrokenPipeError:  # who asked has gone
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
