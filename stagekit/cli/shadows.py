"""Files in the folder of a pipeline that hide modules of Python, or stagekit itself."""

from __future__ import annotations

import os
import sys
from typing import FrozenSet, List, Optional

from stagekit.cli.nearby import module_names

_HARMLESS = {"test", "tests", "this", "antigravity"}


def shadows(folder: str) -> List[str]:
    """Return a sentence for each module in *folder* that hides another one."""
    standard = _standard()
    return [
        f"{_where(folder, name)} hides {_what(name)} from every import; rename it"
        for name in module_names(folder)
        if (name in standard or name == "stagekit")
        and name not in _HARMLESS
        and _is_importable(folder, name)
        and not _is_us(folder, name)
    ]


def _what(name: str) -> str:
    return "stagekit itself" if name == "stagekit" else f"the module `{name}` of Python"


def _where(folder: str, name: str) -> str:
    file = os.path.join(folder, f"{name}.py")
    return os.path.relpath(file if os.path.isfile(file) else os.path.join(folder, name))


def _is_importable(folder: str, name: str) -> bool:
    """Say whether it is a file or a real package: a bare folder hides nothing."""
    inside = os.path.join(folder, name, "__init__.py")
    return os.path.isfile(os.path.join(folder, f"{name}.py")) or os.path.isfile(inside)


def _is_us(folder: str, name: str) -> bool:
    """Say whether it is stagekit that runs, as in a checkout of it."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.realpath(os.path.join(folder, name)) == os.path.realpath(ours)


def _standard() -> FrozenSet[str]:
    known: Optional[FrozenSet[str]] = getattr(sys, "stdlib_module_names", None)  # from 3.10 on
    if known is not None:
        return known
    return frozenset((*sys.builtin_module_names, *module_names(os.path.dirname(os.__file__))))
