"""The text of ``stagekit --version``. Imports nothing, so that the answer is immediate."""

from __future__ import annotations

import sys

_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}


def version_line() -> str:
    """Return ``stagekit 0.1.0 (CPython 3.12.1, linux)``."""
    from stagekit._base.version import __version__

    name = sys.implementation.name
    python = ".".join(map(str, sys.version_info[:3]))
    return f"stagekit {__version__} ({_IMPLEMENTATIONS.get(name, name)} {python}, {sys.platform})"
