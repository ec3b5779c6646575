"""Parameters that are called after a function which gives them nothing, and take another value.

In ``plot(by_region: Counts)`` a stage ``by_region`` without a return annotation is evidently meant.
Where another stage returns ``Counts``, that one fills the parameter: of this planning warns.
"""

from __future__ import annotations

from stagekit._base.problem import Code, Problem
from stagekit._declare.callables import namespace_of
from stagekit._plan.late_providers import Ancestors, is_called_after
from stagekit._plan.signature import Reader
from stagekit._plan.slots import NONE, Slot
from stagekit._plan.suggestions import at, place, short, spelled, undecorated
from stagekit._plan.wiring import Omit, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple

    from stagekit._declare.declaration import Declaration
    from stagekit._plan.resolve import Resolver
    from stagekit._plan.signature_data import Parameter
    from stagekit._plan.wiring import Source

    Asking = Tuple[int, Parameter, Source]  # the place of the stage, and what fills its parameter


def passed_over(
    resolver: Resolver, asking: Sequence[Asking], silent: Dict[str, int]
) -> List[Problem]:
    """Warn of each of some parameters that is called after a function which evidently was meant.

    Args:
        resolver: has resolved the stages.
        asking: parameters that are called after some function of their module.
        silent: by name, the stages without a return annotation.
    """
    ancestors = Ancestors(resolver)
    found: List[Problem] = []
    for number, parameter, source in asking:
        above, stage = stages_in(source), resolver.index.stages[number]
        falls_back = isinstance(source, Omit) or (isinstance(source, Slot) and source.kind == NONE)
        is_by_type = parameter.marker is None and parameter.key is not None
        is_wanting = is_by_type and (above or falls_back)
        if not is_wanting or is_called_after(resolver, parameter, above):
            continue
        names = [f"what `{short(resolver.index.stages[each])}` returns" for each in above]
        takes = (
            f"parameter `{parameter.name}` of stage `{short(stage)}` takes "
            f"{' and '.join(names) or 'its default'}"
        )
        other = silent.get(parameter.name, number)
        namesake = resolver.index.stages[other]
        if namesake.module == stage.module and number not in ancestors.of(other):
            text = spelled(parameter.key, namespace_of(stage.fn))
            fix = f"annotate `{short(namesake)}`: -> {text} (-> None, if it returns nothing)"
            what, where = f"`{short(namesake)}` has no return annotation", place(namesake)
        elif above and _undecorated(stage, parameter) is not None:
            what, where = f"`{parameter.name}` is no stage", _undecorated(stage, parameter) or ""
            fix = f"make `{parameter.name}` a stage: @stage above it"
        else:
            continue
        found.append(
            Problem(
                Code.NAME_PASSED_OVER,
                f"{takes}: {what}",
                parameter=parameter.name,
                notes=(f"`{parameter.name}`{where}",),
                fixes=(fix, "or give the parameter another name"),
                **at(stage),
            )
        )
    return found


def _undecorated(stage: Declaration, parameter: Parameter) -> Optional[str]:
    """Return where the function stands that is no stage and returns what is asked for, if any."""
    names = namespace_of(stage.fn)
    found = undecorated(parameter.name, names.get(parameter.name), names.get("__name__"))
    if found is None or (parameter.key, None) not in Reader().read(found).provides:
        return None
    return place(found)
