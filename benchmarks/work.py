"""The functions that every library runs: one for each node of a shape, all trivial.

They are stamped from templates with `code.replace`, so that 100,000 of them take a second and
each has its own name and its own parameter names (`s7(s3, s4)`: some libraries read edges off
parameter names). `fresh` gives new function and code objects, so that nothing that a library or
the interpreter caches on a function warms up a cold measurement.
"""

from __future__ import annotations

import functools
import sys
import types
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, Tuple

from benchmarks.shapes import Shape

__all__ = ["Work", "fresh", "make_work", "recording_work"]

Function = Callable[..., Any]  # Any: parameters and results differ by node
MODULE = "benchmarks_generated"


@dataclass(frozen=True)
class Work:
    """A shape and its functions: node `i` is `functions[i]`, called `names[i]`.

    With `passes_values` each function takes its parents' values, in order, as parameters of
    their names; without, the functions take nothing and the edges only order them.
    """

    shape: Shape
    names: Tuple[str, ...]
    functions: Tuple[Function, ...]
    passes_values: bool = True
    is_async: bool = False

    @functools.cached_property
    def final(self) -> Tuple[str, ...]:
        """The names of the nodes that nothing depends on."""
        return tuple(self.names[node] for node in self.shape.sinks())

    @functools.cached_property
    def before(self) -> Tuple[Tuple[str, ...], ...]:
        """The names of the parents of each node."""
        names = self.names
        return tuple(tuple(names[parent] for parent in row) for row in self.shape.parents)


def make_work(shape: Shape, *, passes_values: bool = True, is_async: bool = False) -> Work:
    """Stamp a trivial function for each node of a shape."""
    names = tuple(f"s{node}" for node in range(shape.size))
    namespace = _module_namespace()
    functions: List[Function] = []
    for node, parents in enumerate(shape.parents):
        parameters = tuple(f"s{parent}" for parent in parents) if passes_values else ()
        template = _template(min(len(parameters), 3), is_async=is_async)
        code = _stamp(template, names[node], parameters, node)
        functions.append(types.FunctionType(code, namespace, names[node]))
    return Work(shape, names, tuple(functions), passes_values, is_async)


def recording_work(work: Work, calls: List[Tuple[str, Tuple[int, ...]]]) -> Work:
    """Return the same nodes with functions that note each call in `calls`, for checking."""
    namespace = dict(_module_namespace())
    namespace["note"] = functools.partial(_note, calls)
    functions: List[Function] = []
    prefix = "async def" if work.is_async else "def"
    for node, name in enumerate(work.names):
        parameters = work.before[node] if work.passes_values else ()
        values = "".join(f"{parameter}, " for parameter in parameters)
        source = f"{prefix} {name}({', '.join(parameters)}): return note({name!r}, ({values}))\n"
        exec(compile("\n" * node + source, "<generated>", "exec"), namespace)  # noqa: S102
        functions.append(namespace[name])
    return replace(work, functions=tuple(functions))


def fresh(work: Work, annotations: Callable[[int], Mapping[str, object]] | None = None) -> Work:
    """Copy the functions, code objects too, and annotate each as `annotations(node)` says."""
    copies: List[Function] = []
    for node, function in enumerate(work.functions):
        code = function.__code__.replace()
        copy = types.FunctionType(
            code, function.__globals__, function.__name__, None, function.__closure__
        )
        if annotations is not None:
            copy.__annotations__ = dict(annotations(node))
        copies.append(copy)
    return replace(work, functions=tuple(copies))


def _note(calls: List[Tuple[str, Tuple[int, ...]]], name: str, values: Tuple[int, ...]) -> int:
    calls.append((name, values))
    total = int(name[1:]) + 1
    for value in values:
        total = (total * 31 + value) % 1_000_003
    return total


def _module_namespace() -> Dict[str, Any]:  # Any: it is a module's namespace
    """Return the namespace of an importable module, which libraries may look up by name."""
    if MODULE not in sys.modules:
        sys.modules[MODULE] = types.ModuleType(MODULE, "Functions made by the benchmarks.")
    return vars(sys.modules[MODULE])


@functools.lru_cache(maxsize=None)
def _template(arity: int, *, is_async: bool) -> types.CodeType:
    """Compile a function of so many parameters; 3 stands for 3 or more, of which it adds two."""
    head, body = (
        ("template()", "777"),
        ("template(a)", "a + 1"),
        ("template(a, b)", "a ^ b"),
        ("template(a, b, c)", "a + b"),
    )[arity]
    namespace: Dict[str, Any] = {}  # Any: what exec fills
    prefix = "async def" if is_async else "def"
    exec(f"{prefix} {head}: return {body}", namespace)  # noqa: S102
    code: types.CodeType = namespace["template"].__code__
    return code


def _stamp(
    template: types.CodeType, name: str, parameters: Tuple[str, ...], node: int
) -> types.CodeType:
    """Give a template a name, parameters, a place of its own, and a root its own value."""
    constants = tuple(node if constant == 777 else constant for constant in template.co_consts)
    changes: Dict[str, Any] = {  # Any: fields of code objects
        "co_name": name,
        "co_consts": constants,
        "co_filename": "<generated>",
        "co_firstlineno": node + 1,
        "co_argcount": len(parameters),
        "co_nlocals": len(parameters),
        "co_varnames": parameters,
    }
    if sys.version_info >= (3, 11):
        changes["co_qualname"] = name
    return template.replace(**changes)
