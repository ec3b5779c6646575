"""What problems suggest: types and stages as one writes them, and near misses among types."""

from __future__ import annotations

import inspect
import re
import typing
from types import FunctionType, ModuleType
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from stagekit._base.keys import (
    BadTypeError,
    NamedKey,
    NoneType,
    Parametrised,
    UnionOf,
    class_of,
    describe,
    describe_fully,
    normalise,
)
from stagekit._base.record import Record
from stagekit._base.text import listed
from stagekit._declare.callables import namespace_of
from stagekit._declare.declaration import Declaration, own_mark
from stagekit._declare.options import DEFAULTS

MAX_SHOWN = 8
GENERATES = "return a list instead of yielding, and take that list"
NO_NAMES: Mapping[str, Any] = {}
_OURS = ("From", "Each", "Named", "Collect", "given")
_IMPORTS = {
    **{name: f"from stagekit import {name}" for name in _OURS},
    "Annotated": "from typing_extensions import Annotated",
}
_WELL_KNOWN = {
    **{name: f"from stagekit import {name}" for name in ("Arguments", "Context", "RunInfo")},
    **{name: f"from datetime import {name}" for name in ("date", "datetime", "timedelta")},
    "Path": "from pathlib import Path",
    "Decimal": "from decimal import Decimal",
    "UUID": "from uuid import UUID",
}


def short(stage: Declaration) -> str:
    """Return the short name of a stage, for sentences."""
    return stage.id.rpartition(":")[2]


def at(stage: Declaration) -> Dict[str, Any]:  # Any: arguments of Problem
    """Return what says, in a problem, which stage it is about."""
    return {"stage_id": stage.id, "location": stage.location}


def several(names: Sequence[str]) -> str:
    """List names; of very many the first."""
    return listed([f"`{name}`" for name in names], MAX_SHOWN)


def place(stage: Declaration) -> str:
    """Return where a stage is declared, to stand behind its name; nothing where nobody knows."""
    return f"  ({stage.location})" if stage.location else ""


def as_annotation(key: object) -> str:
    """Write a key as an annotation."""
    if isinstance(key, NamedKey):
        return f"Annotated[{describe(key.type)}, Named({key.name!r})]"
    return describe(key)


def as_value(key: object, names: Mapping[str, Any] = NO_NAMES) -> str:
    """Write a value of a key as a caller would give it."""
    if isinstance(key, NamedKey):
        return as_given(key, names)
    if isinstance(key, UnionOf):
        key = min((member for member in key.members if member is not NoneType), key=describe)
    if isinstance(key, type):
        return f"{spelled(key, names)}(...)"
    return as_given(key, names)


def as_given(key: object, names: Mapping[str, Any] = NO_NAMES) -> str:
    """Write a value that is given as one of a key, whatever its own type is."""
    name = f", name={key.name!r}" if isinstance(key, NamedKey) else ""
    return f"given(..., as_={spelled(key, names, with_name=False)}{name})"


