"""A plan where notebooks show it: as text, or a picture and a table in which nothing is active."""

from __future__ import annotations

from typing import Dict, List, Sequence

from stagekit._base.text import escape_control, plural
from stagekit._plan.plan import Plan
from stagekit._render.facts import Row, called, headline, rows, several
from stagekit._render.svg import to_svg
from stagekit._render.table import explain

MOST_ROWS = 500
MOST_DRAWN = 60  # stages; of more a picture is no help
_WIDEST_CELL = 200


def mimebundle(plan: Plan) -> Dict[str, str]:
    """Return the plan as ``text/plain`` and ``text/html``."""
    return {"text/plain": explain(plan), "text/html": _html(plan)}


def _html(plan: Plan) -> str:
    shown = rows(plan)
    what, facts = headline(plan)
    more = len(shown) - MOST_ROWS
    head = ("level", "stage", "needs", "gives", "description")
    names = called(plan)
    body = [
        _line(_cells(plan, row, names), "td", plan.order[row.step]) for row in shown[:MOST_ROWS]
    ]
    notes = [str(problem) for problem in plan.warnings]
    if more > 0:
        notes.insert(0, f"and {plural(more, 'more stage', 'more stages')}")
    return "".join(
        [
            f"<p><b>{_escaped(what)}</b> {_escaped(facts)}</p>",
            to_svg(plan, is_inline=True).replace("\n", "") if 1 < len(plan) <= MOST_DRAWN else "",
            f"<table><thead>{_line(head, 'th')}</thead><tbody>{''.join(body)}</tbody></table>",
            *(f"<pre>{_escaped(note)}</pre>" for note in notes),
        ]
    )


def _cells(plan: Plan, row: Row, names: Sequence[str]) -> List[str]:
    return [
        str(row.level + 1),
        names[row.step],
        several(row.needs, _WIDEST_CELL),
        several(row.gives, _WIDEST_CELL),
        plan.stages[row.step].description,
    ]


def _line(cells: Sequence[str], tag: str, title: str = "") -> str:
    start = f'<tr title="{_escaped(title)}">' if title else "<tr>"
    return start + "".join(f"<{tag}>{_escaped(cell)}</{tag}>" for cell in cells) + "</tr>"


def _escaped(text: str) -> str:
    import html  # 3 ms

    return html.escape(escape_control(text, keep="\n"), quote=True)
