"""Notebooks and IPython shells, as far as they are there: nothing of IPython is ever imported."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Optional, Set


def shell() -> Optional[Any]:  # Any: IPython is typed only where it is installed
    """Return the IPython shell of this process, if there is one."""
    ask: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if ask is None else ask()


def cell_of(file: str) -> str:
    """Return the cell whose code a file name stands for, as IPython calls it: ``Cell In[3]``.

    Empty for anything else.
    """
    found = shell()
    name = getattr(getattr(found, "compile", None), "format_code_name", None)
    parts = None if name is None else name(file)
    return "" if parts is None else " ".join(map(str, parts))


def number_of(file: str) -> int:
    """Return the number of the cell whose code a file name stands for, or 0."""
    digits = "".join(c for c in cell_of(file) if c.isdigit())
    return int(digits) if digits else 0


_cells: Dict[str, str] = {}  # by file name, the id of the cell that it was the code of
_latest: Dict[str, str] = {}  # by the id of a cell, the file name of what was run last
_declaring: Set[str] = set()  # the ids of cells that have declared a stage, and have not ended
_unfinished: Set[str] = set()  # those, and the ones that ended with an error


def declared_in(file: str) -> None:
    """Note that the cell that is being run declares a stage, if its code has this file name."""
    found: Any = shell()
    cell = _id_of(found)
    _cells.pop(file, None)
    if cell and _is_run_now(file):
        _cells[file] = cell
        _latest[cell] = file
        _declaring.add(cell)
        _unfinished.add(cell)
        found.events.register("post_run_cell", _ended)  # once, however often it is called


def _id_of(found: Any) -> str:
    """Return the id of the cell that a shell runs; empty where it does not say."""
    header: Any = getattr(found, "parent_header", None) or {}
    return str(header.get("metadata", {}).get("cellId") or "")


def _is_run_now(file: str) -> bool:
    """Return whether code of this file name is being run, and is no function of an earlier cell."""
    frame: Optional[FrameType] = sys._getframe()  # noqa: SLF001 - there is no other way to it
    while frame is not None:
        code = frame.f_code
        if code.co_filename == file and code.co_name in {"<module>", "async-def-wrapper"}:
            return True
        frame = frame.f_back
    return False


def _ended(result: Any) -> None:  # Any: an ``ExecutionResult`` of IPython
    """Note that a cell has ended: what it has not declared this time is gone from it."""
    cell = _id_of(shell())
    is_whole = bool(result.success)
    if cell in _latest and is_whole:
        _unfinished.discard(cell)
        if cell not in _declaring:
            _latest[cell] = ""
    _declaring.discard(cell)


def is_gone(file: str, name: str) -> bool:
    """Return whether a cell was run again and has no longer the stage that it had.

    Unknown where a notebook does not say which cell it runs: then it is False. While the cell is
    being run, and after an error in it, its new code has the last word: a function that is defined
    there may become a stage further below.

    Args:
        file: of the code that has declared the stage.
        name: of its function.
    """
    cell = _cells.get(file)
    if cell is None or _latest[cell] == file:
        return False
    if cell not in _unfinished:
        return True
    import linecache
    import re

    code = "".join(linecache.getlines(_latest[cell]))
    return not re.search(rf"\bdef\s+{re.escape(name)}\b", code)
