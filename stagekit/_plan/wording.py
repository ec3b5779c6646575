"""Words of which the texts of problems are made: stages, places, types as one writes them."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from stagekit._base.keys import NamedKey, UnionOf, describe
from stagekit._declare.declaration import Declaration

MAX_SHOWN = 8


def short(stage: Declaration) -> str:
    """Return the short name of a stage, for sentences."""
    return stage.id.rpartition(":")[2]


def at(stage: Declaration) -> Dict[str, Any]:  # Any: arguments of Problem
    """Return what says, in a problem, which stage it is about."""
    return {"stage_id": stage.id, "location": stage.location}


def several(names: Sequence[str]) -> str:
    """List names; of very many the first."""
    shown = [f"`{name}`" for name in names[:MAX_SHOWN]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def place(stage: Declaration) -> str:
    """Return where a stage is declared, to stand behind its name; nothing where nobody knows."""
    return f"  ({stage.location})" if stage.location else ""


def as_annotation(key: object) -> str:
    """Write a key as an annotation."""
    if isinstance(key, NamedKey):
        return f"Annotated[{describe(key.type)}, Named({key.name!r})]"
    return describe(key)


def as_value(key: object) -> str:
    """Write a value of a key as a caller would give it."""
    if isinstance(key, NamedKey):
        return f"given(..., as_={describe(key.type)}, name={key.name!r})"
    if isinstance(key, UnionOf):
        key = key.members[0]
    if isinstance(key, type):
        return f"{describe(key)}(...)"
    return f"given(..., as_={describe(key)})"
