"""``--junit-xml``: a run as the file of test results that CI servers read.

Elements and attributes are those of the schema ``junit-10.xsd`` of Jenkins, which pytest writes,
too, and GitLab and other servers read.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Dict, List, Optional
from xml.etree import ElementTree as ET

from stagekit._base.outcome import Outcome
from stagekit._base.text import error_line, escape_control, short_names
from stagekit._run.report import StageReport
from stagekit._run.result import Result
from stagekit.cli.failures import Failure, failures_of, why_not
from stagekit.cli.output import PLAIN
from stagekit.cli.streams import NotWrittenError

_MOST_ITEMS = 20  # that are told of one stage


def check_file(path: str) -> str:
    """Return why a file could not be written after the run; empty where it could."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f"there is no folder {folder}; write mkdir -p {folder}"
    if os.path.isdir(path):
        return f"that is a folder; write {os.path.join(path, 'stagekit.xml')}"
    is_writable = os.access(path if os.path.exists(path) else folder, os.W_OK)
    return "" if is_writable else "it cannot be written"


def write_run(path: str, result: Result) -> None:
    """Write what became of each stage of a run.

    Raises:
        NotWrittenError: the file cannot be written.
    """
    names = short_names(result.plan.order)
    failed = {each.report.stage_id: each for each in failures_of(result, PLAIN)}
    suite = ET.Element("testsuite")
    for report in result.reports():
        _case(suite, report, names[report.stage_id], result, failed.get(report.stage_id))
    started = datetime.fromtimestamp(result.info.started_at, timezone.utc)
    suite.set("timestamp", started.isoformat(timespec="seconds"))
    _write(path, suite, result.plan.target or "all stages", result.seconds)


def write_error(path: str, target: str, kind: str, message: str, text: str) -> None:
    """Write that nothing was run: one case, which is an error. Raises as above."""
    suite = ET.Element("testsuite")
    case = ET.SubElement(suite, "testcase", classname="stagekit", name=_safe(target))
    case.set("time", "0.000")
    _say(case, "error", kind, message, text)
    _write(path, suite, target, 0.0)


def _case(
    suite: ET.Element,
    report: StageReport,
    name: str,
    result: Result,
    failure: Optional[Failure],
) -> None:
    module = report.stage_id.rpartition(":")[0] or "stagekit"
    case = ET.SubElement(suite, "testcase", classname=_safe(module), name=_safe(name))
    case.set("time", f"{_seconds(report):.3f}")
    kind = "" if report.error is None else type(report.error).__name__
    if failure is not None:
        text = "\n".join([failure.text, *_items(report)])
        if failure.role == "error":
            _say(case, "failure", kind, failure.problem.message, text)
        else:
            message = f"it may fail: {failure.problem.message}"
            _say(case, "skipped", "not critical", message, text)
    elif report.outcome is Outcome.CANCELLED and report.attempts:
        why = result.cancel_reason or "the run stopped"
        _say(case, "error", "cancelled", f"cancelled while it ran: {why}", "")
    elif report.outcome in {Outcome.SKIPPED, Outcome.CANCELLED}:
        _say(case, "skipped", report.outcome.value, why_not(result, report), "")
    for what, error in (("not closed", report.teardown_error), ("not undone", report.undo_error)):
        if error is not None:
            _say(case, "error", what, f"{what}: {error_line(error)}", "")


def _seconds(report: StageReport) -> float:
    """Return how long a stage took; the calls for items overlap."""
    if not report.items or not report.attempts:
        return report.seconds
    begin = min(each.start for each in report.attempts)
    return max(each.end for each in report.attempts) - begin


def _items(report: StageReport) -> List[str]:
    """Return a line for each item that failed."""
    failed = [each for each in report.items if each.error is not None]
    lines = [
        f"item {each.index}: {each.text}: {error_line(each.error)}"
        for each in failed[:_MOST_ITEMS]
        if each.error is not None
    ]
    more = len(failed) - _MOST_ITEMS
    return ["", *lines, *([f"and {more:,} more items failed"] if more > 0 else [])]


def _say(case: ET.Element, tag: str, kind: str, message: str, text: str) -> None:
    element = ET.SubElement(case, tag, type=_safe(kind), message=_safe(message))
    element.text = _safe(text) or None


def _safe(text: str) -> str:
    r"""Return a text without characters that XML cannot have: they are shown as ``\x1b``."""
    return escape_control(text, keep="\n\t")


def _write(path: str, suite: ET.Element, name: str, seconds: float) -> None:
    cases = list(suite)
    counts: Dict[str, int] = {"tests": len(cases)}
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        counts[attribute] = sum(case.find(tag) is not None for case in cases)
    attributes = {"name": _safe(name), **{key: str(count) for key, count in counts.items()}}
    suite.attrib.update({**attributes, "time": f"{seconds:.3f}"})
    del attributes["skipped"]  # of suites only
    whole = ET.Element("testsuites", {**attributes, "time": f"{seconds:.3f}"})
    whole.append(suite)
    data: bytes = ET.tostring(whole, encoding="utf-8")
    head = b'<?xml version="1.0" encoding="utf-8"?>\n'
    try:
        with open(path, "wb") as file:
            file.write(data if data.startswith(b"<?xml") else head + data)
    except OSError as error:
        raise NotWrittenError(f"--junit-xml {path}", error) from None
