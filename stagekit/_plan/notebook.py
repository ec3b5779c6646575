"""What planning says of a notebook: types that were defined again, stages that are gone.

The types and functions of an interactive ``__main__`` come and go with its cells; a stage keeps
those that it was declared with, until its own cell is run again.
"""

from __future__ import annotations

import sys
from typing import Any, Iterable, Iterator, List, Optional, Sequence, Tuple

from stagekit._base.keys import NamedKey, Parametrised, UnionOf, describe
from stagekit._base.notebook import is_gone
from stagekit._base.problem import Code, Problem
from stagekit._declare.callables import function_name, unwrap_partial
from stagekit._declare.declaration import Declaration
from stagekit._plan.suggestions import at, place, short

_MAIN = "__main__"


def is_interactive(stage: Declaration) -> bool:
    """Return whether a stage is of a notebook's cell, or of an interactive session."""
    fn = unwrap_partial(stage.fn)
    return getattr(fn, "__module__", "") == _MAIN and names() is not None


def names() -> Optional[Any]:  # Any: what users have defined
    """Return what is defined in the main module, where it is an interactive one."""
    there = vars(sys.modules[_MAIN])
    return None if "__file__" in there else there


def older_type(key: object) -> str:
    """Return the name of a type in a key that was defined again since; empty where none was."""
    there = names()
    if there is None:
        return ""
    for each in _types(key):
        name = str(getattr(each, "__name__", ""))
        is_new_type = hasattr(each, "__supertype__")  # before Python 3.10 it is of typing
        is_main = getattr(each, "__module__", "") == _MAIN or is_new_type
        now = there.get(name)
        if is_main and now is not None and now is not each and _is_type(now):
            return name
    return ""


def _is_type(value: object) -> bool:
    return isinstance(value, type) or hasattr(value, "__supertype__")


def _types(key: object) -> Iterator[object]:
    if isinstance(key, NamedKey):
        yield from _types(key.type)
    elif isinstance(key, UnionOf):
        for member in key.members:
            yield from _types(member)
    elif isinstance(key, Parametrised):
        for each in (key.origin, *key.args):
            yield from _types(each)
    else:
        yield key


def redefined(
    key: object, other: object, consumer: Optional[Declaration], provider: Optional[Declaration]
) -> Tuple[str, str]:
    """Return what is said where two keys look alike, as a type was defined again; and the cure.

    Args:
        key: what is asked for.
        other: what there is.
        consumer: the stage that asks.
        provider: the stage that provides it; None for a value of the caller.
    """
    if describe(key) != describe(other):
        return "", ""
    asked, given = older_type(key), older_type(other)
    texts: List[str] = []
    cures: List[str] = []
    for name, stage in ((given, provider), (asked, consumer)):
        if name and stage is not None:
            texts.append(f"`{name}` was defined again after `{short(stage)}`{place(stage)}")
            cures.append(f"`{short(stage)}`")
        elif name:
            texts.append(f"`{name}` was defined again after the value was made")
            cures.append("the value")
    if not texts:
        return "", ""
    return ", and ".join(texts), f"run the cell of {' and that of '.join(cures)} again"


def removal(stages: Sequence[Declaration]) -> Tuple[Tuple[str, ...], bool]:
    """Return how to take out what is left of a cell that was changed; and whether that is sure.

    It is sure where the notebook says which cell is run, and that one was run again without the
    stage. Else the oldest may be it.
    """
    here = [stage for stage in stages if is_interactive(stage)]
    gone = [stage for stage in here if _is_gone(stage)]
    if gone:
        return tuple([gone_text(stage) for stage in gone]), True
    if len(here) < 2:  # noqa: PLR2004 - a stage, and what it was renamed to
        return (), False
    old = min(here, key=_line)
    return (f"or, if `{short(old)}` was renamed since: {_remove(old)}",), False


def gone_text(stage: Declaration) -> str:
    """Return how to take out a stage whose cell was run again without it; empty for others."""
    if not (is_interactive(stage) and _is_gone(stage)):
        return ""
    return f"`{short(stage)}` is no longer in its cell, take it out: {_remove(stage)}"


def _remove(stage: Declaration) -> str:
    return f'Registry.current().remove("{short(stage)}")'


def _is_gone(stage: Declaration) -> bool:
    location = stage.location
    return location is not None and is_gone(location.file, function_name(stage.fn))


def gone_stages(stages: Iterable[Declaration]) -> List[Problem]:
    """Warn of planned stages that are no longer in their cells, as their old code would run."""
    return [
        Problem(
            Code.GONE_STAGE,
            f"stage `{short(stage)}` is planned as it was, and is no longer in its cell",
            fixes=(f"take it out: {_remove(stage)}",),
            **at(stage),
        )
        for stage in stages
        if is_interactive(stage) and _is_gone(stage)
    ]


def _line(stage: Declaration) -> Tuple[int, int]:
    from stagekit._base.notebook import number_of

    location = stage.location
    return (0, 0) if location is None else (number_of(location.file), location.line)
