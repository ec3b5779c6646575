"""``stagekit graph``: the stages and what they wait for, drawn."""

from __future__ import annotations

import enum
import shutil

from stagekit._api import Plan
from stagekit._render.tree import to_tree
from stagekit.cli import ExitCode
from stagekit.cli.output import Output
from stagekit.cli.planning import Selection, plan_of


class GraphFormat(enum.Enum):
    """The values of ``--format``."""

    TREE = "tree"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    JSON = "json"


def show_graph(
    target: str, selection: Selection, output: Output, graph_format: GraphFormat
) -> ExitCode:
    """Print the graph of a target."""
    made = plan_of(target, selection, output, is_picture=True)
    output.print_result(_drawn(made, output, graph_format))
    return ExitCode.OK


def _drawn(plan: Plan, output: Output, graph_format: GraphFormat) -> str:
    if graph_format is GraphFormat.MERMAID:
        return plan.to_mermaid()
    if graph_format is GraphFormat.DOT:
        return plan.to_dot()
    if graph_format is GraphFormat.SVG:
        return plan.to_svg()
    if graph_format is GraphFormat.JSON:
        return plan.to_json()
    columns = shutil.get_terminal_size((100, 24)).columns
    return to_tree(plan, columns=columns, ascii_only=not output.style.has_unicode)
