"""The JSON documents of the command line, besides those that plans and results write."""

from __future__ import annotations

import enum
import json
from typing import Any, Dict, Optional, Sequence, TextIO

from stagekit._base.frozen import field_names
from stagekit._base.text import safe_text
from stagekit._declare.declaration import Declaration
from stagekit._plan.parameters import PlanParameter
from stagekit._plan.policy import PLAIN
from stagekit._render.document import parameter_document
from stagekit._render.policies import declared_policy, document, undo_name
from stagekit._run.result import Result
from stagekit.cli import ExitCode
from stagekit.errors import Problem
from stagekit.events import Event, RunFinished

LIST = "stagekit.list/1"
PARAMETERS = "stagekit.parameters/1"
EVENT = "stagekit.event/1"
ERROR = "stagekit.error/1"


def as_text(document: Dict[str, Any]) -> str:
    """Return a document as it is printed: in ASCII, so that every encoding will do."""
    return json.dumps(document, indent=2)


def run_document(result: Result, exit_code: ExitCode) -> Dict[str, Any]:
    """Return the document of a run that took place, however it ended."""
    document: Dict[str, Any] = json.loads(result.to_json())
    document["exit_code"] = int(exit_code)
    return document


def error_document(
    status: str, exit_code: ExitCode, message: str, problems: Sequence[Problem] = ()
) -> Dict[str, Any]:
    """Return the document of a command that was interrupted, or did nothing, before a run."""
    error = {"message": message, "problems": [_problem(each) for each in problems]}
    return {"schema": ERROR, "status": status, "exit_code": int(exit_code), "error": error}


def _problem(problem: Problem) -> Dict[str, Any]:
    location = problem.location
    return {
        "code": problem.code.value,
        "message": problem.message,
        "stage": problem.stage_id,
        "parameter": problem.parameter,
        "location": location and {"file": location.file, "line": location.line},
        "notes": list(problem.notes),
        "fixes": list(problem.fixes),
        "path": list(problem.path),
    }


def _policy(stage: Declaration) -> Dict[str, Any]:
    """Return what a stage is besides a call; its depth in lists is known to a plan only."""
    policy = declared_policy(stage)
    if policy == PLAIN and undo_name(stage) is None:
        return {}
    described = document(stage, policy)
    del described["depth"]
    return {"policy": described}


def list_document(
    target: str, declarations: Sequence[Declaration], parameters: Sequence[PlanParameter]
) -> Dict[str, Any]:
    """Return the stages of a target, in the order of their declaration, and its parameters."""
    stages = [
        {
            "id": each.id,
            "name": each.name,
            "description": each.description,
            "tags": list(each.tags),
            "location": place and {"file": place.file, "line": place.line},
            **_policy(each),
        }
        for each in declarations
        for place in (each.location,)
    ]
    own = [parameter_document(each) for each in parameters]
    return {"schema": LIST, "target": target, "stages": stages, "parameters": own}


def parameters_document(target: str, parameters: Sequence[PlanParameter]) -> Dict[str, Any]:
    """Return the parameters of a target alone."""
    own = [parameter_document(each) for each in parameters]
    return {"schema": PARAMETERS, "target": target, "parameters": own}


class EventLines:
    """A hook that writes events to a stream, until that cannot be written.

    Attributes:
        error: what has ended the writing.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: Optional[OSError] = None

    def on_event(self, event: Event, /) -> None:
        """Write one line."""
        line = json.dumps(event_document(event)) + "\n"
        if self.error is None:
            try:
                self._stream.write(line)
                self._stream.flush()
            except OSError as error:
                self.error = error


def event_document(event: Event) -> Dict[str, Any]:
    """Return an event as JSON: its kind, and its fields."""
    document: Dict[str, Any] = {"schema": EVENT, "event": type(event).__name__}
    for name in field_names(type(event)):
        value = getattr(event, name)
        is_count = isinstance(event, RunFinished) and name == "counts"
        document[name] = {o.value: n for o, n in value} if is_count else _plain(value)
    return document


def _plain(value: Any) -> Any:  # Any: whatever a field of an event holds
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, BaseException):
        kind = type(value)
        return {"type": f"{kind.__module__}.{kind.__qualname__}", "message": safe_text(value)}
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
