"""The events of a run as JSON, one line each, written as they happen: ``--events``."""

from __future__ import annotations

import enum
import json
from dataclasses import fields
from typing import Any, Dict, TextIO

from stagekit._base.text import safe_text
from stagekit.events import Event, RunFinished

SCHEMA = "stagekit.event/1"


class EventLines:
    """A hook that writes events to a stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_event(self, event: Event, /) -> None:
        """Write one line."""
        self._stream.write(json.dumps(event_document(event)) + "\n")
        self._stream.flush()


def event_document(event: Event) -> Dict[str, Any]:
    """Return an event as JSON: its kind, and its fields."""
    document: Dict[str, Any] = {"schema": SCHEMA, "event": type(event).__name__}
    for each in fields(event):
        value = getattr(event, each.name)
        is_count = isinstance(event, RunFinished) and each.name == "counts"
        document[each.name] = {o.value: n for o, n in value} if is_count else _plain(value)
    return document


def _plain(value: Any) -> Any:  # Any: whatever a field of an event holds
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, BaseException):
        kind = type(value)
        return {"type": f"{kind.__module__}.{kind.__qualname__}", "message": safe_text(value)}
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
