"""``stagekit graph``: the stages and what they wait for, drawn."""

from __future__ import annotations

import enum
import errno
import os
import shutil
from typing import Optional

from stagekit._api import Plan
from stagekit._base.columns import terminal_columns
from stagekit._base.record import Record
from stagekit._base.text import did_you_mean, error_line, escape_control
from stagekit._render.graphs import MERMAID_EDGES, limit_note
from stagekit._render.picture import picture
from stagekit._render.tree import to_tree
from stagekit.cli import ExitCode
from stagekit.cli.output import Output
from stagekit.cli.planning import Selection, plan_of
from stagekit.errors import UsageError

_SCALE = 2  # pixels of a PNG for one of the SVG: letters are sharp on most screens
_SECONDS = 120  # that a program may take to draw


class GraphFormat(enum.Enum):
    """What is drawn; all but ``png`` are values of ``--format``."""

    TREE = "tree"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    JSON = "json"
    PNG = "png"


SUFFIXES = {
    ".svg": GraphFormat.SVG,
    ".png": GraphFormat.PNG,
    ".dot": GraphFormat.DOT,
    ".mmd": GraphFormat.MERMAID,
    ".mermaid": GraphFormat.MERMAID,
    ".json": GraphFormat.JSON,
    ".txt": GraphFormat.TREE,
}
_FOLDED = (GraphFormat.SVG, GraphFormat.PNG, GraphFormat.DOT, GraphFormat.MERMAID)
_COLUMNS = 100  # of a tree in a file


class GraphRequest(Record):
    """What is to be drawn, and where to.

    Attributes:
        graph_format: what ``--format`` says.
        file: what ``-o`` says.
        folds: stages share boxes.
    """

    graph_format: Optional[GraphFormat] = None
    file: Optional[str] = None
    folds: bool = True

    @property
    def drawn(self) -> GraphFormat:
        """What is drawn: as said, or as the name of the file ends.

        Raises:
            UsageError: the name ends in nothing that is known, or says something else than
                ``--format``; the folder of the file is not there; nothing can draw a PNG.
        """
        said = self.graph_format
        if self.file is None:
            return said if said is not None else GraphFormat.TREE
        shown, suffix = escape_control(self.file), os.path.splitext(self.file)[1].lower()
        found = SUFFIXES.get(suffix)
        if found is None:
            near = did_you_mean(suffix, SUFFIXES) if suffix else ()
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"-o {shown}: {hint}FILE ends in one of {', '.join(SUFFIXES)}")
        if said is not None and said is not found:
            raise UsageError(f"-o {shown} and --format {said.value} contradict each other")
        folder = os.path.dirname(self.file) or "."
        if not os.path.isdir(folder):
            there = escape_control(folder)
            raise UsageError(f"-o {shown}: there is no folder {there}; write mkdir -p {there}")
        if os.path.isdir(self.file):
            raise UsageError(f"-o {shown}: that is a folder")
        if found is GraphFormat.PNG and _drawer() is None:
            raise UsageError(
                f"-o {shown}: a PNG needs rsvg-convert or cairosvg: apt install librsvg2-bin, "
                "brew install librsvg, or pip install cairosvg; a .svg needs neither"
            )
        return found


def show_graph(
    target: str, selection: Selection, output: Output, request: GraphRequest
) -> ExitCode:
    """Print the graph of a target, or write it to a file.

    Raises:
        UsageError: the file cannot be what it is called, or where it is.
        StagekitError: the target cannot be planned.
    """
    drawn = request.drawn
    made = plan_of(target, selection, output, is_picture=True)
    if drawn in _FOLDED:
        _note(made, output, drawn, folds=request.folds)
    if request.file is None:
        if drawn is GraphFormat.TREE:
            output.print_text(_tree(made, output, folds=request.folds))
        else:
            output.print_result(_text(made, drawn, folds=request.folds))
        return ExitCode.OK
    try:
        _write(made, request.file, drawn, folds=request.folds)
    except Exception as error:  # noqa: BLE001 - of the disk, or of what draws a PNG
        why = escape_control(getattr(error, "strerror", None) or error_line(error))
        output.print_error(f"-o {escape_control(request.file)} cannot be written: {why}")
        return ExitCode.NOT_WRITTEN
    return ExitCode.OK


def _note(plan: Plan, output: Output, drawn: GraphFormat, *, folds: bool) -> None:
    """Say that there are more stages than boxes, or more edges than Mermaid would draw."""
    shown = picture(plan, fold=folds)
    said = [shown.note] if shown.note else []
    count = sum(plan.indegree)
    if drawn is GraphFormat.MERMAID and count > MERMAID_EDGES:
        folded = f"Mermaid draws at most {MERMAID_EDGES} edges, of {count:,}, so stages share boxes"
        said.insert(0, limit_note(shown) or folded)
    if said:
        output.note("; ".join(said))


def _text(plan: Plan, drawn: GraphFormat, *, folds: bool) -> str:
    if drawn is GraphFormat.MERMAID:
        return plan.to_mermaid(fold=folds)
    if drawn is GraphFormat.DOT:
        return plan.to_dot(fold=folds)
    if drawn in (GraphFormat.SVG, GraphFormat.PNG):
        return plan.to_svg(fold=folds)
    return plan.to_json()


def _tree(plan: Plan, output: Output, *, folds: bool) -> str:
    """Return the tree for a terminal: in its width and colours."""
    columns = terminal_columns(_COLUMNS)
    style = output.style
    is_seen = output.columns is not None or style.has_color
    return to_tree(
        plan,
        columns=columns,
        ascii_only=not style.has_unicode,
        paint=style.paint if is_seen else None,
        fold=folds,
    )


def _write(plan: Plan, file: str, drawn: GraphFormat, *, folds: bool) -> None:
    """Write a file that is whole, or is not there: it is written beside its place first."""
    if drawn is GraphFormat.TREE:
        data = to_tree(plan, columns=_COLUMNS, fold=folds).encode()
    else:
        data = _text(plan, drawn, folds=folds).encode()
    data = _png(data) if drawn is GraphFormat.PNG else data + b"\n"
    folder, name = os.path.split(file)
    beside = os.path.join(folder, f".{name}.{os.getpid()}")
    try:
        with open(beside, "wb") as opened:
            opened.write(data)
        os.replace(beside, file)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)


def _drawer() -> Optional[str]:
    """Return what can make a PNG of an SVG here: the path of a program, or ``cairosvg``."""
    from importlib.util import find_spec

    found = shutil.which("rsvg-convert")
    return found or ("cairosvg" if find_spec("cairosvg") is not None else None)


def _png(svg: bytes) -> bytes:
    """Return a picture as PNG, on white.

    Raises:
        OSError: the program failed; it says why.
    """
    drawer = _drawer()
    if drawer == "cairosvg":
        from importlib import import_module

        made: bytes = import_module("cairosvg").svg2png(
            bytestring=svg, scale=_SCALE, background_color="white"
        )
        return made
    import subprocess

    said = ""
    for scale in (_SCALE, 1):  # there is a limit, which few pictures reach
        asked = ["--zoom", str(scale), "--background-color", "white", "--format", "png"]
        done = subprocess.run(  # noqa: S603 - what `which` has found
            [str(drawer), *asked], input=svg, capture_output=True, timeout=_SECONDS, check=False
        )
        if not done.returncode:
            return done.stdout
        said = done.stderr.decode(errors="replace").strip() or "it failed"
    raise OSError(errno.EIO, f"rsvg-convert: {said.splitlines()[0]}")
