"""The world that calls are made in: where the pool's process was when it started a worker."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, Dict, List, Mapping, Tuple

# Any: parts of many types


def world() -> Dict[str, Any]:
    """Return where this process is: its import path, arguments, environment and folder."""
    try:
        folder = os.getcwd()
    except OSError:  # it is gone
        folder = ""
    argv: Tuple[str, ...] = tuple(getattr(sys, "argv", ()))
    return {
        "path": tuple(sys.path),
        "argv": argv,
        "environ": dict(os.environ),
        "folder": folder,
    }


def enter(world: Mapping[str, Any]) -> None:
    """Be there."""
    path: List[str] = list(world["path"])
    sys.path[:] = path
    sys.argv[:] = world["argv"]
    os.environ.clear()
    os.environ.update(world["environ"])
    if world["folder"]:
        with suppress(OSError):
            os.chdir(world["folder"])
