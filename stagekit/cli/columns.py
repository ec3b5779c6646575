"""Tables of the command line: columns that line up."""

from __future__ import annotations

from typing import Optional, Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


def aligned(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Return rows as lines whose columns line up.

    Example:
        >>> print(aligned([("stage", "wall"), ("load_orders", "3 s")], indent=""))
        stage        wall
        load_orders  3 s
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)


def size_text(count: Optional[float]) -> str:
    """Return a number of bytes for people; a dash where nobody knows.

    Example:
        >>> size_text(512), size_text(29_835_264), size_text(None)
        ('512 B', '29.8 MB', '-')
    """
    if count is None:
        return "-"
    unit = 0
    while count >= _STEP and unit < len(_UNITS) - 1:
        count, unit = count / _STEP, unit + 1
    return f"{count:.1f} {_UNITS[unit]}" if unit else f"{count:.0f} B"


def fine_seconds(duration: float) -> str:
    """Return a duration with three digits, for who compares.

    Example:
        >>> fine_seconds(0.0000412), fine_seconds(0.4123), fine_seconds(74.26)
        ('41.2 µs', '412 ms', '74.3 s')
    """
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        if duration * factor < 999.5:  # noqa: PLR2004 - shown as 1 of the next unit from here
            return f"{duration * factor:.3g} {unit}"
    return f"{duration:.3g} s" if duration < 999.5 else f"{duration:,.0f} s"  # noqa: PLR2004 - as above
