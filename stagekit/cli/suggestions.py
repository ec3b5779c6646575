"""Modules near one that cannot be found: in its folder, in ``src``, or spelt another way."""

from __future__ import annotations

import os
import re
from typing import List, Sequence, Tuple

from stagekit._base.text import did_you_mean
from stagekit.cli.target import Target

MOST = 5
_HEAD = 200_000  # bytes of a file that are searched for a word


def module_names(folder: str) -> List[str]:
    """Return the names that can be imported from a folder: modules and packages."""
    found: List[str] = []
    for entry in _entries(folder):
        stem, extension = os.path.splitext(entry.name)
        if extension == ".py" and stem != "__init__":
            found.append(stem)
        elif entry.name.isidentifier() and not entry.name.startswith("__") and entry.is_dir():
            found.append(entry.name)
    return sorted(found)


def _entries(folder: str) -> Sequence[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return ()


def module_fixes(target: Target) -> Tuple[str, ...]:
    """Return what may have been meant by a dotted name, or a path, that leads nowhere.

    Each is there, and is written as TARGET takes it: a dotted name where all its parts may be
    imported, else a path.
    """
    base = os.sep if os.path.isabs(target.module) else ""
    parts = [part for part in re.split(r"[./\\]", target.module) if part] or [""]
    found = _targets(base, parts, target.attribute)
    beside = "/".join(["src", *parts]) + ".py"
    if not base and os.path.isfile(beside):
        found.append(_with(beside, target.attribute))
    fixes = tuple(f"did you mean {each}?" for each in dict.fromkeys(found[:MOST]))
    return fixes or _where_looked(target, parts)


def _targets(base: str, parts: Sequence[str], attribute: str) -> List[str]:
    """Return the targets that parts of a path lead to, or nearly do."""
    folder = base
    for at, part in enumerate(parts):
        file, rest = f"{os.path.join(folder, part)}.py", parts[at + 1 :]
        if os.path.isfile(file):
            if len(rest) == 1 and not attribute and _mentions(file, rest[0]):
                return [_with(target, rest[0]) for target in _spelt(base, file)[:1]]
            return [] if rest else [_with(target, attribute) for target in _spelt(base, file)]
        if not os.path.isdir(os.path.join(folder, part)):
            near = did_you_mean(part, module_names(folder or "."))
            there = [[*parts[:at], name, *rest] for name in near]
            return [each for meant in there for each in _targets(base, meant, attribute)[:1]]
        folder = os.path.join(folder, part)
    files = _files_inside(folder)
    return [_with(target, attribute) for file in files for target in _spelt(base, file)[:1]]


def _with(target: str, attribute: str) -> str:
    return f"{target}:{attribute}" if attribute else target


def _spelt(base: str, file: str) -> List[str]:
    """Return how a file is written as a target: its dotted name, where it has one, and its path."""
    path = file.replace(os.sep, "/")
    parts = path[: -len(".py")].split("/")
    is_dotted = not base and all(re.fullmatch(r"[\w-]+", part) for part in parts)
    if parts[-1] == "__init__":
        return [".".join(parts[:-1])] if is_dotted else [path]
    return [".".join(parts), path] if is_dotted else [path]


def _files_inside(folder: str, deeper: int = 1) -> List[str]:
    """Return the files that use stagekit in a folder, and in those inside it."""
    own = [os.path.join(folder, f"{name}.py") for name in ("__init__", *module_names(folder))]
    found = [file for file in own if _mentions(file, "stagekit")]
    for entry in sorted(_entries(folder), key=lambda each: each.name) if deeper else ():
        if entry.is_dir() and not entry.name.startswith((".", "__")):
            found += _files_inside(entry.path, deeper - 1)
    return found[:MOST]


def _mentions(file: str, word: str) -> bool:
    try:
        with open(file, "rb") as stream:
            head = stream.read(_HEAD)
    except OSError:  # it is not there, or is not ours to read
        return False
    return re.search(rb"\b%s\b" % re.escape(word.encode("utf-8", "replace")), head) is not None


def _where_looked(target: Target, parts: Sequence[str]) -> Tuple[str, ...]:
    """Return where a module that is nowhere was looked for, and how a file is named instead."""
    if not all(part.isidentifier() for part in parts):
        return ()
    file = "/".join(["path", "to", *parts])
    suffix = f":{target.attribute}" if target.attribute else ""
    return (
        f"modules are looked for in {_current()}, and in sys.path",
        f"a file is named by its path, from any folder: {file}.py{suffix}",
    )


def _current() -> str:
    try:
        return f"the current folder, {os.getcwd()}"
    except OSError:
        return "the current folder, which is not there any more; go to another one: cd ..."


def file_fixes(target: Target) -> Tuple[str, ...]:
    """Return what may have been meant by a file that is not there."""
    file = target.file or ""
    folder, name = os.path.split(file)
    names = [f"{each}.py" for each in module_names(folder or ".")]
    suffix = f":{target.attribute}" if target.attribute else ""
    found = [os.path.join(folder, each) for each in did_you_mean(name, names)]
    dotted = file[: -len(".py")].replace(".", os.sep) + ".py"  # pkg.mod.py
    if not folder and os.path.isfile(dotted):
        found.insert(0, dotted)
    fixes = tuple(
        f"did you mean {each.replace(os.sep, '/')}{suffix}?"
        for each in found
        if os.path.isfile(each)
    )
    if fixes or os.path.isabs(file):
        return fixes
    return (f"paths start from {_current()}",)


def scripts(folder: str) -> List[str]:
    """Return a few files of a folder that use stagekit, where a command line names none."""
    found: List[str] = []
    for name in module_names(folder):
        path = os.path.join(folder, f"{name}.py")
        if len(found) < MOST and _mentions(path, "stagekit"):
            found.append(f"{name}.py")
    return found
