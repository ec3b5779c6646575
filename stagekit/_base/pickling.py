"""cloudpickle, in whose pickles code keeps the name of its file."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, Dict

if TYPE_CHECKING:
    from types import CodeType

CHILD_MAIN = "__mp_main__"  # the main module in a child that ``multiprocessing`` has not forked
MAIN_NAMES = ("__main__", CHILD_MAIN)
_MAIN_BYTES = tuple(name.encode() for name in MAIN_NAMES)
BY_VALUE = 3  # parts of what a class is reduced to, at least, where it has a state to be given
# Any: cloudpickle, which has no types, and whatever it pickles


def dumps(value: Any) -> bytes:
    """Pickle a value with all that could not be imported; raises whatever comes of that."""
    import io

    file = io.BytesIO()
    pickler()(file).dump(value)
    return file.getvalue()


@lru_cache(maxsize=1)
def pickler() -> Any:
    """Return a class of picklers derived from cloudpickle's.

    Some versions of cloudpickle replace the name of the file that code is from. Tracebacks of what
    such code raises elsewhere would name no file that there is, so the name travels beside it.
    And cloudpickle forgets what a class is part of, by which it is known.
    """
    import copyreg
    from collections import ChainMap
    from importlib import import_module
    from types import CodeType

    cloudpickle: Any = import_module("cloudpickle")  # 10 ms
    main = sys.modules.get(CHILD_MAIN)
    if (
        main is not None and main.__name__ == CHILD_MAIN
    ):  # else it takes that for a module to import
        cloudpickle.register_pickle_by_value(main)
    base: Any = cloudpickle.Pickler
    table: Any = getattr(base, "dispatch_table", copyreg.dispatch_table)
    reduce_code: Any = table.get(CodeType)

    def reduced(code: CodeType) -> Any:
        make, args, *rest = reduce_code(code)
        return (code_from, (code.co_filename, make, *args), *rest)

    def reducer_override(self: Any, obj: Any) -> Any:
        found: Any = base.reducer_override(self, obj)
        if found is NotImplemented or not isinstance(obj, type) or len(found) < BY_VALUE:
            return found
        make, args, *rest = found
        return (class_named, (obj.__qualname__, make, *args), *rest)

    members: Dict[str, Any] = {"reducer_override": reducer_override}
    if reduce_code is not None:
        members["dispatch_table"] = ChainMap({CodeType: reduced}, table)
    # Not a class statement: type checkers know nothing of the base.
    return type("Pickler", (base,), members)


def class_named(qualname: str, make: Callable[..., type], *args: Any) -> type:
    """Make a class that is known by a name, dots included."""
    made = make(*args)
    if made.__qualname__ != qualname:
        made.__qualname__ = qualname
    return made


def mentions_main(data: bytes) -> bool:
    """Return whether a pickle may ask for something of the main module, by any of its names."""
    main, child_main = _MAIN_BYTES
    return main in data or child_main in data


def code_from(filename: str, make: Callable[..., CodeType], *args: Any) -> CodeType:
    """Make code that is from a file."""
    code = make(*args)
    return code if code.co_filename == filename else code.replace(co_filename=filename)
