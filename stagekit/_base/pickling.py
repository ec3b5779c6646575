"""cloudpickle, in whose pickles code keeps the name of its file."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from types import CodeType

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
    """
    import copyreg
    from collections import ChainMap
    from importlib import import_module
    from types import CodeType

    base: Any = import_module("cloudpickle").Pickler  # 10 ms
    table: Any = getattr(base, "dispatch_table", copyreg.dispatch_table)
    reduce_code: Any = table.get(CodeType)
    if reduce_code is None:
        return base

    def reduced(code: CodeType) -> Any:
        make, args, *rest = reduce_code(code)
        return (code_from, (code.co_filename, make, *args), *rest)

    # Not a class statement: type checkers know nothing of the base.
    return type("Pickler", (base,), {"dispatch_table": ChainMap({CodeType: reduced}, table)})


def code_from(filename: str, make: Callable[..., CodeType], *args: Any) -> CodeType:
    """Make code that is from a file."""
    code = make(*args)
    return code if code.co_filename == filename else code.replace(co_filename=filename)
