"""GitHub Actions: failures as annotations of lines, and a run as the summary of its step."""

from __future__ import annotations

import html
import os
import re
from itertools import islice
from typing import Iterable, List, Mapping, Optional, Sequence

from stagekit._base.outcome import Outcome
from stagekit._base.text import error_line, escape_control, seconds, short_names
from stagekit._run.report import StageReport
from stagekit._run.result import Result
from stagekit.cli.failures import failures_of, why_not
from stagekit.cli.output import PLAIN, Output
from stagekit.cli.streams import StandardError
from stagekit.cli.summary import critical_path, plain_summary
from stagekit.errors import Problem

MOST_ANNOTATIONS = 10  # of one kind: GitHub shows no more of one step
MOST_BYTES = 1024 * 1024  # of a summary: GitHub drops a longer one
_MOST_ROWS = 500
_LONGEST = 20_000  # characters of one failure in a summary
_LONGEST_CELL = 200
_MARKS = {
    Outcome.SUCCEEDED: "✅",
    Outcome.REUSED: "♻️",
    Outcome.FAILED: "❌",
    Outcome.SKIPPED: "⏭️",
    Outcome.CANCELLED: "🚫",
}
# All that Markdown, or GitHub, would make something of.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$^=-])")


def annotate(level: str, problems: Iterable[Problem], environ: Mapping[str, str]) -> None:
    """Print the first of some problems as annotations of their lines.

    Args:
        level: ``"error"`` or ``"warning"``.
        problems: each with its place.
        environ: says where the repository is.
    """
    for each in islice(problems, MOST_ANNOTATIONS):
        said = [each.message, *each.notes, *(f"help: {fix}" for fix in each.fixes)]
        title, place = f"stagekit ({each.code.value})", each.location
        file = None if place is None else _in_repository(place.file, environ)
        line = None if place is None else str(place.line)
        print_annotation(level, "\n".join(said), file=file, line=line, title=title)


def print_annotation(level: str, message: str, **properties: Optional[str]) -> None:
    """Print a workflow command: ``::error file=shop.py,line=3,title=stagekit::...``."""
    known = {**properties, "title": properties.get("title") or "stagekit"}
    shown = ",".join(f"{name}={_property(text)}" for name, text in known.items() if text)
    data = _data(escape_control(message, keep="\n"))
    StandardError().command(f"::{level} {shown}::{data}\n")


def _in_repository(file: str, environ: Mapping[str, str]) -> str:
    """Return a path as GitHub knows it: from the root of the repository, where it is below."""
    root = environ.get("GITHUB_WORKSPACE") or os.curdir
    try:
        relative = os.path.relpath(os.path.realpath(file), os.path.realpath(root))
    except (OSError, ValueError):  # no current folder, or another drive
        return file
    return file if relative.startswith(os.pardir) else relative.replace(os.sep, "/")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(escape_control(text)).replace(":", "%3A").replace(",", "%2C")


def summarize(result: Result, output: Output, environ: Mapping[str, str]) -> None:
    """Append a run to the summary of the step."""
    names = short_names(result.plan.order)
    reports = result.reports()
    target = _markdown(result.plan.target or "all stages")
    mark = "✅" if result.ok else "❌"
    head = [f"### {mark} {target}: {result.status.value}", "", _markdown(plain_summary(result)), ""]
    rows = ["| | stage | time | |", "|---|---|--:|---|"]
    order: Sequence[StageReport] = reports
    if len(reports) > _MOST_ROWS:  # what went wrong first
        order = sorted(reports, key=lambda each: each.outcome is Outcome.SUCCEEDED)
    rows += [_row(each, names[each.stage_id], result) for each in order[:_MOST_ROWS]]
    more = len(reports) - _MOST_ROWS
    rows += ["", f"and {more:,} more stages"] if more > 0 else []
    path = critical_path(result, PLAIN)
    blocks = [head, rows, ["", f"**Critical path** {_markdown(path)}"] if path else []]
    blocks += [_block(each.text) for each in failures_of(result, PLAIN)]
    _append(blocks, output, environ)


def summarize_error(target: str, text: str, output: Output, environ: Mapping[str, str]) -> None:
    """Append to the summary of the step why nothing was run."""
    head = [f"### ❌ {_markdown(target)}: not run"]
    _append([head, _block(text)], output, environ)


def _row(report: StageReport, name: str, result: Result) -> str:
    took = seconds(report.seconds) if report.attempts else ""
    if report.error is not None:
        what = error_line(report.error, limit=_LONGEST_CELL)
    elif report.outcome in {Outcome.SUCCEEDED, Outcome.REUSED}:
        what = report.note
    else:
        what = why_not(result, report)
    return f"| {_MARKS[report.outcome]} | {_markdown(name)} | {took} | {_markdown(what)} |"


def _block(text: str) -> List[str]:
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n…"
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return ["", f"{fence}text", shown, fence]


def _markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    plain = html.escape(escape_control(text), quote=False).replace("@", "&#64;")
    return _SPECIAL.sub(r"\\\1", plain)


def _append(blocks: List[List[str]], output: Output, environ: Mapping[str, str]) -> None:
    """Write as many blocks as the summary has room for."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    left_out = "\n\nThe rest is left out: a summary has 1 MiB at most.\n"
    try:
        with open(path, "ab") as file:
            room = MOST_BYTES - file.tell() - len(left_out)
            for number, block in enumerate(blocks):
                data = "".join(f"{line}\n" for line in block).encode("utf-8", "backslashreplace")
                room -= len(data)
                if room < 0:
                    if number:
                        file.write(left_out.encode())
                    return
                file.write(data)
            file.write(b"\n")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        output.warn(f"the summary of the step cannot be written: {escape_control(str(why))}")
