"""Names in the file of a target, read without importing it: to complete, and for usage errors.

Code of the user is not run while he types, nor where what he has typed is wrong: so what can be
told is what stands in the one file.
"""

from __future__ import annotations

import ast
import contextlib
import os
import warnings
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from stagekit._base.record import Record
from stagekit._base.text import short_name
from stagekit.cli.suggestions import module_names
from stagekit.cli.target import parse

_MOST_BYTES = 1_000_000
_Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
Found = List[Tuple[str, str]]  # what a word may become, each with what it is


class Outline(Record):
    """What the file of a target tells.

    Attributes:
        parameters: ``stage.parameter`` for each parameter of its stages that may be set.
        takes_arguments: whether it speaks of ``Arguments``, or of the ``Context`` that has them.
        stages: the names of its stages, each with the first line of its docstring.
        tags: those that its stages have.
        others: what else it has that can be a target: registries and plans.
    """

    parameters: List[str]
    takes_arguments: bool
    stages: Dict[str, str] = {}  # noqa: RUF012 - a record's default, never written to
    tags: Sequence[str] = ()
    others: Sequence[str] = ()

    def called(self, name: str) -> List[str]:
        """Return the parameters of a name, with their stages."""
        return [each for each in self.parameters if each.partition(".")[2] == name]


def outline(words: Iterable[str], *, adopts: bool = False) -> Optional[Outline]:
    """Return what the file of the first of some words tells that is a target with stages.

    Args:
        words: those of a command line.
        adopts: whether all its public functions are stages.
    """
    for word in words:
        parsed = parse(word)
        for tree in _trees(parsed.file, parsed.module):
            defined = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
            defined |= {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
            if adopts or "stage" in defined:
                takes = not defined.isdisjoint({"Arguments", "Context"})
                stages = _stages(tree, adopts=adopts)
                named = {each: _name(each) for each in stages}
                return Outline(
                    sorted(set(_names(stages, named))),
                    takes,
                    {named[each]: _description(each) for each in stages},
                    sorted({tag for each in stages for tag in _tags(each)}),
                    list(_others(tree)),
                )
    return None


def parameter_names(target: str) -> List[str]:
    """Return ``stage.parameter`` for each parameter of the stages of a target that may be set.

    Those with a default, or of a simple type and not called after a stage of the file.
    """
    found = outline([target])
    return [] if found is None else found.parameters


def targets(word: str) -> Found:
    """Return the targets that a word may become: files, folders, modules, stages of these."""
    if parse(word).attribute or word.endswith(":"):
        place = word[: len(word) - len(parse(word).attribute)]
        found = outline([place])
        if found is None:
            return []
        described = {**found.stages, **dict.fromkeys(found.others, "")}
        return [(f"{place}{name}", text) for name, text in described.items()]
    found_paths = [each for each in paths(word) if each.endswith(("/", ".py"))]
    return [(each, "") for each in (*found_paths, *_modules(word))]


def _modules(word: str) -> Iterator[str]:
    """Yield the modules that a word may become; of an empty one the files say enough."""
    if not word or "/" in word or word.startswith((".", "~")):
        return
    package, _, _ = word.rpartition(".")
    folder = package.replace(".", os.sep)
    if not folder or os.path.isdir(folder):
        prefix = f"{package}." if package else ""
        names = module_names(folder or ".")
        yield from (f"{prefix}{each}" for each in names if each.isidentifier())


def paths(word: str) -> List[str]:
    """Return the files and folders that a word may become; folders end with a slash."""
    folder, _, name = word.rpartition("/")
    folder = f"{folder}/" if "/" in word else ""
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            found = [f"{each.name}/" if each.is_dir() else each.name for each in entries]
    except OSError:
        return []
    is_hidden = name.startswith(".")
    return [f"{folder}{each}" for each in sorted(found) if is_hidden or each[0] not in "._"]


def _trees(file: Optional[str], module: str) -> Iterator[ast.Module]:
    base = module.replace(".", os.sep)
    for path in [file] if file else [f"{base}.py", os.path.join(base, "__init__.py")]:
        try:
            if os.path.isfile(path):  # a pipe would be waited for
                with open(path, "rb") as source, warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of an escape in a text, for one
                    tree = ast.parse(source.read(_MOST_BYTES))
                yield tree
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            continue


def _stages(tree: ast.Module, *, adopts: bool) -> List[_Function]:
    functions = [
        each for each in tree.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    if adopts:
        return [each for each in functions if not each.name.startswith("_")]
    return [each for each in functions if any(map(_is_stage, each.decorator_list))]


def _names(stages: Sequence[_Function], named: Mapping[_Function, str]) -> Iterator[str]:
    called = {each.name for each in stages}
    for stage in stages:
        yield from (f"{named[stage]}.{name}" for name in _settable(stage.args, called))


def _name(stage: _Function) -> str:
    """Return the name of a stage: of its function, or what ``@stage(id="...")`` says."""
    said = [value for value in _said(stage, "id") if isinstance(value, str)]
    return short_name(said[0]) if said else stage.name


def _tags(stage: _Function) -> List[str]:
    return [tag for tags in _said(stage, "tags") for tag in tags if isinstance(tag, str)]


def _said(stage: _Function, option: str) -> Iterator[Any]:  # Any: whatever is written
    """Yield what the decorators of a stage say of an option, where that is written out."""
    for each in stage.decorator_list:
        for keyword in each.keywords if isinstance(each, ast.Call) and _is_stage(each) else ():
            if keyword.arg == option:
                with contextlib.suppress(ValueError, TypeError):
                    yield ast.literal_eval(keyword.value)


def _description(stage: _Function) -> str:
    return (ast.get_docstring(stage) or "").partition("\n")[0]


def _others(tree: ast.Module) -> Iterator[str]:
    for each in tree.body:
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call):
            made = each.value.func
            name = made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")
            if name in {"Registry", "plan"}:
                yield from (to.id for to in each.targets if isinstance(to, ast.Name))


def _is_stage(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name == "stage"


def _settable(arguments: ast.arguments, called: Set[str]) -> Iterator[str]:
    """Yield the parameters with a default, and those of simple types that no stage is named as."""
    positional = [*arguments.posonlyargs, *arguments.args]
    first = len(positional) - len(arguments.defaults)
    for number, each in enumerate(positional):
        if number >= first or _is_unfilled(each, called):
            yield each.arg
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        if default is not None or _is_unfilled(each, called):
            yield each.arg


def _is_unfilled(parameter: ast.arg, called: Set[str]) -> bool:
    """Tell whether the annotation of a parameter is the name of a simple type, or its text."""
    annotation = parameter.annotation
    if annotation is None or parameter.arg in called:
        return False
    if isinstance(annotation, ast.Constant):
        return annotation.value in _SIMPLE
    name = annotation.attr if isinstance(annotation, ast.Attribute) else None
    return (getattr(annotation, "id", None) if name is None else name) in _SIMPLE


_SIMPLE = {
    *("str", "int", "float", "bool", "bytes", "Path", "Decimal"),
    *("date", "datetime", "timedelta", "UUID"),
}
