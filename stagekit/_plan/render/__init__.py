"""A plan as text: table, picture, Mermaid, DOT, SVG, JSON, HTML; each in about linear time."""

from __future__ import annotations

from stagekit._plan.render.document import to_json
from stagekit._plan.render.graphs import to_dot, to_mermaid
from stagekit._plan.render.notebook import mimebundle
from stagekit._plan.render.svg import to_svg
from stagekit._plan.render.table import explain
from stagekit._plan.render.tree import to_tree

__all__ = ["explain", "mimebundle", "to_dot", "to_json", "to_mermaid", "to_svg", "to_tree"]