def imports_of(text: str, names: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return the fix that tells what a text needs to have imported where these names are defined.

    None where nothing is missing.
    """
    lines = [
        line
        for name, line in _IMPORTS.items()
        if re.search(rf"\b{name}\b", text) and name not in names
    ]
    return (f"with: {'; '.join(lines)}",) if lines else ()


def undecorated(name: str, fn: object, module: object) -> Optional[Declaration]:
    """Return a function of a module as the stage it would be; None if it is none, or is marked.

    Args:
        name: what the module calls it.
        fn: whatever it calls so.
        module: the name of the module.
    """
    if type(fn) is not FunctionType or fn.__module__ != module or fn.__name__ != name:
        return None
    return None if own_mark(fn) else Declaration(fn, f"{module}:{name}", (), DEFAULTS, None)


def spelled(key: object, names: Mapping[str, Any], *, with_name: bool = True) -> str:
    """Write a key as an annotation can be written where these names are defined."""
    if isinstance(key, NamedKey):
        inner = spelled(key.type, names)
        return f"Annotated[{inner}, Named({key.name!r})]" if with_name else inner
    if isinstance(key, UnionOf):
        members = sorted([spelled(each, names) for each in key.members if each is not NoneType])
        is_optional = len(members) < len(key.members)
        text = members[0] if len(members) == 1 else f"Union[{', '.join(members)}]"
        return f"Optional[{text}]" if is_optional else text
    if isinstance(key, Parametrised) and all(_is_plain(each) for each in key.args):
        inner = ", ".join(spelled(each, names) if each is not ... else "..." for each in key.args)
        return f"{_spelled_class(key.origin, names)}[{inner}]"
    if isinstance(key, type) or hasattr(key, "__supertype__"):
        return _spelled_class(key, names)
    return describe(key)


def _is_plain(key: object) -> bool:
    known = (type, Parametrised, UnionOf)
    return key is ... or isinstance(key, known) or hasattr(key, "__supertype__")


def _spelled_class(cls: Any, names: Mapping[str, Any]) -> str:
    """Return the name of a class in a file: its own, one that it has there, or of its module."""
    if cls is NoneType:
        return "None"
    if isinstance(cls, type) and cls.__module__ == "builtins" and cls.__name__ not in names:
        big = cls.__name__.capitalize()
        return big if names.get(big) is getattr(typing, big, None) is not None else cls.__name__
    name = describe(cls)
    if names.get(name) is cls:
        return name
    for other, value in names.items():
        if value is cls:
            return other
    for other, value in names.items():
        if isinstance(value, ModuleType) and vars(value).get(name) is cls:
            return f"{other}.{name}"
    return name


def import_of(name: str) -> str:
    """Return the line that imports what a name commonly stands for; empty where nobody knows."""
    if name in _IMPORTS:
        return _IMPORTS[name]
    if name in vars(typing) and name[:1].isupper():
        return f"from typing import {name}"
    return _WELL_KNOWN.get(name, "")


class Near(Record):
    """What almost fits, or evidently keeps something from fitting.

    Attributes:
        text: a sentence on it.
        fix: what to write, where it is as good as certain; else empty.
        is_of_stage: whether it is a stage, which may be annotated otherwise.
    """

    text: str
    fix: str = ""
    is_of_stage: bool = True


def near_misses(
    key: object,
    provided: Mapping[object, Sequence[Declaration]],
    given: Sequence[object],
    names: Mapping[str, Any],
) -> Tuple[Near, ...]:
    """Return what almost fits, the most telling first, at most three; *names* are the asker's."""
    found: List[Tuple[int, str, str, bool]] = []
    for other, stages in provided.items():
        score = _nearness(key, other)
        if score:
            found.append((score, *_near_text(key, other, stages[0]), True))
    for other in given:
        score = _nearness(key, other)
        if score:
            found.append((score, *_near_given(key, other, names), False))
    best = sorted(found)[:3]
    is_one = [each[0] for each in best].count(1) == 1
    return tuple(
        [
            Near(text, fix if is_one or fix is GENERATES else "", is_of)
            for _, text, fix, is_of in best
        ]
    )


def _near_given(key: object, other: object, names: Mapping[str, Any]) -> Tuple[str, str]:
    """Return a sentence on a value of the caller that almost fits, and what it is given as."""
    shown = describe(other)
    if shown == describe(key):
        text = f"`{describe_fully(other)}`, another type than `{describe_fully(key)}`"
        return f"the caller gives {text}", ""
    written = as_given(key, names)
    text = f"the caller gives `{shown}`; did you mean values=[{written}]?"
    is_sub = isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key)
    return text, f"give it as that: values=[{written}]" if is_sub else ""


