"""What happens when a stage id is declared again: replaced, or refused with both places."""

from __future__ import annotations

from stagekit._base.problem import Location
from stagekit._declare.callables import MAIN_NAMES, namespace_of, unwrap_partial
from stagekit._declare.declaration import Declaration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Optional, Tuple


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
    twin = _are_twins(old_module, new_module) and _is_one_file(first, second)
    if twin:
        mistake = _twin_mistake(old_module, new_module)
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


def check_file(others: Iterable[Declaration], new: Declaration) -> None:
    """Refuse *new* where its file is one of *others* that is imported under another name.

    Such names are ``__main__`` and any other, or ``flow`` and ``shop.flow``: whoever loads a file
    twice under names of their own means it.

    Raises:
        DuplicateStageError: its file is. Names both imports.
    """
    new_name, new_file = _import_of(new)
    for old in others:
        name, file = _import_of(old)
        if _are_twins(name, new_name) and _is_same(file, new_file):
            from stagekit.errors import DuplicateStageError

            mistakes = (_twin_mistake(name, new_name),)
            raise DuplicateStageError(new.id, new.location, mistakes, old.location, twin=True)


def _import_of(declaration: Declaration) -> Tuple[str, str]:
    namespace = declaration.fn.__globals__
    return str(namespace.get("__name__")), str(namespace["__file__"])


def _are_twins(one: str, other: str) -> bool:
    """Return whether two names of modules may be those of one file that is imported twice."""
    short, long = sorted((one, other), key=len)
    is_main = one in MAIN_NAMES or other in MAIN_NAMES
    return one != other and (is_main or long.endswith(f".{short}"))


def _twin_mistake(old_module: str, new_module: str) -> str:
    names = [each for each in (old_module, new_module) if each not in MAIN_NAMES]
    name = min(names, key=len)
    cure = "move the stages to a module of their own"
    if len(names) > 1:
        cure = f"import it as {max(names, key=len)!r} everywhere"
    return (
        f"its file is imported twice, as {old_module!r} and as {new_module!r}, so its types "
        f"exist twice and cannot be wired; {cure}, or run "
        f"them with `python -m stagekit run {name}`"
    )


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
    return first is not None and second is not None and _is_same(first.file, second.file)


def _is_same(file: str, other: str) -> bool:
    import os

    if os.path.basename(file) != os.path.basename(other):
        return False  # asked of each pair of modules
    return os.path.realpath(file) == os.path.realpath(other)
