"""The graph in the languages of Mermaid and Graphviz."""

from __future__ import annotations

from typing import List

from stagekit._base.text import escape_control
from stagekit._plan.plan import Plan
from stagekit._plan.slots import ORDER
from stagekit._render.facts import called, data_labels

_PLAIN = " _-.:,"


def to_mermaid(plan: Plan) -> str:
    """Return a Mermaid flowchart: data edges are solid and carry their types, others dotted."""
    labels = data_labels(plan)
    lines = ["flowchart LR"]
    lines += [f'  s{step}["{_mermaid(name)}"]' for step, name in enumerate(called(plan))]
    for edge in plan.edges:
        label = labels.get((edge.before, edge.after), "")
        arrow = "-.->" if edge.kind == ORDER else f'-->|"{_mermaid(label)}"|' if label else "-->"
        lines.append(f"  s{edge.before} {arrow} s{edge.after}")
    soft = [f"s{step}" for step, critical in enumerate(plan.critical) if not critical]
    if soft:
        lines += ["  classDef optional stroke-dasharray: 4 3", f"  class {','.join(soft)} optional"]
    return "\n".join(lines)


def _mermaid(text: str) -> str:
    """Write what has a meaning in Mermaid, Markdown or HTML by its number, as Mermaid does."""
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in text)


def to_dot(plan: Plan) -> str:
    """Return a Graphviz digraph: data edges are solid and carry their types, others dashed."""
    labels = data_labels(plan)
    lines = [f"digraph {_dot(escape_control(plan.target) or 'stagekit')} {{"]
    lines += ["  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for step, name in enumerate(called(plan)):
        stage = plan.stages[step]
        facts = [f"label={_dot(name)}"]
        if stage.description:
            facts.append(f"tooltip={_dot(escape_control(stage.description))}")
        if not plan.critical[step]:
            facts.append("style=dashed")
        lines.append(f"  {_dot(stage.id)} [{', '.join(facts)}];")
    for edge in plan.edges:
        before, after = plan.order[edge.before], plan.order[edge.after]
        label = labels.get((edge.before, edge.after), "")
        lines.append(f"  {_dot(before)} -> {_dot(after)}{_style(edge.kind, label)};")
    return "\n".join([*lines, "}"])


def _style(kind: str, label: str) -> str:
    facts: List[str] = []
    if label:
        facts.append(f"label={_dot(label)}")
    if kind == ORDER:
        facts.append("style=dashed")
    return f" [{', '.join(facts)}]" if facts else ""


def _dot(text: str) -> str:
    """Quote a text so that DOT shows it as it is: no escapes of its own, no HTML entities."""
    quoted = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
