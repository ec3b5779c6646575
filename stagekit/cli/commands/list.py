"""``stagekit list``: the stages of a target, without planning them."""

from __future__ import annotations

import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, List, Mapping, Sequence, Set

from stagekit._base.text import escape_control, short_names
from stagekit._declare.callables import last_name
from stagekit._declare.declaration import Declaration
from stagekit._plan.plan import Plan
from stagekit._plan.references import Miss, References, targets_of
from stagekit.cli import ExitCode
from stagekit.cli.importing import load
from stagekit.cli.output import Output
from stagekit.cli.target import Found, NothingSelectedError, why_empty
from stagekit.errors import PlanError, Problem

if TYPE_CHECKING:
    from stagekit._plan.parameters import PlanParameter

_SIMPLE = ["str", "int", "float", "Path", *map(id, (str, int, float))]
_GENERATOR = 0x20 | 0x200  # inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_EACH = "stagekit._base.each"  # loaded with the first marker that takes items


def list_stages(target: str, output: Output, *, is_json: bool) -> ExitCode:
    """Print id, place, tags, description and policy of every stage, and what can be set."""
    parsed, found = load(target, output)
    declarations = _declarations(found)
    if not declarations:
        raise NothingSelectedError(why_empty(parsed, found))
    parameters = _parameters(found, declarations)
    if is_json:
        from stagekit.cli.documents import as_text, list_document

        output.print_result(as_text(list_document(target, declarations, parameters)))
    else:
        lines = _table(declarations, output)
        if parameters:
            from stagekit._render.table import parameter_lines

            title = output.style.paint("strong", "parameters")
            lines += ["", title, *(f"  {line}" for line in parameter_lines(parameters))]
        output.print_text("\n".join(lines))
    return ExitCode.OK


def _parameters(found: Found, declarations: Sequence[Declaration]) -> Sequence[PlanParameter]:
    if isinstance(found.what, Plan):
        return found.what.parameters
    declared = found.registry.snapshot()
    returned = {_same(_annotations(each.fn).get("return")) for each in declared}
    returned.difference_update(_SIMPLE)  # a later stage may return it: see _plan.late_providers
    if "pathlib" in sys.modules:  # 5 ms, for scripts that have no path
        returned.discard(id(sys.modules["pathlib"].Path))
    called = {last_name(each.id) for each in declared}
    if not any(_may_be_set(each.fn, returned, called) for each in declarations):
        return ()
    from stagekit._plan.build import Request, parameters_of

    return parameters_of(Request(declared, found.what))


def _may_be_set(fn: Any, returned: Set[object], called: Set[str]) -> bool:
    """Tell, without reading its annotations, whether a stage may have a parameter to be set.

    Args:
        fn: its function.
        returned: the types that stages return, but for simple ones.
        called: the names of all stages.
    """
    if type(fn) is not FunctionType or "__wrapped__" in fn.__dict__ or _has_default(fn):
        return True
    code, annotations = fn.__code__, _annotations(fn)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return any(
        name in annotations and name not in called and _same(annotations[name]) not in returned
        for name in names
    )


def _has_default(fn: FunctionType) -> bool:
    return bool(fn.__defaults__ or fn.__kwdefaults__)


def _same(annotation: object) -> object:
    return annotation if type(annotation) is str else id(annotation)


def _annotations(fn: Any) -> Mapping[str, object]:
    try:
        found: Mapping[str, object] = fn.__annotations__
    except Exception:  # noqa: BLE001 - from 3.14 on they are evaluated here; no function has none
        return {}
    return found


def _declarations(found: Found) -> Sequence[Declaration]:
    """Return what a target names itself, without what that needs.

    Raises:
        PlanError: it names something that is no stage.
    """
    if isinstance(found.what, Plan):
        return found.what.stages
    declared = found.registry.snapshot()
    if found.what is None:
        return declared
    references = References(declared)
    if isinstance(found.what, ModuleType):
        return [declared[place] for place in references.of_module(found.what)]
    places, misses, _ = targets_of(found.what, references)
    if misses:
        raise PlanError(tuple(map(_problem, misses)))
    return [declared[place] for place in places or ()]


def _problem(miss: Miss) -> Problem:
    return Problem(miss.code, miss.message, notes=miss.notes, fixes=miss.fixes)


def _said(stage: Declaration) -> str:
    """Return the description of a stage, and in brackets what it is besides a call."""
    policy = ""
    if not _is_plain_call(stage):
        from stagekit._render.policies import declared_policy, facts

        policy = facts(stage, declared_policy(stage))
    return "  ".join(filter(None, [escape_control(stage.description), policy and f"[{policy}]"]))


def _is_plain_call(stage: Declaration) -> bool:
    """Tell, without reading its annotations, whether a stage is a call and nothing more."""
    fn = stage.fn
    return (
        stage.options.policy is None
        and type(fn) is FunctionType
        and "__wrapped__" not in fn.__dict__
        and not fn.__code__.co_flags & _GENERATOR
        and not _may_take_items(fn)
    )


def _may_take_items(fn: FunctionType) -> bool:
    try:
        annotations = fn.__annotations__.values()
    except Exception:  # noqa: BLE001 - from 3.14 on they are evaluated here
        return True
    return _EACH in sys.modules or any(type(each) is str and "Each" in each for each in annotations)


def _table(declarations: Sequence[Declaration], output: Output) -> List[str]:
    from stagekit._base.columns import table

    names = short_names(each.id for each in declarations)
    rows: List[Sequence[str]] = [
        (
            escape_control(names[each.id]),
            "" if each.location is None else output.style.place(each.location),
            " ".join(map(escape_control, each.tags)),
            _said(each),
        )
        for each in declarations
    ]
    roles = ["strong", "frame", "good", ""]
    if not any(row[2] for row in rows):  # no stage has a tag
        untagged: List[Sequence[str]] = [(*row[:2], row[3]) for row in rows]
        rows, roles = untagged, [*roles[:2], roles[3]]
    return table(rows, roles, output.columns, output.style.paint, has_head=False)
