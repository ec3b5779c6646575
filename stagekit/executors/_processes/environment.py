"""The environment that calls are made in: that of the pool's process when it starts a worker."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, Dict, List, Mapping, Tuple

from stagekit._base.shadowing import import_past
from stagekit.executors._processes.inherited import take_umask, umask

# Any: parts of many types


def environment() -> Dict[str, Any]:
    """Return import path, arguments, variables, folder and umask of this process."""
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
        "umask": umask(),
    }


def enter(parent: Mapping[str, Any]) -> None:
    """Apply what ``environment`` has returned in another process."""
    path: List[str] = list(parent["path"])
    if path != sys.path:
        import_past(path)
        sys.path[:] = path
    sys.argv[:] = parent["argv"]
    os.environ.clear()
    os.environ.update(parent["environ"])
    if parent["folder"]:
        with suppress(OSError):
            os.chdir(parent["folder"])
    take_umask(parent["umask"])
