"""Two runs side by side: what became faster or slower."""

from __future__ import annotations

from typing import List

from benchmarks.measurement import Measurement, Record
from benchmarks.table import number, text_table

__all__ = ["compare"]

NOTABLE = 1.15


def compare(before: Record, after: Record) -> str:
    """Render every measurement that both runs have, by ratio where it has one.

    Ratios to a baseline of the same run can be compared across machines; plain values only
    between runs on the same quiet machine. Changes beyond 15 % are marked.
    """
    known = {one.key: one for one in before.measurements}
    rows: List[List[str]] = []
    for one in after.measurements:
        old = known.get(one.key)
        if old is not None:
            rows.append(_row(old, one))
    only = _only(before, after), _only(after, before)
    table = text_table(("group / case / subject", "unit", "before", "after", "after/before"), rows)
    notes = [f"only {side}: {len(keys)}" for side, keys in zip(("before", "after"), only) if keys]
    return "\n".join([table, *notes])


def _only(here: Record, there: Record) -> List[Measurement]:
    known = {one.key for one in there.measurements}
    return [one for one in here.measurements if one.key not in known]


def _row(old: Measurement, new: Measurement) -> List[str]:
    by_ratio = old.ratio is not None and new.ratio is not None
    unit = "x baseline" if by_ratio else new.unit
    was, now = (old.ratio, new.ratio) if by_ratio else (old.value, new.value)
    texts = [old.error or number(was), new.error or number(now)]
    return [" / ".join(new.key), unit, *texts, _change(was, now)]


def _change(was: float | None, now: float | None) -> str:
    if not was or now is None:
        return "-"
    change = now / was
    mark = " *" if change > NOTABLE or change < 1 / NOTABLE else ""
    return f"{change:.2f}{mark}"
