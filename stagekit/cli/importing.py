"""Import the module of a target, so that its stages are declared.

If that fails, the stages and modules that it has added are removed again.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.machinery
import os
import re
import sys
from types import ModuleType
from typing import Generator, NoReturn, Sequence, Tuple

from stagekit._base.shadowing import described, import_past, place, shadows
from stagekit._base.text import did_you_mean, error_line, escape_control
from stagekit._declare.callables import import_name, import_root, unwrap_partial
from stagekit._declare.context import importing
from stagekit._declare.registry import Registry, current_registry
from stagekit.cli.output import Output
from stagekit.cli.target import Found, Target, Where, find, target_of
from stagekit.errors import (
    Code,
    RunAtImportError,
    StagekitError,
    TargetError,
    UsageError,
)

_DOTTED = re.compile(r"[\w-]+(\.[\w-]+)*")
_GUARD = 'put it below:  if __name__ == "__main__":'
_NOT_DEFINED = re.compile(r"name '(\w+)' is not defined")
_MARKING = os.path.join("_declare", "registry.py")


def load(where: Where, output: Output, *, adopts: bool = False) -> Tuple[Target, Found]:
    """Import a target and return what it names; warn of files that hide modules.

    A script that calls ``main()`` is there already.

    Every public function of its module becomes a stage where *adopts*.

    Raises:
        StagekitError: it cannot be found, imported or used.
    """
    target = target_of(where)
    folder = os.path.dirname(target.file) if target.file else ""
    hiding = shadows(folder)
    for name in hiding:
        what = f"{place(folder, name)} hides {described(name)}"
        output.warn(f"{escape_control(what)} from every import; rename it")
    if hiding:
        import_past([folder])
    module = where if isinstance(where, ModuleType) else import_target(target)
    if adopts:
        current_registry().adopt(module)
    return target, find(target, module)


def import_target(target: Target) -> ModuleType:
    """Import the module of a target. If that fails, the stages it had declared are gone again.

    Raises:
        TargetError: it cannot be found, or what it ran while being imported has failed; that is
            its ``__cause__``.
        StagekitError: a declaration in it is wrong.
        UsageError: the target is empty.
    """
    if not target.text.strip():
        raise UsageError("TARGET is empty; name a module or a file: stagekit run shop")
    token = importing.set(True)
    try:
        with _all_or_nothing(current_registry()):
            return _import_file(target) if target.file is not None else _import_name(target)
    except (KeyboardInterrupt, StagekitError) as error:
        if isinstance(error, RunAtImportError):
            _blame(
                target,
                f"{_shown(target)} called {error.name}() while it was imported",
                error,
                _GUARD,
            )
        raise
    except SystemExit as error:
        message = f"{_shown(target)} called sys.exit() while it was imported"
        _blame(target, message, error, _GUARD)
    except BaseException as error:  # noqa: BLE001 - code of the user, whatever it raises
        _explain(target, error)
    finally:
        importing.reset(token)


def _shown(target: Target) -> str:
    return f"`{escape_control(target.file or target.module)}`"


def _blame(target: Target, message: str, error: BaseException, *fixes: str) -> NoReturn:
    raise TargetError(Code.MODULE_RAISED, target.text, message, fixes) from error


def _explain(target: Target, error: BaseException) -> NoReturn:
    """Tell a module that is not there from one that fails, and a mark refused from both."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name and target.file is None and f"{target.module}.".startswith(f"{name}."):
        from stagekit.cli.suggestions import module_fixes

        message = f"there is no module {_shown(target)}"
        if name != target.module:
            message += f": `{name}` is not found"
        raise TargetError(
            Code.MODULE_NOT_FOUND, target.text, message, module_fixes(target)
        ) from None
    if isinstance(error, TypeError) and _raised_by_the_decorator(error):
        raise TargetError(Code.CANNOT_MARK, target.text, str(error)) from error
    message = f"{_shown(target)} raised while it was imported: {error_line(error)}"
    _blame(target, message, error, *_near_names(error))


