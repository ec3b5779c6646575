"""The graph in the languages of Mermaid and Graphviz."""

from __future__ import annotations

from typing import List

from stagekit._base.text import escape_control
from stagekit._plan.plan import Plan
from stagekit._render.picture import Link, Node, Picture, picture

MERMAID_EDGES = 500  # unless a page sets another limit
_PLAIN = " _-.:,"


def to_mermaid(plan: Plan, *, fold: bool = True) -> str:
    """Return a Mermaid flowchart: data edges are solid and carry their types, others dotted."""
    shown = picture(plan, fold=fold)
    lines = ["flowchart LR", *(f"  %% {note}" for note in (shown.note, limit_note(shown)) if note)]
    lines += [f'  s{number}["{_mermaid(node.name)}"]' for number, node in enumerate(shown.nodes)]
    for link in shown.links:
        label = _mermaid(link.label)
        arrow = "-.->" if link.is_order else f'-->|"{label}"|' if label else "-->"
        lines.append(f"  s{link.before} {arrow} s{link.after}")
    soft = [f"s{number}" for number, node in enumerate(shown.nodes) if node.is_optional]
    if soft:
        lines += ["  classDef optional stroke-dasharray: 4 3", f"  class {','.join(soft)} optional"]
    return "\n".join(lines)


def limit_note(shown: Picture) -> str:
    """Return that Mermaid would not draw so many edges; an empty text where it would."""
    count = len(shown.links)
    if count <= MERMAID_EDGES:
        return ""
    return f"Mermaid draws at most {MERMAID_EDGES} edges unless maxEdges is set, of {count:,}"


def _mermaid(text: str) -> str:
    """Write what has a meaning in Mermaid, Markdown or HTML by its number, as Mermaid does."""
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in text)


def to_dot(plan: Plan, *, fold: bool = True) -> str:
    """Return a Graphviz digraph: data edges are solid and carry their types, others dashed."""
    shown = picture(plan, fold=fold)
    lines = [f"digraph {_dot(escape_control(plan.target) or 'stagekit')} {{"]
    lines += ["  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    lines += ['  edge [fontname="sans-serif", fontsize=11];']
    if shown.note:
        lines.append(f"  // {shown.note}")
    ids = [_id(plan, node) for node in shown.nodes]
    for stage_id, node in zip(ids, shown.nodes):
        facts = [f"label={_dot(node.name)}", f"tooltip={_dot(node.title)}"]
        if node.is_optional:
            facts.append("style=dashed")
        lines.append(f"  {stage_id} [{', '.join(facts)}];")
    lines += [f"  {ids[link.before]} -> {ids[link.after]}{_style(link)};" for link in shown.links]
    return "\n".join([*lines, "}"])


def _id(plan: Plan, node: Node) -> str:
    """Return the name of a box: the id of its stage; of several the first, and how many."""
    stage_id = plan.order[node.steps[0]]
    return _dot(f"{stage_id} ×{len(node.steps)}" if node.steps[1:] else stage_id)


def _style(link: Link) -> str:
    facts: List[str] = []
    if link.label:
        facts.append(f"label={_dot(link.label)}")
    if link.is_order:
        facts.append("style=dashed")
    return f" [{', '.join(facts)}]" if facts else ""


def _dot(text: str) -> str:
    """Quote a text so that DOT shows it as it is: no escapes of its own, no HTML entities."""
    quoted = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + quoted.replace("\n", "\\n") + '"'
