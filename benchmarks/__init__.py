"""How much stagekit costs: `python -m benchmarks`, from a checkout, with the extra `bench`.

What is counted is overhead: the time of stages that do nothing, as a ratio to the same functions
called by hand in the same process and the same minute (`timing` says how, and why so). Peers that
are installed run the same functions on the same graphs, in the fastest way they document, and
their results are checked before they are timed: each function called once, after its parents, on
their values (`checking`). A peer that fails is printed with the name of its error, one that would
take more than some seconds as "too slow".

| module | content |
|---|---|
| `shapes` `work` | the graphs, and their functions |
| `adapter` `baselines` `subject` `peers/` | how calls by hand, graphlib, stagekit, peers run |
| `timing` `checking` | stop-watch and proof |
| `groups/` | what is measured |
| `measurement` `limits` | the numbers, and what is promised of them |
| `budgets` | what is not to get worse |
| `report` `table` `compare` `cli` | what is printed |

`--json FILE` keeps a run, `--compare A B` shows two side by side, `--markdown` prints the page
docs/performance.md.
"""

from __future__ import annotations

__all__ = ()
