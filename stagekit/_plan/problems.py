"""The texts of what can be wrong with a plan: what, near misses, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

from stagekit._base.keys import (
    NamedKey,
    Parametrised,
    UnionOf,
    class_of,
    describe,
    describe_fully,
)
from stagekit._base.problem import Code, Problem
from stagekit._declare.stage import Declaration

if TYPE_CHECKING:
    from stagekit._plan.refer import Miss
    from stagekit._plan.signature import Fault, Parameter

__all__ = [
    "ambiguous",
    "bad_annotation",
    "bare_parameter",
    "cycle",
    "from_miss",
    "left_out",
    "missing",
    "type_mismatch",
    "unsupported",
    "value_conflict",
]

MAX_SHOWN = 8


def short(stage: Declaration) -> str:
    """Return the short name of a stage, for sentences."""
    return stage.id.rpartition(":")[2]


def _at(stage: Declaration) -> Dict[str, Any]:
    return {"stage_id": stage.id, "location": stage.location}


def _several(names: Sequence[str]) -> str:
    shown = [f"`{name}`" for name in names[:MAX_SHOWN]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def from_miss(stage: Declaration, miss: Miss, where: str, parameter: Optional[str]) -> Problem:
    """A reference in ``depends_on`` or ``From`` leads nowhere."""
    return Problem(
        miss.code,
        f"{where} of stage `{short(stage)}`: {miss.message}",
        parameter=parameter,
        notes=miss.notes,
        fixes=miss.fixes,
        **_at(stage),
    )


def unsupported(stage: Declaration, why: str) -> Problem:
    """The function cannot be carried out as a stage."""
    return Problem(Code.UNSUPPORTED_FUNCTION, f"stage `{short(stage)}`: {why}", **_at(stage))


def bare_parameter(stage: Declaration, parameter: Parameter) -> Problem:
    """A required parameter has no annotation."""
    name = parameter.name
    return Problem(
        Code.NO_KEY,
        f"parameter `{name}` of stage `{short(stage)}` has no annotation, so nothing can fill it",
        parameter=name,
        fixes=(f"say what it takes: {name}: Orders", f"or give it a default: {name}=..."),
        **_at(stage),
    )


def bad_annotation(stage: Declaration, fault: Fault, parameter: Optional[str]) -> Problem:
    """An annotation cannot be evaluated, or selects nothing."""
    what = f"parameter `{parameter}`" if parameter else "the return annotation"
    of = f"{what} of stage `{short(stage)}`"
    if fault.kind == "unresolved":
        return _unresolved(stage, fault, of, parameter)
    code = {"marker": Code.BAD_MARKER, "no_key": Code.NO_KEY}.get(fault.kind, Code.BAD_ANNOTATION)
    fixes: Tuple[str, ...] = ()
    if fault.kind == "no_key":
        fixes = (
            f"name the type it takes: {parameter}: Orders",
            f"or give it a default: {parameter}=...",
        )
    elif fault.kind == "marker" and "parentheses" in fault.text:
        fixes = ('write Collect(), From(load) or Named("name")',)
    return Problem(code, f"{of}: {fault.text}", parameter=parameter, fixes=fixes, **_at(stage))


def _unresolved(stage: Declaration, fault: Fault, of: str, parameter: Optional[str]) -> Problem:
    name = fault.name
    if name is None:
        return Problem(
            Code.BAD_ANNOTATION,
            f"{of}: `{fault.text}` cannot be evaluated as a type",
            parameter=parameter,
            fixes=("write a type that exists when the script runs",),
            **_at(stage),
        )
    local = "<locals>" in str(getattr(stage.fn, "__qualname__", ""))
    notes = [f"`{name}` may be imported under `if TYPE_CHECKING:` only, which does not run"]
    if local:
        notes.append(f"`{name}` may be local to the enclosing function, which Python has not kept")
    return Problem(
        Code.BAD_ANNOTATION,
        f"{of}: `{fault.text}` cannot be evaluated: the name `{name}` is not defined "
        f"in {stage.module}",
        parameter=parameter,
        notes=tuple(notes),
        fixes=(
            f"import it where the script runs: from ... import {name}",
            *((f"or define `{name}` at the top of the module",) if local else ()),
        ),
        **_at(stage),
    )


def missing(
    stage: Declaration,
    parameter: Parameter,
    provided: Dict[object, List[Declaration]],
    given: Sequence[object],
) -> Problem:
    """Nothing provides what a parameter asks for."""
    key = parameter.key
    text = describe(key)
    near = _near_misses(key, provided, given)
    available = sorted({describe(k) for k in provided} | {describe(k) for k in given})
    held = ", ".join(available[:MAX_SHOWN]) + (" …" if len(available) > MAX_SHOWN else "")
    return Problem(
        Code.MISSING_PROVIDER,
        f"nothing provides `{text}` for stage `{short(stage)}`",
        parameter=parameter.name,
        notes=(*near, f"there is: {held or 'nothing else'}"),
        fixes=(
            f"annotate the producer: -> {_as_annotation(key)}",
            f"or give a value: stagekit.run(..., values=[{_as_value(key)}])",
        ),
        **_at(stage),
    )


def _as_annotation(key: object) -> str:
    if isinstance(key, NamedKey):
        return f"Annotated[{describe(key.type)}, Named({key.name!r})]"
    return describe(key)


def _as_value(key: object) -> str:
    if isinstance(key, NamedKey):
        return f"given(..., as_={describe(key.type)}, name={key.name!r})"
    if isinstance(key, UnionOf):
        key = key.members[0]
    if isinstance(key, type):
        return f"{describe(key)}(...)"
    return f"given(..., as_={describe(key)})"


def _near_misses(
    key: object, provided: Dict[object, List[Declaration]], given: Sequence[object]
) -> Tuple[str, ...]:
    """Return sentences on what almost fits, the most telling first, at most three."""
    found: List[Tuple[int, str]] = []
    for other, stages in provided.items():
        score = _nearness(key, other)
        if score:
            stage = stages[0]
            place = f"  ({stage.location})" if stage.location else ""
            found.append((score, _near_text(key, other, f"`{short(stage)}` returns", place)))
    for other in given:
        score = _nearness(key, other)
        if score:
            found.append((score, _near_text(key, other, "the caller gives", "")))
    return tuple(text for _, text in sorted(found)[:3])


def _near_text(key: object, other: object, who: str, place: str) -> str:
    shown, wanted = describe(other), describe(key)
    if shown == wanted:
        return f"{who} `{describe_fully(other)}`, another type than `{describe_fully(key)}`{place}"
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key):
        what = "which has its members" if key not in other.__mro__ else "a subclass"
        return f"{who} `{shown}`, {what}: publish it with @stage(provides={wanted}){place}"
    return f"{who} `{shown}`; did you mean to annotate it `-> {_as_annotation(key)}`?{place}"


def _nearness(key: object, other: object) -> int:
    """Return 0 for no resemblance, else a rank: 1 is the most telling."""
    if isinstance(key, UnionOf):
        ranks = [rank for rank in (_nearness(member, other) for member in key.members) if rank]
        return min(ranks) if ranks else 0
    if isinstance(key, type) and isinstance(other, type) and _is_subclass(other, key):
        return 1
    if _unnamed(key) == _unnamed(other):
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


def _is_subclass(sub: Any, base: Any) -> bool:
    if base is object:
        return False
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


def ambiguous(
    stage: Declaration,
    parameter: Parameter,
    providers: Sequence[Declaration],
    given: Sequence[object] = (),
) -> Problem:
    """Several stages, or values of the caller, provide what a parameter asks for."""
    if given:
        return _ambiguous_with_given(stage, parameter, providers, given)
    names = [short(provider) for provider in providers]
    text, name = describe(parameter.key), parameter.name
    places = tuple(
        f"`{short(provider)}`" + (f"  ({provider.location})" if provider.location else "")
        for provider in providers[:MAX_SHOWN]
    )
    first = names[0].rpartition(".")[2]
    return Problem(
        Code.AMBIGUOUS_PROVIDER,
        f"{len(names)} stages provide `{text}` for stage `{short(stage)}`: {_several(names)}",
        parameter=name,
        notes=places,
        fixes=(
            f"say which: {name}: Annotated[{text}, From({first})]",
            f"or depend on it: @stage(depends_on={first})",
            "or give one a type of its own: NewType",
        ),
        **_at(stage),
    )


def _ambiguous_with_given(
    stage: Declaration,
    parameter: Parameter,
    providers: Sequence[Declaration],
    given: Sequence[object],
) -> Problem:
    text, name = describe(parameter.key), parameter.name
    who = [f"stage `{short(provider)}`" for provider in providers]
    who += [f"the value given for `{describe(key)}`" for key in given]
    return Problem(
        Code.AMBIGUOUS_PROVIDER,
        f"{len(who)} values fit `{text}` of stage `{short(stage)}`: {', '.join(who[:MAX_SHOWN])}",
        parameter=name,
        fixes=(f"ask for the one you mean: {name}: {describe(given[0])}",),
        **_at(stage),
    )


def bad_override(stage: Declaration, value: object, promise: int) -> Problem:
    """A constant stands in for a stage that returns several values, and is no tuple of as many."""
    kind = type(value).__name__
    return Problem(
        Code.VALUE_CONFLICT,
        f"stage `{short(stage)}` provides {promise} values; the `{kind}` that is to stand in "
        f"for it is no tuple of {promise}",
        fixes=(f"overrides={{{short(stage).rpartition('.')[2]}: (..., ...)}}",),
        **_at(stage),
    )


def type_mismatch(
    stage: Declaration, parameter: Parameter, source: Declaration, got: str
) -> Problem:
    """``From`` names a stage that returns another type."""
    text = describe(parameter.key)
    return Problem(
        Code.TYPE_MISMATCH,
        f"parameter `{parameter.name}` of stage `{short(stage)}` takes `{text}` from "
        f"`{short(source)}`, which {got}",
        parameter=parameter.name,
        fixes=(f"annotate `{short(source)}` with -> {text}", "or the parameter with its type"),
        **_at(stage),
    )


def left_out(stage: Declaration, parameter: Parameter, source: Declaration) -> Problem:
    """A selection leaves out a stage whose value a selected one needs."""
    name, producer = short(stage), short(source)
    return Problem(
        Code.LEFT_OUT,
        f"the selection leaves out `{producer}`, whose `{describe(parameter.key)}` "
        f"stage `{name}` needs",
        parameter=parameter.name,
        fixes=(
            f"select its ancestors too: +{name}",
            f"or give the value: stagekit.run(..., values=[{_as_value(parameter.key)}])",
        ),
        **_at(stage),
    )


def value_conflict(stage: Declaration, key: object) -> Problem:
    """The caller gives a value whose key a planned stage provides."""
    text = describe(key)
    return Problem(
        Code.VALUE_CONFLICT,
        f"a value is given for `{text}`, which the planned stage `{short(stage)}` provides",
        fixes=(
            (
                "to stand in for the stage: "
                f"overrides={{{short(stage).rpartition('.')[2]}: {_as_value(key)}}}"
            ),
        ),
        **_at(stage),
    )


def cycle(
    path: Sequence[Declaration], reason: Callable[[Declaration, Declaration], str]
) -> Problem:
    """Stages wait for each other. *path* ends with its first stage."""
    names = [short(stage) for stage in path]
    if len(names) == 2:  # noqa: PLR2004 - a stage and itself
        message = f"stage `{names[0]}` depends on itself: {names[0]} → {names[0]}"
    else:
        message = f"{len(names) - 1} stages wait for each other: {_arrows(names)}"
    hops = list(zip(path, path[1:]))
    notes = [f"{short(b)} waits for {short(a)}: {reason(a, b)}" for a, b in hops[:10]]
    if len(hops) > 13:  # noqa: PLR2004 - ten first and three last are shown
        notes.append(f"… {len(hops) - 13} more …")
    notes += [f"{short(b)} waits for {short(a)}: {reason(a, b)}" for a, b in hops[10:][-3:]]
    return Problem(
        Code.CYCLE,
        message,
        notes=tuple(notes),
        fixes=("take one of these edges away, or split a stage in two",),
        path=tuple(stage.id for stage in path),
        **_at(path[0]),
    )


def _arrows(names: Sequence[str]) -> str:
    if len(names) <= 14:  # noqa: PLR2004
        return " → ".join(names)
    return " → ".join([*names[:10], "…", *names[-3:]])
