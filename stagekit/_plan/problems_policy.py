"""The texts of what can be wrong with policies: items, resources, time limits, undoing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from stagekit._base.keys import describe
from stagekit._base.problem import Code, Location, Problem
from stagekit._base.text import plural, short_name
from stagekit._declare.declaration import Declaration
from stagekit._plan.signature_data import Parameter
from stagekit._plan.suggestions import at, place, short

if TYPE_CHECKING:
    from stagekit._plan.problems import Left


def uneven(stage: Declaration, parameter: Parameter, depth: int, other: int) -> Problem:
    """Two parameters take items that are not equally deep in their lists."""
    return Problem(
        Code.BAD_MARKER,
        f"parameter `{parameter.name}` of stage `{short(stage)}` takes items {depth} deep in "
        f"lists, where another takes them {other} deep; they must go side by side",
        parameter=parameter.name,
        fixes=("take lists that are nested equally",),
        **at(stage),
    )


def each_of_resource(stage: Declaration) -> Problem:
    """A generator function takes one item at a time."""
    return Problem(
        Code.BAD_MARKER,
        f"stage `{short(stage)}` is a resource, and `Each()` would open it once for each item",
        fixes=(
            "take the whole list, and yield once",
            "or return the value instead of yielding it",
        ),
        **at(stage),
    )


def each_of_tuple(stage: Declaration) -> Problem:
    """A stage that is called for each item provides several values."""
    return Problem(
        Code.BAD_MARKER,
        f"stage `{short(stage)}` is called for each item, and `provides` promises several values "
        f"of each call",
        fixes=("return one value, and let other stages take it apart",),
        **at(stage),
    )


def each_of_undo(stage: Declaration, parameter: Parameter) -> Problem:
    """A function that undoes a stage takes one item at a time."""
    return Problem(
        Code.BAD_MARKER,
        f"parameter `{parameter.name}` of stage `{short(stage)}`: a stage is undone as a whole, "
        f"so it takes no `Each()`",
        parameter=parameter.name,
        fixes=("take the whole list",),
        **at(stage),
    )


def resource_beyond(
    user: Declaration, parameter: str, resource: Declaration, executor: str
) -> Problem:
    """A resource is used where it cannot be opened: in another process, or on a cluster."""
    return Problem(
        Code.RESOURCE_BEYOND,
        f"stage `{short(user)}` runs in {executor}, where the resource `{short(resource)}` "
        f"cannot be used: it is opened and closed in this process",
        parameter=parameter,
        notes=(f"`{short(resource)}` yields what `{parameter}` takes{place(resource)}",),
        fixes=(
            f'run it in this process: @stage(executor="threads") above {short(user)}',
            f"or open what it needs inside `{short(user)}`",
        ),
        **at(user),
    )


def resource_moved(resource: Declaration, executor: str) -> Problem:
    """A resource says that it is to be opened in another process, or on a cluster."""
    return Problem(
        Code.RESOURCE_BEYOND,
        f"the resource `{short(resource)}` cannot run in {executor}: "
        f"it is opened and closed in this process",
        fixes=(f"remove `executor` from {short(resource)}",),
        **at(resource),
    )


def beyond_sending(stage: Declaration, where: str, reason: str) -> Problem:
    """A stage runs in another process, or on a cluster, and its function cannot travel there."""
    return Problem(
        Code.CANNOT_BE_SENT,
        f"stage `{short(stage)}` runs in {where}, and {reason}",
        fixes=(
            f'run it in this process: @stage(executor="threads") above {short(stage)}',
            f"or make what cannot be sent inside `{short(stage)}`",
        ),
        **at(stage),
    )


def value_beyond_sending(
    stage: Declaration, parameter: str, key: object, where: str, reason: str
) -> Problem:
    """A given value is needed in another process, or on a cluster, and cannot travel there."""
    text = describe(key)
    return Problem(
        Code.CANNOT_BE_SENT,
        f"stage `{short(stage)}` runs in {where}, where the value given for `{text}` "
        f"cannot be sent: {reason}",
        parameter=parameter,
        fixes=(
            f'run it in this process: @stage(executor="threads") above {short(stage)}',
            f"or give what a `{text}` is made of, and make it inside `{short(stage)}`",
        ),
        **at(stage),
    )


def soft_timeout(stage: Declaration, executor: object) -> Problem:
    """A time limit is set for a stage that runs in a thread; perhaps wherever the others run.

    ``subject`` is the executor that the stage itself names, or None.
    """
    is_own = executor not in (None, "auto")
    return _soft_timeout(stage.id, stage.location, executor, is_own=is_own)


def depends_on_run(problem: Problem) -> bool:
    """Tell whether a time limit that is not kept may be kept by another executor of the run."""
    return problem.code is Code.SOFT_TIMEOUT and problem.subject is None


def timeout_on(problem: Problem, executor: object) -> Problem:
    """Return the warning of a time limit that depends on the run, for a run on one executor."""
    return _soft_timeout(str(problem.stage_id), problem.location, executor, is_own=False)


def _soft_timeout(
    stage_id: str, location: Optional[Location], executor: object, *, is_own: bool
) -> Problem:
    name = executor if isinstance(executor, str) else type(executor).__name__
    what = f"the timeout of stage `{short_name(stage_id)}`"
    if executor == "inline":
        message = (
            f"{what} cannot end a call that runs inline; stagekit looks at the time afterwards and "
            f"fails an attempt that took too long"
        )
    else:
        is_thread = executor in (None, "auto", "threads")
        call = "the thread it runs in" if is_thread else f"the call on `{name}`"
        message = f"{what} bounds the wait for it, not {call}, which cannot be stopped"
    own = "the stage says itself where it runs, whatever the executor of the run is"
    return Problem(
        Code.SOFT_TIMEOUT,
        message,
        stage_id=stage_id,
        location=location,
        notes=(own,) if is_own else (),
        fixes=('@stage(timeout=..., executor="processes") keeps it',),
        subject=name if is_own else None,
    )


def guessed_limit(name: str, count: int, stage: Declaration) -> Problem:
    """Nobody has said how many there are of a slot, which is ``subject``."""
    return Problem(
        Code.GUESSED_LIMIT,
        f"`limits` has no `{name}`; assuming {plural(count, 'slot')}, as many as stage "
        f"`{short(stage)}` takes",
        fixes=(f"--limit {name}={count}", f'run(..., limits={{"{name}": {count}}})'),
        subject=name,
        **at(stage),
    )


def of_undo(problem: Problem, stage: Declaration) -> Problem:
    """Tell a problem of the function that undoes a stage as such."""
    name = f"stage `{short(stage)}`"
    return Problem(
        problem.code,
        problem.message.replace(name, f"the undo of {name}", 1),
        stage_id=problem.stage_id,
        location=problem.location,
        parameter=problem.parameter,
        notes=problem.notes,
        fixes=problem.fixes,
    )


def undo_left_out(stage: Declaration, parameter: Parameter, left: Left) -> Problem:
    """A selection leaves out a stage whose value the undo of a selected one needs."""
    from stagekit._plan.problems import left_out

    return of_undo(left_out(stage, parameter, left), stage)
