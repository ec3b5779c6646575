"""Files of users that hide modules: found, imported past, and named where they break us.

This module imports what every interpreter has loaded at its start, and nothing else: it works where
``typing.py`` of a user has hidden ``typing``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import FrozenSet, List, Optional, Sequence

OTHERS = ("click", "cloudpickle", "loguru", "pydantic", "pydantic_core", "rich", "stagekit")
_HARMLESS = {"test", "tests", "this", "antigravity"}  # names that hide nothing of use
# What we import, now or later, and what that imports: these must be those of Python.
_NAMES = (
    "abc array ast asyncio atexit base64 binascii bisect codecs collections concurrent "
    "contextlib contextvars copy copyreg csv ctypes dataclasses datetime decimal difflib dis "
    "email encodings enum errno fcntl fnmatch fractions functools gc genericpath glob "
    "graphlib hashlib heapq hmac html http importlib inspect io ipaddress itertools json "
    "keyword linecache locale logging math mmap multiprocessing numbers opcode operator "
    "pathlib pickle pkgutil platform posixpath queue random re reprlib select selectors shlex "
    "shutil signal socket sre_compile sre_constants sre_parse ssl stat statistics string "
    "struct subprocess sysconfig tempfile textwrap threading time token tokenize tomli "
    "tomllib traceback tracemalloc types typing typing_extensions unicodedata urllib uuid "
    "warnings weakref zlib"
)
_NEEDED = frozenset(_NAMES.split())
_INSTALLED = ("site-packages", "dist-packages")


def shadows(folder: str) -> List[str]:
    """Return the names in a folder that hide a module of Python, of what we need, or stagekit."""
    standard = _standard()
    return [
        name
        for name in _names(folder)
        if (name in standard or name in OTHERS)
        and name not in _HARMLESS
        and _is_importable(folder, name)
        and not (name == "stagekit" and _is_a_copy_of_us(folder))
    ]


def import_past(folders: Sequence[str]) -> None:
    """Import what we need and files in *folders* would hide, from where it really is.

    Call it before a user's folder comes first on ``sys.path``, or while it does.
    """
    found = {name for folder in folders if _is_users(folder) for name in shadows(folder)}
    wanted = sorted((found & _NEEDED) | (found & {*OTHERS}))
    if not wanted:
        return
    kept = list(sys.path)
    sys.path[:] = [each for each in kept if not _is_users(each) or not shadows(each)]
    try:
        for name in wanted:
            try:  # noqa: SIM105 - contextlib may be what is hidden
                __import__(name)
            except ImportError:  # tomli, on newer interpreters
                pass
    finally:
        sys.path[:] = kept


def safe_path(path: Sequence[str]) -> List[str]:
    """Return an import path with the folders last in which files hide modules."""
    hiding = [each for each in path if _is_users(each) and shadows(each)]
    return [each for each in path if each not in hiding] + hiding


def blamed(error: BaseException) -> Optional[str]:
    """Return what to say of an error that a file has caused which hides a module; or None.

    The error names the module, or was raised in its file.
    """
    text, files = _text(error), _files(error)
    for name in sorted(_NEEDED.union(OTHERS)):
        file = getattr(sys.modules.get(name), "__file__", None)
        folder = os.path.dirname(file) if isinstance(file, str) else ""
        if os.path.basename(file or "") == "__init__.py":
            folder = os.path.dirname(folder)
        if not folder or not _is_users(folder) or name not in shadows(folder):
            continue
        if f"'{name}'" in text or f"'{name}." in text or file in files:
            return f"{place(folder, name)} hides {described(name)}, which stagekit needs"
    return None


def place(folder: str, name: str) -> str:
    """Return the path of what hides a module: from the current folder, where there is one."""
    path = os.path.join(folder, name)
    path = f"{path}.py" if os.path.isfile(f"{path}.py") else path
    try:
        return os.path.relpath(path)
    except (OSError, ValueError):  # the current folder is gone, or on another drive
        return path


def described(name: str) -> str:
    """Return what a module is, for people."""
    if name == "stagekit":
        return "stagekit itself"
    return f"the module `{name}`" + ("" if name in OTHERS else " of Python")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - code of a user
        return ""


def _files(error: BaseException) -> List[str]:
    files: List[str] = []
    trace = error.__traceback__
    while trace is not None:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return files


def _names(folder: str) -> List[str]:
    """Return the names of the files and folders that may be modules."""
    try:
        entries = os.listdir(folder or ".")
    except OSError:  # it is gone, or not ours to read
        return []
    names = (each[: -len(".py")] if each.endswith(".py") else each for each in entries)
    return sorted({name for name in names if name.isidentifier()})


def _is_importable(folder: str, name: str) -> bool:
    """Say whether it is a file or a real package: a bare folder hides nothing."""
    inside = os.path.join(folder, name, "__init__.py")
    return os.path.isfile(os.path.join(folder, f"{name}.py")) or os.path.isfile(inside)


def _is_a_copy_of_us(folder: str) -> bool:
    """Say whether it is a clone of stagekit, which is imported already, from there or not."""
    return os.path.isfile(os.path.join(folder, "stagekit", "_base", os.path.basename(__file__)))


def _is_users(folder: str) -> bool:
    """Say whether a folder of ``sys.path`` is neither Python's nor one to install in."""
    path = os.path.realpath(folder or ".") if _is_there(folder) else folder
    home = os.path.realpath(os.path.dirname(os.__file__))
    return not (path == home or path.startswith(home + os.sep)) and (
        os.path.basename(path) not in _INSTALLED
    )


def _is_there(folder: str) -> bool:
    return os.path.isdir(folder or ".")


def _standard() -> FrozenSet[str]:
    known: Optional[FrozenSet[str]] = getattr(sys, "stdlib_module_names", None)  # from 3.10 on
    if known is not None:
        return known
    return frozenset((*sys.builtin_module_names, *_names(os.path.dirname(os.__file__))))
