"""Near misses among types: what is provided that almost fits what is asked for."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from stagekit._base.keys import (
    BadTypeError,
    NamedKey,
    Parametrised,
    UnionOf,
    class_of,
    describe,
    describe_fully,
    normalise,
)
from stagekit._declare.declaration import Declaration
from stagekit._plan.wording import as_annotation, place, short


def near_misses(
    key: object, provided: Dict[object, List[Declaration]], given: Sequence[object]
) -> Tuple[str, ...]:
    """Return sentences on what almost fits, the most telling first, at most three."""
    found: List[Tuple[int, str]] = []
    for other, stages in provided.items():
        score = _nearness(key, other)
        if score:
            stage = stages[0]
            who = f"`{short(stage)}` returns"
            found.append((score, _near_text(key, other, who, place(stage))))
    for other in given:
        score = _nearness(key, other)
        if score:
            found.append((score, _near_text(key, other, "the caller gives", "")))
    return tuple(text for _, text in sorted(found)[:3])


def _near_text(key: object, other: object, who: str, where: str) -> str:
    shown, wanted = describe(other), describe(key)
    if shown == wanted:
        return f"{who} `{describe_fully(other)}`, another type than `{describe_fully(key)}`{where}"
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key):
        what = "which has its members" if key not in other.__mro__ else "a subclass"
        return f"{who} `{shown}`, {what}: publish it with @stage(provides={wanted}){where}"
    if _is_new_type_of(other, key):
        return f"{who} `{shown}`, a NewType of `{wanted}` and a type of its own: ask for it{where}"
    return f"{who} `{shown}`; did you mean to annotate it `-> {as_annotation(key)}`?{where}"


def _nearness(key: object, other: object) -> int:
    """Return 0 for no resemblance, else a rank: 1 is the most telling."""
    if isinstance(key, UnionOf):
        ranks = [rank for rank in (_nearness(member, other) for member in key.members) if rank]
        return min(ranks) if ranks else 0
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key):
        return 1
    if _unnamed(key) == _unnamed(other):
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


def _is_new_type_of(new: object, base: object) -> bool:
    """Tell whether *new* is a ``NewType`` of *base*, or of one that is."""
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
    """Tell whether a class has every member of a protocol, as a hint only."""
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
