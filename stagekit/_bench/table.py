"""A benchmark as tables: for the command line, for ``print`` and for notebooks."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from stagekit._base.html_text import escaped
from stagekit._base.html_text import table as html_table
from stagekit._base.text import aligned, bytes_text, escape_control, fine_seconds, short_names
from stagekit._bench.measures import (
    FASTER,
    SAME,
    SLOWER,
    Difference,
    ExecutorBenchmark,
    Measures,
)
from stagekit._bench.samples import ENOUGH, Sample

Executors = Mapping[str, ExecutorBenchmark]
Differences = Mapping[str, Difference]

_MOST_SHOWN = 12  # stages of the table
_NONE: Dict[str, Difference] = {}


def lines(  # noqa: PLR0913 - what the command line compares with
    heading: Sequence[str],
    executors: Executors,
    memory: Optional[str],
    *,
    differences: Differences = _NONE,
    stage_differences: Differences = _NONE,
    has_unicode: bool = True,
    all_of_it: str = "to_json()",
) -> Iterator[str]:
    """Yield a benchmark as lines for people.

    Args:
        heading: what was run, how often, and on what.
        executors: what was measured; of the first one each stage is shown.
        memory: how memory was measured, or None.
        differences: by executor, beside what it is compared with.
        stage_differences: the same by stage id.
        has_unicode: whether there are arrows and the like.
        all_of_it: what shows the stages that are left out.
    """
    yield (" · " if has_unicode else ", ").join(heading)
    yield ""
    yield from indented(list(_executor_rows(executors, differences, has_unicode=has_unicode)))
    yield ""
    rows = list(_stage_rows(executors, memory, stage_differences, has_unicode=has_unicode))
    yield from indented(rows[: _MOST_SHOWN + 1])
    more = len(rows) - 1 - _MOST_SHOWN
    if more > 0:
        yield f"  and {more:,} more; {all_of_it} has all"
    yield ""
    for name, text in _facts(executors, memory, has_unicode=has_unicode):
        yield f"  {name:<13}  {text}"


def to_html(heading: Sequence[str], executors: Executors, memory: Optional[str]) -> str:
    """Return the same as HTML, with all stages; data stays text."""
    what, *others = map(escaped, heading)
    tables: List[Sequence[Sequence[str]]] = [
        list(_executor_rows(executors, _NONE, has_unicode=True)),
        list(_stage_rows(executors, memory, _NONE, has_unicode=True)),
    ]
    facts = [f"{name}: {text}" for name, text in _facts(executors, memory, has_unicode=True)]
    return "".join(
        [
            f"<p><b>{what}</b> {' · '.join(others)}</p>",
            *(html_table(rows[0], [map(escaped, row) for row in rows[1:]]) for rows in tables),
            *(f"<p>{escaped(fact)}</p>" for fact in facts),
        ]
    )


def indented(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows of cells as lines of a table."""
    return (f"  {line}" for line in aligned(rows))


def _executor_rows(
    executors: Executors, differences: Differences, *, has_unicode: bool
) -> Iterator[Sequence[str]]:
    spread = "±MAD" if has_unicode else "MAD"
    times = "×" if has_unicode else "x"
    last = ["vs base"] if differences else []
    head = ("executor", "median", spread, "p95", "CPU", "work", "overhead/stage", "speed-up")
    yield [*head, *last]
    for name, each in executors.items():
        workers = "" if each.workers == 1 else f" {times}{each.workers}"
        row = [
            f"{escape_control(name)}{workers}",
            *_sample(each.total.wall),
            _median(each.total.cpu),
            fine_seconds(each.work.median),
            fine_seconds(each.overhead_seconds),
            f"{each.speed_up:.2f}{times}",
        ]
        if differences:
            row.append(_versus(differences[name], times))
        yield row


def _versus(difference: Difference, times: str) -> str:
    words = {SAME: "(noise)", FASTER: "faster", SLOWER: "slower"}
    return f"{difference.ratio:.2f}{times} {words.get(difference.verdict, '(noise unknown)')}"


def _stage_rows(
    executors: Executors, memory: Optional[str], differences: Differences, *, has_unicode: bool
) -> Iterator[Sequence[str]]:
    times = "×" if has_unicode else "x"
    stages = _first(executors).stages
    names = short_names(tuple(stages))
    column, last = ["memory"] if memory else [], ["vs base"] if differences else []
    yield ["stage", "wall", "MAD", "p95", "CPU", *column, *last]
    for stage, each in sorted(stages.items(), key=lambda each: -each[1].wall.median):
        yield [
            escape_control(names[stage]),
            *_sample(each.wall),
            _median(each.cpu),
            *([_memory(each)] if memory else []),
            *([_versus(differences[stage], times)] if differences else []),
        ]


def _facts(
    executors: Executors, memory: Optional[str], *, has_unicode: bool
) -> Iterator[Tuple[str, str]]:
    first = _first(executors)
    names = short_names(tuple(first.stages))
    path = [escape_control(names[each]) for each in first.critical_path]
    took = sum(first.stages[each].wall.median for each in first.critical_path)
    arrow = " → " if has_unicode else " -> "
    if len(path) > _MOST_SHOWN:
        path[_MOST_SHOWN - 3 : -2] = ["…" if has_unicode else "..."]
    yield "critical path", f"{arrow.join(path)}   {fine_seconds(took)}"
    if memory:
        yield "memory", f"{_memory(first.total)}, by {memory}"
    yield "note", noise_text(executors)


def noise_text(executors: Executors) -> str:
    """Return, as a sentence, which differences mean nothing."""
    known = [(name, each.noise) for name, each in executors.items() if each.noise]
    if not known:
        return f"the noise is unknown: fewer than {ENOUGH} runs"
    if len(known) == 1:
        return f"differences under {known[0][1]:.0%} are within noise"
    each = ", ".join(f"{noise:.0%} ({name})" for name, noise in known)
    return f"differences under {each} are within noise"


def _first(executors: Executors) -> ExecutorBenchmark:
    return next(iter(executors.values()))


def _sample(sample: Sample) -> Tuple[str, str, str]:
    return fine_seconds(sample.median), fine_seconds(sample.mad), fine_seconds(sample.p95)


def _median(sample: Optional[Sample]) -> str:
    return "-" if sample is None else fine_seconds(sample.median)


def _memory(measures: Measures) -> str:
    return bytes_text(None if measures.memory is None else measures.memory.median)
