"""The schemas of the command line's JSON know all outcomes, reasons, events and markers there are.

After a change that is meant: ``python -m tests.test_schemas`` writes what follows from the table of
outcomes, the classes of events and the rules of markers; all else is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Type

import pytest

import stagekit
from stagekit._base.frozen import field_names
from stagekit._base.outcome import OUTCOME_TABLE, Outcome, Reason
from stagekit._base.parameters import SOURCES
from stagekit._plan.slots import AMONG_SEVERAL, BY_TYPE
from stagekit._plan.sources import RULES
from stagekit._render.document import PARAMETER_FIELDS
from stagekit.events import ENDING_EVENTS, Event

FOLDER = Path(stagekit.__file__).with_name("cli") / "schemas"
# What a field of an event is in JSON, by its annotation. Any: JSON
_ERROR = {
    "type": "object",
    "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
    "required": ["type", "message"],
}
KINDS: Dict[str, Any] = {
    "str": {"type": "string"},
    "Optional[str]": {"type": ["string", "null"]},
    "int": {"type": "integer", "minimum": 1},
    "float": {"type": "number", "minimum": 0},
    "bool": {"type": "boolean"},
    "BaseException": _ERROR,
}


def read(name: str) -> Any:
    """Return a schema as it is."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def run_schema() -> Any:
    """Return the schema of a run as it ought to be."""
    schema = read("run-1.json")
    stage = schema["$defs"]["stage"]["properties"]
    stage["outcome"]["enum"] = [each.value for each in Outcome]
    stage["reason"]["enum"] = [None, *[each.value for each in Reason]]
    return schema


def event_schema() -> Any:
    """Return the schema of events as it ought to be."""
    schema = read("event-1.json")
    endings = {kind.__name__: _of_ending(outcome, kind) for outcome, kind in ENDING_EVENTS.items()}
    names: List[str] = schema["properties"]["event"]["enum"]
    others = {
        each["properties"]["event"]["const"]: each
        for each in schema["oneOf"]
        if each["properties"]["event"]["const"] not in endings
    }
    last = names[-1]
    names[:] = [*[name for name in names if name in others and name != last], *endings, last]
    schema["oneOf"] = [{**others, **endings}[name] for name in names]
    return schema


def plan_schema() -> Any:
    """Return the schema of a plan as it ought to be."""
    schema = read("plan-1.json")
    parameter = schema["$defs"]["stage"]["properties"]["parameters"]["items"]["properties"]
    markers = [name for name in RULES if name != "Each"]  # it stands beside what decides
    parameter["reason"]["enum"] = [BY_TYPE, *AMONG_SEVERAL, *markers, *SOURCES, None]
    return with_parameters(schema)


def list_schema() -> Any:
    """Return the schema of a list as it ought to be."""
    return with_parameters(read("list-1.json"))


def parameters_schema() -> Any:
    """Return the schema of parameters as it ought to be."""
    return with_parameters(read("parameters-1.json"))


def with_parameters(schema: Any) -> Any:
    """Return a schema with the one part that says what a parameter is."""
    parameter = read("parameters-1.json")["$defs"]["parameter"]
    parameter["properties"]["source"]["enum"] = [*SOURCES, "default", "stage", ""]
    parameter["required"] = list(PARAMETER_FIELDS)
    return {**schema, "$defs": {**schema.get("$defs", {}), "parameter": parameter}}


def _of_ending(outcome: Outcome, kind: Type[Event]) -> Any:
    """Return the part of the schema for the event of a stage that has ended."""
    annotations = {
        name: text
        for base in reversed(kind.__mro__)
        for name, text in vars(base).get("__annotations__", {}).items()
    }
    reasons = {"enum": [reason.value for reason in OUTCOME_TABLE[outcome].reasons]}
    names = field_names(kind)[len(field_names(Event)) :]
    fields = {name: {**KINDS, "Reason": reasons}[annotations[name]] for name in names}
    return {
        "properties": {"event": {"const": kind.__name__}, **fields},
        "required": list(names),
    }


WANTED = {
    "run-1.json": run_schema,
    "event-1.json": event_schema,
    "plan-1.json": plan_schema,
    "list-1.json": list_schema,
    "parameters-1.json": parameters_schema,
}


@pytest.mark.parametrize("name", WANTED)
def test_a_schema_is_up_to_date(name: str) -> None:
    """No outcome, reason, event or marker comes, goes or changes unseen."""
    assert WANTED[name]() == read(name), f"if this is meant: {__doc__}"


if __name__ == "__main__":
    for file, wanted in WANTED.items():
        (FOLDER / file).write_text(json.dumps(wanted(), indent=2) + "\n", encoding="utf-8")
