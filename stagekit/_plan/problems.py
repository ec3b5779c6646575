"""The texts of what can be wrong with a plan: what, near misses, and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable, Mapping, Optional, Sequence, Tuple

from stagekit._base.keys import NamedKey, builtin_names, describe
from stagekit._base.problem import Code, Problem
from stagekit._base.record import Record
from stagekit._base.text import did_you_mean
from stagekit._declare.callables import namespace_of
from stagekit._declare.declaration import Declaration
from stagekit._plan.signature_data import BARE, MARKER, NO_KEY, UNRESOLVED
from stagekit._plan.suggestions import (
    MAX_SHOWN,
    Near,
    as_annotation,
    as_value,
    at,
    import_of,
    imports_of,
    place,
    several,
    short,
    spelled,
)

if TYPE_CHECKING:
    from stagekit._plan.references import Miss
    from stagekit._plan.signature_data import Fault, Parameter

_WORD = r"(?<![\w.]){}\b"  # a name, and no attribute


def from_miss(stage: Declaration, miss: Miss, where: str, parameter: Optional[str]) -> Problem:
    """A reference in ``depends_on`` or ``From`` leads nowhere."""
    return Problem(
        miss.code,
        f"{where} of stage `{short(stage)}`: {miss.message}",
        parameter=parameter,
        notes=miss.notes,
        fixes=miss.fixes,
        **at(stage),
    )


def unsupported(stage: Declaration, why: str) -> Problem:
    """The function cannot be carried out as a stage."""
    return Problem(Code.UNSUPPORTED_FUNCTION, f"stage `{short(stage)}`: {why}", **at(stage))


def without_type(
    stage: Declaration, parameter: Parameter, fault: Fault, proposal: str, notes: Tuple[str, ...]
) -> Problem:
    """A required parameter has no annotation, or one that every value fits."""
    name = parameter.name
    of, why = f"parameter `{name}` of stage `{short(stage)}`", fault.text
    text = (
        f"{of} has no annotation, so nothing can fill it" if fault.kind == BARE else f"{of}: {why}"
    )
    return Problem(
        Code.NO_KEY,
        text,
        parameter=name,
        notes=notes,
        fixes=(f"say what it takes: {proposal}", f"or give it a default: {name}=..."),
        **at(stage),
    )


def unknown_marker(stage: Declaration, parameter: Parameter) -> Problem:
    """A marker has no rule that says what fills a parameter."""
    name = type(parameter.marker).__name__
    return Problem(
        Code.BAD_MARKER,
        f"parameter `{parameter.name}` of stage `{short(stage)}`: nothing says where a value "
        f"marked `{name}` comes from",
        parameter=parameter.name,
        fixes=('write From(load), Named("name"), Collect() or Each()',),
        **at(stage),
    )


def marker_as_default(stage: Declaration, parameter: Parameter) -> Problem:
    """A marker stands where the default of a parameter does."""
    name, names = parameter.name, namespace_of(stage.fn)
    default, given = parameter.default, ""
    is_class = isinstance(default, type)
    kind = default.__name__ if is_class else type(default).__name__
    if kind in {"From", "Named"}:
        said = ... if is_class else default.stage if kind == "From" else default.name
        given = f'"{said}"' if isinstance(said, str) else getattr(said, "__name__", "...")
    elif kind == "Each" and getattr(default, "skips", False) is True:
        given = 'on_error="skip"'
    marker = f"{kind}({given})"
    text = "..." if parameter.key is None else spelled(parameter.key, names, with_name=False)
    written = f"{name}: Annotated[{text}, {marker}]"
    return Problem(
        Code.BAD_MARKER,
        f"parameter `{name}` of stage `{short(stage)}`: `{kind}` is its default; write it "
        "in `Annotated`, beside the type",
        parameter=name,
        fixes=(f"write {written}", *imports_of(written, names)),
        **at(stage),
    )


_WITH_PARENTHESES = {"From": "From(load), with the stage that is meant", "Named": 'Named("name")'}


def bad_annotation(stage: Declaration, fault: Fault, parameter: Optional[str]) -> Problem:
    """An annotation cannot be evaluated, or selects nothing."""
    what = f"parameter `{parameter}`" if parameter else "the return annotation"
    of = f"{what} of stage `{short(stage)}`"
    if fault.kind == UNRESOLVED:
        return _unresolved(stage, fault, of, parameter)
    code = {MARKER: Code.BAD_MARKER, NO_KEY: Code.NO_KEY}.get(fault.kind, Code.BAD_ANNOTATION)
    fixes: Tuple[str, ...] = ()
    if fault.kind == MARKER and "parentheses" in fault.text:
        marker = fault.text.split("`")[1]
        fixes = (f"write {_WITH_PARENTHESES.get(marker, marker + '()')}",)
    return Problem(code, f"{of}: {fault.text}", parameter=parameter, fixes=fixes, **at(stage))


def _unresolved(stage: Declaration, fault: Fault, of: str, parameter: Optional[str]) -> Problem:
    name = fault.name
    if name is None:
        return Problem(
            Code.BAD_ANNOTATION,
            f"{of}: `{fault.text}` cannot be evaluated as a type",
            parameter=parameter,
            fixes=("write a type that exists when the script runs",),
            **at(stage),
        )
    local = "<locals>" in str(getattr(stage.fn, "__qualname__", ""))
    scope = {**builtin_names(), **namespace_of(stage.fn)}
    near = did_you_mean(name, [each for each, value in scope.items() if _is_type(value)])[:1]
    notes = [f"did you mean `{each}`?" for each in near]
    line, known = _hidden_import(stage, name), import_of(name)
    if line or not known:
        may = "is" if line else "may be"
        notes += [f"`{name}` {may} imported under `if TYPE_CHECKING:` only, which does not run"]
    if local and not known:
        notes.append(f"`{name}` may be local to the enclosing function, which Python has not kept")
    return Problem(
        Code.BAD_ANNOTATION,
        f"{of}: `{fault.text}` cannot be evaluated: the name `{name}` is not defined "
        f"in {stage.module}",
        parameter=parameter,
        notes=tuple(notes),
        fixes=(
            *(f"write {re.sub(_WORD.format(name), each, fault.text)}" for each in near),
            f"import it where the script runs: {line or known or f'from ... import {name}'}",
            *((f"or define `{name}` at the top of the module",) if local and not known else ()),
        ),
        **at(stage),
    )


def _is_type(value: object) -> bool:
    """Return whether an annotation may be this: a class, a ``NewType``, a form of ``typing``."""
    is_class = isinstance(value, type) and not issubclass(value, BaseException)
    return is_class or any(hasattr(value, each) for each in ("__supertype__", "__origin__"))  # pyright: ignore[reportUnknownArgumentType]


def _hidden_import(stage: Declaration, name: str) -> str:
    """Return the import under ``if TYPE_CHECKING`` of a stage's file that binds a name."""
    import ast
    import linecache

    location = stage.location
    lines = linecache.getlines(location.file) if location is not None else []
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return ""
    for block in ast.walk(tree):
        if not isinstance(block, ast.If) or "TYPE_CHECKING" not in ast.dump(block.test):
            continue
        for each in ast.walk(block):
            if not isinstance(each, (ast.Import, ast.ImportFrom)):
                continue
            for alias in each.names:
                if (alias.asname or alias.name) == name:
                    what = alias.name + (f" as {alias.asname}" if alias.asname else "")
                    if isinstance(each, ast.Import):
                        return f"import {what}"
                    return f"from {'.' * each.level}{each.module or ''} import {what}"
    return ""


