"""A plan where notebooks show it: as text, or a picture and a table in which nothing is active."""

from __future__ import annotations

from typing import Dict, List, Sequence

from stagekit._base.html_text import escaped, scrolling, table
from stagekit._base.text import plural
from stagekit._plan.plan import Plan
from stagekit._render.facts import Row, called, headline, rows, several
from stagekit._render.svg import to_svg
from stagekit._render.table import explain, sections

MOST_ROWS = 500
_WIDEST_CELL = 200


def mimebundle(plan: Plan) -> Dict[str, str]:
    """Return the plan as ``text/plain`` and ``text/html``."""
    return {"text/plain": explain(plan), "text/html": _html(plan)}


def _html(plan: Plan) -> str:
    shown = rows(plan)
    what, facts = headline(plan)
    names = called(plan)
    drawn = to_svg(plan, is_inline=True) if len(plan) > 1 else ""
    more = len(shown) - MOST_ROWS
    return "".join(
        [
            f"<p><b>{escaped(what)}</b> {escaped(facts)}</p>",
            scrolling(drawn) if drawn else "",
            table(
                ("level", "stage", "needs", "gives", "description"),
                [_cells(plan, row, names) for row in shown[:MOST_ROWS]],
                wraps=("needs", "gives", "description"),
                titles=[plan.order[row.step] for row in shown[:MOST_ROWS]],
            ),
            f"<p>and {plural(more, 'more stage', 'more stages')}</p>" if more > 0 else "",
            *(_section(title, lines) for title, lines in sections(plan)),
        ]
    )


def _section(title: str, lines: Sequence[str]) -> str:
    more = len(lines) - MOST_ROWS
    shown = [*lines[:MOST_ROWS], *([f"and {plural(more, 'more line')}"] if more > 0 else [])]
    text = escaped("\n".join(shown))
    wraps = ";white-space:pre-wrap" if title == "warnings" else ""
    return f"<p><b>{title}</b></p>" + scrolling(f'<pre style="margin:0{wraps}">{text}</pre>')


def _cells(plan: Plan, row: Row, names: Sequence[str]) -> List[str]:
    cells = (
        str(row.level + 1),
        names[row.step],
        several(row.needs, _WIDEST_CELL),
        several(row.gives, _WIDEST_CELL),
        plan.stages[row.step].description,
    )
    return list(map(escaped, cells))
