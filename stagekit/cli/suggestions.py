"""Modules near one that cannot be found: in its folder, in ``src``, or spelt another way."""

from __future__ import annotations

import os
import re
from typing import List, Sequence, Tuple

from stagekit._base.text import did_you_mean
from stagekit.cli.target import Target

MOST = 5
_HEAD = 20_000  # bytes of a file that are searched for an import


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
    """Return what may have been meant by a dotted name, or a path, that leads nowhere."""
    suffix = f":{target.attribute}" if target.attribute else ""
    parts = [part for part in re.split(r"[./\\]", target.module) if part] or [""]
    folder, at = ".", 0
    while at < len(parts) - 1 and os.path.isdir(os.path.join(folder, parts[at])):
        folder, at = os.path.join(folder, parts[at]), at + 1
    rest = parts[at + 1 :]
    found: List[str] = []
    if os.path.isfile(os.path.join(folder, f"{parts[at]}.py")):
        found += _of_a_file(parts[: at + 1], rest, suffix)
    elif os.path.isdir(os.path.join(folder, parts[at])):
        inside = module_names(os.path.join(folder, parts[at]))
        found += [".".join([*parts, name]) + suffix for name in inside[:MOST]]
    else:
        near = did_you_mean(parts[at], module_names(folder))
        found += [".".join([*parts[:at], name, *rest]) + suffix for name in near]
    beside = "/".join(["src", *parts]) + ".py"
    if os.path.isfile(beside):
        found.append(beside + suffix)
    fixes = tuple(f"did you mean {each}?" for each in dict.fromkeys(found))
    return fixes or _where_looked(target, parts)


def _where_looked(target: Target, parts: Sequence[str]) -> Tuple[str, ...]:
    """Return where a module that is nowhere was looked for, and how a file is named instead."""
    if not all(part.isidentifier() for part in parts):
        return ()
    file = "/".join(["path", "to", *parts])
    suffix = f":{target.attribute}" if target.attribute else ""
    return (
        f"modules are looked for in the current folder{_current()}, and in sys.path",
        f"a file is named by its path, from any folder: {file}.py{suffix}",
    )


def _current() -> str:
    try:
        return f", {os.getcwd()}"
    except OSError:  # it is not there any more
        return ""


def _of_a_file(parts: Sequence[str], rest: Sequence[str], suffix: str) -> List[str]:
    """Return how a module that is there is written, and the attribute behind it."""
    if len(rest) == 1 and not suffix:
        return [f"{'.'.join(parts)}:{rest[0]}"]
    return [".".join(parts) + suffix, "/".join(parts) + ".py" + suffix] if not rest else []


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
    return (f"paths start from the current folder{_current()}",)


def scripts(folder: str) -> List[str]:
    """Return a few files of a folder that use stagekit, where a command line names none."""
    found: List[str] = []
    for name in module_names(folder):
        path = os.path.join(folder, f"{name}.py")
        if os.path.isfile(path) and len(found) < MOST:
            with open(path, "rb") as file:
                head = file.read(_HEAD)
            if b"from stagekit import" in head or b"import stagekit" in head:
                found.append(f"{name}.py")
    return found
