"""TARGET of the command line: what it names, and what is found there."""

from __future__ import annotations

import os
import re
from types import ModuleType
from typing import Any, List, Optional, Sequence, Tuple, Union, cast

from stagekit._base.record import Record
from stagekit._base.refs import StageRef
from stagekit._base.text import did_you_mean, escape_control, short_names
from stagekit._declare.callables import last_name
from stagekit._declare.declaration import own_mark
from stagekit._declare.registry import Registry, current_registry
from stagekit._plan.plan import Plan
from stagekit._plan.references import References
from stagekit.errors import Code, Location, StagekitError, TargetError

_FILE = re.compile(r"(?P<file>.+?\.pyw?)(?::(?P<attribute>.*))?", re.DOTALL)
_KINDS = "a stage, a Registry, a Plan, or a list of stages"


Where = Union[str, ModuleType]  # what is typed as TARGET, or the script that calls `main()`


class Target(Record):
    """What was written: a module or a file, and an attribute of it (empty: all of it)."""

    text: str
    module: str
    file: Optional[str]
    attribute: str


class Found(Record):
    """What a target names.

    Attributes:
        module: the module that was imported.
        what: what ``plan()`` takes as target; None for a whole registry; or a finished plan.
        registry: where the stages are.
    """

    module: ModuleType
    what: Any  # a module, function, reference, list of these, or Plan
    registry: Registry


class NothingSelectedError(StagekitError):
    """There are no stages, or none of them was selected."""


def parse(text: str) -> Target:
    """Take a target apart: ``pkg.mod``, ``pkg.mod:attr``, ``path/file.py``, ``path/file.py:attr``.

    Example:
        >>> parse("shop.orders:load")
        Target('shop.orders:load', 'shop.orders', None, 'load')
        >>> parse("flows/shop.py").file
        'flows/shop.py'
    """
    file = _FILE.fullmatch(text)
    if file:
        return Target(text, "", file["file"], file["attribute"] or "")
    module, _, attribute = text.partition(":")
    return Target(text, module, None, attribute)


def target_of(where: Where) -> Target:
    """Return a target taken apart; of a script that calls ``main()``, its file."""
    if isinstance(where, str):
        return parse(where)
    path = getattr(where, "__file__", None) or where.__name__
    return Target(str(Location(path, 0)).rpartition(":")[0], where.__name__, path, "")


def find(target: Target, module: ModuleType) -> Found:
    """Return what a target names in its module.

    Raises:
        TargetError: the module has nothing of that name, or something that holds no stages.
    """
    if not target.attribute:
        return _whole(module)
    missing = object()
    value: Any = module
    for name in target.attribute.split("."):
        value = getattr(value, name, missing)
    if value is missing:
        return _by_id(target, module)
    if isinstance(value, Registry):
        return Found(module, None, value)
    if isinstance(value, Plan):
        return Found(module, value, current_registry())
    is_many = isinstance(value, (list, tuple))
    stages = cast("Sequence[Any]", value) if is_many else (value,)
    if not stages or not all(_is_stage(each) for each in stages):
        kind = type(value).__name__ if stages else f"empty {type(value).__name__}"
        raise _refused(target, kind)
    return Found(module, value, _registry_of(stages, module))


def _whole(module: ModuleType) -> Found:
    """Return a whole module: in the current registry, else in the only one that it holds."""
    registry = current_registry()
    if not stages_of(module, registry):
        own = [each for _, each in registries(module) if len(each)]
        if len(own) == 1:
            return Found(module, None, own[0])
    return Found(module, module, registry)


def stages_of(module: ModuleType, registry: Registry) -> Tuple[str, ...]:
    """Return the ids of the stages of a module, in the order of their declaration."""
    declarations = registry.snapshot()
    return tuple(declarations[place].id for place in References(declarations).of_module(module))


def registries(module: ModuleType) -> List[Tuple[str, Registry]]:
    """Return the registries bound in a module, each once, with a name of it."""
    found = {id(v): (name, v) for name, v in vars(module).items() if isinstance(v, Registry)}
    return list(found.values())


def _is_stage(value: object) -> bool:
    return isinstance(value, (StageRef, str)) or callable(value)


def _registry_of(stages: Sequence[Any], module: ModuleType) -> Registry:
    """Return the registry that has all of some stages: the current one, or one of the module."""
    current = current_registry()
    for registry in (current, *(each for _, each in registries(module))):
        if all(each in registry for each in stages):
            return registry
    return current


def _by_id(target: Target, module: ModuleType) -> Found:
    """Return a stage whose id, or short name, is written in place of an attribute.

    Raises:
        TargetError: there is none; the text has near misses.
    """
    registry = current_registry()
    ids = stages_of(module, registry)
    names = short_names(ids)
    for stage_id in ids:
        if target.attribute in {stage_id, names[stage_id], f"{module.__name__}:{stage_id}"}:
            return Found(module, stage_id, registry)
    nested = [stage_id for stage_id in ids if last_name(stage_id) == target.attribute]
    if len(nested) == 1:
        return Found(module, nested[0], registry)
    place = target.file or target.module
    known = [*names.values(), *_public(module)]
    near = did_you_mean(target.attribute, known)
    shown = escape_control(target.attribute)
    held = ", ".join(dict.fromkeys(known)) or "no stages"
    raise TargetError(
        Code.MODULE_NOT_FOUND,
        target.text,
        f"`{place}` has no `{shown}`; it has {held[:200]}",
        tuple(f"did you mean {place}:{name}?" for name in near),
    )


def _public(module: ModuleType) -> List[str]:
    """Return the names in a module that may be targets."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, (Registry, Plan, StageRef)) or own_mark(value) is not None
    ]


def _refused(target: Target, kind: str) -> TargetError:
    article = "an" if kind[0] in "aeiou" else "a"
    return TargetError(
        Code.MODULE_NOT_FOUND,
        target.text,
        f"`{escape_control(target.text)}` is {article} {kind}, where {_KINDS} can stand",
        (f"name a module for all of its stages: {_plain(target)}",),
    )


def _plain(target: Target) -> str:
    return target.file.replace(os.sep, "/") if target.file else target.module


def why_empty(target: Target, found: Found, *, has_selection: bool = False) -> str:
    """Return why there is nothing to do."""
    if has_selection and len(found.registry):
        return f"the selection leaves no stage of {escape_control(target.text)}"
    if target.attribute:
        return f"no stages in {escape_control(target.text)}"
    held = [name for name, registry in registries(found.module) if len(registry)]
    text = f"no stages in module {found.module.__name__}; decorate functions with @stage"
    if held:
        place = target.file or target.module
        text += f", or name one of its registries: {', '.join(f'{place}:{each}' for each in held)}"
    return text