def _near_names(error: BaseException) -> Sequence[str]:
    """Return what a name that is not defined was most likely meant for, of those in its scope."""
    found = _NOT_DEFINED.match(str(error)) if isinstance(error, NameError) else None
    last = error.__traceback__
    if found is None or last is None:
        return ()
    while last.tb_next is not None:
        last = last.tb_next
    frame = last.tb_frame
    near = did_you_mean(found[1], (*frame.f_locals, *frame.f_globals, *vars(builtins)))
    return [f"did you mean {near[0]}?"] if near else ()


def _raised_by_the_decorator(error: BaseException) -> bool:
    each = error.__traceback__
    while each is not None and each.tb_next is not None:
        each = each.tb_next
    return each is not None and each.tb_frame.f_code.co_filename.endswith(_MARKING)


@contextlib.contextmanager
def _all_or_nothing(registry: Registry) -> Generator[None, None, None]:
    """Take out again, if the block fails, the stages that it has declared and their modules."""
    before = {declaration.id for declaration in registry.snapshot()}
    try:
        yield
    except BaseException:
        for declaration in registry.snapshot():
            if declaration.id not in before:
                registry.remove(declaration.id)
                module = getattr(unwrap_partial(declaration.fn), "__module__", None)
                sys.modules.pop(str(module), None)
        raise


def _forget_listings() -> None:
    """Let files be found that have just been written.

    ``importlib.invalidate_caches`` does that and, from Python 3.12 on, imports 20 ms of metadata.
    """
    for finder in tuple(sys.path_importer_cache.values()):
        invalidate = getattr(finder, "invalidate_caches", None)
        if invalidate is not None:
            invalidate()


def _put_current_on_path() -> None:
    try:
        folder = os.getcwd()
    except OSError:  # it is not there any more, and so nothing is in it
        return
    if not any(os.path.abspath(each) == folder for each in sys.path):
        import_past([folder])
        sys.path.insert(0, folder)


def _import_name(target: Target) -> ModuleType:
    if not _DOTTED.fullmatch(target.module):
        from stagekit.cli.suggestions import module_fixes

        raise TargetError(
            Code.MODULE_NOT_FOUND,
            target.text,
            f"{_shown(target)} is neither the name of a module nor a file that ends with .py",
            module_fixes(target),
        )
    _put_current_on_path()
    _forget_listings()
    return importlib.import_module(target.module)


def _import_file(target: Target) -> ModuleType:
    """Import a file under the name that it has in its packages."""
    path = target.file or ""
    if not os.path.isfile(path):
        from stagekit.cli.suggestions import file_fixes

        text = f"there is no file {_shown(target)}"
        raise TargetError(Code.MODULE_NOT_FOUND, target.text, text, file_fixes(target))
    _put_current_on_path()
    _put_first_on_path(import_root(path))
    _forget_listings()
    name = import_name(path)
    stem = os.path.splitext(os.path.basename(path))[0]
    if not _DOTTED.fullmatch(stem) or "." in stem or not path.endswith(".py"):
        return _import_from(path, re.sub(r"[^\w.-]", "_", name))
    _refuse_taken(target, name, path)
    module = importlib.import_module(name)
    _refuse_taken(target, name, path)
    return module


def _put_first_on_path(folder: str) -> None:
    if not sys.path or os.path.abspath(sys.path[0]) != folder:
        import_past([folder])
        sys.path.insert(0, folder)


def _refuse_taken(target: Target, name: str, path: str) -> None:
    """Refuse a file whose name is that of another module.

    Raises:
        TargetError: it does.
    """
    other = sys.modules.get(name)
    if other is None:
        return
    file = getattr(other, "__file__", None)
    if file is not None and os.path.realpath(file) == os.path.realpath(path):
        return
    raise TargetError(
        Code.MODULE_NOT_FOUND,
        target.text,
        f"{_shown(target)} cannot be imported: `{name}` is another module"
        + (f", {file}" if file else ", which is part of Python"),
        ("rename the file",),
    )


def _import_from(path: str, name: str) -> ModuleType:
    """Import a file whose name no ``import`` statement could say."""
    # A loader by hand: a name such as x.pyw would not find one by its extension.
    loader = importlib.machinery.SourceFileLoader(name, os.path.abspath(path))
    spec = importlib.machinery.ModuleSpec(name, loader, origin=path)
    spec.has_location = True
    module = ModuleType(name)
    module.__spec__, module.__loader__ = spec, loader
    module.__file__ = loader.path
    module.__package__ = spec.parent
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