def missing(
    stage: Declaration, parameter: Parameter, near: Sequence[Near], available: Sequence[object]
) -> Problem:
    """Nothing provides what a parameter asks for."""
    text = describe(parameter.key)
    there = sorted({describe(key) for key in available})
    held = ", ".join(there[:MAX_SHOWN]) + (" …" if len(there) > MAX_SHOWN else "")
    return Problem(
        Code.MISSING_PROVIDER,
        f"nothing provides `{text}` for parameter `{parameter.name}` of stage `{short(stage)}`",
        parameter=parameter.name,
        notes=(*[each.text for each in near], f"there is: {held or 'nothing else'}"),
        **at(stage),
    )


def ambiguous(
    stage: Declaration,
    parameter: Parameter,
    providers: Sequence[Declaration],
    given: Sequence[object] = (),
    late: Sequence[Declaration] = (),
) -> Problem:
    """Several stages, or values of the caller, provide what a parameter asks for.

    Args:
        stage: has the parameter.
        parameter: asks.
        providers: the stages that it could mean.
        given: the types of values that it could mean.
        late: other stages that return its type, and wait for *stage*.
    """
    if given:
        return _ambiguous_with_given(stage, parameter, providers, given)
    names = [short(provider) for provider in (*providers, *late)]
    text, name = describe(parameter.key), parameter.name
    what = f"stages provide `{text}`"
    if parameter.takes_items:
        what = f"lists have items `{text}`"
    places = [f"`{short(each)}`{place(each)}" for each in providers[:MAX_SHOWN]]
    places += [f"`{short(each)}` waits for `{short(stage)}` itself" for each in late[:MAX_SHOWN]]
    return Problem(
        Code.AMBIGUOUS_PROVIDER,
        f"{len(names)} {what} for parameter `{name}` of stage `{short(stage)}`: {several(names)}",
        parameter=name,
        notes=tuple(places),
        **at(stage),
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
    what = "lists have items" if parameter.takes_items else "values fit"
    ask = f"ask for the one you mean: {name}: {describe(given[0])}"
    return Problem(
        Code.AMBIGUOUS_PROVIDER,
        f"{len(who)} {what} `{text}` for parameter `{name}` of stage `{short(stage)}`: "
        f"{', '.join(who[:MAX_SHOWN])}",
        parameter=name,
        fixes=() if parameter.takes_items else (ask,),
        **at(stage),
    )


def same_value(
    stage: Declaration,
    parameter: Parameter,
    names: Sequence[str],
    source: Optional[Declaration],
    fixes: Tuple[str, ...],
) -> Problem:
    """One value fills several parameters, and none of them names it."""
    who = "the caller" if source is None else f"`{short(source)}`"
    return Problem(
        Code.SAME_VALUE,
        f"one value of {who} fills {len(names)} parameters of stage `{short(stage)}`: "
        f"{several(names)}",
        parameter=parameter.name,
        fixes=fixes,
        **at(stage),
    )


def bad_override(stage: Declaration, value: object, promise: int) -> Problem:
    """A constant stands in for a stage that returns several values, and is no tuple of as many."""
    kind = type(value).__name__
    return Problem(
        Code.VALUE_CONFLICT,
        f"stage `{short(stage)}` provides {promise} values; the `{kind}` that is to stand in "
        f"for it is no tuple of {promise}",
        fixes=(f"overrides={{{short(stage).rpartition('.')[2]}: (..., ...)}}",),
        **at(stage),
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
        **at(stage),
    )


def not_adopted(stage: Declaration, lacking: Sequence[Parameter]) -> Problem:
    """A function of an adopted module has parameters that nothing fills, and nobody needs it."""
    bare = [each.name for each in lacking if each.fault is not None and each.fault.kind == BARE]
    names = ", ".join(
        f"`{each.name}`" if each.name in bare else f"`{each.name}: {describe(each.key)}`"
        for each in lacking
    )
    why = f"nothing fills {names or 'its parameters'}"
    fixes: Tuple[str, ...] = (f"to say that it is none, begin its name with `_`: _{short(stage)}",)
    if bare:
        have = "have no annotation" if bare[1:] else "has no annotation"
        why = f"{names} {have}" if len(bare) == len(lacking) else f"{why}; some have no annotation"
        annotated = ", ".join(f"{name}: ..." for name in bare)
        fixes = (
            f"say what it takes: {annotated}, and what each function returns",
            f"or, {fixes[0]}",
        )
    return Problem(
        Code.NOT_ADOPTED,
        f"`{short(stage)}` was not adopted: {why}, and no stage needs it",
        fixes=fixes,
        **at(stage),
    )


class Left(Record):
    """What a selection leaves out of what a stage needs.

    Attributes:
        source: the stage whose value is needed.
        key: what is needed of it; None where the parameter does not say.
        notes: facts on the selection.
        fixes: how to change the selection.
        can_be_given: whether a value of the caller can fill the parameter instead.
    """

    source: Declaration
    key: object
    notes: Tuple[str, ...]
    fixes: Tuple[str, ...]
    can_be_given: bool


def left_out(stage: Declaration, parameter: Parameter, left: Left) -> Problem:
    """A selection leaves out a stage whose value a selected one needs."""
    producer, names = short(left.source), namespace_of(stage.fn)
    if left.can_be_given:
        value = f"stagekit.run(..., values=[{as_value(left.key, names)}])"
        fixes = (f"or give the value: {value}", *imports_of(value, names))
    else:
        value = f"stagekit.run(..., overrides={{{producer.rpartition('.')[2]}: ...}})"
        fixes = (f"or replace it with a value: {value}",)
    what = "value" if left.key is None else f"`{describe(left.key)}`"
    return Problem(
        Code.LEFT_OUT,
        f"the selection leaves out `{producer}`, whose {what} stage `{short(stage)}` needs",
        parameter=parameter.name,
        notes=left.notes,
        fixes=(*left.fixes, *fixes),
        **at(stage),
    )


def empty_collection(
    stage: Declaration,
    parameter: Parameter,
    element: object,
    named: Mapping[NamedKey, Sequence[Declaration]],
) -> Problem:
    """``Collect`` takes values without a name, and all that there are have one."""
    text, first = describe(element), next(iter(named))
    who = [(key, provider) for key, providers in named.items() for provider in providers[:1]]
    notes = [f"`{short(p)}` returns `{describe(key)}`{place(p)}" for key, p in who]
    notes += [f"the caller gives `{describe(key)}`" for key, some in named.items() if not some]
    return Problem(
        Code.EMPTY_COLLECTION,
        f"`{parameter.name}` of stage `{short(stage)}` collects nothing: "
        f"every `{text}` there is has a name, and `Collect()` takes those without",
        parameter=parameter.name,
        notes=tuple(notes[:MAX_SHOWN]),
        fixes=(
            f"remove the name: -> {text}",
            f"or ask for each by its name: {first.name}: {as_annotation(first)}",
        ),
        **at(stage),
    )


def value_conflict(stage: Declaration, key: object) -> Problem:
    """The caller gives a value whose key a planned stage provides."""
    text = describe(key)
    return Problem(
        Code.VALUE_CONFLICT,
        f"a value is given for `{text}`, which the planned stage `{short(stage)}` provides",
        fixes=(
            (
                "to replace the stage: "
                f"overrides={{{short(stage).rpartition('.')[2]}: {as_value(key)}}}"
            ),
        ),
        **at(stage),
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
        fixes=("remove one of these edges, or split a stage in two",),
        path=tuple(stage.id for stage in path),
        **at(path[0]),
    )


def _arrows(names: Sequence[str]) -> str:
    if len(names) <= 14:  # noqa: PLR2004
        return " → ".join(names)
    return " → ".join([*names[:10], "…", *names[-3:]])
