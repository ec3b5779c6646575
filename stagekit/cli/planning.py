"""From what the command line says to a plan: import, find, select."""

from __future__ import annotations

import os
from typing import Mapping, Optional, Tuple

from stagekit._api import Plan, plan
from stagekit._base.text import escape_control
from stagekit._managing import kept_warnings
from stagekit.cli.importing import import_target
from stagekit.cli.nothing import NothingSelectedError
from stagekit.cli.output import Output
from stagekit.cli.selection import NO_SELECTION, Selection
from stagekit.cli.shadows import shadows
from stagekit.cli.show_problem import show_problems
from stagekit.cli.target import Found, Target, find, parse, registries
from stagekit.errors import Code, UsageError


def load(text: str, output: Output) -> Tuple[Target, Found]:
    """Import a target and return what it stands for; warn of files that hide modules.

    Raises:
        StagekitError: it cannot be found, imported or used.
    """
    target = parse(text)
    folder = os.path.dirname(target.file) if target.file else ""
    for sentence in shadows(folder or "."):
        output.warn(sentence)
    return target, find(target, import_target(target))


def plan_of(
    text: str,
    selection: Selection,
    output: Output,
    *,
    tells_warnings: bool = True,
    executor: str = "auto",
    limits: Optional[Mapping[str, int]] = None,
) -> Plan:
    """Return the plan of what is selected of a target; print its warnings, unless told not to.

    Of the warnings, those that hold where *executor* carries it out within *limits*.

    Raises:
        PlanError: the stages cannot be planned.
        NothingSelectedError: there is no stage.
        StagekitError: the target cannot be found, imported or used.
    """
    target, found = load(text, output)
    if isinstance(found.what, Plan):
        made = found.what
        if selection:
            raise UsageError(
                f"{escape_control(text)} is a plan, made already; "
                "select in plan(select=...) instead"
            )
    else:
        words = selection.words()
        made = plan(found.what, registry=found.registry, select=words, exclude=selection.exclude)
    # That a registry spans several modules is no surprise to who has named it.
    kept = kept_warnings(made.warnings, executor, limits) if made.warnings else ()
    told = [each for each in kept if each.code is not Code.SEVERAL_MODULES]
    if told and (tells_warnings or not len(made)):
        output.tell(show_problems(told, output.error_style, role="warning"))
    if not len(made):
        raise NothingSelectedError(why_empty(target, found, selection))
    return made


def why_empty(target: Target, found: Found, selection: Selection = NO_SELECTION) -> str:
    """Return why there is nothing to do."""
    if selection and len(found.registry):
        return f"the selection leaves no stage of {escape_control(target.text)}"
    if target.attribute:
        return f"no stages in {escape_control(target.text)}"
    held = [name for name, registry in registries(found.module) if len(registry)]
    text = f"no stages in module {found.module.__name__}; decorate functions with @stage"
    if held:
        place = target.file or target.module
        text += f", or name one of its registries: {', '.join(f'{place}:{each}' for each in held)}"
    return text
