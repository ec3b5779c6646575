"""What happens when a stage id is declared again: replaced, or refused with both places."""

from __future__ import annotations

from stagekit._base.problem import Location
from stagekit._declare.callables import MAIN_NAMES, namespace_of, unwrap_partial
from stagekit._declare.declaration import Declaration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def check_taken(old: Declaration, new: Declaration) -> None:
    """Return if *new* may replace *old*, which has its id.

    That is so where the module has been reloaded since, or lives in an interactive session.

    Raises:
        DuplicateStageError: else. Names both places, and both imports of a file imported twice.
    """
    if _may_replace(old, new):
        return
    from stagekit.errors import DuplicateStageError

    first, second = old.location, new.location
    old_module, new_module = _module(old), _module(new)
    twin = (
        old_module != new_module
        and (old_module in MAIN_NAMES or new_module in MAIN_NAMES)
        and _is_one_file(first, second)
    )
    if twin:
        name = new_module if old_module in MAIN_NAMES else old_module
        mistake = (
            f"its file is imported twice, as {old_module!r} and as {new_module!r}, so its types "
            f"exist twice and cannot be wired; move the stages to a module of their own, or run "
            f"them with `python -m stagekit run {name}`"
        )
    elif first is not None and first == second:
        mistake = (
            "the same code has declared it twice (a loop, a factory); give each its own id: "
            f'registry.add(fn, id="{new.id}-1")'
        )
    else:
        mistake = (
            f"the id is taken by the stage declared at {first or 'an unknown place'}; "
            f'rename one, or give it an id: @stage(id="...")'
        )
    raise DuplicateStageError(new.id, second, (mistake,), first, twin)


def _may_replace(old: Declaration, new: Declaration) -> bool:
    module = _module(new)
    if module != _module(old) or _qualname(old) != _qualname(new):
        return False
    if module == "__main__" and "__file__" not in namespace_of(unwrap_partial(new.fn)):
        return True
    return old.spec is not new.spec


def _module(declaration: Declaration) -> str:
    return str(getattr(unwrap_partial(declaration.fn), "__module__", ""))


def _qualname(declaration: Declaration) -> str:
    return str(getattr(unwrap_partial(declaration.fn), "__qualname__", ""))


def _is_one_file(first: Optional[Location], second: Optional[Location]) -> bool:
    import os

    if first is None or second is None:
        return False
    return os.path.realpath(first.file) == os.path.realpath(second.file)
