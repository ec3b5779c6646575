"""Notebooks and IPython shells, as far as they are there: nothing of IPython is ever imported."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional


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


def declared_in(file: str) -> None:
    """Note that the cell that is being run, whose code has this file name, declares a stage."""
    header: Any = getattr(shell(), "parent_header", None) or {}
    cell = str(header.get("metadata", {}).get("cellId") or "")
    _cells.pop(file, None)
    if cell:
        _cells[file] = cell
        _latest[cell] = file


def is_gone(file: str) -> bool:
    """Tell whether a cell has been run again, and has declared stages with other code than this.

    Unknown where a notebook does not say which cell it runs: then it is False.
    """
    return file in _cells and _latest[_cells[file]] != file
