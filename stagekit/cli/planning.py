"""Plan what the command line asks for: a target, and what is selected of it."""

from __future__ import annotations

import os
import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Tuple

from stagekit._api import Plan, plan
from stagekit._base.parameters import ENVIRONMENT, PYTHON, UNSET, Setting
from stagekit._base.record import Row
from stagekit._base.text import escape_control
from stagekit._declare.context import Arguments, Context
from stagekit._plan.slots import INJECTABLE
from stagekit._settings import kept_warnings, known_parameters
from stagekit.cli.importing import load
from stagekit.cli.output import Output
from stagekit.cli.target import Found, NothingSelectedError, Where, why_empty
from stagekit.errors import Code, PlanError, UsageError

if TYPE_CHECKING:
    from stagekit._plan.parameters import PlanParameter

_MOST_NAMED = 8  # parameters


class Selection(Row):
    """The options that say which stages of a target are meant, and how they are planned."""

    select: Tuple[str, ...] = ()
    exclude: Tuple[str, ...] = ()
    start: Optional[str] = None
    end: Optional[str] = None
    others: Mapping[str, Any] = MappingProxyType({})  # options of `plan`
    adopts: bool = False  # every public function of the module is a stage

    def __bool__(self) -> bool:
        *selecting, others, adopts = self
        is_said = any(each is not None and each != () for each in selecting)
        return is_said or adopts or any(others[name] for name in others if name != "params")

    def sets(self) -> bool:
        """Tell whether parameters are set for this very command."""
        settings: Sequence[Setting] = self.others.get("params", ())
        return any(each.source != ENVIRONMENT for each in settings)


def _options(found: Found, selection: Selection) -> Dict[str, Any]:
    """Return the options of ``plan`` that a selection is."""
    select: Sequence[str] = selection.select
    if selection.start is not None or selection.end is not None:
        from stagekit._plan.select import Typed

        select = Typed(select, selection.start, selection.end)
    chosen = {"select": select, "exclude": selection.exclude}
    return {"registry": found.registry, **chosen, **selection.others}


def parameters_in(
    where: Where, selection: Selection, output: Output
) -> Tuple[str, Sequence[PlanParameter]]:
    """Return the text of a target, and the parameters of what is selected of it.

    Of those that are required one wants to know before it can be planned.

    Raises:
        StagekitError: the target cannot be found, imported or used.
    """
    target, found = load(where, output, adopts=selection.adopts)
    if isinstance(found.what, Plan):
        return target.text, found.what.parameters
    return target.text, known_parameters(found.what, _options(found, selection))


def plan_of(  # noqa: PLR0913 - what commands want of it
    where: Where,
    selection: Selection,
    output: Output,
    *,
    shows_warnings: bool = True,
    is_picture: bool = False,
    executor: str = "auto",
    limits: Optional[Mapping[str, int]] = None,
) -> Plan:
    """Return the plan of what is selected of a target; print its warnings where *shows_warnings*.

    Of the warnings, those that hold where *executor* runs it within *limits*. In a plan of which
    only a picture is wanted, parameters that have to be set need not be.

    Raises:
        PlanError: the stages cannot be planned.
        NothingSelectedError: there is no stage.
        StagekitError: the target cannot be found, imported or used.
    """
    target, found = load(where, output, adopts=selection.adopts)
    if isinstance(found.what, Plan):
        made = found.what
        if selection or selection.sets():
            example = "select=..., strict=..." if selection else "params={...}"
            raise UsageError(
                f"{escape_control(target.text)} is a plan, made already; "
                f"say it where it is made: plan({example})"
            )
    elif is_picture:
        made = _pictured(found, _options(found, selection), output)
    else:
        made = plan(found.what, **_options(found, selection))
    kept = kept_warnings(made.warnings, executor, limits) if made.warnings else ()
    # Whoever names a registry knows that it spans several modules.
    shown = [each for each in kept if each.code is not Code.SEVERAL_MODULES]
    if shown and (shows_warnings or not len(made)):
        from stagekit.cli.show_problem import show_problems

        output.print_message(show_problems(shown, output.error_style, role="warning"))
    if shown and output.annotates:
        from stagekit.cli.github import annotate

        annotate("warning", shown, os.environ)
    if not len(made):
        raise NothingSelectedError(why_empty(target, found, has_selection=bool(selection)))
    return made


def _pictured(found: Found, options: Dict[str, Any], output: Output) -> Plan:
    """Return a plan that cannot be run where parameters that have to be set are not."""
    try:
        return plan(found.what, **options)
    except PlanError as error:
        known = known_parameters(found.what, options)
        required = {(each.stage, each.parameter): each.name for each in known if not each.source}
        missing = [
            required.get((str(each.stage_id), str(each.parameter)))
            for each in error.problems
            if each.code is Code.MISSING_PROVIDER
        ]
        unset = [name for name in missing if name is not None]
        if len(unset) < len(error.problems):
            raise
    output.note(f"to run it, set {', '.join(map(escape_control, unset))}")
    settings = [Setting(name, UNSET, PYTHON, PYTHON) for name in unset]
    options["params"] = (*options.get("params", ()), *settings)
    return plan(found.what, **options)


def check_arguments(made: Plan, arguments: Sequence[str]) -> None:
    """Refuse words after ``--`` that no stage would see.

    Raises:
        UsageError: saying how a stage takes them, and which parameters can be set.
    """
    seen = (slot.key for slot in made.slots if slot.kind == INJECTABLE)
    takes = any(key is Arguments or key is Context for key in seen)
    if takes or not arguments:
        return
    shown = escape_control(" ".join(map(shlex.quote, arguments)))
    text = f"no stage takes what follows `--`: {shown}\n\nhelp: "
    names = [each.name for each in made.parameters]
    meant = next((name for name in names for word in arguments if _is_of(word, name)), None)
    if names:
        more = " …" if len(names) > _MOST_NAMED else ""
        which = ", ".join(names[:_MOST_NAMED]) + more
        text += f"set a parameter: --set {meant or names[0]}=...  (there is: {which})\nhelp: "
    text += "have a stage take them: def load(arguments: Arguments), from stagekit import Arguments"
    raise UsageError(text)


def _is_of(word: str, name: str) -> bool:
    """Tell whether an argument is written as an option of the name of a parameter."""
    option = word.partition("=")[0].lstrip("-").replace("-", "_")
    return word.startswith("--") and option == name.rpartition(".")[2]
