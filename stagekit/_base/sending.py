"""Functions on their way to another process: their names, and what keeps them here."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Callable, Dict, List, NewType, Optional, Tuple

from stagekit._base.cancel import CancelToken
from stagekit._base.pickling import MAIN_NAMES, pickler
from stagekit._base.progress import Progress
from stagekit._base.variables import place_of

# Any: functions and values of stages

_make_new_type: Any = NewType  # with names known at run time only


def by_value(value: Any) -> bytes:
    """Pickle a value, with whatever of the main module it needs, for a process that lacks that."""
    import io

    file = io.BytesIO()
    _pickler()(file).dump(value)
    return file.getvalue()


def try_sending(value: Any) -> None:
    """Pickle a value, and keep nothing of it; raises whatever comes of that.

    What has a twin where it is sent counts as if it could be.
    """
    _pickler(tried=True)(_Nowhere()).dump(value)


def is_imported(fn: Any) -> bool:
    """Return whether a function is found in a module under its name, so that the name is sent."""
    module, path = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    if module in MAIN_NAMES or not isinstance(path, str):
        return False
    found: Any = sys.modules.get(str(module))
    for name in path.split("."):
        found = getattr(found, name, None)
    return found is fn


def new_type(name: str, base: Any) -> Any:
    """Return a ``NewType`` of the main module, which cloudpickle would send by its name alone."""
    made = _make_new_type(name, base)
    made.__module__ = "__main__"
    return made


def is_nowhere(made: Any) -> bool:
    """Return whether a ``NewType`` cannot be found by its name, as one that a function has made."""
    return getattr(sys.modules.get(made.__module__), made.__qualname__, None) is not made


def _held(module: str, name: str) -> Any:
    from importlib import import_module

    return getattr(import_module(module), name)


class _Nowhere:
    """A file that forgets."""

    def write(self, data: object) -> int:
        return memoryview(data).nbytes  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # bytes, or a buffer


@lru_cache(maxsize=2)
def _pickler(*, tried: bool = False) -> Any:
    base: Any = pickler()

    def reducer_override(self: Any, obj: Any) -> Any:
        if type(obj) is NewType and (obj.__module__ in MAIN_NAMES or is_nowhere(obj)):
            return new_type, (obj.__name__, obj.__supertype__)
        if tried and isinstance(obj, (CancelToken, Progress)):
            return object, ()
        if type(obj) is ContextVar:
            place = place_of(obj)  # pyright: ignore[reportUnknownArgumentType]  # of any type
            return NotImplemented if place is None else (_held, place)
        return base.reducer_override(self, obj)

    # Not a class statement: type checkers know nothing of the base.
    return type("ByValue", (base,), {"reducer_override": reducer_override})


def name_of(fn: Callable[..., Any]) -> str:
    """Return a name for a call, as people may see it."""
    inner: Any = fn
    while not hasattr(inner, "__name__") and hasattr(inner, "func"):
        inner = inner.func
    name = str(getattr(inner, "__name__", type(inner).__name__))
    return "".join([each if each.isalnum() or each in "._" else "_" for each in name])


def mistake_in(
    fn: Callable[..., Any], pack: Optional[Callable[[Any], object]] = None
) -> Optional[str]:
    """Return what keeps a function from being sent to a worker, naming the value; None if nothing.

    Functions of modules go by name, all others (closures, lambdas, those of ``__main__``) with
    what they refer to.

    Args:
        fn: the function.
        pack: raises where a value cannot be sent; ``by_value`` unless said.
    """
    if pack is None:
        pack = by_value
    error = refusal(fn, pack)
    if error is None:
        return None
    for name, value in _inner_values(fn):
        reason = refusal(value, pack)
        if reason is not None:
            return f"{name} cannot be sent to another process: {reason}"
    return f"{name_of(fn)} cannot be sent to another process: {error}"


def refusal(value: object, pack: Callable[[Any], object]) -> Optional[str]:
    """Return why a value cannot be sent, or None."""
    try:
        pack(value)
    except Exception as error:  # noqa: BLE001 - whatever the value raises
        return str(error) or type(error).__name__
    return None


def _inner_values(fn: Any) -> List[Tuple[str, object]]:
    """Return what a function carries along, with how it is called in the source."""
    found: List[Tuple[str, object]] = []
    while hasattr(fn, "func") and hasattr(fn, "args"):  # functools.partial
        found += [
            (f"argument {place} bound in a partial", each) for place, each in enumerate(fn.args)
        ]
        found += [
            (f"argument {name!r} bound in a partial", each) for name, each in fn.keywords.items()
        ]
        fn = fn.func
    if hasattr(fn, "__self__"):
        found.append((f"the object that {name_of(fn)} is a method of", fn.__self__))
        fn = getattr(fn, "__func__", fn)
    code = getattr(fn, "__code__", None)
    cells = getattr(fn, "__closure__", None) or ()
    for name, cell in zip(getattr(code, "co_freevars", ()), cells):
        try:
            found.append(
                (f"`{name}`, which {name_of(fn)} takes from around it,", cell.cell_contents)
            )
        except ValueError:  # not bound yet
            continue
    names = getattr(code, "co_names", ())
    around: Dict[str, object] = getattr(fn, "__globals__", {})
    found += [
        (f"the global `{each}` of {name_of(fn)}", around[each]) for each in names if each in around
    ]
    return found
