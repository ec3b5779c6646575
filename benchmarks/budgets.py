"""What is not to get worse: figures of one day, kept in `budgets.json`, and how a run compares.

A figure is a ratio to a baseline of the same rounds (calls by hand, the floor, graphlib, the pool
alone), or a count: both mean the same on another machine and on a busy day, as nearly as anything
measured does. `python -m benchmarks --keep-budgets FILE` writes the figures of a run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

from benchmarks.measurement import Measurement, Record

__all__ = [
    "BUDGETS",
    "GROUPS",
    "Comparison",
    "compared",
    "figures",
    "read_budgets",
    "write_budgets",
]

BUDGETS = Path(__file__).resolve().parent / "budgets.json"
GROUPS = ("everyday", "walk", "fresh process", "command", "import")
BASELINES = ("floor", "raw", "graphlib", "the pool alone", "import click", "import dataclasses")
NOISE = 1.25  # a figure may be so many times its budget


@dataclass(frozen=True)
class Comparison:
    """A figure of a run, and its budget."""

    name: str
    figure: float
    budget: float

    @property
    def is_kept(self) -> bool:
        """True unless the figure is worse than noise explains; counts of 0 stay 0."""
        return self.figure <= self.budget * NOISE

    @property
    def word(self) -> str:
        """The comparison in a word."""
        if not self.is_kept:
            return "WORSE"
        return "better" if self.figure * NOISE < self.budget else "kept"


def _figure(one: Measurement) -> Optional[float]:
    """Return the ratio of a measurement; where it has none, a count or a growth."""
    if one.ratio is not None:
        return one.ratio
    return one.value if one.unit in ("count", "x", "modules") else None


def figures(record: Record) -> Dict[str, float]:
    """Return what budgets are kept of: all figures of some groups that are not baselines."""
    found: Dict[str, float] = {}
    for one in record.measurements:
        figure = _figure(one)
        is_ours = one.group in GROUPS and one.subject not in BASELINES
        if is_ours and figure is not None and one.error is None:
            found[" / ".join(one.key)] = figure
    return found


def compared(record: Record, budgets: Mapping[str, float]) -> Tuple[Comparison, ...]:
    """Compare every figure of a run that has a budget."""
    return tuple(
        Comparison(name, figure, budgets[name])
        for name, figure in figures(record).items()
        if name in budgets
    )


def read_budgets(path: Path = BUDGETS) -> Dict[str, float]:
    """Return the figures of a file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    kept: Dict[str, float] = document["figures"]
    return kept


def write_budgets(record: Record, path: Path) -> None:
    """Write the figures of a run."""
    document = {
        "made on": {**record.machine, **record.versions},
        "figures": {name: float(f"{figure:.4g}") for name, figure in figures(record).items()},
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