def _near_text(key: object, other: object, stage: Declaration) -> Tuple[str, str]:
    """Return a sentence on what almost fits, and a fix where there is just one."""
    shown, wanted = describe(other), describe(key)
    who, where, names = f"`{short(stage)}` returns", place(stage), namespace_of(stage.fn)
    if shown == wanted:
        text = f"{who} `{describe_fully(other)}`, another type than `{describe_fully(key)}`{where}"
        return text, ""
    if _element(key) == other and inspect.isgeneratorfunction(stage.fn):
        text = (
            f"`{short(stage)}` is a generator function, and provides the `{shown}` that it yields"
        )
        return f"{text}; return a list to provide several{where}", GENERATES
    if parts_of(other).count(key) == 1:
        parts = ", ".join(spelled(each, names) for each in parts_of(other))
        option = f"@stage(provides=({parts}))"
        text = f"{who} `{shown}`: publish its parts with {option}{where}"
        return text, f"publish the parts: {option} above `{short(stage)}`"
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key):
        what = "which has its members" if key not in other.__mro__ else "a subclass"
        option = f"@stage(provides={spelled(key, names)})"
        fix = f"publish it as that: {option} above `{short(stage)}`"
        return f"{who} `{shown}`, {what}: publish it with {option}{where}", fix
    if _is_optional(other, key):
        optional = spelled(other, names)
        text = f"{who} `{shown}`: take `{optional}`, or never return None{where}"
        return text, ""
    if _is_new_type_of(other, key):
        text = f"{who} `{shown}`, a NewType of `{wanted}` and a type of its own: ask for it{where}"
        return text, ""
    return f"{who} `{shown}`; did you mean to annotate it `-> {spelled(key, names)}`?{where}", ""


def parts_of(key: object) -> Tuple[object, ...]:
    """Return the types of the values of a tuple of several; none for anything else."""
    if not isinstance(key, Parametrised) or key.origin is not tuple or ... in key.args:
        return ()
    return key.args


def _nearness(key: object, other: object) -> int:
    """Return 0 for no resemblance, else a rank: 1 is the most telling."""
    if isinstance(key, UnionOf):
        ranks = [rank for rank in (_nearness(member, other) for member in key.members) if rank]
        return min(ranks) if ranks else 0
    is_sub = isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key)
    is_flag = other is bool and key is int  # a subclass, and no number that anybody means
    if (is_sub and not is_flag) or parts_of(other).count(key) == 1:
        return 1
    if _unnamed(key) == _unnamed(other) or _is_optional(other, key):
        return 2
    if _is_new_type_of(other, key) or _is_new_type_of(key, other):
        return 2
    if _element(key) == other or _element(other) == key:
        return 3
    mine, theirs = class_of(key), class_of(other)
    if mine is not None and mine is theirs:
        return 4
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(key, other):
        return 5
    names = (describe(key).lower(), describe(other).lower())
    if names[0] == names[1] or names[0].rpartition(".")[2] == names[1].rpartition(".")[2]:
        return 3
    return 6 if _alike(*(name.rpartition(".")[2] for name in names)) else 0


def _is_optional(other: object, key: object) -> bool:
    """Return whether *other* is a value of *key*, or None."""
    return isinstance(other, UnionOf) and set(other.members) == {key, NoneType}


def _is_new_type_of(new: object, base: object) -> bool:
    """Return whether *new* is a ``NewType`` of *base*, or of one that is."""
    wanted, found = _unnamed(base), getattr(_unnamed(new), "__supertype__", None)
    while found is not None:
        try:
            if normalise(found) == wanted:
                return True
        except BadTypeError:  # of Any, or of a type variable
            return False
        found = getattr(found, "__supertype__", None)
    return False


def _is_subclass(sub: Any, base: Any) -> bool:
    if getattr(base, "_is_protocol", False):
        return _satisfies(sub, base)
    return base in getattr(sub, "__mro__", ())


def _satisfies(sub: Any, protocol: Any) -> bool:
    """Return whether a class has every member of a protocol, as a hint only."""
    names = [
        name
        for base in protocol.__mro__
        if getattr(base, "_is_protocol", False)
        and base.__module__ not in {"typing", "typing_extensions"}
        for name in _members(base)
        if not name.startswith("_")
    ]
    return bool(names) and all(hasattr(sub, name) for name in names)


def _members(cls: Any) -> List[str]:
    annotated: Dict[str, object] = getattr(cls, "__annotations__", {})
    return [*vars(cls), *annotated]


def _unnamed(key: object) -> object:
    return key.type if isinstance(key, NamedKey) else key


def _element(key: object) -> object:
    return key.args[0] if isinstance(key, Parametrised) and len(key.args) == 1 else key


def _alike(mine: str, theirs: str) -> bool:
    from stagekit._base.text import did_you_mean

    return bool(did_you_mean(mine, (theirs,)))
